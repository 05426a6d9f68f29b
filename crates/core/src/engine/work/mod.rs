//! The unit of work of one step: what was read, what changed, and what will be handed out.
mod groups;
mod keys;
mod state;

pub(in crate::engine) use keys::Noted;

use super::entropy::Entropy;
use super::memory::Memory;
use super::slot::{Fate, Slot};
use crate::error::{Error, ErrorKind};
use crate::model::*;
use crate::store::{EntryFilter, JournalFilter, Keys, Load, Op, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// A row as it was loaded, and as it is now.
struct Kept<S> {
    loaded: Box<S>,
    now: Box<S>,
}

impl<S: Clone + PartialEq> Kept<S> {
    fn new(state: S) -> Self {
        let loaded = Box::new(state);
        let now = loaded.clone();
        Kept { loaded, now }
    }

    /// The row, when it is to be written.
    fn changed(self) -> Option<Box<S>> {
        (self.now != self.loaded).then_some(self.now)
    }
}

/// Reads through to the transaction, collects changes, and writes once.
pub(super) struct Work<'a, T: Tx> {
    pub(super) tx: T,
    pub(super) now: Now,
    pub(super) config: &'a Config,
    /// The engine's memory as it will be after the commit.
    pub(super) memory: Memory,
    pub(super) entropy: Entropy,
    pub(super) outputs: Vec<Output>,
    /// Whether the visible changes of this step come from the server.
    pub(super) remote: bool,
    slots: BTreeMap<(CollectionName, Rid), Slot>,
    /// Ids of records that this step made, which the store does not know yet.
    made: BTreeMap<(CollectionName, RecordId), Rid>,
    pub(super) ops: Vec<Op>,
    feeds: BTreeMap<FeedKey, Kept<FeedState>>,
    connectors: BTreeMap<ConnectorName, Kept<ConnectorState>>,
    groups: BTreeSet<GroupId>,
    next_rid: BTreeMap<CollectionName, Rid>,
    next_seq: Option<i64>,
    next_journal: Option<JournalId>,
    clock: Option<Stamp>,
    observed: bool,
    /// Rows of the journal that this step adds or changes.
    journal: BTreeMap<JournalId, JournalRow>,
    changed: BTreeMap<CollectionName, Vec<(RecordId, ChangeKind)>>,
    events: Vec<Event>,
}

