//! Absence where nothing can be looked up: what two complete passes in a row have not shown is gone.
use super::decide::meet_read;
use super::work::Work;
use super::{apply, sweep};
use crate::error::Error;
use crate::model::*;
use crate::store::{Op, Tx};
use tisync_json::tree::BTreeMap;

/// Whether a record of a collection can be looked up, with evidence that it is gone.
pub(super) fn can_look<T: Tx>(
    work: &Work<'_, T>,
    collection: &CollectionName,
) -> Result<bool, Error> {
    Ok(work.collection(collection)?.capability.fetch)
}

/// Suspects the records that a pass has not shown; those that the pass before it has missed too are gone.
pub(super) fn missed<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    records: Vec<Record>,
    pass: u64,
) -> Result<(), Error> {
    let known = suspicions(work, collection)?;
    for record in records {
        let rid = record.rid;
        let was_missed = known.get(&rid).is_some_and(|before| before.pass != pass);
        if !was_missed {
            sweep::suspect(work, collection, record, pass);
            continue;
        }
        work.ops.push(Op::RemoveSuspicion {
            collection: collection.clone(),
            rid,
        });
        if record.state == RecordState::Dirty {
            gone(work, collection, rid)?;
            continue;
        }
        let record = Record {
            version: None,
            ..record
        };
        apply::remove(work, collection, record)?;
    }
    Ok(())
}

/// Lets the delete rule decide about what is pending on a record that is gone.
fn gone<T: Tx>(work: &mut Work<'_, T>, collection: &CollectionName, rid: Rid) -> Result<(), Error> {
    let mut slot = work.take(collection, rid)?;
    let remote = Remote {
        out_of_scope: false,
        image: Image::Gone,
        version: None,
        stamp: None,
        stamps: None,
        schema: None,
        migrated: false,
    };
    meet_read(work, &mut slot, remote)?;
    work.put(slot);
    Ok(())
}

/// How many of the records that a pass has missed the pass before it has missed too: these would go.
pub(super) fn missed_twice<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    unseen: u64,
    pass: u64,
) -> Result<u64, Error> {
    let known = suspicions(work, collection)?;
    let before = known.values().filter(|before| before.pass != pass).count();
    Ok(unseen.min(before as u64))
}

/// Drops the suspicions of an earlier pass: what they were of was shown by this one.
pub(super) fn cleared<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    pass: u64,
) -> Result<(), Error> {
    for (rid, suspicion) in suspicions(work, collection)? {
        if suspicion.pass != pass {
            work.ops.push(Op::RemoveSuspicion {
                collection: collection.clone(),
                rid,
            });
        }
    }
    Ok(())
}

fn suspicions<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
) -> Result<BTreeMap<Rid, Suspicion>, Error> {
    let all = work.tx.suspicions(collection, usize::MAX)?;
    Ok(all.into_iter().map(|one| (one.rid, one)).collect())
}
