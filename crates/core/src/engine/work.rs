//! The unit of work of one step: what was read, what changed, and what will be handed out.
use super::entropy::Entropy;
use super::memory::{Memory, Open};
use super::slot::{Fate, Slot};
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::model::*;
use crate::store::{EntryFilter, JournalFilter, Keys, Load, Op, Tx};
use std::collections::{BTreeMap, BTreeSet};

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
    feeds: BTreeMap<FeedKey, (FeedState, bool)>,
    connectors: BTreeMap<ConnectorName, (ConnectorState, bool)>,
    groups: BTreeSet<GroupId>,
    next_rid: BTreeMap<CollectionName, Rid>,
    next_seq: Option<i64>,
    next_journal: Option<JournalId>,
    clock: Option<Stamp>,
    observed: bool,
    journalled: BTreeSet<(CollectionName, Rid)>,
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
            journalled: BTreeSet::new(),
            changed: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    // Records.

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
        let missing: Vec<Rid> = rids
            .iter()
            .copied()
            .filter(|rid| !self.slots.contains_key(&(collection.clone(), *rid)))
            .collect();
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
            let may_conflict = chain
                .iter()
                .any(|entry| entry.state == EntryState::Held(Blocker::Conflict));
            let conflict = if may_conflict {
                self.tx.conflict(collection, rid)?
            } else {
                None
            };
            let slot = Slot::loaded(collection.clone(), record, side, chain, conflict);
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
                Ok(Slot::new(collection.clone(), rid, id.clone()))
            }
        }
    }

    /// Brings a slot back.
    pub(super) fn put(&mut self, slot: Slot) {
        for entry in &slot.chain {
            if let Some(group) = entry.group
                && (!matches!(entry.state, EntryState::Pending) || slot.conflict.is_some())
            {
                self.groups.insert(group);
            }
        }
        self.slots
            .insert((slot.collection.clone(), slot.record.rid), slot);
    }

    /// Looks at the members of a group again at the end of the step.
    pub(super) fn touch_group(&mut self, group: Option<GroupId>) {
        self.groups.extend(group);
    }

    // Keys and the clock.

    /// The key of a new record.
    pub(super) fn new_rid(&mut self, collection: &CollectionName) -> Result<Rid, Error> {
        let next = match self.next_rid.get(collection) {
            Some(next) => *next,
            None => self.tx.next_rid(collection)?,
        };
        self.next_rid.insert(collection.clone(), Rid(next.0 + 1));
        Ok(next)
    }

    /// The place of a new entry.
    pub(super) fn new_seq(&mut self) -> Result<i64, Error> {
        let next = match self.next_seq {
            Some(next) => next,
            None => self.tx.next_seq()?,
        };
        self.next_seq = Some(next + 1);
        Ok(next)
    }

    /// Adds a row to the journal.
    pub(super) fn journal(
        &mut self,
        row: impl FnOnce(JournalId) -> JournalRow,
    ) -> Result<JournalId, Error> {
        let id = match self.next_journal {
            Some(next) => next,
            None => self.tx.next_journal()?,
        };
        self.next_journal = Some(JournalId(id.0 + 1));
        let row = row(id);
        self.journalled.insert((row.collection.clone(), row.rid));
        self.ops.push(Op::Journal(Box::new(row)));
        self.events.push(Event::Journalled(id));
        Ok(id)
    }

    /// The stamp of a local write: later than every stamp that this replica has seen.
    pub(super) fn stamp(&mut self) -> Result<Stamp, Error> {
        let last = match self.clock {
            Some(last) => last,
            None => self.tx.clock()?,
        };
        let next = last.next(self.now.wall_ms, self.config.node);
        self.clock = Some(next);
        Ok(next)
    }

    /// Takes note of a stamp that came from elsewhere, cut to what the clock allows.
    pub(super) fn observe(
        &mut self,
        stamp: Option<Stamp>,
        skew_ms: i64,
    ) -> Result<Option<Stamp>, Error> {
        let Some(stamp) = stamp else { return Ok(None) };
        let latest = self
            .now
            .wall_ms
            .max(self.now.wall_ms.saturating_add_signed(skew_ms))
            + limits::SKEW_MS_MAX;
        let stamp = if stamp.ms > latest {
            Stamp {
                ms: latest,
                ..stamp
            }
        } else {
            stamp
        };
        let last = match self.clock {
            Some(last) => last,
            None => self.tx.clock()?,
        };
        if stamp > last {
            self.observed = true;
        }
        self.clock = Some(last.max(stamp));
        Ok(Some(stamp))
    }

    // Feeds and connectors.

    /// Where a feed stands.
    pub(super) fn feed(&mut self, key: &FeedKey) -> Result<&mut FeedState, Error> {
        if !self.feeds.contains_key(key) {
            let state = self.tx.feed(key)?.unwrap_or_default();
            self.feeds.insert(key.clone(), (state, false));
        }
        Ok(self
            .feeds
            .get_mut(key)
            .map(|(state, _)| state)
            .unwrap_or_else(|| unreachable!("just inserted")))
    }

    /// Changes where a feed stands.
    pub(super) fn set_feed(
        &mut self,
        key: &FeedKey,
        change: impl FnOnce(&mut FeedState),
    ) -> Result<(), Error> {
        self.feed(key)?;
        if let Some((state, dirty)) = self.feeds.get_mut(key) {
            change(state);
            *dirty = true;
        }
        Ok(())
    }

    /// Where a connector stands.
    pub(super) fn connector(&mut self, name: &ConnectorName) -> Result<&ConnectorState, Error> {
        if !self.connectors.contains_key(name) {
            let state = self.tx.connector(name)?.unwrap_or_default();
            self.connectors.insert(name.clone(), (state, false));
        }
        Ok(self
            .connectors
            .get(name)
            .map(|(state, _)| state)
            .unwrap_or_else(|| unreachable!("just inserted")))
    }

    /// Changes where a connector stands.
    pub(super) fn set_connector(
        &mut self,
        name: &ConnectorName,
        change: impl FnOnce(&mut ConnectorState),
    ) -> Result<(), Error> {
        self.connector(name)?;
        if let Some((state, dirty)) = self.connectors.get_mut(name) {
            let before = state.clone();
            change(state);
            *dirty |= *state != before;
        }
        Ok(())
    }

    /// The feeds of a connector.
    pub(super) fn feeds_of(
        &self,
        connector: &ConnectorName,
    ) -> Vec<(FeedKey, &'a [CollectionName])> {
        let Some(config) = self.config.connectors.get(connector) else {
            return Vec::new();
        };
        config
            .feeds
            .iter()
            .map(|(feed, collections)| {
                (
                    FeedKey {
                        connector: connector.clone(),
                        feed: feed.clone(),
                    },
                    collections.as_slice(),
                )
            })
            .collect()
    }

    /// All collections of a connector.
    pub(super) fn collections_of(&self, connector: &ConnectorName) -> Vec<CollectionName> {
        let Some(config) = self.config.connectors.get(connector) else {
            return Vec::new();
        };
        config.feeds.values().flatten().cloned().collect()
    }

    /// The generation of the lease that this engine holds; 0 without one.
    pub(super) fn generation(&self) -> Generation {
        self.memory.generation.unwrap_or_default()
    }

    /// A deadline from now.
    pub(super) fn after(&self, wait_ms: u64) -> Deadline {
        Deadline::after(&self.now, self.generation(), wait_ms)
    }

    /// Milliseconds until a deadline; 0 when it is due or there is none.
    pub(super) fn remaining_ms(&self, deadline: Option<Deadline>) -> u64 {
        deadline.map_or(0, |deadline| {
            deadline.remaining_ms(&self.now, self.generation())
        })
    }

    /// Hands out an order.
    pub(super) fn order(&mut self, connector: &ConnectorName, request: RequestId, task: Task) {
        let open = Open::new(connector.clone(), &task, self.now.monotonic_ms);
        self.memory.open.insert(request, open);
        self.outputs.push(Output::Order(Order {
            request,
            generation: self.generation(),
            connector: connector.clone(),
            task,
        }));
    }

    // Events.

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

    // The end.

    /// Brings the members of the touched groups in line: a member that is held or parked holds the others.
    fn hold_groups(&mut self) -> Result<(), Error> {
        let mut groups = std::mem::take(&mut self.groups);
        while let Some(group) = groups.pop_first() {
            let stored = self
                .tx
                .entries(EntryFilter::Group(group), None, usize::MAX)?;
            let mut rids: BTreeMap<CollectionName, BTreeSet<Rid>> = BTreeMap::new();
            for entry in stored {
                rids.entry(entry.collection).or_default().insert(entry.rid);
            }
            for (collection, rids) in rids {
                let rids: Vec<Rid> = rids.into_iter().collect();
                self.load_rids(&collection, &rids)?;
            }
            let member = |entry: &Entry| entry.group == Some(group);
            for slot in self
                .slots
                .values_mut()
                .filter(|slot| slot.chain.iter().any(member))
            {
                slot.hold();
            }
            let stuck = self
                .slots
                .values()
                .flat_map(|slot| &slot.chain)
                .filter(|entry| member(entry))
                .any(|entry| {
                    matches!(
                        entry.state,
                        EntryState::Parked { .. }
                            | EntryState::Held(Blocker::Conflict | Blocker::ParkedAncestor)
                    )
                });
            for entry in self
                .slots
                .values_mut()
                .flat_map(|slot| &mut slot.chain)
                .filter(|entry| member(entry))
            {
                match entry.state {
                    EntryState::Pending if stuck => entry.state = EntryState::Held(Blocker::Group),
                    EntryState::Held(Blocker::Group) if !stuck => entry.state = EntryState::Pending,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Turns everything into changes of the store; returns them with the outputs and the memory to keep.
    pub(super) fn finish(mut self) -> Result<(T, Vec<Op>, Vec<Output>, Memory), Error> {
        self.hold_groups()?;
        let slots = std::mem::take(&mut self.slots);
        let mut ops = std::mem::take(&mut self.ops);
        for (_, mut slot) in slots {
            let tx = &mut self.tx;
            let (collection, rid) = (slot.collection.clone(), slot.record.rid);
            let mut failed = None;
            let journalled = self.journalled.contains(&(collection.clone(), rid));
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
                _ => None,
            };
            if let Some(kind) = kind {
                let (collection, id) = (slot.collection.clone(), slot.record.id.clone());
                self.changed(&collection, &id, kind);
            }
            slot.ops(fate, &mut ops);
        }
        for (key, (state, dirty)) in std::mem::take(&mut self.feeds) {
            if dirty {
                ops.push(Op::Feed {
                    key,
                    state: Box::new(state),
                });
            }
        }
        for (name, (state, dirty)) in std::mem::take(&mut self.connectors) {
            if dirty {
                ops.push(Op::Connector {
                    name,
                    state: Box::new(state),
                });
            }
        }
        if self.observed
            && let Some(clock) = self.clock
        {
            ops.push(Op::Meta {
                key: "clock".to_owned(),
                value: Some(clock.to_string()),
            });
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
