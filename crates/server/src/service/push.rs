//! Mutations go up, verdicts come back.
use super::plan::{Plan, Write};
use super::{check_count, meta, rejected, used_up};
use crate::limits::VERSION_MAX;
use crate::planted::{self, Bug};
use crate::store::{Key, Meta, Receipt, Record, ServerTx, Settled, Tally};
use crate::{ServerNow, ServiceConfig, ServiceError};
use std::collections::{BTreeMap, BTreeSet};
use tisync_protocol::{
    Change, Mutation, Precondition, PushAnswer, PushRequest, PushResult, Verdict, mutation_id,
};

/// The mutations of one push, as far as they could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch(pub Vec<Entry>);

/// One mutation of a push.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A mutation.
    Good(Box<Mutation>),
    /// Something that is none: it is rejected, and the others go on.
    Bad {
        /// Its id.
        id: String,
        /// Its group.
        group: Option<String>,
        /// What was expected and what came.
        reason: String,
    },
}

impl Batch {
    /// The collections that its mutations name.
    pub fn collections(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for entry in &self.0 {
            if let Entry::Good(mutation) = entry
                && !names.contains(&mutation.collection)
            {
                names.insert(mutation.collection.clone());
            }
        }
        names
    }
}

impl Entry {
    fn id(&self) -> &str {
        match self {
            Entry::Good(mutation) => &mutation.id,
            Entry::Bad { id, .. } => id,
        }
    }
    fn group(&self) -> Option<&str> {
        match self {
            Entry::Good(mutation) => mutation.group.as_deref(),
            Entry::Bad { group, .. } => group.as_deref(),
        }
    }
}

impl From<PushRequest> for Batch {
    fn from(request: PushRequest) -> Self {
        Batch(
            request
                .mutations
                .into_iter()
                .map(|mutation| Entry::Good(Box::new(mutation)))
                .collect(),
        )
    }
}

/// Settles each mutation, groups as one, in the order of their first members.
///
/// Effects and receipts are in the caller's transaction: it commits, and only then answers.
pub fn push<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
    batch: impl Into<Batch>,
) -> Result<PushAnswer, ServiceError> {
    let Batch(entries) = batch.into();
    check_count("mutations", entries.len(), config.limits.push_mutations_max)?;
    let ids = ids(&entries)?;
    let before = meta(tx)?;
    let mut push = Push {
        tx,
        now,
        config,
        ids: &ids,
        history: &before,
        meta: before.clone(),
        verdicts: BTreeMap::new(),
        tallies: BTreeMap::new(),
    };
    for unit in units(&entries) {
        push.settle(&entries, &unit)?;
    }
    let Push {
        meta,
        mut verdicts,
        tallies,
        ..
    } = push;
    upgrade(config, &entries, &verdicts)?;
    for (collection, tally) in &tallies {
        tx.put_tally(collection, tally)?;
    }
    if meta != before {
        tx.put_meta(&meta)?;
    }
    // Every index is in exactly one unit, and `settle` gives each of its unit's members a verdict.
    let results = entries.iter().enumerate().filter_map(|(index, entry)| {
        Some(PushResult {
            id: entry.id().to_owned(),
            verdict: verdicts.remove(&index)?,
        })
    });
    Ok(PushAnswer {
        epoch: meta.epoch().to_owned(),
        results: results.collect(),
        server_time_ms: now.wall_ms,
    })
}

/// Refuses the push as a whole when the schema of all that it holds is too old: then nothing has changed.
fn upgrade(
    config: &ServiceConfig,
    entries: &[Entry],
    verdicts: &BTreeMap<usize, Verdict>,
) -> Result<(), ServiceError> {
    let is_too_old = |verdict: &&Verdict| matches!(verdict, Verdict::Outdated | Verdict::Returned);
    if verdicts.values().filter(is_too_old).count() < entries.len() {
        return Ok(());
    }
    let outdated = entries.iter().enumerate().find_map(|(index, entry)| {
        let Entry::Good(mutation) = entry else {
            return None;
        };
        (verdicts.get(&index) == Some(&Verdict::Outdated)).then_some(mutation)
    });
    let Some(Mutation {
        collection, schema, ..
    }) = outdated.map(AsRef::as_ref)
    else {
        return Ok(());
    };
    Err(ServiceError::UpgradeRequired {
        collection: collection.clone(),
        schema: *schema,
        schema_min: config.schema_min(collection),
    })
}

