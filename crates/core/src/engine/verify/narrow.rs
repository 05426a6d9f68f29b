//! Narrows a difference down: whole collections, counted ranges, parts of them, then records.
use super::count::{tally, term_of};
use super::{Question, Turn, finish, store, too_late};
use crate::engine::memory::Asked;
use crate::engine::pull;
use crate::engine::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Known, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// Asks the next question of a comparison whose counting is done.
pub(super) fn next<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    progress: Progress,
) -> Result<Turn, Error> {
    if !progress.records.is_empty() {
        super::mend::fetch(work, key, &progress)?;
        store(work, key, progress)?;
        return Ok(Turn::Ordered);
    }
    let (question, ranges) = if let Some(range) = progress.ranges.last() {
        let known = work.tx.known(range, progress.contents, usize::MAX)?;
        let rows = work.config.slice_items.unwrap_or(limits::VERIFY_LIST_ROWS);
        if known.len() > rows.max(1) {
            let parts = parts(range, &known);
            let ranges = parts.iter().map(|part| part.range.clone()).collect();
            (Question::Parts(parts), ranges)
        } else {
            let here = known.iter().map(|known| Listed {
                id: known.id.clone(),
                version: known.version.clone(),
                term: term_of(known),
            });
            (Question::Records(here.collect()), vec![range.clone()])
        }
    } else if progress.differs {
        let counted = progress.counted.iter().take(limits::VERIFY_RANGES_MAX);
        let ranges: Vec<IdRange> = counted.map(|counted| counted.range.clone()).collect();
        if ranges.is_empty() {
            finish(work, key, &progress)?;
            return Ok(Turn::Waits(Some(limits::VERIFY_MS)));
        }
        (Question::Counted(ranges.len()), ranges)
    } else {
        let wholes = wholes(&progress.counted).into_keys();
        (Question::Wholes, wholes.map(IdRange::whole).collect())
    };
    let list = matches!(question, Question::Records(_));
    let Some(at) = progress.checkpoint.clone() else {
        return Ok(Turn::Waits(None));
    };
    let asked = Asked::Digest {
        feed: key.clone(),
        checkpoint: at.clone(),
        question,
    };
    let task = Task::Digest(DigestRequest {
        feed: key.feed.clone(),
        at,
        ranges,
        list_max: list.then_some(limits::VERIFY_LIST_MAX),
        contents: progress.contents,
    });
    store(work, key, progress)?;
    let request = work.entropy.request();
    work.order(&key.connector, request, asked, task)?;
    Ok(Turn::Ordered)
}

/// What is here of each collection.
fn wholes(counted: &[Counted]) -> BTreeMap<CollectionName, Tally> {
    let mut wholes: BTreeMap<CollectionName, Tally> = BTreeMap::new();
    for counted in counted {
        let whole = wholes.entry(counted.range.collection.clone()).or_default();
        whole.join(counted.tally);
    }
    wholes
}

/// Cuts a range into parts of as many records each.
fn parts(range: &IdRange, known: &[Known]) -> Vec<Counted> {
    let size = known.len().div_ceil(limits::VERIFY_PARTS).max(1);
    let mut after = range.after.clone();
    let count = known.chunks(size).len();
    let parts = known.chunks(size).enumerate().map(|(index, part)| {
        let until = match part.last() {
            Some(last) if index + 1 < count => Some(last.id.clone()),
            _ => range.until.clone(),
        };
        let range = IdRange {
            collection: range.collection.clone(),
            after: after.take(),
            until: until.clone(),
        };
        after = until;
        Counted {
            range,
            tally: tally(part),
        }
    });
    parts.collect()
}

