//! What people do to entries, conflicts and the journal.
use super::decide::{self, journal_of, look};
use super::given_up::{self, GivenUp};
use super::migrate::{self, Answers};
use super::outbox::{Draft, append};
use super::slot::Slot;
use super::work::{Noted, Work};
use super::write::{edit_of, without};
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile::{self, Plan};
use crate::store::{EntryFilter, Tx};
use tisync_json::{Document, diff};

/// Settles an open conflict by a person's word.
pub(super) fn resolve<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    id: &RecordId,
    resolution: &Resolution,
) -> Result<(), Error> {
    work.collection(collection)?;
    let missing = || {
        Error::new(
            ErrorKind::NotFound,
            format!("{collection}/{id} has no open conflict"),
        )
    };
    let rid = work.load_ids(collection, std::slice::from_ref(id))?[0].ok_or_else(missing)?;
    let mut slot = work.take(collection, rid)?;
    let Some(conflict) = slot.conflict.clone() else {
        return Err(missing());
    };
    apply(work, &mut slot, conflict.remote, resolution)?;
    work.put(slot);
    Ok(())
}

fn apply<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
    resolution: &Resolution,
) -> Result<(), Error> {
    let policy = &work.collection(&slot.collection)?.policy;
    let (situation, decision) = look(work, slot, &remote, |sides| {
        (
            reconcile::classify(sides),
            reconcile::resolve(sides, policy, resolution),
        )
    })?;
    decide::settle(work, slot, remote, situation, decision, None)
}

/// Uses a policy function's answer, unless the conflict has moved on.
pub(super) fn decision<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
    version: Option<&Version>,
    resolution: &Resolution,
) -> Result<(), Error> {
    let Some(conflict) = work.tx.conflict(collection, rid)? else {
        return Ok(());
    };
    if conflict.asked.is_empty() || conflict.remote.version.as_ref() != version {
        return Ok(());
    }
    let mut slot = work.take(collection, rid)?;
    match resolution {
        Resolution::Failed(_) => after_failure(work, &mut slot, conflict.remote)?,
        answer => apply(work, &mut slot, conflict.remote, answer)?,
    }
    work.put(slot);
    Ok(())
}

/// Lets the fallback decide what a function did not: a person, when it says so.
fn after_failure<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
) -> Result<(), Error> {
    let policy = &work.collection(&slot.collection)?.policy;
    let (situation, plan) = look(work, slot, &remote, |sides| {
        (
            reconcile::classify(sides),
            reconcile::after_failure(sides, policy),
        )
    })?;
    match plan {
        Plan::Settled(decision) => decide::settle(work, slot, remote, situation, decision, None),
        Plan::Open(_) => {
            if let Some(conflict) = &mut slot.conflict {
                conflict.asked.clear();
                conflict.deadline = None;
            }
            Ok(())
        }
    }
}

/// The open conflicts that wait for a function.
pub(super) fn asked<T: Tx>(work: &mut Work<'_, T>) -> Result<Vec<Conflict>, Error> {
    if !work
        .config
        .collections
        .values()
        .any(|config| asks(&config.policy))
    {
        return Ok(Vec::new());
    }
    let mut asked = Vec::new();
    let mut after: Option<(CollectionName, Rid)> = None;
    loop {
        let from = after.as_ref().map(|(collection, rid)| (collection, *rid));
        let page = work.tx.conflicts(from, limits::SWEEP_ROWS)?;
        let Some(last) = page.last() else {
            return Ok(asked);
        };
        after = Some((last.collection.clone(), last.rid));
        asked.extend(page.into_iter().filter(|conflict| {
            !conflict.asked.is_empty() && work.config.collection(&conflict.collection).is_some()
        }));
    }
}

fn asks(policy: &Policy) -> bool {
    matches!(policy.rule, Rule::Function(_))
        || policy
            .fields
            .values()
            .any(|rule| matches!(rule, FieldRule::Function(_)))
}

/// Lets the fallback decide where a function has not answered in time.
pub(super) fn expire_decisions<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    for conflict in asked(work)? {
        if work.remaining_ms(conflict.deadline) == 0 {
            let mut slot = work.take(&conflict.collection, conflict.rid)?;
            after_failure(work, &mut slot, conflict.remote)?;
            work.put(slot);
        }
    }
    Ok(())
}

/// Asks the functions again, in a new process.
pub(super) fn ask_again<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    for conflict in asked(work)? {
        let mut slot = work.take(&conflict.collection, conflict.rid)?;
        let deadline = work.after(limits::DECIDE_MS);
        if let Some(conflict) = &mut slot.conflict {
            conflict.deadline = Some(deadline);
        }
        decide::ask(work, &slot);
        work.put(slot);
    }
    Ok(())
}

