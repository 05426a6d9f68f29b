//! Sweep: after a complete pass, what was not seen is a suspicion; only evidence makes it a deletion.
use super::decide;
use super::work::Work;
use super::{absence, pull};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Op, Tx};

/// Goes on with the sweep of a feed; says whether it did anything.
pub(super) fn sweep<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collections: &[CollectionName],
) -> Result<bool, Error> {
    let feed = work.feed(key)?;
    let Some(mut pass) = feed
        .pass
        .clone()
        .filter(|pass| pass.sweeping && !feed.unheard)
    else {
        return Ok(false);
    };
    if pass
        .shrink
        .as_ref()
        .is_some_and(|shrink| !shrink.confirmed && !shrink.probing)
    {
        return Ok(false);
    }
    if pass.shrink.is_none() && !planted::on(Bug::ShrinkUnguarded) {
        pass.shrink = guard(work, &pass, collections)?;
        if pass.shrink.is_some() {
            probe(work, &pass, collections)?;
            work.event(Event::Health);
            work.set_feed(key, |state| state.pass = Some(pass))?;
            return Ok(true);
        }
    }
    if pass.shrink.as_ref().is_some_and(|shrink| shrink.probing) {
        return settle_probe(work, key, pass, collections);
    }
    if pass.swept {
        return finish(work, key, collections);
    }
    let (collection, after) = match pass.place.clone() {
        Some((collection, after)) => (collection, after),
        None => match collections.first() {
            Some(first) => (first.clone(), None),
            None => return finish(work, key, collections),
        },
    };
    let rows = work
        .tx
        .unseen(&collection, pass.number, after.as_ref(), limits::SWEEP_ROWS)?;
    let last = rows.last().map(|(record, _)| record.id.clone());
    let can_look = absence::can_look(work, &collection)?;
    let mut missed = Vec::new();
    for (record, dirty) in rows {
        let is_lost = work.is_lost(&collection, record.version.as_ref())?;
        match record.state {
            RecordState::Clean if !is_lost && planted::on(Bug::SweepWithoutFetch) => {
                super::apply::remove(work, &collection, record)?;
            }
            RecordState::Clean | RecordState::Provisional if !is_lost => match can_look {
                true => suspect(work, &collection, record, pass.number),
                false => missed.push(record),
            },
            RecordState::Clean | RecordState::Dirty => {
                let rid = record.rid;
                let suspected = record.clone();
                work.admit(&collection, vec![(record, dirty)])?;
                let mut slot = work.take(&collection, rid)?;
                let (seen, image) = slot.seen();
                let is_there = slot.base.is_present() || image.is_present();
                if is_lost || work.is_lost(&collection, seen)? {
                    // What is out is settled by its answer.
                    if !slot.is_out() {
                        slot.remote = Some(Remote {
                            out_of_scope: false,
                            image: Image::Absent,
                            version: None,
                            stamp: None,
                            stamps: None,
                            schema: None,
                            migrated: false,
                        });
                        decide::reconcile(work, &mut slot)?;
                    }
                } else if is_there {
                    // Never swept; but if it is gone, the delete rule must hear of it, whatever becomes of the
                    // chain.
                    match can_look {
                        true => suspect(work, &collection, suspected, pass.number),
                        false => missed.push(suspected),
                    }
                }
                work.put(slot);
            }
            _ => {}
        }
    }
    absence::missed(work, &collection, missed, pass.number)?;
    pass.place = match last {
        Some(last) => Some((collection, Some(last))),
        None => {
            let next = collections
                .iter()
                .skip_while(|other| **other != collection)
                .nth(1);
            pass.swept = next.is_none();
            next.map(|next| (next.clone(), None))
        }
    };
    work.set_feed(key, |state| state.pass = Some(pass))?;
    Ok(true)
}

pub(super) fn suspect<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    record: Record,
    pass: u64,
) {
    work.ops.push(Op::Suspect(Suspicion {
        collection: collection.clone(),
        rid: record.rid,
        id: record.id,
        pass,
        passes: 1,
    }));
}

/// Looks whether the sweep would delete suspiciously much.
fn guard<T: Tx>(
    work: &mut Work<'_, T>,
    pass: &Pass,
    collections: &[CollectionName],
) -> Result<Option<Shrink>, Error> {
    let (mut total, mut missing, mut emptied) = (0, 0, false);
    let mut probing = false;
    for collection in collections {
        let (all, mut unseen) = work.tx.count(collection, Some(pass.number))?;
        match absence::can_look(work, collection)? {
            true => probing = true,
            false => unseen = absence::missed_twice(work, collection, unseen, pass.number)?,
        }
        total += all;
        missing += unseen;
        emptied |= all > 1 && all == unseen;
    }
    let many = missing > limits::SHRINK_RECORDS as u64
        && missing * 100 > total * limits::SHRINK_PERCENT as u64;
    // After a change of history lost records are offered again, not deleted.
    let deletes = pass.reason != PassReason::Epoch;
    Ok(((many || emptied) && deletes).then_some(Shrink {
        missing,
        total,
        probing,
        confirmed: false,
        since_ms: work.now.wall_ms,
    }))
}

