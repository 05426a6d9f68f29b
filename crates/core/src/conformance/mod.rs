//! What every store must show, as a specification to run: `store_conformance!(make)` makes a test of each case.
//!
//! ```
//! use tisync_core::memory::MemoryStore;
//! // At the top of a test file; `make` gives an empty store.
//! tisync_core::store_conformance!(MemoryStore::new());
//! # fn main() {}
//! ```
//!
//! The cases speak of the seam only ([`crate::store`]). What a store keeps over a restart, and how it meets a
//! full disk, is for its own tests.
// The suite is a test in all but name: what is missing is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

pub mod archived;
pub mod collections;
pub mod commits;
pub mod decisions;
pub mod known;
pub mod marks;
pub mod outbox;
pub mod records;
pub mod schemas;
pub mod sides;
pub mod snapshot;
pub mod sync_state;

use crate::model::{
    Change, CollectionName, Column, ColumnKind, Dirty, Entry, EntryState, Image, MutationId,
    Record, RecordId, RecordState, Rid, Schema, Stamp, Stamps, Version,
};
use crate::store::{
    Durability, EntryFilter, Keys, Load, Op, Store, StoreError, StoreErrorKind, Tx,
};
use tisync_json::{Document, Path};

macro_rules! cases {
    ($d:tt $($module:ident: $($case:ident),+;)+) => {
        /// Makes a test of each case of the specification; the argument gives an empty store.
        #[macro_export]
        macro_rules! store_conformance {
            ($d make:expr) => {
                $(mod $module {
                    #[allow(unused_imports)]
                    use super::*;
                    $(#[test]
                    fn $case() {
                        $d crate::conformance::$module::$case(&mut $d make);
                    })+
                })+
            };
        }

        /// Runs every case on stores that `make` gives, for hosts without a test harness; returns how many.
        pub fn run_all<S: Store>(mut make: impl FnMut() -> S) -> usize {
            let mut count = 0;
            $($($module::$case(&mut make()); count += 1;)+)+
            count
        }
    };
}

