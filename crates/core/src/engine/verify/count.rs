//! Counts what is here, a slice a step.
use crate::engine::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::{Known, Tx};

/// Counts the next slice.
pub(super) fn slice<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    mut progress: Progress,
    collections: &[CollectionName],
) -> Result<(), Error> {
    let Some((collection, after)) = progress.place.take() else {
        return super::store(work, key, progress);
    };
    let rows = work
        .config
        .slice_items
        .unwrap_or(limits::VERIFY_ROWS)
        .max(1);
    let mut range = IdRange {
        after,
        ..IdRange::whole(collection.clone())
    };
    let known = work.tx.known(&range, progress.contents, rows)?;
    let tally = tally(&known);
    if known.len() == rows {
        range.until = known.last().map(|known| known.id.clone());
        progress.place = Some((collection, range.until.clone()));
    } else {
        let next = collections.iter().skip_while(|other| **other != collection);
        progress.place = next.clone().nth(1).map(|next| (next.clone(), None));
    }
    progress.counted.push(Counted { range, tally });
    if progress.counted.len() > limits::VERIFY_RANGES_MAX {
        progress.counted = joined(progress.counted);
    }
    super::store(work, key, progress)
}

/// Count and sum of what is known.
pub(super) fn tally(known: &[Known]) -> Tally {
    let mut tally = Tally::default();
    for known in known {
        tally.add(term_of(known));
    }
    tally
}

/// What a known record adds to the sum.
pub(super) fn term_of(known: &Known) -> u64 {
    term(&known.id, known.version.as_ref(), known.document.as_ref())
}

/// Makes one of each two neighbours.
fn joined(counted: Vec<Counted>) -> Vec<Counted> {
    let mut joined: Vec<Counted> = Vec::with_capacity(counted.len() / 2 + 1);
    let mut is_single = false;
    for one in counted {
        match joined.last_mut() {
            Some(last) if is_single && last.range.collection == one.range.collection => {
                last.range.until = one.range.until;
                last.tally.join(one.tally);
                is_single = false;
            }
            _ => {
                joined.push(one);
                is_single = true;
            }
        }
    }
    joined
}