/// Brings the losing side of a decision back, as a new mutation. The journal keeps what was there then: what is
/// of an older schema, the migrate function is asked about first.
pub(super) fn undo<T: Tx>(
    work: &mut Work<'_, T>,
    id: JournalId,
    answers: &Answers,
) -> Result<(), Error> {
    let Some(mut row) = work.tx.journal_row(id)? else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the journal has no row {}", id.0),
        ));
    };
    if !migrate::decision(work, &mut row, answers)? {
        return Ok(());
    }
    let loser = match row.loser {
        Loser::Ours | Loser::Both => &row.ours,
        Loser::Theirs => &row.theirs,
        Loser::None => {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "nothing was lost in decision {}: there is nothing to undo",
                    id.0
                ),
            ));
        }
    };
    let declared = &work.collection(&row.collection)?.schema;
    let (schema, server_fields) = (declared.number, &declared.server_fields);
    let mut slot = work.take(&row.collection, row.rid)?;
    migrate::check_record(&slot, schema)?;
    let shown = slot.ours();
    let target = reconcile::undo(&row.outcome, &shown, loser);
    let change = match (shown.document(), target.document()) {
        (Some(shown), Some(target)) => edit_of(&shown.object(), &target.object(), server_fields),
        (None, Some(target)) => Some(Change::Create(without(target.clone(), server_fields))),
        (Some(_), None) => Some(Change::Delete),
        (None, None) => None,
    };
    let Some(change) = change else {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{}/{} shows what decision {} would bring back already",
                row.collection, slot.record.id, id.0
            ),
        ));
    };
    let draft = Draft {
        change,
        group: None,
        replaces: None,
        undoes: Some(id),
    };
    let mutation = if planted::on(Bug::UndoStaysLocal) {
        slot.record.document = target.document().cloned();
        None
    } else {
        append(work, &mut slot, draft, schema)?
    };
    let written = Written {
        collection: row.collection,
        id: slot.record.id.clone(),
        mutation,
        group: None,
    };
    let noted = Noted {
        situation: "undo".to_owned(),
        policy: "asked for by the user".to_owned(),
        base: row.outcome.clone(),
        ours: loser.clone(),
        theirs: shown,
        outcome: target,
        loser: Loser::Theirs,
        mutation,
        decided: Vec::new(),
        undoes: Some(id),
        schema,
    };
    work.journal(&slot, noted)?;
    work.outputs.push(Output::Written(vec![written]));
    work.put(slot);
    Ok(())
}

/// The slot of an entry, and its place in the chain.
fn find<T: Tx>(work: &mut Work<'_, T>, id: MutationId) -> Result<(Slot, usize), Error> {
    let missing = || Error::new(ErrorKind::NotFound, format!("the outbox has no entry {id}"));
    let entry = work
        .tx
        .entries(EntryFilter::Id(id), None, 1)?
        .into_iter()
        .next()
        .ok_or_else(missing)?;
    let slot = work.take(&entry.collection, entry.rid)?;
    let index = slot
        .chain
        .iter()
        .position(|other| other.id == id)
        .ok_or_else(missing)?;
    Ok((slot, index))
}

fn parked<T: Tx>(work: &mut Work<'_, T>, id: MutationId) -> Result<(Slot, usize), Error> {
    let (slot, index) = find(work, id)?;
    match slot.chain[index].state {
        EntryState::Parked { .. } => Ok((slot, index)),
        _ => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "entry {id} is not parked: it is {}",
                state(&slot.chain[index])
            ),
        )),
    }
}

pub(super) fn state(entry: &Entry) -> &'static str {
    match entry.state {
        EntryState::Pending => "pending",
        EntryState::InFlight { .. } => "in flight",
        EntryState::Unknown { .. } => "sent, with an unknown outcome",
        EntryState::Held(_) => "held",
        EntryState::Parked { .. } => "parked",
    }
}

/// Puts a new entry in the place of a parked one.
fn renew<T: Tx>(
    work: &mut Work<'_, T>,
    mut slot: Slot,
    index: usize,
    change: Change,
) -> Result<(), Error> {
    let old = slot.chain[index].clone();
    let schema = work.number(&slot.collection)?.max(old.schema);
    let id = work.entropy.mutation();
    journal_of(work, &old, JournalChange::Carrier(id));
    work.touch_group(old.group);
    let written = Written {
        collection: slot.collection.clone(),
        id: slot.record.id.clone(),
        mutation: Some(id),
        group: old.group,
    };
    slot.chain[index] = Entry {
        id,
        change,
        replaces: Some(old.id),
        frozen: None,
        state: EntryState::Pending,
        schema,
        ..old
    };
    stand_on(work, &mut slot, index + 1)?;
    slot.show();
    work.put(slot);
    work.outputs.push(Output::Written(vec![written]));
    Ok(())
}

