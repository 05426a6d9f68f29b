//! One record brought forward: all of its images, or none.
use super::Answers;
use crate::engine::decide::{journal_of, reconcile};
use crate::engine::given_up::{self, GivenUp};
use crate::engine::slot::Slot;
use crate::engine::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;
use tisync_json::{Document, get};

/// What became of a record.
pub(super) enum Brought {
    /// It has the present schema.
    Done,
    /// The function has not been asked about these documents yet: nothing was changed.
    Missing(Vec<Outdated>),
    /// The function could not bring one of its documents forward: nothing was changed.
    Failed(String),
}

/// An image of the record, with the number of its schema.
#[derive(Clone)]
struct Shaped {
    schema: u32,
    document: Option<Document>,
}

/// Brings a record to the schema that the app declares.
///
/// The images along the chain are brought forward, and each change becomes what leads from one to the next. What
/// was handed out keeps its content, since its key stands for that: the entry remembers what it leads to.
pub(super) fn bring<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    answers: &Answers,
) -> Result<Brought, Error> {
    let to = work.number(&slot.collection)?;
    let old = images(slot);
    let is_older = |shaped: &Shaped| shaped.document.is_some() && shaped.schema < to;
    if !old.iter().chain(sides(slot).iter().flatten()).any(is_older) {
        return Ok(Brought::Done);
    }
    let mut missing = Vec::new();
    let mut failed = None;
    let mut forward = |shaped: &Shaped| -> Option<Document> {
        let document = shaped.document.as_ref()?;
        if shaped.schema >= to {
            return Some(document.clone());
        }
        match answers.get(shaped.schema, document) {
            Some(Ok(new)) => return Some(new.clone()),
            Some(Err(reason)) => failed = failed.take().or(Some(reason.clone())),
            None => missing.push(Outdated {
                from: shaped.schema,
                document: document.clone(),
            }),
        }
        None
    };
    let new: Vec<Option<Document>> = old.iter().map(&mut forward).collect();
    let [remote, theirs] = sides(slot).map(|side| side.and_then(|side| forward(&side)));
    if let Some(reason) = failed {
        return Ok(Brought::Failed(reason));
    }
    if !missing.is_empty() {
        return Ok(Brought::Missing(missing));
    }
    let before: Vec<Option<Document>> = old.into_iter().map(|shaped| shaped.document).collect();
    chain(work, slot, &before, &new, to)?;
    if let Some(document) = new[0].clone().filter(|_| slot.base.is_present())
        && !planted::on(Bug::BaseStaysOld)
    {
        slot.base = Image::Present(document);
        slot.record.migrated = true;
    }
    if let Some(known) = &mut slot.remote {
        replace(known, remote, to);
    }
    if let Some(conflict) = &mut slot.conflict {
        replace(&mut conflict.remote, theirs, to);
    }
    slot.record.schema = to;
    settle(work, slot)?;
    Ok(Brought::Done)
}

/// The base, and the image after each entry.
fn images(slot: &Slot) -> Vec<Shaped> {
    let mut last = Shaped {
        schema: slot.base_schema(),
        document: slot.base.document().cloned(),
    };
    let mut images = vec![last.clone()];
    for entry in &slot.chain {
        last = Shaped {
            schema: entry.schema_after(last.schema),
            document: entry.apply(last.document.as_ref()),
        };
        images.push(last.clone());
    }
    images
}

/// Whether the base, or what the chain leads to, is a document of an older schema.
pub(super) fn is_older(slot: &Slot, number: u32) -> bool {
    slot.base.is_present() && slot.record.schema < number
        || slot.record.document.is_some() && slot.schema() < number
}

/// What the server has, as far as it is known: the remote, and that of an open conflict.
fn sides(slot: &Slot) -> [Option<Shaped>; 2] {
    let of = |remote: &Remote| Shaped {
        schema: remote.schema.unwrap_or(slot.record.schema),
        document: remote.image.document().cloned(),
    };
    let conflict = slot.conflict.as_ref();
    [
        slot.remote.as_ref().map(of),
        conflict.map(|conflict| of(&conflict.remote)),
    ]
}

