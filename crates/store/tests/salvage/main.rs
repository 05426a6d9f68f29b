//! Salvage: two thousand damages to a real file with its log, and what must still be read after each.
#![allow(unreachable_pub, clippy::unwrap_used)]
mod device;
#[cfg(feature = "encryption")]
mod encrypted;
mod patient;

use device::{Device, documents, name};
use patient::{Damage, Dice, Patient, Places, patient};
use std::fs;
use std::path::{Path, PathBuf};
use tisync_core::memory::MemoryStore;
use tisync_core::model::*;
use tisync_core::store::{Durability, Keys, Load, Store, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_store::{FileKind, Salvage};

fn write(dir: &Path, file: &[u8], log: &[u8]) -> PathBuf {
    let path = dir.join("a.db");
    fs::write(&path, file).unwrap();
    fs::write(dir.join("a.db-wal"), log).unwrap();
    path
}

#[test]
fn all_of_a_whole_file_is_read() {
    let patient = patient(None);
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), &patient.file, &patient.log);
    let salvage = Salvage::read(&path).unwrap();
    is_all(&patient, &salvage);
    assert_eq!(salvage.kind(), FileKind::Ours);
}

/// All of the outbox was read, as it is.
fn is_all(patient: &Patient, salvage: &Salvage) {
    assert_eq!(salvage.entries(), patient.entries.len());
    assert!(salvage.is_complete() && salvage.unreadable().is_empty());
    assert_eq!(salvage.dropped(), 0);
    assert!(!salvage.may_drop_more());
    assert_eq!(salvage.meta("account"), Some("anna"));
    for chain in salvage.chains() {
        let makes = matches!(chain.entries[0].change, Change::Create(_));
        let is_known = chain.id.as_str().starts_with('n');
        assert_eq!(chain.version.is_some(), is_known && !makes, "{chain:?}");
        assert!(
            makes || chain.base.as_ref().unwrap().is_present(),
            "{chain:?}"
        );
        for entry in &chain.entries {
            assert_eq!(patient.entries[&entry.id], *entry);
        }
    }
}

#[test]
fn two_thousand_damages_lose_no_readable_write_and_make_none_up() {
    let patient = patient(None);
    let places = Places::of(&patient);
    let mut dice = Dice(20_261_125);
    let damages: Vec<Damage> = (0..2_000)
        .map(|_| Damage::draw(&mut dice, &patient))
        .collect();
    std::thread::scope(|scope| {
        for part in damages.chunks(damages.len() / 4) {
            let (patient, places) = (&patient, &places);
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                for (round, damage) in part.iter().enumerate() {
                    let (file, log) = damage.do_to(patient);
                    let path = write(dir.path(), &file, &log);
                    let salvage = Salvage::read(&path).unwrap();
                    is_right(patient, places, damage, &salvage);
                    if round % 8 == 0 {
                        nothing_is_deleted(patient, &salvage);
                    }
                }
            });
        }
    });
}

/// What was read is what was written, and what was not read could not be.
#[track_caller]
fn is_right(patient: &Patient, places: &Places, damage: &Damage, salvage: &Salvage) {
    let hit = damage.hit(patient);
    let mut there = BTreeSet::new();
    for entry in salvage.chains().flat_map(|chain| chain.entries) {
        let before = patient.entries.get(&entry.id);
        let before =
            before.unwrap_or_else(|| panic!("{damage:?}: {entry:?} was settled, or never was"));
        // Where it stands may be unreadable; what it does is as it was written, or, where the log was hit, as it was
        // before the app wrote into it again.
        let same = before.differs_in_state_only(&entry);
        let older = is_older(&entry, before) && hit.0;
        assert!(same || older, "{damage:?}: {entry:?} was {before:?}");
        assert!(there.insert(entry.id), "{damage:?}: twice");
    }
    assert_eq!(there.len(), salvage.entries(), "{damage:?}");
    for (id, entry) in patient.entries.iter().filter(|(id, _)| !there.contains(id)) {
        // Where much is gone nothing tells a pending row from a settled one's remains; and it says so.
        let is_cut = matches!(damage, Damage::Cut(..)) && is_reported(salvage, entry.seq);
        assert!(
            is_cut || places.may_hit(*id, &hit),
            "{damage:?}: {entry:?} was readable"
        );
    }
}

/// Begins anew, with what the server has and what was saved: only what the app deleted goes.
fn nothing_is_deleted(patient: &Patient, salvage: &Salvage) {
    let mut device = Device::with(MemoryStore::new());
    device.pull(documents());
    let chains: Vec<Chain> = salvage.chains().collect();
    device.step(Input::BringBack(Box::new(Lifeboat {
        account: Some(name("anna")),
        endpoints: BTreeMap::new(),
        chains,
    })));
    let deletes = patient.entries.values();
    let deletes = deletes.filter(|entry| entry.change == Change::Delete);
    let deleted: Vec<&str> = deletes
        .map(|entry| patient.ids[&entry.rid].as_str())
        .collect();
    let mut tx = device.store.begin(Durability::Normal).unwrap();
    for number in 0..60 {
        let id = format!("n{number}");
        let loaded = tx
            .load(&name("notes"), Keys::Ids(&[name(&id)]), Load::Whole)
            .unwrap();
        let shown = loaded[0]
            .as_ref()
            .and_then(|(record, _)| record.document.as_ref());
        assert!(
            shown.is_some() || deleted.contains(&id.as_str()),
            "{id} is gone"
        );
    }
}

/// Whether it is said that an entry cannot be read, or at least that there may be more.
fn is_reported(salvage: &Salvage, seq: i64) -> bool {
    let unreadable = salvage.unreadable();
    !salvage.is_complete() || unreadable.iter().any(|lost| lost.seq == seq)
}

/// Whether an entry is what it was before the app wrote into it again.
fn is_older(entry: &Entry, now: &Entry) -> bool {
    entry.stamps.latest < now.stamps.latest && entry.seq == now.seq && entry.frozen.is_none()
}