/// The ids of the mutations; a bad or repeated one makes the batch one that cannot be answered.
fn ids(entries: &[Entry]) -> Result<Vec<[u8; 16]>, ServiceError> {
    let mut seen = BTreeSet::new();
    let read = |(index, entry): (usize, &Entry)| {
        let id = mutation_id(entry.id()).map_err(|error| {
            ServiceError::BadRequest(format!("The mutation at index {index}: {error}."))
        })?;
        if !seen.insert(id) {
            let detail = format!(
                "No two mutations of a push have one id; index {index} repeats {}.",
                entry.id()
            );
            return Err(ServiceError::BadRequest(detail));
        }
        Ok(id)
    };
    entries.iter().enumerate().map(read).collect()
}

/// What takes effect together: a group's members, wherever they stand, or one mutation.
fn units(entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut units: Vec<Vec<usize>> = Vec::with_capacity(entries.len());
    let mut of_group: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        match entry.group() {
            None => units.push(vec![index]),
            Some(group) => {
                let unit = *of_group.entry(group).or_insert(units.len());
                match units.get_mut(unit) {
                    Some(members) => members.push(index),
                    None => units.push(vec![index]),
                }
            }
        }
    }
    units
}

struct Push<'a, T> {
    tx: &'a mut T,
    now: &'a ServerNow,
    config: &'a ServiceConfig,
    ids: &'a [[u8; 16]],
    /// The history before this push: its epochs, which no push changes.
    history: &'a Meta,
    meta: Meta,
    verdicts: BTreeMap<usize, Verdict>,
    /// Of the collections written so far.
    tallies: BTreeMap<String, Tally>,
}

