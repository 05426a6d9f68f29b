//! The outbox.
use super::*;
use crate::model::{
    Blocker, CollectionOutbox, Frozen, Generation, GroupId, JournalId, OutboxCounts, Precondition,
    RequestId,
};
use crate::store::EntryKey;
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Patch, Value};

fn states() -> Vec<EntryState> {
    vec![
        EntryState::Pending,
        EntryState::InFlight {
            request: RequestId((1 << 53) - 1),
            generation: Generation(3),
            again: true,
            tries: 2,
        },
        EntryState::Unknown {
            since_ms: 9,
            tries: 2,
        },
        EntryState::Held(Blocker::UnmappedReference),
        EntryState::Parked {
            reason: "title: 'too' \"long\"".into(),
            at_ms: 8,
            unmigrated: false,
        },
    ]
}

fn in_state(seq: i64, state: EntryState) -> Entry {
    Entry {
        state,
        ..entry(seq, 1)
    }
}

fn of_tasks(seq: i64, rid: i64) -> Entry {
    Entry {
        collection: tasks(),
        ..entry(seq, rid)
    }
}

/// Both collections with three records each.
fn with_records<S: Store>(store: &mut S) {
    given(store, vec![declare(tasks(), Vec::new())]);
    for collection in [notes(), tasks()] {
        let inserts = (1..=3).map(|rid| Op::Insert {
            collection: collection.clone(),
            record: record(rid, &format!("n{rid}")),
        });
        commit(store, inserts.collect());
    }
}

fn found<S: Store>(store: &mut S) -> Vec<Entry> {
    see(store, |tx| tx.entries(EntryFilter::All, None, usize::MAX))
}

pub fn an_entry_comes_back_whole<S: Store>(store: &mut S) {
    with_records(store);
    let whole = Entry {
        stamps: Stamps {
            latest: stamp(50),
            fields: BTreeMap::from([(Path::parse("/a/b").unwrap(), stamp(49))]),
        },
        group: Some(GroupId(u128::MAX)),
        schema: u32::MAX,
        replaces: Some(MutationId(1)),
        undoes: Some(JournalId(4)),
        frozen: Some(Frozen {
            precondition: Precondition::Version(Version::new("v'1").unwrap()),
            at_ms: 5,
            migrated: None,
        }),
        ..entry(1, 2)
    };
    commit(store, vec![put(whole.clone()), put(entry(2, 1))]);
    assert_eq!(found(store), [whole, entry(2, 1)]);
}

pub fn every_state_of_an_entry_comes_back<S: Store>(store: &mut S) {
    with_records(store);
    let entries: Vec<_> = (1..)
        .zip(states())
        .map(|(seq, state)| in_state(seq, state))
        .collect();
    commit(store, entries.iter().cloned().map(put).collect());
    assert_eq!(found(store), entries);
}

pub fn where_an_entry_stands_changes_alone<S: Store>(store: &mut S) {
    with_records(store);
    commit(store, vec![put(entry(1, 1)), put(entry(2, 2))]);
    for state in states() {
        let stands = Entry {
            frozen: Some(Frozen {
                precondition: Precondition::Absent,
                at_ms: 5,
                migrated: None,
            }),
            ..in_state(2, state)
        };
        // What else the entry says is not looked at.
        let given = Entry {
            change: Change::Delete,
            ..stands.clone()
        };
        commit(store, vec![Op::EntryState(Box::new(given))]);
        let expected = Entry {
            state: stands.state,
            frozen: stands.frozen,
            ..entry(2, 2)
        };
        assert_eq!(found(store), [entry(1, 1), expected]);
    }
    // Written whole, it stands as it says.
    commit(store, vec![put(entry(2, 2))]);
    assert_eq!(found(store), [entry(1, 1), entry(2, 2)]);
}

pub fn an_entry_that_is_not_there_stands_nowhere<S: Store>(store: &mut S) {
    with_records(store);
    commit(store, vec![put(entry(1, 1))]);
    let other_key = Entry {
        id: MutationId(u128::MAX),
        ..entry(1, 1)
    };
    for missing in [entry(2, 2), other_key] {
        refused(store, vec![Op::EntryState(Box::new(missing))]);
    }
    assert_eq!(found(store), [entry(1, 1)]);
}

pub fn the_keys_of_entries_are_those_of_the_entries<S: Store>(store: &mut S) {
    with_records(store);
    let member = Entry {
        group: Some(GroupId(7)),
        ..entry(3, 1)
    };
    commit(
        store,
        vec![put(entry(1, 1)), put(of_tasks(2, 1)), put(member)],
    );
    for filter in [
        EntryFilter::All,
        EntryFilter::Pending(&[tasks()]),
        EntryFilter::InFlight,
        EntryFilter::Group(GroupId(7)),
        EntryFilter::Chains(&notes(), &[Rid(1)]),
        EntryFilter::Id(entry(1, 1).id),
    ] {
        let entries = see(store, |tx| tx.entries(filter, None, 9));
        let keys = see(store, |tx| tx.entry_keys(filter, None, 9));
        assert_eq!(keys, entries.iter().map(EntryKey::from).collect::<Vec<_>>());
    }
}

