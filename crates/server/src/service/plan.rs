//! What a unit of mutations would write, decided before anything is written.
use super::{image, rejected};
use crate::planted::{self, Bug};
use crate::stamps::{Sent, Stamps};
use crate::store::{Key, Meta, Record, ServerTx};
use crate::{Refusal, ServerNow, ServiceConfig, ServiceError};
use tisync_json::{Document, Object};
use tisync_protocol::{
    Change, Conflict, Deferred, Mutation, Precondition, Verdict, check_collection, check_group,
    check_record,
};

/// The writes of one unit, in the making.
pub(super) struct Plan<'a> {
    now: &'a ServerNow,
    config: &'a ServiceConfig,
    meta: &'a Meta,
    writes: Vec<Write>,
}

/// One record's write.
pub(super) struct Write {
    pub(super) collection: String,
    pub(super) id: String,
    /// None deletes.
    pub(super) document: Option<Document>,
    pub(super) stamps: Stamps,
    pub(super) schema: u32,
    /// The version of the live record that this replaces in the store.
    pub(super) before: Option<u64>,
    /// By the mutation's index: documents that are not what the mutation carried.
    pub(super) answers: Vec<(usize, Document)>,
}

/// What a mutation finds: the store's record, or the write of an earlier member of its group.
struct Current {
    /// None for a write of this unit: it has no version yet, so that no precondition can name it.
    version: Option<u64>,
    /// None when it is not known without reading the record.
    record: Option<Record>,
    live: bool,
}

