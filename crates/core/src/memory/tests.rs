//! What only the store in memory does: faults, power cuts, the hash. The rest is the conformance suite's.
#![allow(clippy::unwrap_used)]
use super::MemoryStore;
use crate::model::{CollectionName, Record, RecordId, RecordState, Rid, Schema};
use crate::store::{Durability, Keys, Load, Op, Store, StoreErrorKind, Tx};
use tisync_json::Document;

fn notes() -> CollectionName {
    CollectionName::new("notes").unwrap()
}

fn declared(unflushed: usize) -> MemoryStore {
    let mut store = MemoryStore::with_power_cuts(unflushed);
    let declare = Op::Declare {
        collection: notes(),
        schema: Schema::default(),
        migrating: false,
    };
    commit(&mut store, Durability::Full, vec![declare]);
    store
}

fn insert(rid: i64) -> Op {
    Op::Insert {
        collection: notes(),
        record: Record {
            rid: Rid(rid),
            id: RecordId::new(format!("n{rid}")).unwrap(),
            version: None,
            state: RecordState::Clean,
            document: Some(Document::empty()),
            stamp: None,
            schema: 1,
            migrated: false,
        },
    }
}

fn commit(store: &mut MemoryStore, durability: Durability, changes: Vec<Op>) {
    store.begin(durability).unwrap().commit(changes).unwrap();
}

fn rids(store: &mut MemoryStore) -> Vec<i64> {
    let mut tx = store.begin(Durability::Full).unwrap();
    let rows = tx.scan(&notes(), None, usize::MAX).unwrap();
    rows.iter().map(|(record, _)| record.rid.0).collect()
}

#[test]
fn a_power_cut_takes_back_trailing_normal_commits_only() {
    let mut store = declared(8);
    commit(&mut store, Durability::Normal, vec![insert(1)]);
    commit(&mut store, Durability::Full, vec![insert(2)]);
    commit(&mut store, Durability::Normal, vec![insert(3)]);
    commit(&mut store, Durability::Normal, vec![insert(4)]);
    let mut one = store.clone();
    assert_eq!(one.power_cut(1), 1);
    assert_eq!(rids(&mut one), [1, 2, 3]);
    assert_eq!(store.power_cut(9), 2);
    assert_eq!(rids(&mut store), [1, 2]);
    assert_eq!(store.power_cut(9), 0, "what survived one cut is durable");
}

#[test]
fn a_power_cut_reaches_no_further_than_asked_for() {
    let mut store = declared(2);
    for rid in 1..=5 {
        commit(&mut store, Durability::Normal, vec![insert(rid)]);
    }
    assert_eq!(store.unflushed(), 2);
    assert_eq!(store.power_cut(9), 2);
    assert_eq!(rids(&mut store), [1, 2, 3]);
    let mut durable = declared(0);
    commit(&mut durable, Durability::Normal, vec![insert(1)]);
    assert_eq!(durable.power_cut(9), 0);
}

#[test]
fn a_fault_happens_once_and_changes_nothing() {
    let mut store = declared(0);
    let before = store.state_hash();
    store.fail_next_begin(StoreErrorKind::Busy);
    let error = store.begin(Durability::Full).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Busy);
    store.fail_next_commit(StoreErrorKind::Full);
    let tx = store.begin(Durability::Full).unwrap();
    let error = tx.commit(vec![insert(1)]).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert_eq!(store.state_hash(), before);
    commit(&mut store, Durability::Full, vec![insert(1)]);
    assert_ne!(store.state_hash(), before);
}

#[test]
fn the_same_contents_have_the_same_hash_whatever_the_way() {
    let (mut one, mut other) = (declared(0), declared(4));
    commit(&mut one, Durability::Full, vec![insert(1), insert(2)]);
    commit(&mut other, Durability::Normal, vec![insert(2)]);
    commit(&mut other, Durability::Normal, vec![insert(1), insert(3)]);
    assert_ne!(one.state_hash(), other.state_hash());
    let remove = Op::Remove {
        collection: notes(),
        rid: Rid(3),
    };
    commit(&mut other, Durability::Full, vec![remove]);
    assert_eq!(one.state_hash(), other.state_hash(), "{}", other.print());
}

#[test]
fn a_clone_is_independent() {
    let mut store = declared(0);
    let mut copy = store.clone();
    commit(&mut copy, Durability::Full, vec![insert(1)]);
    let mut tx = store.begin(Durability::Full).unwrap();
    let found = tx
        .load(&notes(), Keys::Rids(&[Rid(1)]), Load::Whole)
        .unwrap();
    assert_eq!(found, [None]);
}
