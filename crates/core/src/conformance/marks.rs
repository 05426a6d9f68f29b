//! The marks of passes: which records a complete walk has shown.
use super::*;

fn seen(pass: u64, rids: &[i64]) -> Op {
    Op::Seen {
        collection: notes(),
        pass,
        rids: rids.iter().copied().map(Rid).collect(),
    }
}

fn unseen<S: Store>(store: &mut S, pass: u64) -> Vec<i64> {
    let rows = see(store, |tx| tx.unseen(&notes(), pass, None, usize::MAX));
    rows.iter().map(|(record, _)| record.rid.0).collect()
}

fn count<S: Store>(store: &mut S, pass: Option<u64>) -> (u64, u64) {
    see(store, |tx| tx.count(&notes(), pass))
}

/// Records 1 to 4.
fn four<S: Store>(store: &mut S) {
    given(
        store,
        (1..=4)
            .map(|rid| insert(record(rid, &format!("n{rid}"))))
            .collect(),
    );
}

pub fn a_record_is_unseen_until_it_is_marked<S: Store>(store: &mut S) {
    four(store);
    assert_eq!(unseen(store, 1), [1, 2, 3, 4]);
    assert_eq!(count(store, Some(1)), (4, 4));
    commit(store, vec![seen(1, &[2, 4])]);
    assert_eq!(unseen(store, 1), [1, 3]);
    assert_eq!(count(store, Some(1)), (4, 2));
    assert_eq!(count(store, None), (4, 0));
}

pub fn passes_do_not_see_each_other<S: Store>(store: &mut S) {
    four(store);
    commit(store, vec![seen(1, &[1]), seen(2, &[2, 3])]);
    assert_eq!(unseen(store, 1), [2, 3, 4]);
    assert_eq!(unseen(store, 2), [1, 4]);
    assert_eq!(unseen(store, 3), [1, 2, 3, 4]);
}

pub fn a_forgotten_pass_has_seen_nothing<S: Store>(store: &mut S) {
    four(store);
    commit(store, vec![seen(1, &[1, 2]), seen(2, &[1])]);
    commit(
        store,
        vec![Op::ForgetPass {
            collection: notes(),
            pass: 1,
        }],
    );
    assert_eq!(unseen(store, 1), [1, 2, 3, 4]);
    assert_eq!(unseen(store, 2), [2, 3, 4]);
}

pub fn tombstones_are_neither_counted_nor_unseen<S: Store>(store: &mut S) {
    four(store);
    commit(
        store,
        vec![
            update(tombstone(2, "n2")),
            update(tombstone(3, "n3")),
            seen(1, &[3, 4]),
        ],
    );
    assert_eq!(unseen(store, 1), [1]);
    assert_eq!(count(store, Some(1)), (2, 1));
}

pub fn a_record_that_is_deleted_here_is_counted<S: Store>(store: &mut S) {
    four(store);
    let mut deleted = record(1, "n1");
    deleted.state = RecordState::Dirty;
    deleted.document = None;
    commit(store, vec![update(deleted), seen(1, &[2])]);
    assert_eq!(unseen(store, 1), [1, 3, 4]);
    assert_eq!(count(store, Some(1)), (4, 3));
}

pub fn marking_twice_is_marking_once<S: Store>(store: &mut S) {
    four(store);
    commit(store, vec![seen(1, &[1, 1, 2])]);
    commit(store, vec![seen(1, &[2, 3]), seen(1, &[])]);
    assert_eq!(unseen(store, 1), [4]);
    assert_eq!(count(store, Some(1)), (4, 1));
}

pub fn a_removed_record_loses_its_marks<S: Store>(store: &mut S) {
    four(store);
    commit(store, vec![seen(1, &[4]), seen(9, &[4])]);
    commit(
        store,
        vec![remove(4), seen(1, &[4]), insert(record(4, "other"))],
    );
    assert_eq!(unseen(store, 1), [1, 2, 3, 4]);
    assert_eq!(unseen(store, 9), [1, 2, 3, 4]);
    assert_eq!(count(store, Some(9)), (4, 4));
}

pub fn unseen_pages_by_id<S: Store>(store: &mut S) {
    four(store);
    commit(store, vec![seen(1, &[3])]);
    let page = see(store, |tx| tx.unseen(&notes(), 1, Some(&id("n1")), 1));
    assert_eq!(page, [(record(2, "n2"), None)]);
    let page = see(store, |tx| tx.unseen(&notes(), 1, Some(&id("n2")), 9));
    assert_eq!(page, [(record(4, "n4"), None)]);
}
