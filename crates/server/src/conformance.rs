//! What every [`ServerStore`] must do, as cases that a store's author runs.
//!
//! ```
//! tisync_server::server_store_conformance!(tisync_server::MemoryServerStore::default());
//! # fn main() {}
//! ```
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "cases of a test, named by what they check"
)]
use crate::store::{
    Access, Head, Key, Meta, Receipt, Record, ServerStore, ServerTx, Settled, Tally,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use tisync_json::Document;
use tisync_protocol::Rejected;

/// Makes a test of each case; the expression makes an empty store.
#[macro_export]
macro_rules! server_store_conformance {
    ($make:expr) => {
        $crate::server_store_conformance!(@each $make;
            starts_empty, a_dropped_transaction_leaves_no_trace, a_reader_cannot_write, keeps_the_history,
            keeps_a_record_as_it_is, a_rewrite_moves_the_record_to_the_end, keeps_a_deletion,
            a_deleted_record_comes_back, scans_in_the_order_of_commits, scans_only_what_is_wanted,
            a_scan_can_be_broken_off, keeps_tallies, visits_live_records_by_bytes, keeps_receipts, a_mutation_has_one_receipt, forgets_old_deletions,
            forgets_old_receipts, tenants_do_not_see_each_other, takes_any_id, keeps_large_documents,
            refuses_what_it_cannot_place);
    };
    (@each $make:expr; $($case:ident),*) => {
        $(#[test]
        fn $case() {
            $crate::conformance::$case($make)
        })*
    };
}

const EPOCH: &str = "0011223344556677";

fn history(epoch: &str, seq: u64) -> Meta {
    Meta {
        epochs: vec![(epoch.into(), 0)],
        seq,
        horizon: 0,
    }
}

fn key<'a>(collection: &'a str, id: &'a str) -> Key<'a> {
    Key { collection, id }
}

fn live(version: u64, text: &str) -> Record {
    Record {
        version,
        document: Some(Document::parse(text).unwrap()),
        stamp: format!("{version:012x}0000-00000001"),
        stamps: BTreeMap::new(),
        updated_ms: version * 10,
    }
}

fn gone(version: u64) -> Record {
    Record {
        document: None,
        ..live(version, "{}")
    }
}

fn receipt(version: u64) -> Receipt {
    Receipt {
        content: u64::MAX - version,
        settled: Settled::Accepted {
            version,
            document: None,
        },
        at_ms: version * 10,
    }
}

/// Runs `work` in a transaction and commits it.
fn write<S: ServerStore, R>(store: &mut S, work: impl FnOnce(&mut S::Tx<'_>) -> R) -> R {
    let mut tx = store.begin("main", Access::Write).unwrap();
    let result = work(&mut tx);
    tx.commit().unwrap();
    result
}

fn read<S: ServerStore, R>(store: &mut S, work: impl FnOnce(&mut S::Tx<'_>) -> R) -> R {
    work(&mut store.begin("main", Access::Read).unwrap())
}

/// (version, collection/id, or nothing for a record of another collection).
fn scan<S: ServerStore>(store: &mut S, after: u64, collections: &[&str]) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    let collections: BTreeSet<&str> = collections.iter().copied().collect();
    read(store, |tx| {
        tx.scan(after, &collections, &mut |version, row| {
            seen.push((
                version,
                row.map(|row| format!("{}/{}", row.collection, row.id))
                    .unwrap_or_default(),
            ));
            ControlFlow::Continue(())
        })
        .unwrap();
    });
    seen
}

pub fn starts_empty<S: ServerStore>(mut store: S) {
    read(&mut store, |tx| {
        assert_eq!(tx.meta().unwrap(), None);
        assert_eq!(tx.head(key("a", "1")).unwrap(), None);
        assert_eq!(tx.record(key("a", "1")).unwrap(), None);
        assert_eq!(tx.receipt(&[0; 16]).unwrap(), None);
    });
    assert_eq!(scan(&mut store, 0, &["a"]), []);
}

pub fn a_dropped_transaction_leaves_no_trace<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put_meta(&history(EPOCH, 1)).unwrap();
        tx.put(key("a", "1"), &live(1, r#"{"n":1}"#), 0).unwrap();
    });
    let mut tx = store.begin("main", Access::Write).unwrap();
    tx.put_meta(&history("ffffffffffffffff", 9)).unwrap();
    tx.put(key("a", "1"), &live(2, r#"{"n":2}"#), 0).unwrap();
    tx.put(key("b", "1"), &live(3, r#"{"n":3}"#), 0).unwrap();
    tx.put_receipt(&[7; 16], &receipt(2)).unwrap();
    drop(tx);
    read(&mut store, |tx| {
        assert_eq!(tx.meta().unwrap().unwrap().epoch(), EPOCH);
        assert_eq!(
            tx.record(key("a", "1")).unwrap(),
            Some(live(1, r#"{"n":1}"#))
        );
        assert_eq!(tx.record(key("b", "1")).unwrap(), None);
        assert_eq!(tx.receipt(&[7; 16]).unwrap(), None);
    });
    assert_eq!(scan(&mut store, 0, &["a", "b"]), [(1, "a/1".to_owned())]);
    // The collection that was rolled back can be written after all.
    write(&mut store, |tx| {
        tx.put(key("b", "1"), &live(2, "{}"), 0).unwrap()
    });
    assert_eq!(
        scan(&mut store, 0, &["b"]),
        [(1, String::new()), (2, "b/1".to_owned())]
    );
}

pub fn a_reader_cannot_write<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| tx.put_meta(&history(EPOCH, 0)).unwrap());
    read(&mut store, |tx| {
        assert!(tx.put_meta(&Meta::default()).is_err());
        assert!(tx.put(key("a", "1"), &live(1, "{}"), 0).is_err());
        assert!(tx.put_receipt(&[0; 16], &receipt(1)).is_err());
        assert!(tx.prune_tombstones(1).is_err());
        assert!(tx.prune_receipts(1).is_err());
    });
}

pub fn keeps_the_history<S: ServerStore>(mut store: S) {
    let meta = Meta {
        epochs: vec![("ffffffffffffffff".into(), 0), (EPOCH.into(), 3)],
        seq: 1 << 40,
        horizon: 2,
    };
    write(&mut store, |tx| tx.put_meta(&meta).unwrap());
    assert_eq!(read(&mut store, |tx| tx.meta().unwrap()), Some(meta));
}

pub fn keeps_a_record_as_it_is<S: ServerStore>(mut store: S) {
    let text = "{\"z\": 1.0,\n \"a\": \"\\u0041é😀\", \"big\": 123456789012345678901234567890}";
    let stamps = [("", "a"), ("/z", "b"), ("/q\"uote", "c")]
        .map(|(path, stamp)| (path.into(), stamp.into()));
    let record = Record {
        stamps: stamps.into(),
        ..live(5, text)
    };
    write(&mut store, |tx| tx.put(key("a", "1"), &record, 0).unwrap());
    read(&mut store, |tx| {
        assert_eq!(tx.record(key("a", "1")).unwrap(), Some(record.clone()));
        assert_eq!(
            tx.head(key("a", "1")).unwrap(),
            Some(Head {
                version: 5,
                deleted: false
            })
        );
        assert_eq!(tx.head(key("b", "1")).unwrap(), None);
        let mut rows = 0;
        tx.scan(0, &BTreeSet::from(["a"]), &mut |version, row| {
            let row = row.unwrap();
            assert_eq!(
                (version, row.document, row.stamp),
                (5, Some(text), record.stamp.as_str())
            );
            assert_eq!(
                serde_json::from_str::<BTreeMap<String, String>>(row.stamps.unwrap()).unwrap(),
                record.stamps
            );
            rows += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(rows, 1);
    });
}

pub fn a_rewrite_moves_the_record_to_the_end<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put(key("a", "2"), &live(2, "{}"), 0).unwrap();
        tx.put(key("a", "1"), &live(3, r#"{"n":3}"#), 0).unwrap();
    });
    assert_eq!(
        scan(&mut store, 0, &["a"]),
        [(2, "a/2".to_owned()), (3, "a/1".to_owned())]
    );
    assert_eq!(
        read(&mut store, |tx| tx.head(key("a", "1")).unwrap()),
        Some(Head {
            version: 3,
            deleted: false
        })
    );
}

pub fn keeps_a_deletion<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap()
    });
    write(&mut store, |tx| tx.put(key("a", "1"), &gone(2), 0).unwrap());
    read(&mut store, |tx| {
        assert_eq!(
            tx.head(key("a", "1")).unwrap(),
            Some(Head {
                version: 2,
                deleted: true
            })
        );
        assert_eq!(tx.record(key("a", "1")).unwrap(), Some(gone(2)));
    });
    assert_eq!(scan(&mut store, 0, &["a"]), [(2, "a/1".to_owned())]);
}

pub fn a_deleted_record_comes_back<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| tx.put(key("a", "1"), &gone(1), 0).unwrap());
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(2, r#"{"n":2}"#), 0).unwrap()
    });
    assert_eq!(
        read(&mut store, |tx| tx.record(key("a", "1")).unwrap()),
        Some(live(2, r#"{"n":2}"#))
    );
    // Its old deletion cannot be forgotten any more.
    assert_eq!(
        write(&mut store, |tx| tx.prune_tombstones(u64::MAX).unwrap()),
        None
    );
}

pub fn scans_in_the_order_of_commits<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for (position, id) in ["z", "m", "a"].iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
        tx.put(key("b", "k"), &live(2, "{}"), 0).unwrap();
    });
    let all = [(1, "a/z"), (1, "a/m"), (1, "a/a"), (2, "b/k")]
        .map(|(version, row)| (version, row.to_owned()));
    assert_eq!(scan(&mut store, 0, &["a", "b"]), all);
    assert_eq!(scan(&mut store, 1, &["a", "b"]), all[3..]);
    assert_eq!(scan(&mut store, 2, &["a", "b"]), []);
}

