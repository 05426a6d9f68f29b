//! Health: the truth about what waits.
use super::account;
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::{EntryFilter, Tx};
use tisync_json::tree::BTreeMap;

/// Collects the health of everything.
pub(super) fn health<T: Tx>(work: &mut Work<'_, T>) -> Result<Health, Error> {
    let outbox = work.tx.outbox()?;
    let all = sum(outbox.values());
    let mut blockers = Blockers::default();
    if all.counts.held > 0 {
        held(work, &mut blockers)?;
    }
    let mut connectors = Vec::new();
    let mut feeds = Vec::new();
    for name in work.config.connectors.keys() {
        let collections = work.collections_of(name);
        let connector = connector(work, name, &collections)?;
        if let Some(blocker) = connector.blocker {
            blockers.add(blocker, pending(&outbox, &collections));
        }
        connectors.push(connector);
        for (key, _) in work.feeds_of(name) {
            feeds.push(feed(work, key)?);
        }
    }
    let (served, unserved): (Vec<_>, Vec<_>) = work
        .config
        .collections
        .iter()
        .partition(|(_, config)| config.connector.is_some());
    blockers.add(
        Blocker::NoConnector,
        pending(&outbox, unserved.iter().map(|(name, _)| *name)),
    );
    if work.memory.generation.is_none() {
        let served = pending(&outbox, served.iter().map(|(name, _)| *name));
        blockers.add(Blocker::LeaseElsewhere, served);
    }
    Ok(Health {
        outbox: all.counts,
        oldest_pending_ms: all.oldest_ms,
        conflicts: conflicts(work)?,
        quarantined: quarantined(work)?,
        logged_out_ms: account::logged_out_ms(work)?,
        connectors,
        feeds,
        blockers: blockers.0.into_values().collect(),
    })
}

/// Why the first entry of a record's chain is not answered yet.
pub(super) fn waits<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    first: &Entry,
) -> Result<Option<Waits>, Error> {
    let blocker = match first.state {
        EntryState::Parked { .. } => return Ok(None),
        EntryState::Held(blocker) => Some(blocker),
        _ => None,
    };
    let connector = match &work.collection(collection)?.connector {
        _ if blocker.is_some() => None,
        Some(name) => Some(connector(work, name, &[])?),
        None => {
            return Ok(Some(Waits {
                blocker: Some(Blocker::NoConnector),
                ..Waits::default()
            }));
        }
    };
    Ok(Some(match connector {
        None => Waits {
            blocker,
            ..Waits::default()
        },
        Some(connector) => Waits {
            blocker: connector.blocker,
            next_ms: connector.next_ms,
            last_error: connector.last_error,
        },
    }))
}

/// Entries that wait, by the reason.
#[derive(Default)]
struct Blockers(BTreeMap<Blocker, BlockerHealth>);

impl Blockers {
    /// Adds so many entries, the oldest of which was written then.
    fn add(&mut self, blocker: Blocker, (entries, oldest_ms): (u64, Option<u64>)) {
        let Some(oldest_ms) = oldest_ms.filter(|_| entries > 0) else {
            return;
        };
        let known = self.0.entry(blocker).or_insert(BlockerHealth {
            blocker,
            entries: 0,
            oldest_ms,
        });
        known.entries += entries;
        known.oldest_ms = known.oldest_ms.min(oldest_ms);
    }
}

fn connector<T: Tx>(
    work: &mut Work<'_, T>,
    name: &ConnectorName,
    collections: &[CollectionName],
) -> Result<ConnectorHealth, Error> {
    let state = work.connector(name)?.clone();
    let mut blocker = match account::logged_out_ms(work)? {
        Some(_) => Some(Blocker::Credentials),
        None => blocker_of(work, &state),
    };
    for (key, _) in work.feeds_of(name) {
        if work.feed(&key)?.is_new_history() {
            blocker = blocker.or(Some(Blocker::Epoch));
        }
    }
    let next_ms = work
        .remaining_ms(state.probe.or(state.next))
        .max(work.remaining_ms(state.not_before));
    let guarantees = collections
        .iter()
        .filter_map(|collection| {
            let line = work.config.collection(collection)?.capability.guarantee();
            Some((collection.clone(), line))
        })
        .collect();
    Ok(ConnectorHealth {
        connector: name.clone(),
        blocker,
        next_ms: Some(next_ms).filter(|ms| *ms > 0),
        attempts: state.attempts.max(state.probes),
        busy: work.memory.is_busy(name),
        network: state.network,
        listening: work.memory.is_listening(name),
        last_error: state.last_error,
        skew_ms: state.skew_ms,
        guarantees,
    })
}

fn feed<T: Tx>(work: &mut Work<'_, T>, key: FeedKey) -> Result<FeedHealth, Error> {
    let feed = work.feed(&key)?.clone();
    Ok(FeedHealth {
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
        verified: super::verify::verified(&feed.verification),
    })
}

fn sum<'a>(outbox: impl IntoIterator<Item = &'a CollectionOutbox>) -> CollectionOutbox {
    outbox
        .into_iter()
        .fold(CollectionOutbox::default(), |all, one| all.and(*one))
}

/// How many entries of these collections are pending, and when the oldest was written.
fn pending<'a>(
    outbox: &BTreeMap<CollectionName, CollectionOutbox>,
    collections: impl IntoIterator<Item = &'a CollectionName>,
) -> (u64, Option<u64>) {
    let of = sum(collections.into_iter().filter_map(|name| outbox.get(name)));
    (of.counts.pending, of.oldest_pending_ms)
}

/// Looks at the held entries page by page: a backlog need not fit into memory.
fn held<T: Tx>(work: &mut Work<'_, T>, blockers: &mut Blockers) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work
            .tx
            .entries(EntryFilter::Waiting, after, limits::SWEEP_ROWS)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        for entry in page {
            if let EntryState::Held(blocker) = entry.state {
                blockers.add(blocker, (1, Some(entry.created_ms)));
            }
        }
    }
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
    } else if state.network.reach.is_cut_off() {
        Some(Blocker::Offline)
    } else {
        None
    }
}