/// Uses an answer, unless the feed has moved on here or there.
pub(in crate::engine) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    at: &Checkpoint,
    question: Question,
    answer: DigestAnswer,
) -> Result<(), Error> {
    let feed = work.feed(key)?;
    let is_here = feed.checkpoint.as_ref() == Some(at) && feed.pass.is_none();
    let Some(progress) = feed.verification.progress.clone().filter(|_| is_here) else {
        return Ok(());
    };
    let mut progress = *progress;
    let expected = match &question {
        Question::Wholes => wholes(&progress.counted).len(),
        Question::Counted(count) => *count,
        Question::Parts(parts) => parts.len(),
        Question::Records(_) => 1,
    };
    if answer.at != *at || answer.digests.len() != expected {
        return too_late(work, key);
    }
    work.set_feed(key, |state| state.verification.attempts = 0)?;
    let digests = answer.digests;
    match question {
        Question::Wholes => {
            let here = wholes(&progress.counted).into_iter().zip(&digests);
            let differing: BTreeSet<CollectionName> = here
                .filter(|((_, tally), digest)| *tally != digest.tally)
                .map(|((collection, _), _)| collection)
                .collect();
            let counted = &mut progress.counted;
            counted.retain(|counted| differing.contains(&counted.range.collection));
            if planted::on(Bug::VerifySkipsLast) {
                counted.pop();
            }
            progress.differs = true;
        }
        Question::Counted(count) => {
            let counted = progress.counted.drain(..count.min(progress.counted.len()));
            let differing = counted.zip(&digests).filter(differs);
            let ranges = differing.map(|(counted, _)| counted.range);
            progress.ranges.extend(ranges);
        }
        Question::Parts(parts) => {
            progress.ranges.pop();
            let differing = parts.into_iter().zip(&digests).filter(differs);
            let ranges = differing.map(|(part, _)| part.range);
            progress.ranges.extend(ranges);
        }
        Question::Records(here) => {
            return records(work, key, progress, &here, digests.into_iter().next());
        }
    }
    store(work, key, progress)
}

fn differs((counted, digest): &(Counted, &Digest)) -> bool {
    counted.tally != digest.tally
}

/// Finds the records of the last range that differ.
fn records<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    mut progress: Progress,
    here: &[Listed],
    digest: Option<Digest>,
) -> Result<(), Error> {
    let (Some(range), Some(digest)) = (progress.ranges.last().cloned(), digest) else {
        return Ok(());
    };
    let mut tally = Tally::default();
    here.iter().for_each(|row| tally.add(row.term));
    if tally == digest.tally {
        leave_range(&mut progress);
        return store(work, key, progress);
    }
    let Some(there) = digest.records else {
        return too_many(work, key, progress, here.len() as u64, digest.tally.count);
    };
    let mine: BTreeMap<&RecordId, u64> = here.iter().map(|row| (&row.id, row.term)).collect();
    let theirs: BTreeMap<&RecordId, &Listed> = there.iter().map(|row| (&row.id, row)).collect();
    let ids: BTreeSet<&RecordId> = mine.keys().chain(theirs.keys()).copied().collect();
    let differing: Vec<Differing> = ids
        .into_iter()
        .filter(|id| mine.get(*id) != theirs.get(*id).map(|row| &row.term))
        .filter(|id| theirs.contains_key(*id) || !planted::on(Bug::VerifyKeepsExtra))
        .map(|id| Differing {
            collection: range.collection.clone(),
            id: id.clone(),
            here: mine.get(id).copied(),
            there: theirs.get(id).and_then(|row| row.version.clone()),
        })
        .filter(|differing| !progress.migrated.contains(differing))
        .collect();
    if differing.is_empty() {
        leave_range(&mut progress);
    } else if progress.stuck >= limits::VERIFY_STUCK {
        progress.left += differing.len() as u64;
        leave_range(&mut progress);
    } else {
        progress.records = differing.into_iter().take(limits::FETCH_IDS_MAX).collect();
    }
    store(work, key, progress)
}

fn leave_range(progress: &mut Progress) {
    progress.ranges.pop();
    progress.migrated.clear();
    progress.stuck = 0;
}

/// So much is missing here that everything is pulled anew, once.
fn too_many<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    mut progress: Progress,
    here: u64,
    there: u64,
) -> Result<(), Error> {
    if !progress.walked {
        progress.walked = true;
        store(work, key, progress)?;
        return pull::restart(work, key, PassReason::Drift, None);
    }
    progress.left += here.abs_diff(there);
    leave_range(&mut progress);
    store(work, key, progress)
}