pub fn scans_only_what_is_wanted<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put(key("b", "1"), &live(2, "{}"), 0).unwrap();
    });
    assert_eq!(
        scan(&mut store, 0, &["b"]),
        [(1, String::new()), (2, "b/1".to_owned())]
    );
    assert_eq!(
        scan(&mut store, 0, &["never-written"]),
        [(1, String::new()), (2, String::new())]
    );
}

pub fn a_scan_can_be_broken_off<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for version in 1..=5 {
            tx.put(key("a", &version.to_string()), &live(version, "{}"), 0)
                .unwrap();
        }
    });
    let mut seen = 0;
    let mut some = |version, _: Option<crate::Row<'_>>| {
        seen = version;
        if version == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    read(&mut store, |tx| {
        tx.scan(0, &BTreeSet::from(["a"]), &mut some).unwrap()
    });
    assert_eq!(seen, 3);
    assert_eq!(scan(&mut store, 3, &["a"]).len(), 2);
}

pub fn keeps_tallies<S: ServerStore>(mut store: S) {
    let tally = Tally {
        count: 3,
        hash: u64::MAX - 1,
    };
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put_tally("a", &Tally::default()).unwrap();
        tx.put_tally("a", &tally).unwrap();
        assert_eq!(tx.tally("a").unwrap(), tally);
    });
    assert_eq!(read(&mut store, |tx| tx.tally("a").unwrap()), tally);
    assert_eq!(
        read(&mut store, |tx| tx.tally("b").unwrap()),
        Tally::default()
    );
    let mut tx = store.begin("main", Access::Write).unwrap();
    tx.put_tally("a", &Tally::default()).unwrap();
    drop(tx);
    assert_eq!(read(&mut store, |tx| tx.tally("a").unwrap()), tally);
}

