//! The outbox: how writes join a record's chain, and how a chain is written anew on another base.
use super::decide::journal_of;
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Patch, Path, diff};

/// A change that is about to join a chain.
pub(super) struct Draft {
    pub(super) change: Change,
    pub(super) group: Option<GroupId>,
    pub(super) replaces: Option<MutationId>,
    pub(super) undoes: Option<JournalId>,
}

impl Draft {
    pub(super) fn of(change: Change, group: Option<GroupId>) -> Self {
        Draft {
            change,
            group,
            replaces: None,
            undoes: None,
        }
    }
}

/// Adds a change to the end of a record's chain: it coalesces with the last entry when that one was never
/// handed out and belongs to the same group. Returns the entry's key; `None` when both cancel each other out.
pub(super) fn append<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    draft: Draft,
    schema: u32,
) -> Result<Option<MutationId>, Error> {
    let stamp = work.stamp()?;
    let shown = draft.change.apply(slot.record.document.as_ref());
    if let Some(last) = slot.chain.last_mut()
        && (last.frozen.is_none() || planted::on(Bug::CoalesceIntoFrozen))
        && last.group == draft.group
        && (matches!(last.state, EntryState::Pending | EntryState::Held(_))
            || planted::on(Bug::CoalesceIntoFrozen))
    {
        let joined = join(&last.change, &draft.change);
        slot.record.document = shown;
        let Some(change) = joined else {
            if let Some(cancelled) = slot.chain.pop() {
                work.touch_group(cancelled.group);
                journal_of(work, &cancelled, JournalChange::State(JournalState::Void));
            }
            if slot.chain.is_empty() {
                slot.record.document = slot.base.document().cloned();
            }
            return Ok(None);
        };
        let next = Entry {
            change: draft.change,
            stamps: Stamps {
                latest: stamp,
                fields: BTreeMap::new(),
            },
            ..last.clone()
        };
        let mut stamps = std::mem::take(&mut last.stamps);
        add_stamps(&mut stamps, &next, Some(&last.change));
        last.change = change;
        last.stamps = stamps;
        last.schema = schema;
        last.undoes = draft.undoes.or(last.undoes);
        if last.state == EntryState::Held(Blocker::UnmappedReference) {
            // It may refer to something else now.
            last.state = EntryState::Pending;
        }
        return Ok(Some(last.id));
    }
    let id = work.entropy.mutation();
    let fields = match &draft.change {
        Change::Patch(patch) => patch.paths().map(|path| (path.clone(), stamp)).collect(),
        _ => BTreeMap::new(),
    };
    slot.record.document = shown;
    slot.chain.push(Entry {
        seq: work.new_seq()?,
        id,
        collection: slot.collection.clone(),
        rid: slot.record.rid,
        change: draft.change,
        stamps: Stamps {
            latest: stamp,
            fields,
        },
        group: draft.group,
        schema,
        state: EntryState::Pending,
        frozen: None,
        replaces: draft.replaces,
        undoes: draft.undoes,
        created_ms: work.now.wall_ms,
    });
    slot.hold();
    Ok(Some(id))
}

/// One change that does what `first` and then `second` do; `None` when nothing is left to do.
pub(super) fn join(first: &Change, second: &Change) -> Option<Change> {
    Some(match (first, second) {
        (Change::Create(_), Change::Delete) => return None,
        (Change::Create(document), Change::Patch(patch)) => {
            Change::Create(patched(document, patch))
        }
        (Change::Create(_), Change::Create(document) | Change::Replace(document)) => {
            Change::Create(document.clone())
        }
        (Change::Replace(document), Change::Patch(patch)) => {
            Change::Replace(patched(document, patch))
        }
        (Change::Patch(a), Change::Patch(b)) => {
            let mut joined = a.clone();
            joined.then(b);
            Change::Patch(joined)
        }
        (Change::Delete, Change::Patch(patch)) => {
            Change::Replace(patched(&Document::empty(), patch))
        }
        (_, Change::Delete) => Change::Delete,
        (_, Change::Create(document) | Change::Replace(document)) => {
            Change::Replace(document.clone())
        }
    })
}

fn patched(document: &Document, patch: &Patch) -> Document {
    let mut object = document.object();
    patch.apply(&mut object);
    Document::from_object(&object)
}