cases! { $
    commits:
        a_commit_applies_all_or_nothing,
        an_error_late_in_a_commit_takes_all_of_it_back,
        dropping_a_transaction_changes_nothing,
        an_empty_commit_is_fine,
        changes_apply_in_their_order,
        both_durabilities_show_the_same,
        a_failed_commit_leaves_the_store_usable,
        a_collection_that_is_not_declared_reads_as_empty,
        a_change_of_a_collection_that_is_not_declared_is_refused;
    records:
        an_inserted_record_comes_back_whole,
        every_state_version_and_stamp_comes_back,
        the_text_of_a_document_is_kept_as_it_came,
        load_answers_in_the_order_of_the_keys,
        load_by_rid_and_by_id_agree,
        heads_leave_out_the_documents_of_clean_records_only,
        an_insert_over_a_taken_rid_is_refused,
        an_insert_over_a_taken_id_is_refused,
        an_update_replaces_everything,
        an_update_may_change_the_id,
        an_update_may_not_take_the_id_of_another,
        an_update_of_a_record_that_is_not_there_is_refused,
        a_head_changes_all_but_the_document,
        a_head_of_a_record_that_is_not_there_is_refused,
        a_clean_record_must_have_a_document,
        a_tombstone_must_have_none,
        a_head_makes_no_tombstone_of_a_document,
        a_tombstone_stays_and_can_be_revived,
        scan_goes_by_id_and_shows_tombstones,
        scan_goes_on_after_an_id,
        the_next_rid_is_one_above_the_highest,
        removing_the_highest_record_frees_its_rid,
        ids_of_any_characters_work,
        a_page_of_many_records_comes_back;
    collections:
        collections_do_not_see_each_other,
        declaring_again_keeps_the_records,
        columns_may_come_and_go,
        bad_columns_are_refused,
        collections_may_differ_in_case_only;
    schemas:
        what_was_declared_last_is_told,
        a_record_keeps_the_number_of_its_schema,
        outdated_records_come_in_the_order_of_rid,
        outdated_records_page_by_rows_and_bytes;
    sides:
        a_side_row_comes_with_its_record,
        a_side_row_can_be_replaced_and_removed,
        the_side_row_of_a_new_record_comes_back,
        a_blank_side_row_survives_updates_and_heads,
        a_side_row_needs_its_record,
        a_side_row_keeps_every_kind_of_image,
        a_side_row_keeps_the_remote_whole,
        a_former_id_resolves,
        the_present_id_goes_before_a_former_one,
        a_former_id_may_move_to_another_record,
        aliases_come_in_order,
        removing_a_record_removes_what_is_beside_it,
        removing_a_record_that_is_referred_to_is_refused,
        a_removed_record_may_be_let_go_in_the_same_commit,
        removing_what_is_not_there_is_fine;
    outbox:
        an_entry_comes_back_whole,
        every_state_of_an_entry_comes_back,
        where_an_entry_stands_changes_alone,
        an_entry_that_is_not_there_stands_nowhere,
        the_keys_of_entries_are_those_of_the_entries,
        every_change_comes_back,
        entries_come_by_seq_and_page,
        an_entry_with_the_same_seq_is_replaced,
        a_replaced_entry_may_change_its_key,
        pending_entries_are_filtered_by_collection,
        unknown_entries_are_filtered_by_collection,
        in_flight_and_waiting_entries_are_found,
        chains_are_those_of_the_records,
        members_of_a_group_are_found,
        an_entry_is_found_by_its_key_in_every_state,
        no_collections_means_no_entries,
        the_counts_are_by_collection_and_state_with_the_earliest_times,
        the_next_seq_is_one_above_the_highest;
    decisions:
        a_conflict_comes_back_whole,
        conflicts_come_by_collection_and_record,
        a_conflict_is_one_a_record,
        a_journal_row_comes_back_whole,
        the_journal_comes_newest_first,
        the_journal_is_filtered_by_record_and_mutation,
        a_journal_row_with_the_same_id_is_replaced,
        the_open_rows_of_a_mutation_are_amended,
        the_rows_of_a_record_may_move_to_another,
        pruning_drops_old_settled_rows,
        pruning_keeps_open_rows,
        pruning_keeps_the_newest_row,
        pruning_drops_the_oldest_beyond_the_bytes,
        what_is_pruned_for_its_age_takes_no_room,
        the_next_journal_id_is_one_above_the_highest;
    known:
        known_records_come_by_id_with_their_versions,
        known_records_come_by_range_and_limit,
        of_a_dirty_record_the_latest_image_is_known,
        what_no_server_has_is_not_known,
        documents_come_when_they_are_asked_for;
    marks:
        a_record_is_unseen_until_it_is_marked,
        passes_do_not_see_each_other,
        a_forgotten_pass_has_seen_nothing,
        tombstones_are_neither_counted_nor_unseen,
        a_record_that_is_deleted_here_is_counted,
        marking_twice_is_marking_once,
        a_removed_record_loses_its_marks,
        unseen_pages_by_id;
    archived:
        a_store_is_made_again_from_its_archive,
        a_walk_in_progress_begins_again;
    sync_state:
        a_feed_comes_back,
        feeds_of_two_connectors_are_apart,
        a_connector_comes_back,
        a_suspicion_comes_back_by_collection,
        a_suspicion_is_replaced_and_removed,
        a_quarantined_row_gets_a_number,
        quarantined_rows_page_by_number,
        a_quarantined_row_may_be_replaced,
        meta_is_kept_replaced_and_removed,
        the_clock_is_the_latest_of_all,
        the_clock_follows_an_entry_that_was_changed,
        the_clock_of_an_empty_store_is_zero;
}

/// The collection that most cases use.
pub fn notes() -> CollectionName {
    CollectionName::new("notes").unwrap()
}

/// Another collection.
pub fn tasks() -> CollectionName {
    CollectionName::new("tasks").unwrap()
}

pub fn id(text: &str) -> RecordId {
    RecordId::new(text).unwrap()
}

pub fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

pub fn stamp(ms: u64) -> Stamp {
    Stamp {
        ms,
        counter: 3,
        node: 7,
    }
}

pub fn version(text: &str) -> Option<Version> {
    Some(Version::new(text).unwrap())
}

