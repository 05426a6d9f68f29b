//! The same with encrypted files: a damaged page is unreadable as a whole, and nothing else is.
use super::*;
use crate::patient::PAGE;
use std::ops::Range;
use tisync_store::Key;

fn key() -> Key {
    Key::raw([7; 32])
}

fn read(path: &Path) -> Salvage {
    Salvage::read_with_key(path, Some(&key())).unwrap()
}

#[test]
fn with_its_key_all_of_a_whole_file_is_read() {
    let patient = patient(Some(&key()));
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), &patient.file, &patient.log);
    let salvage = read(&path);
    is_all(&patient, &salvage);
    assert_eq!(salvage.kind(), FileKind::Ours);
    salvage.is_unlocked().unwrap();
}

#[test]
fn without_its_key_nothing_of_it_is_read_and_it_is_not_taken_for_damaged() {
    let patient = patient(Some(&key()));
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), &patient.file, &patient.log);
    for key in [
        None,
        Some(Key::raw([8; 32])),
        Some(Key::passphrase("7").unwrap()),
    ] {
        let salvage = Salvage::read_with_key(&path, key.as_ref()).unwrap();
        assert_eq!(salvage.entries(), 0);
        assert_eq!(salvage.kind(), FileKind::Encrypted);
        assert!(salvage.is_unlocked().is_err());
    }
    // Also when its first page is lost, and the log has none.
    let mut file = patient.file.clone();
    file[..PAGE].fill(0);
    let path = write(dir.path(), &file, &[]);
    assert_eq!(Salvage::read(&path).unwrap().kind(), FileKind::Encrypted);
}

#[test]
fn a_file_that_is_not_encrypted_is_not_taken_for_one_that_is() {
    let patient = patient(None);
    let dir = tempfile::tempdir().unwrap();
    for damage in [0..0, 0..16, 0..100, 0..PAGE] {
        let mut file = patient.file.clone();
        let mut dice = Dice(damage.end as u64);
        for byte in &mut file[damage] {
            *byte = dice.below(256) as u8;
        }
        let path = write(dir.path(), &file, &patient.log);
        assert_eq!(Salvage::read(&path).unwrap().kind(), FileKind::Ours);
        assert_eq!(read(&path).kind(), FileKind::Plain);
    }
}

#[test]
fn where_the_first_bytes_are_lost_the_copy_beside_the_file_has_them() {
    let patient = patient(Some(&key()));
    let dir = tempfile::tempdir().unwrap();
    let mut file = patient.file.clone();
    file[..100].fill(0);
    // The log has another copy, so it is left out.
    let path = write(dir.path(), &file, &[]);
    assert_eq!(read(&path).kind(), FileKind::Encrypted);
    let salt: String = patient.file[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(dir.path().join("a.db-salt"), salt).unwrap();
    let salvage = read(&path);
    assert_eq!(salvage.kind(), FileKind::Ours);
    assert!(salvage.entries() > 20, "{}", salvage.entries());
}

#[test]
fn where_the_first_bytes_are_lost_the_log_may_have_them() {
    let patient = patient(Some(&key()));
    let dir = tempfile::tempdir().unwrap();
    let mut file = patient.file.clone();
    file[..16].fill(0);
    let is_in_log = (0..).map(|frame| 32 + frame * (24 + PAGE));
    let is_in_log = is_in_log
        .take_while(|at| *at < patient.log.len())
        .any(|at| patient.log[at..at + 4] == [0, 0, 0, 1]);
    let salvage = read(&write(dir.path(), &file, &patient.log));
    match is_in_log {
        true => assert_eq!(salvage.entries(), patient.entries.len()),
        false => assert_eq!(salvage.kind(), FileKind::Encrypted),
    }
}

/// The page of the file, or the frame of the log, that a place belongs to.
fn around(is_log: bool, hit: &Range<usize>) -> Range<usize> {
    let (first, size) = if is_log { (32, 24 + PAGE) } else { (0, PAGE) };
    let block = |at: usize| at.saturating_sub(first) / size;
    first + block(hit.start) * size..first + (block(hit.end - 1) + 1) * size
}

#[test]
fn four_hundred_damages_lose_what_they_hit_and_make_nothing_up() {
    let patient = patient(Some(&key()));
    let mut dice = Dice(20_261_129);
    let damages: Vec<Damage> = (0..400)
        .map(|_| Damage::draw(&mut dice, &patient))
        .collect();
    std::thread::scope(|scope| {
        for part in damages.chunks(damages.len() / 4) {
            let patient = &patient;
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                for (round, damage) in part.iter().enumerate() {
                    let (file, log) = damage.do_to(patient);
                    let salvage = read(&write(dir.path(), &file, &log));
                    is_right(patient, damage, &salvage);
                    if round % 8 == 0 {
                        nothing_is_deleted(patient, &salvage);
                    }
                }
            });
        }
    });
}

/// What was read is what was written, and what was not read was hit, and is said to be lost.
#[track_caller]
fn is_right(patient: &Patient, damage: &Damage, salvage: &Salvage) {
    let (is_log, hit) = damage.hit(patient);
    if salvage.kind() == FileKind::Encrypted {
        assert!(!is_log && hit.start < 16, "{damage:?}: the salt is there");
        assert_eq!(salvage.entries(), 0);
        return;
    }
    let mut there = BTreeSet::new();
    for entry in salvage.chains().flat_map(|chain| chain.entries) {
        let before = patient.entries.get(&entry.id);
        let before = before.unwrap_or_else(|| panic!("{damage:?}: {entry:?} was settled"));
        let same = before.differs_in_state_only(&entry);
        let older = is_log && is_older(&entry, before);
        assert!(same || older, "{damage:?}: {entry:?}");
        assert!(there.insert(entry.id), "{damage:?}: twice");
    }
    let entries = patient.entries.values();
    let lost = entries.filter(|entry| !there.contains(&entry.id));
    let lost: Vec<&Entry> = lost.collect();
    // A log whose end is missing is an ordinary power cut.
    if !matches!(damage, Damage::Cut(true, _)) {
        for entry in &lost {
            let is_reported = is_reported(salvage, entry.seq);
            assert!(is_reported, "{damage:?}: {entry:?} is lost silently");
        }
    }
    if !matches!(damage, Damage::Cut(..)) {
        // No more than two pages are hit, of which each holds a few entries.
        let pages = around(is_log, &hit).len() / PAGE;
        let lost = lost.len();
        assert!(
            pages <= 2 && lost <= 20 * pages,
            "{damage:?}: {lost} are lost"
        );
    }
}