/// Adds the stamps of a later entry to those of earlier ones. `before`: the change that `all` belongs to,
/// when it is a whole document whose fields have no stamps of their own yet.
pub(super) fn add_stamps(all: &mut Stamps, later: &Entry, before: Option<&Change>) {
    match &later.change {
        Change::Patch(patch) => {
            if all.fields.is_empty()
                && let Some(Change::Create(document) | Change::Replace(document)) = before
            {
                let latest = all.latest;
                all.fields = document
                    .object()
                    .into_keys()
                    .map(|key| (Path::key(key), latest))
                    .collect();
            }
            for path in patch.paths() {
                all.fields.retain(|other, _| !path.is_prefix_of(other));
                all.fields.insert(path.clone(), later.stamps.of(path));
            }
        }
        Change::Create(_) | Change::Replace(_) | Change::Delete => all.fields.clear(),
    }
    all.latest = all.latest.max(later.stamps.latest);
}

/// Writes a chain anew on another base, so that its end shows `outcome`: each entry keeps what it changed and
/// no later one did. Entries get new keys; those with nothing left go. Returns the
/// key of the entry that carries the outcome.
pub(super) fn rewrite<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    outcome: &Image,
    whole: bool,
) -> Result<Option<MutationId>, Error> {
    let stamps = slot.stamps();
    let schema = work.number(&slot.collection)?;
    let old = std::mem::take(&mut slot.chain);
    let theirs = slot.base.clone();
    if old.is_empty() || outcome.same(&theirs) {
        slot.record.document = theirs.document().cloned();
        return Ok(None);
    }
    let changes = distribute(&old, &theirs, outcome, whole);
    for (entry, change) in old.into_iter().zip(changes) {
        let Some(change) = change else { continue };
        let stamps = match &change {
            Change::Patch(patch) => Stamps {
                latest: stamps.latest,
                fields: patch
                    .paths()
                    .map(|path| (path.clone(), stamps.of(path)))
                    .collect(),
            },
            _ => stamps.clone(),
        };
        let state = match entry.state {
            EntryState::Held(Blocker::Conflict | Blocker::UnmappedReference) => EntryState::Pending,
            other => other,
        };
        slot.chain.push(Entry {
            id: work.entropy.mutation(),
            change,
            stamps,
            replaces: Some(entry.id),
            frozen: None,
            state,
            schema,
            ..entry
        });
    }
    slot.show();
    Ok(slot.chain.last().map(|entry| entry.id))
}

/// What is left of each entry's change when the chain leads from `theirs` to `outcome`.
fn distribute(old: &[Entry], theirs: &Image, outcome: &Image, whole: bool) -> Vec<Option<Change>> {
    let last = old.len() - 1;
    // What was refused is not sent again in the clothes of a later write: a whole change stays parked with it.
    let carrier = old
        .iter()
        .position(|entry| matches!(entry.state, EntryState::Parked { .. }))
        .unwrap_or(last);
    let mut changes: Vec<Option<Change>> = vec![None; old.len()];
    match (theirs.document(), outcome.document()) {
        (_, None) => changes[carrier] = Some(Change::Delete),
        (None, Some(document)) => changes[carrier] = Some(Change::Create(document.clone())),
        (Some(_), Some(document)) if whole => {
            changes[carrier] = Some(Change::Replace(document.clone()))
        }
        (Some(theirs), Some(document)) => {
            let mut total = diff(&theirs.object(), &document.object());
            // From the end: a path belongs to the last entry that touched it, the rest to the first.
            for index in (0..=last).rev() {
                let part = if index == 0 && !planted::on(Bug::RewriteKeepsLastOnly) {
                    std::mem::take(&mut total)
                } else {
                    let touched = |path: &Path| match &old[index].change {
                        Change::Patch(patch) => patch.paths().any(|other| other.overlaps(path)),
                        _ => true,
                    };
                    split(&mut total, touched)
                };
                if !part.is_empty() {
                    changes[index] = Some(Change::Patch(part));
                }
            }
        }
    }
    changes
}

/// Takes the part of a patch whose paths are wanted.
fn split(patch: &mut Patch, wanted: impl Fn(&Path) -> bool) -> Patch {
    let mut part = Patch::default();
    let set = std::mem::take(&mut patch.set);
    for (path, value) in set {
        let side = if wanted(&path) {
            &mut part.set
        } else {
            &mut patch.set
        };
        side.insert(path, value);
    }
    let unset = std::mem::take(&mut patch.unset);
    for path in unset {
        let side = if wanted(&path) {
            &mut part.unset
        } else {
            &mut patch.unset
        };
        side.insert(path);
    }
    part
}