/// A clean record.
pub fn record(rid: i64, name: &str) -> Record {
    Record {
        rid: Rid(rid),
        id: id(name),
        version: version("1"),
        state: RecordState::Clean,
        document: Some(document(&format!(r#"{{"title":"{rid}"}}"#))),
        stamp: Some(stamp(5)),
        schema: 1,
        migrated: false,
    }
}

/// A deleted record.
pub fn tombstone(rid: i64, name: &str) -> Record {
    Record {
        state: RecordState::Tombstone,
        document: None,
        ..record(rid, name)
    }
}

/// A pending patch of a record of `notes`.
pub fn entry(seq: i64, rid: i64) -> Entry {
    Entry {
        seq,
        id: MutationId(1000 + seq as u128),
        collection: notes(),
        rid: Rid(rid),
        change: Change::Replace(document(r#"{"title":"ours"}"#)),
        stamps: Stamps {
            latest: stamp(100 + seq as u64),
            ..Stamps::default()
        },
        group: None,
        schema: 1,
        replaces: None,
        undoes: None,
        state: EntryState::Pending,
        frozen: None,
        created_ms: 1_000 + seq as u64,
    }
}

pub fn column(name: &str, kind: ColumnKind, indexed: bool) -> Column {
    Column {
        name: name.to_owned(),
        path: Path::key(name),
        kind,
        indexed,
    }
}

pub fn declare(collection: CollectionName, columns: Vec<Column>) -> Op {
    Op::Declare {
        collection,
        schema: Schema {
            number: 1,
            columns,
            ..Schema::default()
        },
        migrating: false,
    }
}

pub fn insert(record: Record) -> Op {
    Op::Insert {
        collection: notes(),
        record,
    }
}

pub fn update(record: Record) -> Op {
    Op::Update {
        collection: notes(),
        record,
    }
}

pub fn remove(rid: i64) -> Op {
    Op::Remove {
        collection: notes(),
        rid: Rid(rid),
    }
}

pub fn dirty(rid: i64, dirty: Option<Dirty>) -> Op {
    Op::Dirty {
        collection: notes(),
        rid: Rid(rid),
        dirty,
    }
}

pub fn alias(alias: &str, rid: i64) -> Op {
    Op::Alias {
        collection: notes(),
        alias: id(alias),
        rid: Rid(rid),
    }
}

pub fn blank() -> Dirty {
    Dirty {
        base: Image::Absent,
        remote: None,
        provisional: false,
    }
}

pub fn put(entry: Entry) -> Op {
    Op::Entry(Box::new(entry))
}

pub fn commit<S: Store>(store: &mut S, changes: Vec<Op>) {
    let tx = store.begin(Durability::Full).expect("begin");
    tx.commit(changes).expect("commit");
}

/// Declares `notes`, then commits.
pub fn given<S: Store>(store: &mut S, changes: Vec<Op>) {
    commit(store, vec![declare(notes(), Vec::new())]);
    commit(store, changes);
}

/// What `read` sees in a transaction of its own.
pub fn see<S: Store, T>(
    store: &mut S,
    read: impl FnOnce(&mut S::Tx<'_>) -> Result<T, StoreError>,
) -> T {
    let mut tx = store.begin(Durability::Normal).expect("begin");
    read(&mut tx).expect("read")
}

/// The commit must be refused as a misuse, and change nothing.
pub fn refused<S: Store>(store: &mut S, changes: Vec<Op>) {
    let before = all(store);
    let tx = store.begin(Durability::Full).expect("begin");
    let error = tx.commit(changes).expect_err("must be refused");
    assert_eq!(error.kind, StoreErrorKind::Misuse, "{error}");
    assert_eq!(all(store), before, "a refused commit changed something");
}

/// The records of `notes` by id.
pub fn all<S: Store>(store: &mut S) -> Vec<(Record, Option<Dirty>)> {
    see(store, |tx| tx.scan(&notes(), None, usize::MAX))
}

/// The ids of the records of `notes`.
pub fn ids<S: Store>(store: &mut S) -> Vec<String> {
    let rows = all(store);
    rows.iter()
        .map(|(record, _)| record.id.to_string())
        .collect()
}

/// A record of `notes` by id.
pub fn load<S: Store>(store: &mut S, name: &str) -> Option<(Record, Option<Dirty>)> {
    see(store, |tx| {
        tx.load(&notes(), Keys::Ids(&[id(name)]), Load::Whole)
    })
    .remove(0)
}

/// The places of the entries that a filter finds.
pub fn seqs<S: Store>(store: &mut S, filter: EntryFilter<'_>) -> Vec<i64> {
    let entries = see(store, |tx| tx.entries(filter, None, usize::MAX));
    entries.iter().map(|entry| entry.seq).collect()
}
