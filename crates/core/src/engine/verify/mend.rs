//! Mends records that differ: the server's copy is fetched and takes the place of ours, under whatever is pending.
use super::count::term_of;
use super::{store, too_late};
use crate::engine::decide::reconcile;
use crate::engine::memory::Asked;
use crate::engine::slot::Slot;
use crate::engine::work::{Noted, Work};
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Known, Tx, rules};
use tisync_json::tree::BTreeMap;

/// Asks for the records that differ.
pub(super) fn fetch<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    progress: &Progress,
) -> Result<(), Error> {
    let ids = progress.records.iter();
    let ids = ids.map(|row| (row.collection.clone(), row.id.clone()));
    let task = Task::Fetch(Wanted::Ids(ids.collect()));
    let request = work.entropy.request();
    work.order(&key.connector, request, Asked::Mend(key.clone()), task)
}

/// Mends what a fetch found.
pub(in crate::engine) fn mended<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    fetched: Fetched,
) -> Result<(), Error> {
    let feed = work.feed(key)?;
    let is_here = feed.pass.is_none();
    let of_history = match (&feed.epoch, &fetched.epoch) {
        (Some(known), Some(now)) => known.epoch == *now,
        _ => true,
    };
    let Some(progress) = feed.verification.progress.clone().filter(|_| is_here) else {
        return Ok(());
    };
    let mut progress = *progress;
    if !of_history {
        return too_late(work, key);
    }
    work.remote = true;
    let mut found: BTreeMap<(CollectionName, RecordId), Found> = fetched
        .found
        .into_iter()
        .map(|(collection, id, found)| ((collection, id), found))
        .collect();
    let mut ids: BTreeMap<CollectionName, Vec<RecordId>> = BTreeMap::new();
    let before = progress.migrated.len();
    for differing in std::mem::take(&mut progress.records) {
        let place = (differing.collection.clone(), differing.id.clone());
        let Some(Found::Image(remote)) = found.remove(&place) else {
            continue;
        };
        match one(work, &differing, remote, progress.contents)? {
            Outcome::Mended => {
                let ids = ids.entry(differing.collection).or_default();
                ids.push(differing.id);
            }
            Outcome::Migrated => progress.migrated.push(differing),
            Outcome::Nothing => {}
        }
    }
    let mended: usize = ids.values().map(Vec::len).sum();
    progress.mended += mended as u64;
    let is_further = mended > 0 || progress.migrated.len() > before;
    progress.stuck = if is_further { 0 } else { progress.stuck + 1 };
    for (collection, ids) in ids {
        work.event(Event::Mended { collection, ids });
    }
    store(work, key, progress)
}

/// What came of a record that differs.
enum Outcome {
    /// The server's copy has taken the place of ours.
    Mended,
    /// The server's copy is of an older schema, and is ours once it is brought forward.
    Migrated,
    /// It has moved on, or the server does not say why it differs.
    Nothing,
}

/// Mends one record, if there is something to mend.
fn one<T: Tx>(
    work: &mut Work<'_, T>,
    differing: &Differing,
    mut remote: Remote,
    contents: bool,
) -> Result<Outcome, Error> {
    let (collection, id) = (&differing.collection, &differing.id);
    remote.schema.get_or_insert(work.number(collection)?);
    let is_there = work.load_ids(collection, std::slice::from_ref(id))?[0].is_some();
    if !is_there && !remote.image.is_present() {
        return Ok(Outcome::Nothing);
    }
    let mut slot = work.take_id(collection, id)?;
    let known = known(&slot, contents);
    // What came after the digest, the feed brings.
    let has_moved_on_there = differing.there.is_some() && differing.there != remote.version;
    let has_moved_on = has_moved_on_there || known.as_ref().map(term_of) != differing.here;
    // A restore has taken what the entry stands on: its answer settles that.
    let waits = slot.is_out() && work.is_lost(collection, slot.record.version.as_ref())?;
    let is_the_one = is_same(known.as_ref(), &remote, contents)
        || contents && is_in_newer_schema(&slot, known.as_ref(), &remote);
    if has_moved_on || waits || is_the_one {
        if slot.is_stored() {
            work.put(slot);
        }
        return Ok(match contents && !has_moved_on && remote.migrated {
            true => Outcome::Migrated,
            false => Outcome::Nothing,
        });
    }
    let (before, shown, schema) = (slot.base.clone(), slot.ours(), slot.schema());
    let is_clean = slot.chain.is_empty();
    if planted::on(Bug::MendDropsChain) {
        slot.chain.clear();
    }
    let theirs = remote.image.clone();
    if is_clean {
        slot.remote = None;
        slot.rebase(&remote);
        slot.show();
    } else {
        slot.remote = Some(remote);
        reconcile(work, &mut slot)?;
    }
    if is_clean && shown.is_present() && !shown.same(&theirs) {
        journal(work, &slot, schema, [before, shown, theirs])?;
    }
    work.put(slot);
    Ok(Outcome::Mended)
}

/// Whether the server's copy is the version that is known, which could not be brought forward here: documents of two
/// schemas have nothing to compare.
fn is_in_newer_schema(slot: &Slot, known: Option<&Known>, remote: &Remote) -> bool {
    let schema = shown(slot)
        .and_then(|shown| shown.schema)
        .unwrap_or(slot.record.schema);
    let is_newer = remote.schema.is_some_and(|number| schema < number);
    is_newer && known.is_some_and(|known| known.version == remote.version)
}

/// The last image of the server, when it is not the base.
fn shown(slot: &Slot) -> Option<&Remote> {
    let conflict = slot.conflict.as_ref().map(|conflict| &conflict.remote);
    conflict.or(slot.remote.as_ref())
}

/// What is known of the server's record, as it is counted.
fn known(slot: &Slot, contents: bool) -> Option<Known> {
    let dirty = slot.dirty();
    let conflict = slot.conflict.as_ref().map(|conflict| &conflict.remote);
    let (version, document) = rules::known(&slot.record, dirty.as_ref(), conflict)?;
    Some(Known {
        id: slot.record.id.clone(),
        version: version.cloned(),
        document: contents.then(|| document.clone()),
    })
}

fn is_same(known: Option<&Known>, remote: &Remote, contents: bool) -> bool {
    match (known, remote.image.document()) {
        (None, None) => true,
        (Some(known), Some(document)) => {
            let same = |ours: &tisync_json::Document| ours.same(document);
            known.version == remote.version
                && (!contents || known.document.as_ref().is_some_and(same))
        }
        _ => false,
    }
}

/// What a person may have seen here and sees no more is kept.
fn journal<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    schema: u32,
    [base, ours, theirs]: [Image; 3],
) -> Result<(), Error> {
    work.journal(
        slot,
        Noted {
            situation: "drift".to_owned(),
            policy: "mended to the server's copy".to_owned(),
            base,
            ours,
            outcome: theirs.clone(),
            theirs,
            loser: Loser::Ours,
            mutation: None,
            decided: Vec::new(),
            undoes: None,
            schema,
        },
    )?;
    Ok(())
}