/// Sends a parked entry again, under a new key; what is of an older schema, the migrate function is asked about
/// first.
pub(super) fn retry<T: Tx>(
    work: &mut Work<'_, T>,
    id: MutationId,
    answers: &Answers,
) -> Result<(), Error> {
    let (mut slot, _) = parked(work, id)?;
    let is_forward = migrate::again(work, &mut slot, id, answers)?;
    // Brought forward, it may have a new key, or nothing may be left of it.
    let of = |entry: &Entry| entry.id == id || entry.replaces == Some(id);
    let Some(index) = slot.chain.iter().position(of).filter(|_| is_forward) else {
        work.put(slot);
        return Ok(());
    };
    let before = slot.image_before(index);
    let change = slot.chain[index].present_change(before.as_ref());
    renew(work, slot, index, change)
}

/// Replaces what a parked entry leads to, and sends it under a new key.
pub(super) fn edit<T: Tx>(
    work: &mut Work<'_, T>,
    id: MutationId,
    document: Document,
) -> Result<(), Error> {
    let (mut slot, index) = parked(work, id)?;
    let before = slot.image_before(index);
    let change = match before {
        Some(before) => {
            let patch = diff(&before.object(), &document.object());
            if patch.is_empty() {
                // Edited back to what was there before: given up.
                return discard(work, id);
            }
            let is_older = slot.schema_before(index) < work.number(&slot.collection)?;
            if is_older && !planted::on(Bug::PatchUnmigrated) {
                Change::Replace(document)
            } else {
                Change::Patch(patch)
            }
        }
        None => Change::Create(document),
    };
    let stamp = work.stamp()?;
    let fields = match &change {
        Change::Patch(patch) => patch.paths().map(|path| (path.clone(), stamp)).collect(),
        _ => Default::default(),
    };
    slot.chain[index].stamps = Stamps {
        latest: stamp,
        fields,
    };
    renew(work, slot, index, change)
}

/// Gives up an entry; the journal keeps it.
pub(super) fn discard<T: Tx>(work: &mut Work<'_, T>, id: MutationId) -> Result<(), Error> {
    let (mut slot, index) = find(work, id)?;
    let entry = slot.chain[index].clone();
    if entry.state.is_out() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "entry {id} is {}: wait for the server's answer, then undo or delete",
                state(&entry)
            ),
        ));
    }
    if slot.conflict.is_some() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "entry {id} is part of an open conflict: resolve {}/{} instead",
                slot.collection, slot.record.id
            ),
        ));
    }
    let before = slot.image_before(index);
    let (after, schema) = (entry.apply(before.as_ref()), slot.schema());
    journal_of(work, &entry, JournalChange::State(JournalState::Void));
    work.touch_group(entry.group);
    slot.chain.remove(index);
    stand_on(work, &mut slot, index)?;
    slot.show();
    // What the server has changed meanwhile may have waited for the entry.
    decide::reconcile(work, &mut slot)?;
    if planted::on(Bug::DiscardForgets) {
        work.put(slot);
        return Ok(());
    }
    let reason = match &entry.state {
        EntryState::Parked { reason, .. } => format!("parked: {reason}"),
        _ => state(&entry).to_owned(),
    };
    let before = Image::from(before);
    let of = GivenUp {
        entry: entry.id,
        situation: reason,
        policy: "discarded by the user".to_owned(),
        before: before.clone(),
        ours: Image::from(after),
        stands: before,
        schema,
    };
    given_up::journal(work, &slot, of)?;
    work.put(slot);
    Ok(())
}

/// Lets the entries from `index` on stand on what is before them now: on nothing they create, on a record they
/// replace, and a delete of nothing goes.
pub(super) fn stand_on<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    index: usize,
) -> Result<(), Error> {
    let mut before = slot.image_before(index);
    for mut entry in slot.chain.split_off(index) {
        if before.is_none() && entry.change == Change::Delete {
            work.touch_group(entry.group);
            journal_of(work, &entry, JournalChange::State(JournalState::Void));
            continue;
        }
        let after = entry.apply(before.as_ref());
        entry.change = match (entry.change, &before, &after) {
            (Change::Patch(_) | Change::Replace(_), None, Some(document)) => {
                Change::Create(document.clone())
            }
            (Change::Create(document), Some(_), _) => Change::Replace(document),
            (change, _, _) => change,
        };
        before = after;
        slot.chain.push(entry);
    }
    Ok(())
}