impl<'a> Plan<'a> {
    pub(super) fn new(now: &'a ServerNow, config: &'a ServiceConfig, meta: &'a Meta) -> Self {
        Plan {
            now,
            config,
            meta,
            writes: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<Write> {
        self.writes
    }

    /// Adds what a mutation would write, or says why it cannot.
    pub(super) fn add<T: ServerTx>(
        &mut self,
        tx: &mut T,
        mutation: &Mutation,
        index: usize,
    ) -> Result<Option<Verdict>, ServiceError> {
        let sent = match self.check(mutation) {
            Ok(sent) => sent,
            Err(verdict) => return Ok(Some(verdict)),
        };
        let key = Key {
            collection: &mutation.collection,
            id: &mutation.record,
        };
        let mut current = self.current(tx, key)?;
        if !holds(self.meta, &mutation.base, &current) || !applies(mutation, &current) {
            let remote = image(self.meta, tx.record(key)?);
            return Ok(Some(Verdict::Conflict(Conflict { remote })));
        }
        let stands_on = matches!(mutation.change, Change::Patch(_) | Change::Replace(_));
        if stands_on && current.live && current.record.is_none() {
            current.record = tx.record(key)?;
        }
        let record = current.record.as_ref().filter(|_| current.live);
        let (document, carried) = match result(&mutation.change, record, &mutation.base) {
            Ok(result) => result,
            Err(error) => return Ok(Some(rejected("bad-document", error.to_string()))),
        };
        if let Some(verdict) = document
            .as_ref()
            .and_then(|document| self.check_size(document))
        {
            return Ok(Some(verdict));
        }
        let stamps = sent.after(&mutation.change, record);
        // An older app that changes what a newer one wrote leaves the rest of it as it is.
        let schema = record
            .map_or(0, |record| record.schema)
            .max(mutation.schema);
        let answer = document
            .clone()
            .filter(|_| !carried)
            .map(|document| (index, document));
        let before = current.version.filter(|_| current.live);
        self.write(key, document, (stamps, schema), before, answer);
        Ok(None)
    }

    /// Checks what needs no record: names, stamps, sizes, the application's rules.
    fn check(&self, mutation: &Mutation) -> Result<Sent, Verdict> {
        let group = mutation.group.as_deref().map_or(Ok(()), check_group);
        let names = check_collection(&mutation.collection)
            .and(check_record(&mutation.record))
            .and(group);
        names.map_err(|error| rejected("bad-name", error.to_string()))?;
        let sent = Sent::read(mutation, self.now.wall_ms)
            .map_err(|reason| rejected("bad-stamp", reason))?;
        if let Change::Patch(patch) = &mutation.change {
            patch
                .patch()
                .check()
                .map_err(|error| rejected("bad-patch", error.to_string()))?;
        }
        let schema_min = self.config.schema_min(&mutation.collection);
        if mutation.schema < schema_min {
            return Err(Verdict::Outdated);
        }
        match self
            .config
            .validate
            .as_ref()
            .map_or(Ok(()), |rules| rules.check(mutation))
        {
            Ok(()) => Ok(sent),
            Err(Refusal::Rejected { code, reason }) => Err(rejected(&code, reason)),
            Err(Refusal::Deferred { after_ms }) => Err(Verdict::Deferred(Deferred { after_ms })),
            Err(Refusal::OutOfScope) => Err(Verdict::OutOfScope),
        }
    }

    fn check_size(&self, document: &Document) -> Option<Verdict> {
        let (limit, bytes) = (self.config.limits.document_bytes_max, document.text().len());
        let reason = || {
            format!("A document has at most {limit} bytes; this one has {bytes}. Split the record.")
        };
        (bytes as u64 > limit).then(|| rejected("too-large", reason()))
    }

    fn current<T: ServerTx>(&self, tx: &mut T, key: Key<'_>) -> Result<Current, ServiceError> {
        if let Some(write) = self.writes.iter().find(|write| write.is(key)) {
            let record = Record {
                version: 0,
                document: write.document.clone(),
                stamp: write.stamps.latest.clone(),
                stamps: write.stamps.by_path.clone(),
                updated_ms: self.now.wall_ms,
                schema: write.schema,
            };
            return Ok(Current {
                version: None,
                live: record.document.is_some(),
                record: Some(record),
            });
        }
        let head = tx.head(key)?;
        let live = head.is_some_and(|head| !head.deleted);
        Ok(Current {
            version: head.map(|head| head.version),
            record: None,
            live,
        })
    }

    /// Notes a write; a later one of the same record takes the place of the earlier.
    fn write(
        &mut self,
        key: Key<'_>,
        document: Option<Document>,
        (stamps, schema): (Stamps, u32),
        before: Option<u64>,
        answer: Option<(usize, Document)>,
    ) {
        let earlier = self
            .writes
            .iter()
            .position(|write| write.is(key))
            .map(|index| self.writes.remove(index));
        let before = earlier.as_ref().map_or(before, |write| write.before);
        let mut answers = earlier.map(|write| write.answers).unwrap_or_default();
        answers.extend(answer);
        let (collection, id) = (key.collection.to_owned(), key.id.to_owned());
        self.writes.push(Write {
            collection,
            id,
            document,
            stamps,
            schema,
            before,
            answers,
        });
    }
}

impl Write {
    fn is(&self, key: Key<'_>) -> bool {
        self.id == key.id && self.collection == key.collection
    }
}

/// Whether the precondition holds.
fn holds(meta: &Meta, base: &Precondition, current: &Current) -> bool {
    match base {
        _ if planted::on(Bug::IgnorePrecondition) => true,
        Precondition::None => true,
        Precondition::Absent => !current.live,
        Precondition::Version(version) => {
            current.live && current.version.is_some() && current.version == meta.number(version)
        }
    }
}

/// Whether there is something to change: nobody can delete what is gone, or patch it on a base.
fn applies(mutation: &Mutation, current: &Current) -> bool {
    match &mutation.change {
        Change::Create(_) | Change::Replace(_) => true,
        Change::Patch(_) => current.live || mutation.base == Precondition::Absent,
        Change::Delete => current.live,
    }
}

/// The document that results, and whether it is the one that the mutation carried.
fn result(
    change: &Change,
    record: Option<&Record>,
    base: &Precondition,
) -> Result<(Option<Document>, bool), tisync_json::Error> {
    let patch = match change {
        Change::Create(document) | Change::Replace(document) => {
            return Ok((Some(document.clone()), true));
        }
        Change::Delete => return Ok((None, true)),
        Change::Patch(patch) => patch,
    };
    if let (Some(document), false) = (&patch.document, *base == Precondition::None) {
        return Ok((Some(document.clone()), true));
    }
    let mut object = record
        .and_then(|record| record.document.as_ref())
        .map_or_else(Object::new, Document::object);
    patch.patch().apply(&mut object);
    // Checked: a patch can nest or grow a document beyond what is allowed.
    let document = Document::checked_from_object(&object)?;
    let carried = patch
        .document
        .as_ref()
        .is_some_and(|sent| sent.same(&document));
    Ok((Some(document), carried))
}
