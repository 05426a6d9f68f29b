//! Verify: what is here is compared with the server's digests, and what differs is mended in place.
//!
//! Counted is what the server was last seen to have, whatever is pending on top of it, so that a write under way
//! never looks like drift. A comparison counts only where nothing was written on the server since the feed's
//! checkpoint; then a difference is real. Only a record that is fetched and differs is touched.
mod count;
mod mend;
mod narrow;

pub(super) use mend::mended;
pub(super) use narrow::answered;

use super::work::Work;
use super::{pull, schedule};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::Tx;

/// What a question was about.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// The collections that were counted, as wholes.
    Wholes,
    /// The first of the counted ranges.
    Counted(usize),
    /// Parts of the last range that differs, with what is here of them.
    Parts(Vec<Counted>),
    /// The last range that differs, with its records.
    Records(Vec<Listed>),
}

/// What came of a turn.
pub(super) enum Turn {
    /// Something was ordered.
    Ordered,
    /// A slice was counted: the next as soon as this is stored.
    Slice,
    /// Nothing to do for so many milliseconds, or until something else happens.
    Waits(Option<u64>),
}

/// Compares a feed anew: asked for by a person.
pub(super) fn ask<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    contents: bool,
) -> Result<(), Error> {
    let collections = pull::collections_of(work, key);
    if collections.is_empty() {
        return Err(Error::new(
            crate::error::ErrorKind::NotFound,
            format!("there is no feed {}/{}", key.connector, key.feed),
        ));
    }
    if !has_digests(work, &collections)? {
        return Err(Error::new(
            crate::error::ErrorKind::Invalid,
            format!(
                "the backend of {}/{} offers no digests to compare with: a resync reads everything again",
                key.connector, key.feed
            ),
        ));
    }
    work.set_feed(key, |state| {
        state.verification.next = None;
        state.verification.attempts = 0;
        state.verification.progress = Some(Box::new(Progress {
            contents,
            ..Progress::default()
        }));
    })
}

/// Goes on with the verification of a feed that is at rest.
pub(super) fn turn<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collections: &[CollectionName],
) -> Result<Turn, Error> {
    if !has_digests(work, collections)? {
        return Ok(Turn::Waits(None));
    }
    let next = work.feed(key)?.verification.next;
    let wait_ms = work.remaining_ms(next);
    let feed = work.feed(key)?;
    let at_rest = !feed.behind && feed.pass.is_none();
    let Some(checkpoint) = feed.checkpoint.clone().filter(|_| at_rest) else {
        return Ok(Turn::Waits(None));
    };
    let verification = &feed.verification;
    if wait_ms > 0 {
        return Ok(Turn::Waits(Some(wait_ms)));
    }
    if verification.progress.is_none() && next.is_none() {
        // Everything was pulled just now.
        wait(work, key, limits::VERIFY_MS)?;
        return Ok(Turn::Waits(Some(limits::VERIFY_MS)));
    }
    let progress = match &verification.progress {
        Some(progress) => progress.as_ref().clone(),
        None => Progress::default(),
    };
    let progress = match collections.first() {
        Some(first) => at(progress, checkpoint, first),
        None => return Ok(Turn::Waits(None)),
    };
    if progress.place.is_some() {
        count::slice(work, key, progress, collections)?;
        return Ok(Turn::Slice);
    }
    narrow::next(work, key, progress)
}

/// What was counted at another place of the feed counts no more.
fn at(mut progress: Progress, checkpoint: Checkpoint, first: &CollectionName) -> Progress {
    if progress.checkpoint.as_ref() != Some(&checkpoint) {
        progress.checkpoint = Some(checkpoint);
        let is_narrowing = progress.differs && progress.counted.is_empty();
        if !is_narrowing {
            progress.counted.clear();
            progress.ranges.clear();
            progress.records.clear();
            progress.differs = false;
            progress.place = Some((first.clone(), None));
        }
    }
    progress
}

fn has_digests<T: Tx>(work: &Work<'_, T>, collections: &[CollectionName]) -> Result<bool, Error> {
    for collection in collections {
        if !work.collection(collection)?.capability.digests {
            return Ok(false);
        }
    }
    Ok(true)
}

fn store<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey, progress: Progress) -> Result<(), Error> {
    work.set_feed(key, |state| {
        state.verification.progress = Some(Box::new(progress));
    })
}

fn wait<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey, ms: u64) -> Result<(), Error> {
    let next = work.after(ms);
    work.set_feed(key, |state| state.verification.next = Some(next))
}

/// Everything that can be compared was compared.
fn finish<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey, progress: &Progress) -> Result<(), Error> {
    wait(work, key, limits::VERIFY_MS)?;
    let ended_ms = work.now.wall_ms;
    let findings = Findings {
        ended_ms,
        mended: progress.mended,
        left: progress.left,
    };
    work.set_feed(key, |state| {
        let verification = &mut state.verification;
        verification.progress = None;
        verification.attempts = 0;
        verification.last = Some(findings);
        if findings.left == 0 {
            verification.verified_ms = Some(ended_ms);
        }
    })?;
    work.event(Event::Health);
    Ok(())
}

/// The comparison could not be made: the feed has moved on, which a pull will show.
fn too_late<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<(), Error> {
    let attempts = work.feed(key)?.verification.attempts + 1;
    work.set_feed(key, |state| {
        state.verification.attempts = attempts;
        state.next = None;
    })?;
    if attempts >= limits::VERIFY_TRIES {
        wait(work, key, limits::VERIFY_RETRY_MS)?;
        work.set_feed(key, |state| state.verification.attempts = 0)?;
    }
    Ok(())
}

/// Notes that a question failed as a whole: it is asked again later.
pub(super) fn failed<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Result<(), Error> {
    let attempts = work.feed(key)?.verification.attempts.saturating_add(1);
    let ms = schedule::backoff(work, attempts);
    work.set_feed(key, |state| state.verification.attempts = attempts)?;
    wait(work, key, ms)
}

/// A feed that is walked from the beginning is compared, if at all, once the walk is over.
pub(crate) fn restart(state: &mut FeedState) {
    if let Some(progress) = &mut state.verification.progress {
        **progress = Progress {
            contents: progress.contents,
            walked: progress.walked,
            mended: progress.mended,
            ..Progress::default()
        };
    }
}

/// What people are told, once there is something to tell.
pub(super) fn verified(verification: &Verification) -> Option<Verified> {
    let verified = Verified {
        at_ms: verification.verified_ms,
        comparing: verification.progress.is_some(),
        last: verification.last,
    };
    (verified != Verified::default()).then_some(verified)
}
