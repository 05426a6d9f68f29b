//! Open conflicts and the journal.
use super::*;
use crate::model::{
    Conflict, Deadline, Generation, JournalChange, JournalId, JournalRow, JournalState, Loser,
    Question, Remote,
};
use crate::store::JournalFilter;
use crate::store::rules::journal_bytes;

pub(super) fn conflict(collection: CollectionName, rid: i64) -> Conflict {
    Conflict {
        collection,
        rid: Rid(rid),
        id: id(&format!("n{rid}")),
        remote: Remote {
            out_of_scope: false,
            image: Image::Present(document(r#"{"title": "theirs"}"#)),
            version: version("4"),
            stamp: Some(stamp(4)),
            stamps: None,
            schema: None,
            migrated: false,
        },
        asked: vec![Question {
            function: "decide".into(),
            field: Some(Path::key("title")),
        }],
        deadline: Some(Deadline {
            generation: Generation(2),
            set_monotonic_ms: 3,
            set_wall_ms: 4,
            wait_ms: 5,
        }),
        since_ms: 6,
    }
}

fn open(conflict: Conflict) -> Op {
    Op::Conflict(Box::new(conflict))
}

pub(super) fn row(number: i64, rid: i64, state: JournalState) -> JournalRow {
    JournalRow {
        id: JournalId(number),
        at_ms: 100 * number as u64,
        collection: notes(),
        rid: Rid(rid),
        record: id("n"),
        situation: "both changed".into(),
        policy: "merge".into(),
        base: Image::Present(document(r#"{"a":1.0}"#)),
        ours: Image::Present(document(r#"{"a":2}"#)),
        theirs: Image::Gone,
        outcome: Image::Absent,
        loser: Loser::Theirs,
        mutation: Some(MutationId(number as u128)),
        decided: vec![MutationId(5), MutationId(6)],
        state,
        undoes: Some(JournalId(1)),
        schema: 1,
    }
}

fn write(row: JournalRow) -> Op {
    Op::Journal(Box::new(row))
}

fn journal<S: Store>(store: &mut S) -> Vec<i64> {
    let rows = see(store, |tx| tx.journal(JournalFilter::All, None, usize::MAX));
    rows.iter().map(|row| row.id.0).collect()
}

fn prune<S: Store>(store: &mut S, before_ms: u64, bytes_max: u64) {
    commit(
        store,
        vec![Op::PruneJournal {
            before_ms,
            bytes_max,
        }],
    );
}

/// Settled rows 1 to 5; 3 is still open.
fn five<S: Store>(store: &mut S) {
    let state = |number| match number {
        3 => JournalState::Decided,
        4 => JournalState::Void,
        _ => JournalState::Settled,
    };
    commit(
        store,
        (1..=5)
            .map(|number| write(row(number, 1, state(number))))
            .collect(),
    );
}

pub fn a_conflict_comes_back_whole<S: Store>(store: &mut S) {
    given(store, vec![open(conflict(notes(), 1))]);
    assert_eq!(
        see(store, |tx| tx.conflict(&notes(), Rid(1))),
        Some(conflict(notes(), 1))
    );
    assert_eq!(see(store, |tx| tx.conflict(&notes(), Rid(2))), None);
    assert_eq!(see(store, |tx| tx.conflict(&tasks(), Rid(1))), None);
}

pub fn conflicts_come_by_collection_and_record<S: Store>(store: &mut S) {
    let keys = [(tasks(), 1), (notes(), 10), (notes(), 9), (tasks(), 3)];
    given(
        store,
        keys.into_iter()
            .map(|(name, rid)| open(conflict(name, rid)))
            .collect(),
    );
    let page = |store: &mut S, after: Option<(&CollectionName, Rid)>, limit| {
        let rows = see(store, |tx| tx.conflicts(after, limit));
        rows.iter()
            .map(|row| (row.collection.to_string(), row.rid.0))
            .collect::<Vec<_>>()
    };
    let key = |name: &str, rid| (name.to_owned(), rid);
    assert_eq!(
        page(store, None, 3),
        [key("notes", 9), key("notes", 10), key("tasks", 1)]
    );
    assert_eq!(
        page(store, Some((&notes(), Rid(9))), 2),
        [key("notes", 10), key("tasks", 1)]
    );
    assert_eq!(
        page(store, Some((&notes(), Rid(11))), 9),
        [key("tasks", 1), key("tasks", 3)]
    );
    assert!(page(store, Some((&tasks(), Rid(3))), 9).is_empty());
}

pub fn a_conflict_is_one_a_record<S: Store>(store: &mut S) {
    given(store, vec![open(conflict(notes(), 1))]);
    let newer = Conflict {
        since_ms: 99,
        deadline: None,
        asked: Vec::new(),
        ..conflict(notes(), 1)
    };
    commit(store, vec![open(newer.clone())]);
    assert_eq!(see(store, |tx| tx.conflicts(None, 9)), [newer]);
    commit(
        store,
        vec![Op::RemoveConflict {
            collection: notes(),
            rid: Rid(1),
        }],
    );
    assert!(see(store, |tx| tx.conflicts(None, 9)).is_empty());
}

pub fn a_journal_row_comes_back_whole<S: Store>(store: &mut S) {
    let mut bare = row(2, 1, JournalState::Void);
    bare.mutation = None;
    bare.undoes = None;
    bare.decided.clear();
    given(
        store,
        vec![write(row(1, 1, JournalState::Decided)), write(bare.clone())],
    );
    let one = see(store, |tx| tx.journal_row(JournalId(1)));
    assert_eq!(one, Some(row(1, 1, JournalState::Decided)));
    assert_eq!(see(store, |tx| tx.journal_row(JournalId(2))), Some(bare));
    assert_eq!(see(store, |tx| tx.journal_row(JournalId(3))), None);
}

pub fn the_journal_comes_newest_first<S: Store>(store: &mut S) {
    given(store, Vec::new());
    five(store);
    assert_eq!(journal(store), [5, 4, 3, 2, 1]);
    let page = see(store, |tx| {
        tx.journal(JournalFilter::All, Some(JournalId(4)), 2)
    });
    assert_eq!(page.iter().map(|row| row.id.0).collect::<Vec<_>>(), [3, 2]);
    assert!(
        see(store, |tx| tx.journal(
            JournalFilter::All,
            Some(JournalId(1)),
            2
        ))
        .is_empty()
    );
}

pub fn the_journal_is_filtered_by_record_and_mutation<S: Store>(store: &mut S) {
    let other = JournalRow {
        collection: tasks(),
        mutation: None,
        ..row(3, 1, JournalState::Settled)
    };
    given(
        store,
        vec![
            write(row(1, 1, JournalState::Settled)),
            write(row(2, 2, JournalState::Settled)),
            write(other),
        ],
    );
    let mut again = row(4, 1, JournalState::Decided);
    again.mutation = Some(MutationId(1));
    commit(store, vec![write(again)]);
    let found = |store: &mut S, filter: JournalFilter<'_>| {
        let rows = see(store, |tx| tx.journal(filter, None, 9));
        rows.iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(
        found(store, JournalFilter::Record(&notes(), Rid(1))),
        [4, 1]
    );
    assert_eq!(found(store, JournalFilter::Record(&tasks(), Rid(1))), [3]);
    assert_eq!(found(store, JournalFilter::Mutation(MutationId(1))), [4, 1]);
    assert_eq!(found(store, JournalFilter::Mutation(MutationId(9))), [0; 0]);
}

pub fn a_journal_row_with_the_same_id_is_replaced<S: Store>(store: &mut S) {
    given(store, vec![write(row(1, 1, JournalState::Decided))]);
    commit(store, vec![write(row(1, 1, JournalState::Settled))]);
    assert_eq!(
        see(store, |tx| tx.journal(JournalFilter::All, None, 9)),
        [row(1, 1, JournalState::Settled)]
    );
}

pub fn the_open_rows_of_a_mutation_are_amended<S: Store>(store: &mut S) {
    let of = |number, mutation, state| JournalRow {
        mutation: Some(MutationId(mutation)),
        ..row(number, 1, state)
    };
    let (open, void) = (JournalState::Decided, JournalState::Void);
    given(
        store,
        vec![
            write(of(1, 1, open)),
            write(of(2, 2, open)),
            write(of(3, 1, void)),
        ],
    );
    let amend = |carrier, change| Op::AmendJournal {
        carrier: MutationId(carrier),
        change,
    };
    // In order: the first rows are the second's then.
    commit(
        store,
        vec![
            amend(1, JournalChange::Carrier(MutationId(2))),
            amend(2, JournalChange::State(JournalState::Settled)),
            amend(9, JournalChange::State(void)),
        ],
    );
    let settled = JournalState::Settled;
    assert_eq!(
        see(store, |tx| tx.journal(JournalFilter::All, None, 9)),
        [of(3, 1, void), of(2, 2, settled), of(1, 2, settled)]
    );
    let found = see(store, |tx| {
        tx.journal(JournalFilter::Mutation(MutationId(2)), None, 9)
    });
    assert_eq!(found.len(), 2);
}

pub fn the_rows_of_a_record_may_move_to_another<S: Store>(store: &mut S) {
    five(store);
    let other = row(6, 2, JournalState::Decided);
    let of_tasks = JournalRow {
        collection: tasks(),
        ..row(7, 1, JournalState::Decided)
    };
    commit(store, vec![write(other), write(of_tasks)]);
    commit(
        store,
        vec![
            Op::AmendJournal {
                carrier: MutationId(3),
                change: JournalChange::State(JournalState::Settled),
            },
            Op::MoveJournal {
                collection: notes(),
                from: Rid(1),
                to: Rid(2),
            },
        ],
    );
    let of = |store: &mut S, collection: &CollectionName, rid| {
        let filter = JournalFilter::Record(collection, Rid(rid));
        see(store, |tx| tx.journal(filter, None, usize::MAX))
    };
    assert!(of(store, &notes(), 1).is_empty());
    assert_eq!(of(store, &tasks(), 1).len(), 1);
    let moved = of(store, &notes(), 2);
    assert_eq!(
        moved
            .iter()
            .map(|row| (row.id.0, row.rid.0))
            .collect::<Vec<_>>(),
        [(6, 2), (5, 2), (4, 2), (3, 2), (2, 2), (1, 2)]
    );
    assert_eq!(moved[3].state, JournalState::Settled);
    let row = see(store, |tx| tx.journal_row(JournalId(1)));
    assert_eq!(row.map(|row| row.rid), Some(Rid(2)));
}

pub fn pruning_drops_old_settled_rows<S: Store>(store: &mut S) {
    given(store, Vec::new());
    five(store);
    prune(store, 200, u64::MAX);
    assert_eq!(journal(store), [5, 4, 3, 2], "200 is not before 200");
    prune(store, 201, u64::MAX);
    assert_eq!(journal(store), [5, 4, 3]);
}

pub fn pruning_keeps_open_rows<S: Store>(store: &mut S) {
    given(store, Vec::new());
    five(store);
    prune(store, u64::MAX, u64::MAX);
    assert_eq!(journal(store), [5, 3]);
    prune(store, 0, 0);
    assert_eq!(journal(store), [5, 3]);
}

pub fn pruning_keeps_the_newest_row<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            write(row(1, 1, JournalState::Settled)),
            write(row(2, 1, JournalState::Settled)),
        ],
    );
    prune(store, u64::MAX, 0);
    assert_eq!(journal(store), [2], "its number must not be given again");
    assert_eq!(see(store, |tx| tx.next_journal()), JournalId(3));
    prune(store, u64::MAX, 0);
    assert_eq!(journal(store), [2]);
}

pub fn what_is_pruned_for_its_age_takes_no_room<S: Store>(store: &mut S) {
    given(store, Vec::new());
    // The clock was set back after the first row.
    let mut young = row(1, 1, JournalState::Settled);
    young.at_ms = 1_000;
    let old = row(2, 1, JournalState::Settled);
    let newest = row(3, 1, JournalState::Settled);
    let two = 2 * journal_bytes(&young);
    commit(store, vec![write(young), write(old), write(newest)]);
    prune(store, 300, two);
    assert_eq!(journal(store), [3, 1]);
}

pub fn pruning_drops_the_oldest_beyond_the_bytes<S: Store>(store: &mut S) {
    given(store, Vec::new());
    five(store);
    let one = journal_bytes(&row(1, 1, JournalState::Settled));
    prune(store, 0, 4 * one);
    assert_eq!(journal(store), [5, 4, 3, 2, 1], "open rows do not count");
    prune(store, 0, 3 * one - 1);
    assert_eq!(journal(store), [5, 4, 3]);
    prune(store, 0, one);
    assert_eq!(journal(store), [5, 3]);
    let mut large = row(6, 1, JournalState::Settled);
    large.ours = Image::Present(document(&format!(r#"{{"a":"{}"}}"#, "x".repeat(5_000))));
    commit(store, vec![write(large)]);
    prune(store, 0, one);
    assert_eq!(
        journal(store),
        [6, 3],
        "the newest stays, though it alone is beyond"
    );
}

pub fn the_next_journal_id_is_one_above_the_highest<S: Store>(store: &mut S) {
    given(store, Vec::new());
    assert_eq!(see(store, |tx| tx.next_journal()), JournalId(1));
    five(store);
    assert_eq!(see(store, |tx| tx.next_journal()), JournalId(6));
}