fn replace(remote: &mut Remote, document: Option<Document>, to: u32) {
    let Some(document) = document else { return };
    remote.image = Image::Present(document);
    remote.migrated |= remote.schema.is_none_or(|schema| schema < to);
    remote.schema = Some(remote.schema.map_or(to, |schema| schema.max(to)));
}

/// Writes the chain anew between the new images.
fn chain<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    old: &[Option<Document>],
    new: &[Option<Document>],
    to: u32,
) -> Result<(), Error> {
    let from = slot.schema();
    let entries = std::mem::take(&mut slot.chain);
    for (index, entry) in entries.into_iter().enumerate() {
        let (before, after) = (&new[index], &new[index + 1]);
        work.touch_group(entry.group);
        let is_fixed =
            entry.state.is_out() || entry.frozen.is_some() && entry.state == EntryState::Pending;
        if is_fixed && !planted::on(Bug::MigrateWhatIsOut) {
            slot.chain.push(kept(entry, &old[index + 1], after, to));
            continue;
        }
        let change = entry.change.towards(before.as_ref(), after.as_ref());
        if matches!(&change, Change::Patch(patch) if patch.is_empty()) {
            // What it changed is no part of the new schema.
            journal_of(work, &entry, JournalChange::State(JournalState::Void));
            let images = (&old[index], &old[index + 1]);
            forget(work, slot, entry, images, (from, to))?;
            continue;
        }
        let entry = rewritten(work, entry, change, after.as_ref(), to)?;
        slot.chain.push(entry);
    }
    Ok(())
}

/// What was handed out keeps its content, and remembers what it leads to now.
fn kept(mut entry: Entry, sent: &Option<Document>, outcome: &Option<Document>, to: u32) -> Entry {
    if let Some(frozen) = &mut entry.frozen {
        let sent = match frozen.migrated.take() {
            Some(migrated) => migrated.sent,
            None => sent.clone(),
        };
        frozen.migrated = Some(Box::new(Migrated {
            sent,
            outcome: outcome.clone(),
            schema: to,
        }));
    }
    entry
}

/// An entry with its change in the new schema: under a new key, when a server has seen the old one.
fn rewritten<T: Tx>(
    work: &mut Work<'_, T>,
    entry: Entry,
    change: Change,
    after: Option<&Document>,
    to: u32,
) -> Result<Entry, Error> {
    let fields = match &change {
        Change::Patch(patch) => (patch.paths())
            .map(|path| (path.clone(), entry.stamps.of(path)))
            .collect(),
        _ => {
            let object = after.map(Document::object).unwrap_or_default();
            let mut fields = entry.stamps.fields.clone();
            fields.retain(|path, _| get(&object, path).is_some());
            fields
        }
    };
    let state = match &entry.state {
        EntryState::Parked {
            unmigrated: true, ..
        } => EntryState::Pending,
        other => other.clone(),
    };
    let mut new = Entry {
        change,
        stamps: Stamps {
            fields,
            latest: entry.stamps.latest,
        },
        state,
        schema: to.max(entry.schema),
        ..entry.clone()
    };
    if new.frozen.take().is_some() && !planted::on(Bug::MigrateWhatIsOut) {
        new.id = work.entropy.mutation();
        new.replaces = Some(entry.id);
        journal_of(work, &entry, JournalChange::Carrier(new.id));
    }
    Ok(new)
}

/// Journals an entry of which nothing is left.
fn forget<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    entry: Entry,
    (before, after): (&Option<Document>, &Option<Document>),
    (schema, to): (u32, u32),
) -> Result<(), Error> {
    let before = Image::from(before.clone());
    let of = GivenUp {
        entry: entry.id,
        situation: "ours only".to_owned(),
        policy: format!("no part of schema {to}"),
        before: before.clone(),
        ours: Image::from(after.clone()),
        stands: before,
        schema,
    };
    given_up::journal(work, slot, of)
}

/// Shows what the record is now, and lets a remote that waited meet it.
fn settle<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot) -> Result<(), Error> {
    if slot.chain.is_empty()
        && let Some(conflict) = slot.conflict.take()
    {
        // Without a side of ours there is no conflict: theirs stands.
        slot.rebase(&conflict.remote);
    }
    slot.show();
    slot.hold();
    reconcile(work, slot)
}
