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
mod forgetting;
mod live;
mod records;
mod transactions;

pub use forgetting::*;
pub use live::*;
pub use records::*;
pub use transactions::*;

use crate::store::{
    Access, Head, Key, Meta, Range, Receipt, Record, ServerStore, ServerTx, Settled, Tally,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;
use tisync_protocol::Rejected;

/// Makes a test of each case; the expression makes an empty store.
#[macro_export]
macro_rules! server_store_conformance {
    ($make:expr) => {
        $crate::server_store_conformance!(@each $make;
            starts_empty, a_dropped_transaction_leaves_no_trace, a_reader_cannot_write, keeps_the_history,
            keeps_a_record_as_it_is, a_rewrite_moves_the_record_to_the_end, keeps_a_deletion,
            a_deleted_record_comes_back, scans_in_the_order_of_commits, scans_only_what_is_wanted,
            a_scan_can_be_broken_off, keeps_tallies, visits_live_records_by_bytes,
            visits_live_records_with_what_they_hold, visits_live_records_backwards, a_visit_of_live_records_can_be_broken_off,
            live_records_are_those_of_the_transaction, keeps_receipts, a_mutation_has_one_receipt, forgets_old_deletions,
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
        schema: 0,
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
