//! Commits.
use super::*;

fn meta(key: &str, value: &str) -> Op {
    Op::Meta {
        key: key.to_owned(),
        value: Some(value.to_owned()),
    }
}

pub fn a_commit_applies_all_or_nothing<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    refused(store, vec![insert(record(2, "b")), insert(record(3, "a"))]);
    assert_eq!(ids(store), ["a"]);
}

pub fn an_error_late_in_a_commit_takes_all_of_it_back<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "a")),
            insert(record(2, "b")),
            alias("old", 1),
        ],
    );
    commit(store, vec![put(entry(1, 1)), dirty(1, Some(blank()))]);
    let mut edited = record(1, "renamed");
    edited.version = version("2");
    refused(
        store,
        vec![
            update(edited),
            dirty(1, None),
            Op::RemoveEntry(1),
            put(entry(2, 2)),
            alias("older", 1),
            meta("key", "value"),
            declare(tasks(), vec![column("title", ColumnKind::Text, true)]),
            remove(2),
            update(record(99, "missing")),
        ],
    );
    assert_eq!(seqs(store, EntryFilter::All), [1]);
    assert_eq!(see(store, |tx| tx.meta("key")), None);
    assert_eq!(see(store, |tx| tx.aliases(&notes(), Rid(1))), [id("old")]);
    refused(
        store,
        vec![Op::Insert {
            collection: tasks(),
            record: record(1, "t"),
        }],
    );
}

pub fn dropping_a_transaction_changes_nothing<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    drop(store.begin(Durability::Full).expect("begin"));
    drop(store.begin(Durability::Normal).expect("begin"));
    assert_eq!(ids(store), ["a"]);
    commit(store, vec![insert(record(2, "b"))]);
    assert_eq!(ids(store), ["a", "b"]);
}

pub fn an_empty_commit_is_fine<S: Store>(store: &mut S) {
    commit(store, Vec::new());
    given(store, Vec::new());
    assert!(ids(store).is_empty());
}

pub fn changes_apply_in_their_order<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "a")),
            remove(1),
            insert(record(1, "b")),
            meta("key", "first"),
            meta("key", "second"),
            put(entry(1, 1)),
            Op::RemoveEntry(1),
        ],
    );
    assert_eq!(ids(store), ["b"]);
    assert_eq!(see(store, |tx| tx.meta("key")).as_deref(), Some("second"));
    assert!(seqs(store, EntryFilter::All).is_empty());
    // Two records trade their ids.
    commit(store, vec![insert(record(2, "c"))]);
    commit(
        store,
        vec![
            update(record(1, "x")),
            update(record(2, "b")),
            update(record(1, "c")),
        ],
    );
    assert_eq!(load(store, "c").unwrap().0.rid, Rid(1));
    assert_eq!(load(store, "b").unwrap().0.rid, Rid(2));
}

pub fn both_durabilities_show_the_same<S: Store>(store: &mut S) {
    given(store, Vec::new());
    for (rid, durability) in [Durability::Normal, Durability::Full, Durability::Normal]
        .into_iter()
        .enumerate()
    {
        let rid = rid as i64 + 1;
        let tx = store.begin(durability).expect("begin");
        tx.commit(vec![insert(record(rid, &format!("n{rid}")))])
            .expect("commit");
    }
    assert_eq!(ids(store), ["n1", "n2", "n3"]);
}

pub fn a_failed_commit_leaves_the_store_usable<S: Store>(store: &mut S) {
    given(store, Vec::new());
    for _ in 0..3 {
        refused(store, vec![insert(record(1, "a")), insert(record(1, "b"))]);
    }
    commit(store, vec![insert(record(1, "a"))]);
    assert_eq!(ids(store), ["a"]);
}

pub fn a_collection_that_is_not_declared_reads_as_empty<S: Store>(store: &mut S) {
    assert!(all(store).is_empty());
    assert_eq!(load(store, "a"), None);
    let by_rid = see(store, |tx| {
        tx.load(&notes(), Keys::Rids(&[Rid(1), Rid(2)]), Load::Heads)
    });
    assert_eq!(by_rid, [None, None]);
    assert_eq!(see(store, |tx| tx.count(&notes(), Some(1))), (0, 0));
    assert!(see(store, |tx| tx.unseen(&notes(), 1, None, 9)).is_empty());
    assert!(see(store, |tx| tx.aliases(&notes(), Rid(1))).is_empty());
    assert_eq!(see(store, |tx| tx.next_rid(&notes())), Rid(1));
}

pub fn a_change_of_a_collection_that_is_not_declared_is_refused<S: Store>(store: &mut S) {
    let head = Op::Head {
        collection: notes(),
        rid: Rid(1),
        version: None,
        state: RecordState::Dirty,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    let seen = Op::Seen {
        collection: notes(),
        pass: 1,
        rids: vec![Rid(1)],
    };
    let forget = Op::ForgetPass {
        collection: notes(),
        pass: 1,
    };
    let changes = [
        insert(record(1, "a")),
        update(record(1, "a")),
        head,
        remove(1),
        dirty(1, Some(blank())),
        dirty(1, None),
        alias("old", 1),
        seen,
        forget,
    ];
    for change in changes {
        refused(store, vec![change]);
    }
}
