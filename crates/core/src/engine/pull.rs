//! Pull: a page is applied, and the checkpoint moves with it.
use super::memory::Asked;
use super::work::Work;
use super::{apply, listen, schedule};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Op, Tx};

/// Asks for the next page of a feed.
pub(super) fn ask<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collections: &[CollectionName],
) -> Result<(), Error> {
    if is_walk_due(work, key)? {
        restart(work, key, PassReason::Listing, None)?;
    }
    if work.feed(key)?.checkpoint.is_none() {
        begin(work, key)?;
    }
    let feed = work.feed(key)?;
    let checkpoint = feed.checkpoint.clone();
    // A first sync; what is here already would see a walk in another order than that of the commits.
    let snapshot = checkpoint.is_none() && feed.pass.is_none();
    let asked = Asked::Pull {
        feed: key.clone(),
        checkpoint: checkpoint.clone(),
        pass: feed.pass.as_ref().map(|pass| pass.number),
    };
    let request = work.entropy.request();
    let task = Task::Pull(PullRequest {
        feed: key.feed.clone(),
        collections: collections.to_vec(),
        checkpoint,
        snapshot,
        items_max: limits::PULL_ITEMS_MAX,
        bytes_max: limits::PULL_BYTES_MAX,
    });
    work.order(&key.connector, request, asked, task)
}

/// Applies a page, or the slice of it that starts at `from`. Returns the place to go on from, if any.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    request: RequestId,
    page: Page,
    from: usize,
) -> Result<Option<usize>, Error> {
    if let Some(time) = page.server_time_ms {
        let skew = i64::try_from(time)
            .unwrap_or(i64::MAX)
            .saturating_sub_unsigned(work.now.wall_ms);
        work.set_connector(&key.connector, |state| {
            // A minute's drift is worth a row, the jitter of a request is not.
            if state.skew_ms.abs_diff(skew) > 1_000 {
                state.skew_ms = skew;
            }
        })?;
    }
    let known = work.feed(key)?.epoch.clone();
    let unheard = work.feed(key)?.unheard;
    if let (Some(known), Some(now)) = (&known, &page.epoch)
        && (known.epoch != now.epoch || unheard)
        && !planted::on(Bug::IgnoreEpoch)
    {
        restart(work, key, PassReason::Epoch, page.epoch)?;
        return Ok(None);
    }
    if known.is_none() || unheard {
        // Records may be here already, accepted before the first page: their versions are judged by this history.
        let epoch = page.epoch.clone();
        work.set_feed(key, |state| {
            state.epoch = epoch.or(state.epoch.take());
            state.unheard = false;
        })?;
    }
    let from = from.min(page.items.len());
    let until = page.slice(from, work.config.slice_items);
    let is_last = until == page.items.len();
    let feed = work.feed(key)?;
    let stuck = page.end == PageEnd::More && page.checkpoint == feed.checkpoint;
    let pass = feed.pass.clone();
    let items = page.items.into_iter().skip(from).take(until - from);
    apply::apply(work, key, items, pass.as_ref())?;
    if !is_last {
        if planted::on(Bug::CheckpointBeforeApply) {
            work.set_feed(key, |state| state.checkpoint = page.checkpoint)?;
        }
        return Ok(Some(until));
    }
    if stuck {
        let message = "the feed says that there is more, but stays at its place";
        schedule::feed_failed(work, key, message)?;
        return Ok(None);
    }
    let now = work.now;
    let next = match page.end {
        PageEnd::More => None,
        PageEnd::Complete { .. } => listen::next_pull(work, key),
    };
    let is_end = page.end != PageEnd::More;
    // The next walk through a listing begins at its beginning.
    let checkpoint = match is_end && is_listing(work, key) {
        true => None,
        false => page.checkpoint,
    };
    let walk = next_walk(work, key);
    work.set_feed(key, |state| {
        state.checkpoint = checkpoint;
        if is_end && state.walk.is_none() {
            state.walk = walk;
        }
        state.epoch = page.epoch.or(state.epoch.take());
        state.attempts = 0;
        state.last_error = None;
        state.last_ok_ms = Some(now.wall_ms);
        state.behind = page.end == PageEnd::More;
        state.next = next;
        if !state.behind {
            match &mut state.pass {
                Some(pass) => pass.sweeping = true,
                None => state.complete_ms = Some(now.wall_ms),
            }
        }
    })?;
    work.outputs.push(Output::Stored(request));
    Ok(None)
}

