//! What the log shows of exchanges: kinds, counts and keys of mutations; never a record, a secret, or the address of
//! a request with its query.
use crate::host;
use std::collections::BTreeMap;
use tisync_core::model::{Item, Page, PageEnd, Reply, Task, Verdict};

/// The kind of an order that writes.
pub(crate) const PUSH: &str = "push";

/// An order's kind in a word.
pub(crate) fn kind(task: &Task) -> &'static str {
    match task {
        Task::Pull(_) => "pull",
        Task::Push(_) => PUSH,
        Task::Fetch(_) => "fetch",
        Task::Probe => "probe",
        Task::Listen(_) => "listen",
        Task::Digest(_) => "digest",
    }
}

/// Logs an order that is carried out.
pub(crate) fn order(task: &Task) {
    match task {
        Task::Push(batch) => {
            tracing::debug!(mutations = batch.len(), "push");
            for item in batch {
                tracing::trace!(mutation = %item.id, collection = %item.collection, "handed out");
            }
        }
        Task::Pull(pull) => tracing::debug!(feed = %pull.feed, "pull"),
        other => tracing::debug!("{}", kind(other)),
    }
}

/// Logs what came back, `began_ms` being when the order went out.
pub(crate) fn reply(reply: &Reply, began_ms: u64) {
    let ms = host::monotonic_ms().saturating_sub(began_ms);
    match reply {
        Reply::Pulled(Ok(page)) => pulled(page, ms),
        Reply::Pushed(Ok(answer)) => {
            let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
            for (mutation, verdict) in &answer.verdicts {
                let verdict = name(verdict);
                *counts.entry(verdict).or_default() += 1;
                tracing::trace!(%mutation, verdict, "verdict");
            }
            tracing::debug!(verdicts = ?counts, ms, "pushed");
        }
        Reply::Fetched(Ok(answer)) => tracing::debug!(records = answer.found.len(), ms, "fetched"),
        Reply::Probed(Ok(())) => tracing::debug!(ms, "the backend is there"),
        other => {
            if let Some(failure) = other.failure() {
                tracing::debug!(kind = ?failure.kind, not_sent = failure.not_sent, message = %failure.message, ms, "failed");
            }
        }
    }
}

fn pulled(page: &Page, ms: u64) {
    let count = |wanted: fn(&Item) -> bool| page.items.iter().filter(|item| wanted(item)).count();
    tracing::debug!(
        upserts = count(|item| matches!(item, Item::Upsert { .. })),
        tombstones = count(|item| matches!(item, Item::Tombstone { .. })),
        bad = count(|item| matches!(item, Item::Bad { .. })),
        items = page.items.len(),
        more = page.end == PageEnd::More,
        ms,
        "page"
    );
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Conflict { .. } => "conflict",
        Verdict::Returned => "returned",
        Verdict::Outdated => "outdated",
        Verdict::Rejected { .. } => "rejected",
        Verdict::OutOfScope => "out of scope",
        Verdict::Deferred { .. } => "deferred",
        Verdict::Unknown => "unknown",
    }
}