pub fn visits_live_records_by_bytes<S: ServerStore>(mut store: S) {
    let ids = ["é", "b", "😀", "A", "a", "z"];
    write(&mut store, |tx| {
        for (position, id) in ids.iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
        tx.put(key("a", "a"), &gone(2), 0).unwrap();
        tx.put(key("a", "b"), &live(3, "{}"), 0).unwrap();
    });
    read(&mut store, |tx| {
        let mut range = |after, until| {
            let mut seen = Vec::new();
            tx.live("a", after, until, &mut |id, version| {
                seen.push(format!("{id}{version}"))
            })
            .unwrap();
            seen
        };
        assert_eq!(range(None, None), ["A1", "b3", "z1", "é1", "😀1"]);
        assert_eq!(range(Some("A"), Some("z")), ["b3", "z1"]);
        assert_eq!(range(Some("z"), None), ["é1", "😀1"]);
        assert_eq!(range(None, Some("A")), ["A1"]);
        assert_eq!(range(Some("z"), Some("a")), [""; 0]);
    });
}

pub fn keeps_receipts<S: ServerStore>(mut store: S) {
    let rejected = Rejected {
        code: "no".into(),
        reason: "because".into(),
    };
    let document = Some(Document::parse(r#"{"n":1}"#).unwrap());
    let receipts = [
        receipt(1),
        Receipt {
            settled: Settled::Accepted {
                version: 2,
                document,
            },
            ..receipt(2)
        },
        Receipt {
            settled: Settled::Rejected(rejected),
            ..receipt(3)
        },
    ];
    write(&mut store, |tx| {
        for (index, receipt) in receipts.iter().enumerate() {
            tx.put_receipt(&[index as u8; 16], receipt).unwrap();
        }
    });
    for (index, receipt) in receipts.into_iter().enumerate() {
        assert_eq!(
            read(&mut store, |tx| tx.receipt(&[index as u8; 16]).unwrap()),
            Some(receipt)
        );
    }
    assert_eq!(read(&mut store, |tx| tx.receipt(&[9; 16]).unwrap()), None);
}

pub fn a_mutation_has_one_receipt<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put_receipt(&[1; 16], &receipt(1)).unwrap()
    });
    let mut tx = store.begin("main", Access::Write).unwrap();
    assert!(tx.put_receipt(&[1; 16], &receipt(2)).is_err());
}