impl<'a, T: Tx> Work<'a, T> {
    pub(super) fn new(tx: T, now: Now, config: &'a Config, memory: Memory) -> Self {
        Work {
            tx,
            now,
            config,
            memory,
            entropy: Entropy::new(&now),
            outputs: Vec::new(),
            remote: false,
            slots: BTreeMap::new(),
            made: BTreeMap::new(),
            ops: Vec::new(),
            feeds: BTreeMap::new(),
            connectors: BTreeMap::new(),
            groups: BTreeSet::new(),
            next_rid: BTreeMap::new(),
            next_seq: None,
            next_journal: None,
            clock: None,
            observed: false,
            journal: BTreeMap::new(),
            changed: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// The collection's declaration.
    pub(super) fn collection(&self, name: &CollectionName) -> Result<&'a CollectionConfig, Error> {
        self.config.collection(name).ok_or_else(|| {
            let known: Vec<&str> = self
                .config
                .collections
                .keys()
                .map(CollectionName::as_str)
                .collect();
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no collection {name:?}; configured are: {}",
                    known.join(", ")
                ),
            )
        })
    }

    /// The number of the schema that the app declares.
    pub(super) fn number(&self, name: &CollectionName) -> Result<u32, Error> {
        Ok(self.collection(name)?.schema.number)
    }

    /// Loads records into slots, by id; returns the rid of each that is there.
    pub(super) fn load_ids(
        &mut self,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Result<Vec<Option<Rid>>, Error> {
        let mut rids = Vec::with_capacity(ids.len());
        let mut fresh = Vec::new();
        for (loaded, id) in self
            .tx
            .load(collection, Keys::Ids(ids), Load::Whole)?
            .into_iter()
            .zip(ids)
        {
            match loaded {
                Some((record, dirty)) => {
                    rids.push(Some(record.rid));
                    fresh.push((record, dirty));
                }
                None => rids.push(self.made.get(&(collection.clone(), id.clone())).copied()),
            }
        }
        self.admit(collection, fresh)?;
        Ok(rids)
    }

    /// Loads records into slots, by rid.
    pub(super) fn load_rids(
        &mut self,
        collection: &CollectionName,
        rids: &[Rid],
    ) -> Result<(), Error> {
        // A record with several entries is named several times; loaded twice, the second would lose its chain.
        let missing: BTreeSet<Rid> = rids
            .iter()
            .copied()
            .filter(|rid| !self.slots.contains_key(&(collection.clone(), *rid)))
            .collect();
        let missing: Vec<Rid> = missing.into_iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let loaded = self
            .tx
            .load(collection, Keys::Rids(&missing), Load::Whole)?;
        self.admit(collection, loaded.into_iter().flatten().collect())
    }

    /// Makes slots of loaded rows, with their chains and conflicts.
    pub(super) fn admit(
        &mut self,
        collection: &CollectionName,
        rows: Vec<(Record, Option<Dirty>)>,
    ) -> Result<(), Error> {
        let is_stale = self
            .config
            .collection(collection)
            .is_some_and(|config| config.capability.stale_reads);
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|(record, _)| !self.slots.contains_key(&(collection.clone(), record.rid)))
            .collect();
        let dirty: Vec<Rid> = rows
            .iter()
            .filter(|(_, dirty)| dirty.is_some())
            .map(|(record, _)| record.rid)
            .collect();
        let mut chains: BTreeMap<Rid, Vec<Entry>> = BTreeMap::new();
        if !dirty.is_empty() {
            for entry in
                self.tx
                    .entries(EntryFilter::Chains(collection, &dirty), None, usize::MAX)?
            {
                chains.entry(entry.rid).or_default().push(entry);
            }
        }
        for (record, side) in rows {
            let rid = record.rid;
            let chain = chains.remove(&rid).unwrap_or_default();
            // An open conflict holds every entry of the chain that is not parked.
            let may_conflict = chain.iter().any(|entry| {
                matches!(entry.state, EntryState::Held(_) | EntryState::Parked { .. })
            });
            let conflict = if may_conflict {
                self.tx.conflict(collection, rid)?
            } else {
                None
            };
            let mut slot = Slot::loaded(collection.clone(), record, side, chain, conflict);
            slot.provisional |= is_stale && slot.record.state == RecordState::Tombstone;
            self.slots.insert((collection.clone(), rid), slot);
        }
        Ok(())
    }

    /// Takes a slot out to work on it; `put` brings it back.
    pub(super) fn take(&mut self, collection: &CollectionName, rid: Rid) -> Result<Slot, Error> {
        self.load_rids(collection, &[rid])?;
        self.slots
            .remove(&(collection.clone(), rid))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("record {} of {collection} is not in the store", rid.0),
                )
            })
    }

    /// Takes the slot of an id, or makes a new record.
    pub(super) fn take_id(
        &mut self,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Slot, Error> {
        match self.load_ids(collection, std::slice::from_ref(id))?[0] {
            Some(rid) => self.take(collection, rid),
            None => {
                let rid = self.new_rid(collection)?;
                self.made.insert((collection.clone(), id.clone()), rid);
                let schema = self.number(collection)?;
                Ok(Slot::new(collection.clone(), rid, id.clone(), schema))
            }
        }
    }

    /// Looks at a record.
    pub(super) fn peek(&mut self, collection: &CollectionName, rid: Rid) -> Result<&Slot, Error> {
        let slot = self.take(collection, rid)?;
        Ok(self.slots.entry((collection.clone(), rid)).or_insert(slot))
    }

    /// Brings a slot back.
    pub(super) fn put(&mut self, mut slot: Slot) {
        slot.hold();
        for entry in &slot.chain {
            if entry.group.is_some()
                && (entry.state != EntryState::Pending || slot.was_stuck(entry.seq))
            {
                self.groups.extend(entry.group);
            }
        }
        self.slots
            .insert((slot.collection.clone(), slot.record.rid), slot);
    }

    /// Looks at the members of a group again at the end of the step.
    pub(super) fn touch_group(&mut self, group: Option<GroupId>) {
        self.groups.extend(group);
    }

    /// Notes that a visible record changed.
    pub(super) fn changed(&mut self, collection: &CollectionName, id: &RecordId, kind: ChangeKind) {
        match self.changed.get_mut(collection) {
            Some(list) => list.push((id.clone(), kind)),
            None => {
                self.changed
                    .insert(collection.clone(), vec![(id.clone(), kind)]);
            }
        }
    }

    /// Tells the app something.
    pub(super) fn event(&mut self, event: Event) {
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }

    /// Looks at all records that this step has loaded.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.values()
    }

    /// Takes the loaded records of a collection out to work on them; `put` brings each back.
    pub(super) fn take_all(&mut self, collection: &CollectionName) -> Vec<Slot> {
        let of = |(name, _): &&(CollectionName, Rid)| name == collection;
        let keys: Vec<_> = self.slots.keys().filter(of).cloned().collect();
        keys.iter()
            .filter_map(|key| self.slots.remove(key))
            .collect()
    }

    /// Whether nothing that the schedule reads from the store is about to change.
    pub(super) fn is_settled(&self) -> bool {
        let matters = |op: &Op| {
            matches!(
                op,
                Op::Suspect(_) | Op::RemoveSuspicion { .. } | Op::Seen { .. }
            )
        };
        self.slots.is_empty() && !self.ops.iter().any(matters)
    }

    /// Turns everything into changes of the store; returns them with the outputs and the memory to keep.
    pub(super) fn finish(mut self) -> Result<(T, Vec<Op>, Vec<Output>, Memory), Error> {
        crate::engine::ids::follow(&mut self)?;
        self.hold_groups()?;
        let slots = std::mem::take(&mut self.slots);
        let mut ops = std::mem::take(&mut self.ops);
        let mut of_slots = Vec::new();
        let journalled: BTreeSet<(CollectionName, Rid)> = self
            .journal
            .values()
            .map(|row| (row.collection.clone(), row.rid))
            .collect();
        for (_, mut slot) in slots {
            if slot.adopted {
                slot.ops(Fate::Goes, &mut of_slots);
                continue;
            }
            // A stamp that was given out must stay in sight: the next one has to be later.
            self.observed |= slot.forgets_stamps();
            let tx = &mut self.tx;
            let (collection, rid) = (slot.collection.clone(), slot.record.rid);
            let mut failed = None;
            let journalled = journalled.contains(&(collection.clone(), rid));
            let fate = slot.settle(|| {
                journalled
                    || match refers(tx, &collection, rid) {
                        Ok(refers) => refers,
                        Err(error) => {
                            failed = Some(error);
                            true
                        }
                    }
            });
            if let Some(error) = failed {
                return Err(error);
            }
            let fate = if journalled && fate == Fate::Goes {
                slot.entomb()
            } else {
                fate
            };
            let kind = match (slot.document_before(), slot.record.document.as_ref()) {
                (None, Some(_)) => Some(ChangeKind::Added),
                (Some(_), None) => Some(ChangeKind::Removed),
                (Some(a), Some(b)) if a != b && !a.same(b) => Some(ChangeKind::Updated),
                // It shows under another id.
                (Some(_), Some(_)) if !slot.former.is_empty() => Some(ChangeKind::Updated),
                _ => None,
            };
            if let Some(kind) = kind {
                let (collection, id) = (slot.collection.clone(), slot.record.id.clone());
                self.changed(&collection, &id, kind);
            }
            if slot.closes_conflict() {
                self.events.push(Event::ConflictClosed {
                    collection: slot.collection.clone(),
                    id: slot.record.id.clone(),
                });
            }
            slot.ops(fate, &mut of_slots);
        }
        // Like changes in a row go into one call of the store. The order of one record's changes stays.
        of_slots.sort_by_key(Op::turn);
        ops.append(&mut of_slots);
        for (key, kept) in std::mem::take(&mut self.feeds) {
            if let Some(state) = kept.changed() {
                ops.push(Op::Feed { key, state });
            }
        }
        for (name, kept) in std::mem::take(&mut self.connectors) {
            if let Some(state) = kept.changed() {
                ops.push(Op::Connector { name, state });
            }
        }
        ops.extend(
            std::mem::take(&mut self.journal)
                .into_values()
                .map(|row| Op::Journal(Box::new(row))),
        );
        if self.observed {
            let clock = match self.clock {
                Some(clock) => clock,
                None => self.tx.clock()?,
            };
            ops.push(Op::Meta {
                key: "clock".to_owned(),
                value: Some(clock.to_string()),
            });
        }
        let moves = |op: &Op| matches!(op, Op::Entry(_) | Op::EntryState(_) | Op::RemoveEntry(_));
        if self.changed.is_empty() && ops.iter().any(moves) {
            // What is visible stays as it is, but what waits does not.
            self.event(Event::Health);
        }
        let remote = self.remote;
        for (collection, records) in std::mem::take(&mut self.changed) {
            self.outputs.push(Output::Event(Event::Changed {
                collection,
                records,
                remote,
            }));
        }
        self.outputs.extend(
            std::mem::take(&mut self.events)
                .into_iter()
                .map(Output::Event),
        );
        Ok((self.tx, ops, self.outputs, self.memory))
    }
}

/// Whether journal or aliases refer to a record, so that its row must stay as a tombstone.
pub(super) fn refers<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    rid: Rid,
) -> Result<bool, Error> {
    Ok(!tx
        .journal(JournalFilter::Record(collection, rid), None, 1)?
        .is_empty()
        || !tx.aliases(collection, rid)?.is_empty())
}