/// Starts a complete walk from the beginning. The checkpoint goes only now, in the transaction that notes why.
pub(super) fn restart<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    reason: PassReason,
    epoch: Option<EpochInfo>,
) -> Result<(), Error> {
    let fresh = new_pass(work, key, reason)?;
    forget(work, key)?;
    work.set_feed(key, |state| {
        let same = match (&state.epoch, &epoch) {
            (Some(a), Some(b)) => a.epoch == b.epoch,
            _ => true,
        };
        // A walk that had to look for lost versions goes on doing so when it starts again.
        let reason = match &state.pass {
            Some(pass) if pass.reason == PassReason::Epoch => PassReason::Epoch,
            _ => reason,
        };
        state.restarts = if same { state.restarts + 1 } else { 1 };
        state.checkpoint = None;
        state.unheard &= epoch.is_none();
        state.epoch = epoch.or(state.epoch.take());
        state.behind = true;
        state.next = None;
        state.pass = Some(Pass { reason, ..fresh });
        super::verify::restart(state);
    })?;
    if work.feed(key)?.restarts > limits::RESTARTS_PER_EPOCH {
        // More than one restart in one history: slow down, so that two sides that disagree do not loop.
        let attempts = work.feed(key)?.restarts;
        let wait = schedule::backoff(work, attempts);
        let next = work.after(wait);
        work.set_feed(key, |state| state.next = Some(next))?;
    }
    Ok(())
}

/// Forgets what a walk from the beginning will show again: marks of an unfinished pass, and quarantined rows.
fn forget<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<(), Error> {
    forget_marks(work, key)?;
    let rows = apply::quarantined(work, key)?;
    // What the app could not migrate is in the file, and no walk shows it.
    for row in rows.iter().filter(|row| row.schema.is_none()) {
        work.ops.push(Op::RemoveQuarantined(row.number));
    }
    Ok(())
}

fn forget_marks<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<(), Error> {
    if let Some(pass) = work.feed(key)?.pass.as_ref().map(|pass| pass.number) {
        for collection in collections_of(work, key) {
            work.ops.push(Op::ForgetPass { collection, pass });
        }
    }
    Ok(())
}

/// Begins a walk from the beginning, also one that was begun before and has to begin again: what an earlier
/// attempt has seen may be gone by now, and no page would tell.
///
/// A first walk does not show what was deleted before it: when records are here already, such as our own that
/// were accepted before the first page came, it is a pass, so that the missing ones are found.
fn begin<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<(), Error> {
    let pass = work.feed(key)?.pass.clone();
    let is_listing = is_listing(work, key);
    if is_listing && pass.as_ref().is_some_and(|pass| pass.sweeping) {
        // It waits for look-ups, or for a person. What another walk shows meanwhile is seen as well.
        return Ok(());
    }
    let reason = match pass.map(|pass| pass.reason) {
        Some(reason) => reason,
        None if is_listing && has_records(work, key)? => PassReason::Listing,
        None if has_records(work, key)? => PassReason::First,
        None => return Ok(()),
    };
    let pass = new_pass(work, key, reason)?;
    forget_marks(work, key)?;
    work.set_feed(key, |state| state.pass = Some(pass))
}

/// Whether a feed is a walk through everything, each time.
fn is_listing<T: Tx>(work: &Work<'_, T>, key: &FeedKey) -> bool {
    any(work, key, |capability| {
        matches!(capability.feed, FeedKind::Listing(_))
    })
}

/// Whether a feed of changes is to be walked from the beginning, to find deletes that it does not show.
fn is_walk_due<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<bool, Error> {
    if next_walk(work, key).is_none() || planted::on(Bug::DeletesNotWalked) {
        return Ok(false);
    }
    let feed = work.feed(key)?;
    let is_at_rest = feed.checkpoint.is_some() && !feed.behind && feed.pass.is_none();
    let walk = feed.walk;
    Ok(is_at_rest && work.remaining_ms(walk) == 0)
}

/// When to walk through a feed of changes again: never, where it shows deletes.
pub(super) fn next_walk<T: Tx>(work: &Work<'_, T>, key: &FeedKey) -> Option<Deadline> {
    let hides = any(work, key, |capability| {
        capability.deletes == Deletes::Absent && !matches!(capability.feed, FeedKind::Listing(_))
    });
    hides.then(|| work.after(limits::WALK_MS))
}

fn any<T: Tx>(work: &Work<'_, T>, key: &FeedKey, has: impl Fn(&Capability) -> bool) -> bool {
    collections_of(work, key)
        .iter()
        .filter_map(|collection| work.config.collection(collection))
        .any(|config| has(&config.capability))
}

fn has_records<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<bool, Error> {
    for collection in collections_of(work, key) {
        if work.tx.count(&collection, None)?.0 > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn collections_of<T: Tx>(work: &Work<'_, T>, key: &FeedKey) -> Vec<CollectionName> {
    let config = work.config.connectors.get(&key.connector);
    config
        .and_then(|config| config.feeds.get(&key.feed))
        .cloned()
        .unwrap_or_default()
}

/// A pass under a number that no pass had before.
fn new_pass<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    reason: PassReason,
) -> Result<Pass, Error> {
    let number = 1 + work
        .tx
        .meta("pass")?
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    let number = number.max(1 + work.feed(key)?.pass.as_ref().map_or(0, |pass| pass.number));
    work.ops.push(Op::Meta {
        key: "pass".to_owned(),
        value: Some(number.to_string()),
    });
    Ok(Pass {
        number,
        reason,
        sweeping: false,
        place: None,
        swept: false,
        shrink: None,
    })
}