pub fn forgets_old_deletions<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for version in 1..=3 {
            tx.put(key("a", &version.to_string()), &gone(version), 0)
                .unwrap();
        }
        tx.put(key("a", "4"), &live(4, "{}"), 0).unwrap();
    });
    assert_eq!(
        write(&mut store, |tx| tx.prune_tombstones(9).unwrap()),
        None
    );
    assert_eq!(
        write(&mut store, |tx| tx.prune_tombstones(20).unwrap()),
        Some(2)
    );
    assert_eq!(
        scan(&mut store, 0, &["a"]),
        [(3, "a/3".to_owned()), (4, "a/4".to_owned())]
    );
    assert_eq!(read(&mut store, |tx| tx.head(key("a", "1")).unwrap()), None);
}

pub fn forgets_old_receipts<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for version in 1..=3 {
            tx.put_receipt(&[version as u8; 16], &receipt(version))
                .unwrap();
        }
    });
    assert_eq!(write(&mut store, |tx| tx.prune_receipts(9).unwrap()), 0);
    assert_eq!(write(&mut store, |tx| tx.prune_receipts(20).unwrap()), 2);
    assert_eq!(read(&mut store, |tx| tx.receipt(&[2; 16]).unwrap()), None);
    assert_eq!(
        read(&mut store, |tx| tx.receipt(&[3; 16]).unwrap()),
        Some(receipt(3))
    );
    assert_eq!(
        write(&mut store, |tx| tx.prune_receipts(u64::MAX).unwrap()),
        1
    );
}

pub fn tenants_do_not_see_each_other<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put_meta(&history(EPOCH, 1)).unwrap();
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put_receipt(&[1; 16], &receipt(1)).unwrap();
    });
    let mut other = store.begin("other", Access::Write).unwrap();
    assert_eq!(other.meta().unwrap(), None);
    assert_eq!(other.head(key("a", "1")).unwrap(), None);
    assert_eq!(other.receipt(&[1; 16]).unwrap(), None);
    assert_eq!(other.tally("a").unwrap(), Tally::default());
    other
        .put(key("a", "1"), &live(1, r#"{"other":true}"#), 0)
        .unwrap();
    other.commit().unwrap();
    assert_eq!(
        read(&mut store, |tx| tx.record(key("a", "1")).unwrap()),
        Some(live(1, "{}"))
    );
}

pub fn takes_any_id<S: ServerStore>(mut store: S) {
    let long = "x".repeat(tisync_protocol::limits::RECORD_ID_BYTES_MAX);
    let ids = [
        "'; DROP TABLE records; --",
        "\"",
        "%",
        "_",
        "1",
        "01",
        "1.0",
        "é",
        "😀",
        " ",
        "null",
        &long,
    ];
    write(&mut store, |tx| {
        for (position, id) in ids.iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
    });
    let scanned: Vec<String> = scan(&mut store, 0, &["a"])
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(scanned, ids.map(|id| format!("a/{id}")));
    for id in ids {
        assert!(
            read(&mut store, |tx| tx.head(key("a", id)).unwrap()).is_some(),
            "{id:?}"
        );
    }
}

pub fn keeps_large_documents<S: ServerStore>(mut store: S) {
    let filler = "x".repeat(tisync_json::limits::DOCUMENT_BYTES_MAX - 32);
    let record = live(1, &format!(r#"{{"filler":"{filler}"}}"#));
    write(&mut store, |tx| tx.put(key("a", "1"), &record, 0).unwrap());
    assert_eq!(
        read(&mut store, |tx| tx.record(key("a", "1")).unwrap()),
        Some(record)
    );
}

pub fn refuses_what_it_cannot_place<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(2, "{}"), 0).unwrap()
    });
    let mut tx = store.begin("main", Access::Write).unwrap();
    assert!(
        tx.put(key("a", "2"), &live(2, "{}"), 0).is_err(),
        "the place is taken"
    );
}