/// Suspects a few of the missing, so that they are fetched.
fn probe<T: Tx>(
    work: &mut Work<'_, T>,
    pass: &Pass,
    collections: &[CollectionName],
) -> Result<(), Error> {
    let mut left = limits::SHRINK_PROBES;
    for collection in collections {
        if !absence::can_look(work, collection)? {
            continue;
        }
        for (record, _) in work.tx.unseen(collection, pass.number, None, left)? {
            if record.state == RecordState::Clean {
                suspect(work, collection, record, pass.number);
            }
            left = left.saturating_sub(1);
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// When every probe was answered: all gone, and the sweep goes on; else a person is asked.
fn settle_probe<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    mut pass: Pass,
    collections: &[CollectionName],
) -> Result<bool, Error> {
    if is_looking(work, collections)? {
        return Ok(false);
    }
    if let Some(shrink) = &mut pass.shrink {
        shrink.probing = false;
        shrink.confirmed = true;
    }
    work.set_feed(key, |state| state.pass = Some(pass))?;
    Ok(true)
}

/// Ends the pass when no suspicion is left.
fn finish<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collections: &[CollectionName],
) -> Result<bool, Error> {
    if is_looking(work, collections)? {
        return Ok(false);
    }
    let number = work.feed(key)?.pass.as_ref().map_or(0, |pass| pass.number);
    for collection in collections {
        if !absence::can_look(work, collection)? {
            absence::cleared(work, collection, number)?;
        }
        work.ops.push(Op::ForgetPass {
            collection: collection.clone(),
            pass: number,
        });
    }
    let now_ms = work.now.wall_ms;
    let walk = pull::next_walk(work, key);
    work.set_feed(key, |state| {
        state.pass = None;
        state.restarts = 0;
        state.complete_ms = Some(now_ms);
        state.walk = walk;
    })?;
    work.event(Event::Health);
    Ok(true)
}

/// Whether a suspicion is still to be looked up.
fn is_looking<T: Tx>(
    work: &mut Work<'_, T>,
    collections: &[CollectionName],
) -> Result<bool, Error> {
    for collection in collections {
        if absence::can_look(work, collection)? && !work.tx.suspicions(collection, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A probe was not gone: the sweep stops and asks.
pub(super) fn shrink_refuted<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
) -> Result<(), Error> {
    let Some((connector, feed)) = work.config.feed_of(collection) else {
        return Ok(());
    };
    let key = FeedKey {
        connector: connector.clone(),
        feed: feed.clone(),
    };
    if work
        .feed(&key)?
        .pass
        .as_ref()
        .and_then(|pass| pass.shrink.as_ref())
        .is_some_and(|shrink| shrink.probing)
    {
        work.set_feed(&key, |state| {
            if let Some(shrink) = state.pass.as_mut().and_then(|pass| pass.shrink.as_mut()) {
                shrink.probing = false;
            }
        })?;
        work.event(Event::Health);
    }
    Ok(())
}

/// Carries out a person's answer to the blocker `shrink confirmation`.
pub(super) fn confirm<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    delete: bool,
) -> Result<(), Error> {
    let collections: Vec<CollectionName> = work
        .feeds_of(&key.connector)
        .into_iter()
        .filter(|(other, _)| other == key)
        .flat_map(|(_, collections)| collections.to_vec())
        .collect();
    let asked = work
        .feed(key)?
        .pass
        .as_ref()
        .is_some_and(|pass| pass.shrink.is_some());
    if !asked {
        return Err(Error::new(
            crate::error::ErrorKind::Invalid,
            format!(
                "the feed {}/{} waits for no confirmation",
                key.connector, key.feed
            ),
        ));
    }
    if delete {
        return work.set_feed(key, |state| {
            if let Some(shrink) = state.pass.as_mut().and_then(|pass| pass.shrink.as_mut()) {
                shrink.confirmed = true;
                shrink.probing = false;
            }
        });
    }
    for collection in &collections {
        for suspicion in work.tx.suspicions(collection, usize::MAX)? {
            work.ops.push(Op::RemoveSuspicion {
                collection: collection.clone(),
                rid: suspicion.rid,
            });
        }
        let number = work.feed(key)?.pass.as_ref().map_or(0, |pass| pass.number);
        work.ops.push(Op::ForgetPass {
            collection: collection.clone(),
            pass: number,
        });
    }
    let now_ms = work.now.wall_ms;
    work.set_feed(key, |state| {
        state.pass = None;
        state.complete_ms = Some(now_ms);
    })
}
