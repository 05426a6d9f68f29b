//! Migrate: after an upgrade of the app, its function brings what is of an older schema forward, slice by slice.
//!
//! The function is asked between steps. An answer goes by document: what has changed since the question is asked
//! about again, so that neither a crash nor another process that does the same can do harm. A record is brought
//! forward whole (base, remote, chain, open conflict), or stays whole as it was.
mod record;

use super::slot::Slot;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Declared, Op, Row, Tx};
use record::Brought;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// What the function has made of documents.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<(u32, String), Result<Document, String>>);

impl Answers {
    fn of(answers: Vec<(Outdated, Result<Document, String>)>) -> Self {
        let answers = answers.into_iter().map(|(outdated, result)| {
            let Outdated { from, document } = outdated;
            ((from, document.text().to_owned()), result)
        });
        Answers(answers.collect())
    }

    fn get(&self, from: u32, document: &Document) -> Option<&Result<Document, String>> {
        self.0.get(&(from, document.text().to_owned()))
    }
}

/// Refuses a step while the file holds documents of schemas that this engine was not configured with.
pub(super) fn check<T: Tx>(work: &mut Work<'_, T>, input: &Input) -> Result<(), Error> {
    for (collection, settings) in &work.config.collections {
        let Some(declared) = work.tx.declared(collection)? else {
            continue;
        };
        is_known(collection, declared, settings.schema.number)?;
        if declared.migrating && !matches!(input, Input::Migrated(_)) {
            return Err(Error::new(
                ErrorKind::Migrating,
                format!(
                    "{collection} is being brought to schema {}: configure again and answer what the migrate function is asked",
                    declared.number
                ),
            ));
        }
    }
    Ok(())
}

fn is_known(collection: &CollectionName, declared: Declared, number: u32) -> Result<(), Error> {
    if declared.number <= number {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Newer,
        format!(
            "the file has schema {} of {collection}, this app declares {number}: nothing was changed; use the newer version of the app",
            declared.number
        ),
    ))
}

/// Begins to bring a collection to the number that the app declares; says whether there is anything to do.
pub(super) fn begin<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    declared: Declared,
) -> Result<bool, Error> {
    let number = work.number(collection)?;
    is_known(collection, declared, number)?;
    let failed = work.tx.meta(&failures(collection))?.is_some();
    if declared.number == number && !declared.migrating && !failed {
        return Ok(false);
    }
    if failed {
        // They are asked about again, and told of again where they fail again.
        for row in work.tx.quarantined(None, usize::MAX)? {
            if row.schema.is_some() && row.collection.as_ref() == Some(collection) {
                work.ops.push(Op::RemoveQuarantined(row.number));
            }
        }
        work.ops.push(Op::Meta {
            key: failures(collection),
            value: None,
        });
    }
    ask(work, collection, None)
}

/// The key under which the file says that some records could not be brought forward.
fn failures(collection: &CollectionName) -> String {
    format!("unmigrated:{collection}")
}

/// Asks about the records behind `after`; says whether there were any.
fn ask<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    after: Option<Rid>,
) -> Result<bool, Error> {
    let rows = page(work, collection, after)?;
    if rows.is_empty() {
        return Ok(false);
    }
    let nothing = Answers::default();
    let mut documents: BTreeMap<(u32, String), Document> = BTreeMap::new();
    let mut want = |outdated: Outdated| {
        let Outdated { from, document } = outdated;
        documents.insert((from, document.text().to_owned()), document);
    };
    for (record, dirty) in rows {
        if dirty.is_none() {
            want_of(record).into_iter().for_each(&mut want);
            continue;
        }
        let rid = record.rid;
        work.admit(collection, vec![(record, dirty)])?;
        let mut slot = work.take(collection, rid)?;
        if let Brought::Missing(missing) = record::bring(work, &mut slot, &nothing)? {
            missing.into_iter().for_each(&mut want);
        }
        work.put(slot);
    }
    let documents = documents
        .into_iter()
        .map(|((from, _), document)| Outdated { from, document });
    let migrate = Migrate {
        collection: collection.clone(),
        to: work.number(collection)?,
        of: MigrateOf::Records { after },
        documents: documents.collect(),
    };
    work.outputs.push(Output::Migrate(Box::new(migrate)));
    Ok(true)
}

