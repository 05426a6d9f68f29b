//! Transactions, the history, tenants.
use super::*;

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
