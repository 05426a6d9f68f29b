//! What refers to a record takes its new id, in the transaction in which it gets that.
use super::are_made;
use super::named::{Settled, name_anew, names};
use crate::engine::push::load;
use crate::engine::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, EntryKey, Tx};

/// Lets follow what refers to records whose creates this step has settled.
pub(in crate::engine) fn follow<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let mut settled = Settled::new();
    for slot in work.slots() {
        if let Some(former) = slot.was_new()
            && !slot.is_new()
            && are_made(work, &slot.collection)
        {
            let of = settled.entry(slot.collection.clone()).or_default();
            of.insert(former.clone(), slot.record.id.clone());
        }
    }
    if settled.is_empty() || planted::on(Bug::ReferenceForgotten) {
        return Ok(());
    }
    let config = work.config;
    let referring: Vec<CollectionName> = config
        .collections
        .iter()
        .filter(|(_, config)| {
            let mut references = config.schema.references.values();
            references.any(|reference| settled.contains_key(&reference.collection))
        })
        .map(|(name, _)| name.clone())
        .collect();
    if referring.is_empty() {
        return Ok(());
    }
    load_naming(work, EntryFilter::Pending(&referring), &settled)?;
    load_naming(work, EntryFilter::Waiting, &settled)?;
    for collection in &referring {
        let references = &work.collection(collection)?.schema.references;
        for mut slot in work.take_all(collection) {
            let mut any = false;
            for entry in slot.chain.iter_mut().filter(|entry| entry.frozen.is_none()) {
                if !names(&entry.change, references, &settled) {
                    continue;
                }
                if !planted::on(Bug::ReferenceStays) {
                    name_anew(&mut entry.change, references, &settled);
                }
                any = true;
                if entry.state == EntryState::Held(Blocker::UnmappedReference) {
                    entry.state = EntryState::Pending;
                }
            }
            if any {
                slot.show();
            }
            work.put(slot);
        }
    }
    Ok(())
}

/// Frees what waits for ids: it is held again where they are still missing. A migrate function may have changed what it
/// refers to, and a connector who makes the ids.
pub(in crate::engine) fn look_again<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work
            .tx
            .entries(EntryFilter::Waiting, after, limits::PUSH_ITEMS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        let waits = |entry: &&Entry| entry.state == EntryState::Held(Blocker::UnmappedReference);
        for entry in page.iter().filter(waits) {
            let mut slot = work.take(&entry.collection, entry.rid)?;
            for held in slot.chain.iter_mut().filter(|held| waits(&&**held)) {
                held.state = EntryState::Pending;
            }
            work.put(slot);
        }
    }
}

/// Loads the records of entries that name one of these ids.
fn load_naming<T: Tx>(
    work: &mut Work<'_, T>,
    filter: EntryFilter<'_>,
    settled: &Settled,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work.tx.entries(filter, after, limits::PUSH_ITEMS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        let config = work.config;
        let naming: Vec<EntryKey> = page
            .iter()
            .filter(|entry| {
                let references = config.collection(&entry.collection);
                references.is_some_and(|of| names(&entry.change, &of.schema.references, settled))
            })
            .map(EntryKey::from)
            .collect();
        load(work, &naming)?;
    }
}