fn page<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    after: Option<Rid>,
) -> Result<Vec<Row>, Error> {
    let number = work.number(collection)?;
    let slice = work.config.slice_items.unwrap_or(usize::MAX).max(1);
    Ok(work.tx.outdated(
        collection,
        number,
        after,
        limits::MIGRATE_ROWS.min(slice),
        limits::MIGRATE_BYTES_MAX,
    )?)
}

fn want_of(record: Record) -> Option<Outdated> {
    Some(Outdated {
        from: record.schema,
        document: record.document?,
    })
}

/// Uses what the function made of documents.
pub(super) fn answered<T: Tx>(work: &mut Work<'_, T>, answer: MigrateAnswer) -> Result<(), Error> {
    let answers = Answers::of(answer.answers);
    match answer.of {
        MigrateOf::Undo(id) => super::verbs::undo(work, id, &answers),
        MigrateOf::Retry(id) => super::verbs::retry(work, id, &answers),
        MigrateOf::Records { after } => records(work, &answer.collection, after, &answers),
    }
}

/// Brings the records behind `after` forward as far as the answers go, and asks on.
fn records<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    mut after: Option<Rid>,
    answers: &Answers,
) -> Result<(), Error> {
    let settings = work.collection(collection)?;
    let declared = work.tx.declared(collection)?;
    if declared.is_none_or(|declared| !declared.migrating) {
        // Another process has brought all of them forward.
        return Ok(());
    }
    for (record, dirty) in page(work, collection, after)? {
        let rid = record.rid;
        let is_done = match dirty {
            None => plain(work, collection, record, answers)?,
            Some(_) => {
                work.admit(collection, vec![(record, dirty)])?;
                with_chain(work, collection, rid, answers)?
            }
        };
        if !is_done {
            break;
        }
        after = Some(rid);
    }
    if !ask(work, collection, after)? {
        work.ops.push(Op::Declare {
            collection: collection.clone(),
            schema: settings.schema.clone(),
            migrating: false,
        });
        work.event(Event::Health);
    }
    Ok(())
}

/// Brings a record without a side row forward; says whether the answers have its document.
fn plain<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    record: Record,
    answers: &Answers,
) -> Result<bool, Error> {
    let Some(document) = &record.document else {
        return Ok(true);
    };
    let schema = work.number(collection)?;
    match answers.get(record.schema, document) {
        None => return Ok(false),
        Some(Err(reason)) => quarantine(work, collection, &record, reason)?,
        Some(Ok(new)) => {
            if !new.same(document) {
                work.changed(collection, &record.id, ChangeKind::Updated);
            }
            let document = Some(new.clone());
            work.ops.push(Op::Update {
                collection: collection.clone(),
                record: Record {
                    document,
                    schema,
                    migrated: true,
                    ..record
                },
            });
        }
    }
    Ok(true)
}

/// Brings a dirty record forward; says whether the answers have all of its documents.
fn with_chain<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
    answers: &Answers,
) -> Result<bool, Error> {
    let mut slot = work.take(collection, rid)?;
    let is_done = match record::bring(work, &mut slot, answers)? {
        Brought::Done => true,
        Brought::Missing(_) => false,
        Brought::Failed(_) if planted::on(Bug::DropUnmigrated) => {
            slot.chain.retain(|entry| entry.state.is_out());
            slot.show();
            true
        }
        Brought::Failed(reason) => {
            if let Some(conflict) = slot.conflict.take() {
                // Nobody can decide between documents of two schemas: it is opened again when both have one.
                slot.remote.get_or_insert(conflict.remote);
            }
            if !park(work, &mut slot, &reason) {
                quarantine(work, collection, &slot.record, &reason)?;
            }
            work.ops.push(Op::Meta {
                key: failures(collection),
                value: Some("1".to_owned()),
            });
            true
        }
    };
    work.put(slot);
    Ok(is_done)
}

/// Parks a record that came here with an older schema, until the app starts next and the function is asked.
pub(super) fn wait<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot) {
    park(
        work,
        slot,
        "it came back with an older schema, and waits for the next start of the app",
    );
    work.ops.push(Op::Meta {
        key: failures(&slot.collection),
        value: Some("1".to_owned()),
    });
}

/// Whether a record with pending entries could not be brought forward: its base, or what the chain leads to, is
/// of an older schema.
pub(super) fn is_outdated(slot: &Slot, number: u32) -> bool {
    !slot.chain.is_empty() && record::is_older(slot, number)
}

