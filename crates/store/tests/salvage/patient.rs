//! A real file with its log, what may happen to it, and where its pending writes lie.
use crate::device::{Device, documents, name};
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use tisync_core::model::*;
use tisync_core::store::{Durability, Store, Tx};
use tisync_json::Document;
use tisync_store::{Key, Next, Options, RusqliteDriver, SqlDriver, SqliteStore};

/// A file and its log, with what its outbox holds.
pub struct Patient {
    pub file: Vec<u8>,
    pub log: Vec<u8>,
    pub entries: BTreeMap<MutationId, Entry>,
    /// The ids of the notes.
    pub ids: BTreeMap<Rid, String>,
}

/// Half of it is in the file, half in the log; some was settled, some was sent; rows of every size.
pub fn patient(key: Option<&Key>) -> Patient {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store: SqliteStore<RusqliteDriver> =
        SqliteStore::open_with_key(&path, key, &Options::default()).unwrap();
    let mut device = Device::with(store);
    device.pull(documents());
    // Settled: their remains must not come back.
    for number in 0..8 {
        device.put(
            &format!("n{number}"),
            &format!(r#"{{"title":"settled {number}"}}"#),
        );
    }
    device.push(true);
    device.step(Input::Stop);
    let text = |number: usize, of: &str| {
        let long = if number % 9 == 4 { 9_000 } else { number * 7 };
        format!(
            r#"{{"title":"{of} {number}","text":"{}"}}"#,
            "ü-".repeat(long / 3)
        )
    };
    for number in 10..26 {
        device.put(&format!("n{number}"), &text(number, "changed"));
    }
    for number in 26..32 {
        device.write("notes", &format!("n{number}"), WriteKind::Delete);
    }
    device
        .store
        .driver()
        .query("PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |_| {
            Ok(Next::More)
        })
        .unwrap();
    for number in 0..14 {
        device.write(
            "tasks",
            &format!("t {{{number}"),
            WriteKind::Put(Document::parse(&text(number, "new")).unwrap()),
        );
    }
    device.step(Input::Start { listen: false });
    device.push(false);
    device.step(Input::Stop);
    // On top of what was sent, and into what was not.
    for number in 24..40 {
        device.put(&format!("n{number}"), &text(number, "again"));
    }
    let entries = device.entries();
    let mut tx = device.store.begin(Durability::Normal).unwrap();
    let records = tx.scan(&name("notes"), None, 99).unwrap();
    let ids = records
        .into_iter()
        .map(|(record, _)| (record.rid, record.id.to_string()));
    let ids = ids.collect();
    drop(tx);
    let patient = Patient {
        ids,
        file: fs::read(&path).unwrap(),
        log: fs::read(dir.path().join("a.db-wal")).unwrap(),
        entries: entries.into_iter().map(|entry| (entry.id, entry)).collect(),
    };
    assert!(patient.entries.len() > 50 && patient.log.len() > 20 * 4_096);
    patient
}

/// Small numbers in an order that never changes.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// What happened to the file.
#[derive(Clone, Debug)]
pub enum Damage {
    /// Bits of one byte are flipped.
    Flip(bool, usize, u8),
    /// A sector holds something else.
    Overwrite(bool, usize, u8),
    /// The rest is gone.
    Cut(bool, usize),
}

impl Damage {
    pub fn draw(dice: &mut Dice, patient: &Patient) -> Self {
        let log = dice.below(2) == 0;
        let length = if log {
            patient.log.len()
        } else {
            patient.file.len()
        };
        let at = dice.below(length);
        match dice.below(8) {
            0 => Damage::Cut(log, at),
            1 => Damage::Overwrite(log, at / 512 * 512, dice.below(256) as u8),
            _ => Damage::Flip(log, at, 1 << dice.below(8)),
        }
    }

    pub fn do_to(&self, patient: &Patient) -> (Vec<u8>, Vec<u8>) {
        let (mut file, mut log) = (patient.file.clone(), patient.log.clone());
        let is_log = self.hit(patient).0;
        let bytes = if is_log { &mut log } else { &mut file };
        match self {
            Damage::Flip(_, at, bits) => bytes[*at] ^= bits,
            Damage::Overwrite(_, at, with) => {
                let end = bytes.len().min(at + 512);
                bytes[*at..end].fill(*with);
            }
            Damage::Cut(_, at) => bytes.truncate(*at),
        }
        (file, log)
    }

    /// Whether the log was hit, and where.
    pub fn hit(&self, patient: &Patient) -> (bool, Range<usize>) {
        match *self {
            Damage::Flip(log, at, _) => (log, at..at + 1),
            Damage::Overwrite(log, at, _) => (log, at..at + 512),
            Damage::Cut(log, at) => {
                let length = if log {
                    patient.log.len()
                } else {
                    patient.file.len()
                };
                (log, at..length)
            }
        }
    }
}

/// Bytes of an entry's text that must be found together.
pub const WINDOW: usize = 48;
pub const PAGE: usize = 4_096;

/// Where the text of each entry lies: in the file, and in the log.
pub struct Places(pub BTreeMap<MutationId, [Vec<Range<usize>>; 2]>);

impl Places {
    /// An entry of one page lies where its whole text does; of one that goes over pages, all of them count.
    pub fn of(patient: &Patient) -> Self {
        let find = |bytes: &[u8], body: &str| -> Vec<Range<usize>> {
            let whole = positions(bytes, body.as_bytes());
            if body.len() < 3_500 {
                let ranges = whole.into_iter();
                return ranges.map(|at| at..at + body.len() + 900).collect();
            }
            let windows = body.as_bytes().chunks(WINDOW);
            let places = windows.flat_map(|window| positions(bytes, window));
            places
                .map(|at| at.saturating_sub(PAGE)..at + PAGE)
                .collect()
        };
        let entries = patient.entries.values();
        let places = entries.map(|entry| {
            let body = format!("\"id\":\"{}\"", entry.id);
            let body = match &entry.change {
                Change::Create(document) | Change::Replace(document) => document.text().to_owned(),
                Change::Patch(patch) => {
                    let text = serde_json::to_string(patch).unwrap();
                    if text.len() > 3_500 { text } else { body }
                }
                Change::Delete => body,
            };
            let places = [find(&patient.file, &body), find(&patient.log, &body)];
            (entry.id, places)
        });
        Places(places.collect())
    }

    /// Whether a damage may have hit an entry itself.
    pub fn may_hit(&self, id: MutationId, (log, hit): &(bool, Range<usize>)) -> bool {
        self.0[&id][usize::from(*log)]
            .iter()
            .any(|place| place.start.saturating_sub(900) < hit.end && hit.start < place.end)
    }
}

pub fn positions(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let first = wanted[0];
    (0..bytes.len().saturating_sub(wanted.len()))
        .filter(|at| bytes[*at] == first && bytes[*at..].starts_with(wanted))
        .collect()
}
