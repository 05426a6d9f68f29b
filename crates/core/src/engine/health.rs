//! Health: the truth about what waits.
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::{EntryFilter, Tx};
use std::collections::BTreeMap;

/// Collects the health of everything.
pub(super) fn health<T: Tx>(work: &mut Work<'_, T>) -> Result<Health, Error> {
    let (outbox, oldest_pending_ms) = work.tx.outbox()?;
    let mut blockers: BTreeMap<Blocker, u64> = BTreeMap::new();
    if outbox.held > 0 {
        each(work, EntryFilter::Waiting, |entry| {
            if let EntryState::Held(blocker) = entry.state {
                *blockers.entry(blocker).or_default() += 1;
            }
        })?;
    }
    let elsewhere = work.memory.generation.is_none();
    let mut connectors = Vec::new();
    let mut feeds = Vec::new();
    for name in work.config.connectors.keys() {
        let state = work.connector(name)?.clone();
        let mut next_ms = state.next.or(state.not_before).map(|_| {
            work.remaining_ms(state.next)
                .max(work.remaining_ms(state.not_before))
        });
        next_ms = next_ms.filter(|ms| *ms > 0);
        let mut blocker = blocker_of(work, &state);
        for (key, _) in work.feeds_of(name) {
            let feed = work.feed(&key)?.clone();
            if feed
                .pass
                .as_ref()
                .is_some_and(|pass| pass.reason == PassReason::Epoch)
            {
                blocker = blocker.or(Some(Blocker::Epoch));
            }
            feeds.push(FeedHealth {
                feed: key,
                behind: feed.behind || feed.pass.is_some(),
                last_ok_ms: feed.last_ok_ms,
                complete_ms: feed.complete_ms,
                next_ms: feed.next.map(|next| work.remaining_ms(Some(next))),
                shrink: feed
                    .pass
                    .and_then(|pass| pass.shrink)
                    .filter(|shrink| !shrink.confirmed && !shrink.probing),
                last_error: feed.last_error,
            });
        }
        let collections = work.collections_of(name);
        if let Some(blocker) = &blocker {
            let waiting = pending(work, &collections)?;
            if waiting > 0 {
                *blockers.entry(blocker.clone()).or_default() += waiting;
            }
        }
        let guarantees = collections
            .into_iter()
            .filter_map(|collection| {
                let line = work.config.collection(&collection)?.capability.guarantee();
                Some((collection, line))
            })
            .collect();
        connectors.push(ConnectorHealth {
            connector: name.clone(),
            blocker,
            next_ms,
            attempts: state.attempts,
            busy: work.memory.is_busy(name),
            last_error: state.last_error,
            skew_ms: state.skew_ms,
            guarantees,
        });
    }
    let unserved: Vec<CollectionName> = work
        .config
        .collections
        .iter()
        .filter(|(_, config)| config.connector.is_none())
        .map(|(name, _)| name.clone())
        .collect();
    let unserved = pending(work, &unserved)?;
    if unserved > 0 {
        blockers.insert(Blocker::NoConnector, unserved);
    }
    if elsewhere && outbox.pending > 0 {
        blockers.insert(
            Blocker::LeaseElsewhere,
            outbox.pending - unserved.min(outbox.pending),
        );
    }
    Ok(Health {
        outbox,
        oldest_pending_ms,
        conflicts: conflicts(work)?,
        quarantined: quarantined(work)?,
        connectors,
        feeds,
        blockers: blockers.into_iter().collect(),
    })
}

/// Looks at the entries of a filter, page by page: a backlog need not fit into memory.
fn each<T: Tx>(
    work: &mut Work<'_, T>,
    filter: EntryFilter<'_>,
    mut look: impl FnMut(Entry),
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work.tx.entries(filter, after, limits::SWEEP_ROWS)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        page.into_iter().for_each(&mut look);
    }
}

fn pending<T: Tx>(work: &mut Work<'_, T>, collections: &[CollectionName]) -> Result<u64, Error> {
    let mut count = 0;
    if !collections.is_empty() {
        each(work, EntryFilter::Pending(collections), |_| count += 1)?;
    }
    Ok(count)
}

fn conflicts<T: Tx>(work: &mut Work<'_, T>) -> Result<u64, Error> {
    let mut count = 0;
    let mut after: Option<(CollectionName, Rid)> = None;
    loop {
        let from = after.as_ref().map(|(name, rid)| (name, *rid));
        let page = work.tx.conflicts(from, limits::SWEEP_ROWS)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        count += page.len() as u64;
        after = Some((last.collection.clone(), last.rid));
    }
}

fn quarantined<T: Tx>(work: &mut Work<'_, T>) -> Result<u64, Error> {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = work.tx.quarantined(after, limits::SWEEP_ROWS)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        count += page.len() as u64;
        after = Some(last.number);
    }
}

/// Why nothing goes to a connector at all.
fn blocker_of<T: Tx>(work: &Work<'_, T>, state: &ConnectorState) -> Option<Blocker> {
    if work.memory.stopped {
        Some(Blocker::Stopped)
    } else if state.refused == Some(state.revision) {
        Some(Blocker::Credentials)
    } else if state.upgrade_required {
        Some(Blocker::UpgradeRequired)
    } else if work.memory.offline || state.offline {
        Some(Blocker::Offline)
    } else {
        None
    }
}