/// Refuses to bring something back into a record that could not be brought forward itself.
pub(super) fn check_record(slot: &Slot, number: u32) -> Result<(), Error> {
    if !record::is_older(slot, number) {
        return Ok(());
    }
    let reason = "the record could not be migrated itself";
    Err(failed(&slot.collection, slot.schema(), number, reason))
}

/// Parks the first entry of a record that could not be brought forward, so that nothing of an older schema is
/// sent; says whether there is one that was not handed out and not parked before.
pub(super) fn park<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot, reason: &str) -> bool {
    let Some(entry) = slot.chain.iter_mut().find(|entry| !entry.state.is_out()) else {
        return false;
    };
    if matches!(entry.state, EntryState::Parked { .. }) {
        return false;
    }
    entry.state = EntryState::Parked {
        reason: format!("not migrated: {reason}"),
        at_ms: work.now.wall_ms,
        unmigrated: true,
    };
    let group = entry.group;
    work.touch_group(group);
    work.event(Event::Parked {
        collection: slot.collection.clone(),
        id: slot.record.id.clone(),
        reason: reason.to_owned(),
    });
    true
}

/// Notes a record that stays as it was, since the function cannot bring it forward.
fn quarantine<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    record: &Record,
    reason: &str,
) -> Result<(), Error> {
    let feed = work.feed_key(collection).unwrap_or_else(local_feed);
    let text = tisync_json::write(record);
    work.ops.push(Op::Quarantine(Box::new(Quarantined {
        number: 0,
        feed,
        collection: Some(collection.clone()),
        text,
        reason: format!("not migrated: {reason}"),
        at_ms: work.now.wall_ms,
        schema: Some(record.schema),
    })));
    work.ops.push(Op::Meta {
        key: failures(collection),
        value: Some("1".to_owned()),
    });
    work.event(Event::Health);
    Ok(())
}

/// Stands for the feed of a collection that has none.
fn local_feed() -> FeedKey {
    let (Ok(connector), Ok(feed)) = (ConnectorName::new("local"), FeedName::new("local")) else {
        unreachable!("`local` is a good name");
    };
    FeedKey { connector, feed }
}

/// Brings the record of a parked entry forward; `false` when the function was asked first.
pub(super) fn again<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    id: MutationId,
    answers: &Answers,
) -> Result<bool, Error> {
    let to = work.number(&slot.collection)?;
    if !record::is_older(slot, to) {
        return Ok(true);
    }
    match record::bring(work, slot, answers)? {
        Brought::Done => Ok(true),
        Brought::Failed(reason) => Err(failed(&slot.collection, slot.schema(), to, &reason)),
        Brought::Missing(documents) => {
            let migrate = Migrate {
                collection: slot.collection.clone(),
                to,
                of: MigrateOf::Retry(id),
                documents,
            };
            work.outputs.push(Output::Migrate(Box::new(migrate)));
            Ok(false)
        }
    }
}

/// Brings what an undo needs of a decision forward; `false` when the function was asked first.
pub(super) fn decision<T: Tx>(
    work: &mut Work<'_, T>,
    row: &mut JournalRow,
    answers: &Answers,
) -> Result<bool, Error> {
    let (to, from) = (work.number(&row.collection)?, row.schema);
    if from >= to {
        return Ok(true);
    }
    let mut documents = Vec::new();
    for image in [&mut row.ours, &mut row.theirs, &mut row.outcome] {
        let Image::Present(document) = image else {
            continue;
        };
        match answers.get(from, document) {
            Some(Ok(new)) => *document = new.clone(),
            Some(Err(reason)) => return Err(failed(&row.collection, from, to, reason)),
            None => documents.push(Outdated {
                from,
                document: document.clone(),
            }),
        }
    }
    row.schema = to;
    if documents.is_empty() {
        return Ok(true);
    }
    let migrate = Migrate {
        collection: row.collection.clone(),
        to,
        of: MigrateOf::Undo(row.id),
        documents,
    };
    work.outputs.push(Output::Migrate(Box::new(migrate)));
    Ok(false)
}

fn failed(collection: &CollectionName, from: u32, to: u32, reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!(
            "what was written under schema {from} of {collection} could not be migrated to {to}: {reason}; nothing was changed"
        ),
    )
}
