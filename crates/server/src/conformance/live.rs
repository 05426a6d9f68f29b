//! Walks through the live records of a collection.
use super::*;

/// Five live records, one that is deleted, and one of another collection.
fn some<S: ServerStore>(store: &mut S) {
    write(store, |tx| {
        for (position, id) in ["é", "b", "😀", "A", "a", "z"].iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
        tx.put(key("a", "a"), &gone(2), 0).unwrap();
        tx.put(key("b", "b"), &live(3, "{}"), 0).unwrap();
    });
}

fn walk<T: ServerTx>(tx: &mut T, range: Range<'_>, max: usize) -> String {
    let mut ids = Vec::new();
    tx.live(range, &mut |row| {
        ids.push(row.id.to_owned());
        if ids.len() < max {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })
    .unwrap();
    ids.join(" ")
}

pub fn visits_live_records_backwards<S: ServerStore>(mut store: S) {
    some(&mut store);
    for documents in [false, true] {
        let mut ids = |after, until| {
            let range = Range {
                collection: "a",
                after,
                until,
                backwards: true,
                documents,
            };
            read(&mut store, |tx| walk(tx, range, usize::MAX))
        };
        assert_eq!(ids(None, None), "😀 é z b A");
        assert_eq!(ids(Some("z"), Some("b")), "b");
        // Behind the least id that is greater than `z`.
        assert_eq!(ids(Some("z\0"), Some("b")), "z b");
        assert_eq!(ids(Some("b"), None), "A");
        assert_eq!(ids(None, Some("z")), "😀 é z");
        assert_eq!(ids(Some("a"), Some("z")), "");
        assert_eq!(ids(Some("b"), Some("b")), "");
    }
    let never = Range {
        collection: "never-written",
        ..Range::default()
    };
    assert_eq!(read(&mut store, |tx| walk(tx, never, usize::MAX)), "");
}

pub fn a_visit_of_live_records_can_be_broken_off<S: ServerStore>(mut store: S) {
    some(&mut store);
    for (backwards, expected) in [(false, "A b"), (true, "😀 é")] {
        let range = Range {
            collection: "a",
            backwards,
            ..Range::default()
        };
        assert_eq!(read(&mut store, |tx| walk(tx, range, 2)), expected);
    }
}

pub fn live_records_are_those_of_the_transaction<S: ServerStore>(mut store: S) {
    some(&mut store);
    let all = Range {
        collection: "a",
        documents: true,
        ..Range::default()
    };
    let mut tx = store.begin("main", Access::Write).unwrap();
    tx.put(key("a", "b"), &gone(5), 0).unwrap();
    tx.put(key("a", "c"), &live(6, "{}"), 0).unwrap();
    assert_eq!(walk(&mut tx, all, usize::MAX), "A c z é 😀");
    drop(tx);
    assert_eq!(
        read(&mut store, |tx| walk(tx, all, usize::MAX)),
        "A b z é 😀"
    );
}