impl<T: ServerTx> Push<'_, T> {
    /// Settles one unit: all of it takes effect, or none.
    fn settle(&mut self, entries: &[Entry], unit: &[usize]) -> Result<(), ServiceError> {
        let mut blocked = false;
        let mut fresh: Vec<(usize, &Mutation, u64)> = Vec::with_capacity(unit.len());
        let mut repeated = 0;
        for &index in unit {
            let mutation = match &entries[index] {
                Entry::Good(mutation) => mutation,
                Entry::Bad { reason, .. } => {
                    self.verdicts
                        .insert(index, rejected("bad-mutation", reason.clone()));
                    blocked = true;
                    continue;
                }
            };
            let content = content(mutation);
            let receipt = self.tx.receipt(&self.ids[index])?;
            match receipt.filter(|_| !planted::on(Bug::ForgetReceipts)) {
                None => fresh.push((index, mutation, content)),
                Some(receipt) if receipt.content != content => {
                    let reason =
                        "This id belongs to another mutation. Draw a new id for each content.";
                    self.verdicts
                        .insert(index, rejected("reused-id", reason.into()));
                    blocked = true;
                }
                Some(receipt) => {
                    match receipt.settled {
                        Settled::Accepted { .. } => repeated += 1,
                        Settled::Rejected(_) => blocked = true,
                    }
                    self.verdicts
                        .insert(index, receipt.settled.verdict(&self.meta));
                }
            }
        }
        if repeated > 0 && !fresh.is_empty() {
            return self.refuse_changed_group(&fresh);
        }
        self.settle_fresh(&fresh, blocked)
    }

    /// A part of the group took effect before without these: it is too late to join.
    fn refuse_changed_group(
        &mut self,
        fresh: &[(usize, &Mutation, u64)],
    ) -> Result<(), ServiceError> {
        for (index, _, _) in fresh {
            let reason = "The group took effect before without this mutation. Send it alone or in another group.";
            self.verdicts
                .insert(*index, rejected("group-changed", reason.into()));
        }
        Ok(())
    }

    fn settle_fresh(
        &mut self,
        fresh: &[(usize, &Mutation, u64)],
        mut blocked: bool,
    ) -> Result<(), ServiceError> {
        let mut plan = Plan::new(self.now, self.config, self.history);
        for (index, mutation, content) in fresh {
            if let Some(verdict) = plan.add(self.tx, mutation, *index)? {
                blocked = true;
                if let Verdict::Rejected(rejected) = &verdict {
                    self.keep(*index, *content, Settled::Rejected(rejected.clone()))?;
                }
                self.verdicts.insert(*index, verdict);
            }
        }
        if blocked && planted::on(Bug::GroupInPieces) {
            let good: Vec<_> = fresh
                .iter()
                .copied()
                .filter(|(index, _, _)| !self.verdicts.contains_key(index))
                .collect();
            return self.take_effect(&good, plan.finish());
        }
        if blocked {
            for (index, _, _) in fresh {
                self.verdicts.entry(*index).or_insert(Verdict::Returned);
            }
            return Ok(());
        }
        self.take_effect(fresh, plan.finish())
    }

    /// Writes one commit: its records all get the next version.
    fn take_effect(
        &mut self,
        fresh: &[(usize, &Mutation, u64)],
        writes: Vec<Write>,
    ) -> Result<(), ServiceError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let version = self.meta.seq + 1;
        if version >= VERSION_MAX {
            return Err(used_up());
        }
        self.meta.seq = version;
        let mut images = BTreeMap::new();
        for (position, write) in writes.into_iter().enumerate() {
            let Write {
                collection,
                id,
                document,
                stamps,
                schema,
                before,
                answers,
            } = write;
            let answers = answers.into_iter();
            images.extend(answers.map(|(index, document)| (index, (document, schema))));
            self.count(
                &collection,
                &id,
                before,
                document.is_some().then_some(version),
            )?;
            let record = Record {
                version,
                document,
                stamp: stamps.latest,
                stamps: stamps.by_path,
                updated_ms: self.now.wall_ms,
                schema,
            };
            self.tx.put(
                Key {
                    collection: &collection,
                    id: &id,
                },
                &record,
                position as u64,
            )?;
        }
        for (index, _, content) in fresh {
            let settled = Settled::Accepted {
                version,
                document: images.remove(index),
            };
            self.verdicts.insert(*index, settled.verdict(&self.meta));
            self.keep(*index, *content, settled)?;
        }
        Ok(())
    }

    /// Counts a record's new version in the place of its old one.
    fn count(
        &mut self,
        collection: &str,
        id: &str,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Result<(), ServiceError> {
        if !self.tallies.contains_key(collection) {
            let tally = self.tx.tally(collection)?;
            self.tallies.insert(collection.to_owned(), tally);
        }
        let tally = self.tallies.entry(collection.to_owned()).or_default();
        if let Some(before) = before {
            tally.remove(id, &self.meta.version(before));
        }
        if let Some(after) = after {
            tally.add(id, &self.meta.version(after));
        }
        Ok(())
    }

    fn keep(&mut self, index: usize, content: u64, settled: Settled) -> Result<(), ServiceError> {
        let receipt = Receipt {
            content,
            settled,
            at_ms: self.now.wall_ms,
        };
        Ok(self.tx.put_receipt(&self.ids[index], &receipt)?)
    }
}

/// A hash of what a mutation is: record, change and base; not of when it was made.
fn content(mutation: &Mutation) -> u64 {
    let mut bytes = Vec::with_capacity(512);
    let mut part = |part: &str| {
        // The length before each part keeps two of them from reading as one.
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    };
    part(&mutation.collection);
    part(&mutation.record);
    match &mutation.base {
        Precondition::Version(version) => part(version),
        Precondition::Absent => part("absent"),
        Precondition::None => part("none"),
    }
    match &mutation.change {
        Change::Create(document) => {
            part("create");
            part(document.text());
        }
        Change::Replace(document) => {
            part("replace");
            part(document.text());
        }
        Change::Delete => part("delete"),
        Change::Patch(patch) => {
            part("patch");
            for (path, value) in &patch.set {
                part(&path.to_string());
                part(&value.canonical());
            }
            part("");
            patch.unset.iter().for_each(|path| part(&path.to_string()));
            part(
                patch
                    .document
                    .as_ref()
                    .map_or("", |document| document.text()),
            );
        }
    }
    tisync_json::hash64(&bytes)
}
