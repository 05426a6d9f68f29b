//! Receipts and deletions, and how they are forgotten.
use super::*;

pub fn keeps_receipts<S: ServerStore>(mut store: S) {
    let rejected = Rejected {
        code: "no".into(),
        reason: "because".into(),
    };
    let document = Some((Document::parse(r#"{"n":1}"#).unwrap(), 7));
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