pub fn every_change_comes_back<S: Store>(store: &mut S) {
    with_records(store);
    let patch = Patch {
        set: BTreeMap::from([(
            Path::parse("/a").unwrap(),
            Value::parse("[1.5,null,\"é\"]").unwrap(),
        )]),
        unset: BTreeSet::from([Path::parse("/b").unwrap()]),
    };
    let changes = [
        Change::Create(document(r#"{"n":1e2}"#)),
        Change::Patch(patch),
        Change::Replace(document("{}")),
        Change::Delete,
    ];
    let entries: Vec<_> = (1..)
        .zip(changes)
        .map(|(seq, change)| Entry {
            change,
            ..entry(seq, 1)
        })
        .collect();
    commit(store, entries.iter().cloned().map(put).collect());
    assert_eq!(found(store), entries);
}

pub fn entries_come_by_seq_and_page<S: Store>(store: &mut S) {
    with_records(store);
    commit(
        store,
        [5, 1, 3, 2]
            .into_iter()
            .map(|seq| put(entry(seq, 1)))
            .collect(),
    );
    assert_eq!(seqs(store, EntryFilter::All), [1, 2, 3, 5]);
    for filter in [
        EntryFilter::All,
        EntryFilter::Pending(&[notes()]),
        EntryFilter::Chains(&notes(), &[Rid(1)]),
    ] {
        let page = see(store, |tx| tx.entries(filter, Some(1), 2));
        assert_eq!(
            page.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
            [2, 3]
        );
        assert!(see(store, |tx| tx.entries(filter, Some(5), 2)).is_empty());
        assert!(see(store, |tx| tx.entries(filter, None, 0)).is_empty());
    }
}

pub fn an_entry_with_the_same_seq_is_replaced<S: Store>(store: &mut S) {
    with_records(store);
    commit(store, vec![put(entry(1, 1)), put(entry(2, 1))]);
    let mut frozen = in_state(1, states().remove(1));
    frozen.change = Change::Delete;
    commit(store, vec![put(frozen.clone())]);
    assert_eq!(found(store), [frozen, entry(2, 1)]);
}

pub fn a_replaced_entry_may_change_its_key<S: Store>(store: &mut S) {
    with_records(store);
    commit(store, vec![put(entry(1, 1)), put(entry(2, 1))]);
    let moved = Entry {
        id: MutationId(77),
        ..of_tasks(1, 2)
    };
    commit(store, vec![put(moved.clone())]);
    assert_eq!(found(store), [moved.clone(), entry(2, 1)]);
    assert_eq!(
        see(store, |tx| tx.entries(
            EntryFilter::Id(MutationId(77)),
            None,
            9
        )),
        [moved]
    );
    assert!(seqs(store, EntryFilter::Id(entry(1, 1).id)).is_empty());
    assert_eq!(seqs(store, EntryFilter::Chains(&notes(), &[Rid(1)])), [2]);
    assert_eq!(seqs(store, EntryFilter::Chains(&tasks(), &[Rid(2)])), [1]);
}

pub fn pending_entries_are_filtered_by_collection<S: Store>(store: &mut S) {
    with_records(store);
    let parked = in_state(4, states().remove(4));
    commit(
        store,
        vec![
            put(entry(1, 1)),
            put(of_tasks(2, 1)),
            put(entry(3, 2)),
            put(parked),
        ],
    );
    assert_eq!(seqs(store, EntryFilter::Pending(&[notes()])), [1, 3]);
    assert_eq!(seqs(store, EntryFilter::Pending(&[tasks()])), [2]);
    assert_eq!(
        seqs(store, EntryFilter::Pending(&[tasks(), notes()])),
        [1, 2, 3]
    );
}

pub fn unknown_entries_are_filtered_by_collection<S: Store>(store: &mut S) {
    with_records(store);
    let unknown = || states().remove(2);
    let task = Entry {
        state: unknown(),
        ..of_tasks(2, 1)
    };
    commit(
        store,
        vec![
            put(in_state(3, unknown())),
            put(task),
            put(entry(1, 1)),
            put(in_state(4, unknown())),
        ],
    );
    assert_eq!(seqs(store, EntryFilter::Unknown(&[notes()])), [3, 4]);
    assert_eq!(seqs(store, EntryFilter::Unknown(&[tasks()])), [2]);
    assert_eq!(
        seqs(store, EntryFilter::Unknown(&[notes(), tasks()])),
        [2, 3, 4]
    );
}

pub fn in_flight_and_waiting_entries_are_found<S: Store>(store: &mut S) {
    with_records(store);
    let all = states().into_iter().chain(states());
    commit(
        store,
        (1..)
            .zip(all)
            .map(|(seq, state)| put(in_state(seq, state)))
            .collect(),
    );
    assert_eq!(seqs(store, EntryFilter::InFlight), [2, 7]);
    assert_eq!(seqs(store, EntryFilter::Waiting), [4, 5, 9, 10]);
    let page = see(store, |tx| tx.entries(EntryFilter::Waiting, Some(4), 2));
    assert_eq!(
        page.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [5, 9]
    );
}

pub fn chains_are_those_of_the_records<S: Store>(store: &mut S) {
    with_records(store);
    commit(
        store,
        vec![
            put(entry(1, 2)),
            put(entry(2, 1)),
            put(of_tasks(3, 1)),
            put(entry(4, 2)),
            put(entry(5, 3)),
        ],
    );
    assert_eq!(
        seqs(store, EntryFilter::Chains(&notes(), &[Rid(2)])),
        [1, 4]
    );
    assert_eq!(
        seqs(
            store,
            EntryFilter::Chains(&notes(), &[Rid(2), Rid(1), Rid(2), Rid(9)])
        ),
        [1, 2, 4]
    );
    assert_eq!(
        seqs(store, EntryFilter::Chains(&tasks(), &[Rid(2), Rid(1)])),
        [3]
    );
    commit(store, vec![Op::RemoveEntry(1)]);
    assert_eq!(seqs(store, EntryFilter::Chains(&notes(), &[Rid(2)])), [4]);
}

pub fn members_of_a_group_are_found<S: Store>(store: &mut S) {
    with_records(store);
    let member = |seq, group| Entry {
        group: Some(GroupId(group)),
        ..entry(seq, 1)
    };
    commit(
        store,
        vec![
            put(member(1, 7)),
            put(entry(2, 1)),
            put(member(3, 7)),
            put(member(4, 8)),
        ],
    );
    assert_eq!(seqs(store, EntryFilter::Group(GroupId(7))), [1, 3]);
    assert!(seqs(store, EntryFilter::Group(GroupId(9))).is_empty());
}

pub fn an_entry_is_found_by_its_key_in_every_state<S: Store>(store: &mut S) {
    with_records(store);
    for (seq, state) in (1..).zip(states()) {
        let one = in_state(seq, state);
        commit(store, vec![put(one.clone())]);
        assert_eq!(
            see(store, |tx| tx.entries(EntryFilter::Id(one.id), None, 9)),
            std::slice::from_ref(&one)
        );
        assert!(
            see(store, |tx| tx.entries(
                EntryFilter::Id(one.id),
                Some(seq),
                9
            ))
            .is_empty()
        );
    }
    assert!(seqs(store, EntryFilter::Id(MutationId(5))).is_empty());
}

pub fn no_collections_means_no_entries<S: Store>(store: &mut S) {
    with_records(store);
    commit(store, vec![put(entry(1, 1))]);
    assert!(seqs(store, EntryFilter::Pending(&[])).is_empty());
    assert!(seqs(store, EntryFilter::Unknown(&[])).is_empty());
    assert!(seqs(store, EntryFilter::Chains(&notes(), &[])).is_empty());
}

pub fn the_counts_are_by_collection_and_state_with_the_earliest_times<S: Store>(store: &mut S) {
    with_records(store);
    assert!(see(store, |tx| tx.outbox()).is_empty());
    let kinds = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4];
    let mut changes = Vec::new();
    for (seq, kind) in (1..).zip(kinds) {
        let mut one = in_state(seq, states().remove(kind));
        one.created_ms = 10_000 - seq as u64;
        changes.push(put(one));
    }
    changes.push(put(Entry {
        created_ms: 7,
        ..of_tasks(16, 1)
    }));
    commit(store, changes);
    let of_notes = CollectionOutbox {
        counts: OutboxCounts {
            pending: 5,
            in_flight: 4,
            unknown: 3,
            held: 2,
            parked: 1,
        },
        oldest_ms: Some(10_000 - 15),
        oldest_pending_ms: Some(10_000 - 5),
    };
    let of_tasks = CollectionOutbox {
        counts: OutboxCounts {
            pending: 1,
            ..OutboxCounts::default()
        },
        oldest_ms: Some(7),
        oldest_pending_ms: Some(7),
    };
    let both = BTreeMap::from([(notes(), of_notes), (tasks(), of_tasks)]);
    assert_eq!(see(store, |tx| tx.outbox()), both);
}

pub fn the_next_seq_is_one_above_the_highest<S: Store>(store: &mut S) {
    with_records(store);
    assert_eq!(see(store, |tx| tx.next_seq()), 1);
    commit(store, vec![put(entry(7, 1)), put(entry(2, 1))]);
    assert_eq!(see(store, |tx| tx.next_seq()), 8);
    commit(store, vec![Op::RemoveEntry(7)]);
    assert_eq!(see(store, |tx| tx.next_seq()), 3);
}
