//! Drift: a record changes behind the engine's back, and comparisons with the server must find it.
use super::World;
use super::event::{Event, Who};
use super::replica::connector;
use crate::check::{Archive, Checked, Key, Older, Remembered, Violation, tokens, unreadable};
use crate::disk::Disk;
use crate::scenario::Drift;
use std::collections::BTreeSet;
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, JournalFilter, Keys, Load, Op, Tx};
use tisync_json::{Document, Value};

impl<D: Disk> World<D> {
    /// Lets a clean record of a feed that is at rest drift, if there is one that can.
    pub(super) fn drift(&mut self, number: usize, drift: Drift, pick: usize) -> Checked {
        let collections: Vec<CollectionName> = self.replicas[number]
            .config
            .collections
            .keys()
            .cloned()
            .collect();
        let collection = collections[pick % collections.len()].clone();
        let candidates = self.candidates(number, &collection, drift)?;
        if candidates.is_empty() {
            return Ok(());
        }
        let (ops, after) = candidates[pick / 7 % candidates.len()].clone();
        let (id, rid) = (after.id.clone(), after.rid);
        let tx = self.replicas[number].disk.begin(Durability::Full);
        tx.and_then(|tx| tx.commit(ops)).map_err(unreadable)?;
        if let Some(tape) = &mut self.tape {
            tape.end(number);
        }
        self.trace.note(self.now_ms, || {
            format!("{drift:?}: {collection}/{id} of replica {number}")
        });
        let replica = &mut self.replicas[number];
        replica.drifted.insert((collection.clone(), id), drift);
        if after.state == RecordState::Dirty {
            // What is pending on it is remembered as it was.
            if let Some(remembered) = replica.shadow.records.get_mut(&(collection, rid)) {
                remembered.version = after.version.clone();
                remembered.newest = after.version;
            }
            return Ok(());
        }
        replica.shadow.records.remove(&(collection.clone(), rid));
        if let Some(document) = &after.document {
            let mut marks = Vec::new();
            tokens(document.text(), &mut marks);
            let remembered = Remembered {
                id: after.id.clone(),
                visible: Some(marks),
                open: BTreeSet::new(),
                open_delete: false,
                base_present: true,
                version: after.version.clone(),
                newest: after.version.clone(),
                is_pending: false,
                out: None,
            };
            replica.shadow.records.insert((collection, rid), remembered);
        }
        Ok(())
    }

    /// The changes that a drift of this kind could make, each with the record as it is then.
    fn candidates(
        &mut self,
        number: usize,
        collection: &CollectionName,
        drift: Drift,
    ) -> Checked<Vec<(Vec<Op>, Record)>> {
        let (epoch, _) = self.server.meta();
        let replica = &mut self.replicas[number];
        let schema = replica.schema;
        let Some((_, feed)) = replica.config.feed_of(collection) else {
            return Ok(Vec::new());
        };
        let key = FeedKey {
            connector: connector(),
            feed: feed.clone(),
        };
        let mut tx = replica.disk.begin(Durability::Normal).map_err(unreadable)?;
        let state = tx.feed(&key).map_err(unreadable)?.unwrap_or_default();
        let of_epoch = |version: &Option<Version>| {
            let ordinal = version.as_ref().and_then(Version::ordinal);
            ordinal.is_some_and(|(of, _)| of == epoch)
        };
        let at_rest = state.checkpoint.is_some() && state.pass.is_none() && !state.behind;
        if !at_rest
            || state
                .epoch
                .is_some_and(|known| known.epoch.as_str() != epoch)
        {
            return Ok(Vec::new());
        }
        let rows = tx.scan(collection, None, usize::MAX).map_err(unreadable)?;
        let mut candidates = Vec::new();
        for (record, dirty) in rows {
            if !of_epoch(&record.version) {
                continue;
            }
            if let (Drift::Older, Some(dirty)) = (drift, dirty) {
                let filter = EntryFilter::Chains(collection, std::slice::from_ref(&record.rid));
                let chain = tx.entries(filter, None, usize::MAX).map_err(unreadable)?;
                candidates.extend(self.server.archive.below(collection, record, dirty, &chain));
                continue;
            }
            if record.state != RecordState::Clean {
                continue;
            }
            let key: Key = (collection.clone(), record.id.clone());
            let number = record.version.as_ref().and_then(Version::ordinal);
            let number = number.map_or(0, |(_, number)| number);
            let (collection, rid) = (collection.clone(), record.rid);
            let changed = match drift {
                Drift::Lost => {
                    let filter = JournalFilter::Record(&collection, rid);
                    let is_free = tx.journal(filter, None, 1).map_err(unreadable)?.is_empty()
                        && tx.aliases(&collection, rid).map_err(unreadable)?.is_empty();
                    if is_free {
                        let document = None;
                        let op = Op::Remove { collection, rid };
                        candidates.push((vec![op], Record { document, ..record }));
                    }
                    continue;
                }
                Drift::Older => self.server.archive.older(&key, &epoch, number),
                Drift::Torn | Drift::Extra => None,
            };
            let changed = match (drift, changed) {
                (Drift::Torn, _) => torn(&record),
                (_, changed) => changed.map(|older| record_of(&older, schema, record)),
            };
            if let Some(record) = changed {
                let op = Op::Update {
                    collection,
                    record: record.clone(),
                };
                candidates.push((vec![op], record));
            }
        }
        if drift == Drift::Extra {
            let latest = self.server.history.latest.iter();
            let deleted =
                latest.filter(|(key, now)| key.0 == *collection && now.document.is_none());
            for (key, _) in deleted {
                let ids = std::slice::from_ref(&key.1);
                let here = tx
                    .load(collection, Keys::Ids(ids), Load::Heads)
                    .map_err(unreadable)?;
                let image = self.server.archive.older(key, &epoch, u64::MAX);
                let (None, Some(older)) = (&here[0], image) else {
                    continue;
                };
                let record = Record {
                    rid: tx.next_rid(collection).map_err(unreadable)?,
                    id: key.1.clone(),
                    version: None,
                    state: RecordState::Clean,
                    document: None,
                    stamp: None,
                    schema,
                    migrated: false,
                };
                let record = record_of(&older, schema, record);
                let op = Op::Insert {
                    collection: collection.clone(),
                    record: record.clone(),
                };
                candidates.push((vec![op], record));
            }
        }
        Ok(candidates)
    }

    /// Somebody asks whether everything here is as on the server.
    pub(super) fn verify(&mut self, who: Who, contents: bool) -> Checked {
        let feeds = self.replicas[who.replica].config.connectors[&connector()]
            .feeds
            .keys();
        let feeds: Vec<FeedName> = feeds.cloned().collect();
        for feed in feeds {
            let feed = FeedKey {
                connector: connector(),
                feed,
            };
            self.step(who, Input::Verify { feed, contents }, Vec::new())?;
        }
        Ok(())
    }

    /// At the end, when all is quiet: more drift, and everything is compared.
    pub(super) fn compare_all(&mut self) -> Checked {
        for number in 0..self.replicas.len() {
            let mut dice = self.dice(number, 8, 0);
            for _ in 0..dice.below(4) {
                let drift = *dice.pick(&[Drift::Lost, Drift::Older, Drift::Extra, Drift::Torn]);
                let pick = dice.below(1_000) as usize;
                self.drift(number, drift, pick)?;
            }
            let holder = self.replicas[number].holder;
            if let Some(who) = self.replicas[number].who(number, holder) {
                self.verify(who, true)?;
            }
        }
        Ok(())
    }

    /// While a record that drifted is being fetched, the app may write to it.
    pub(super) fn write_meanwhile(&mut self, who: Who, task: &Task) {
        let Task::Fetch(Wanted::Ids(ids)) = task else {
            return;
        };
        let number = self.replicas[who.replica].steps;
        let mut dice = self.dice(who.replica, 10, number);
        for (collection, id) in ids {
            let key = (collection.clone(), id.clone());
            let drift = self.replicas[who.replica].drifted.get(&key);
            // A torn document would be written upon as if the server had it.
            if drift.is_some_and(|drift| *drift != Drift::Torn) && dice.chance(300) {
                let at_ms = self.now_ms + dice.between(1, 4);
                self.queue.add(at_ms, Event::Edit { who, key });
            }
        }
    }

    /// The app writes to a record.
    pub(super) fn edit(&mut self, who: Who, (collection, id): Key) -> Checked {
        let shown = self.shown(who.replica, &collection, &id)?;
        let mut drawn = Vec::new();
        let edited = self.edited(who.replica, shown.as_ref(), &mut drawn);
        let kind = WriteKind::Put(edited);
        let id = Some(id);
        let writes = vec![Write {
            collection,
            id,
            kind,
        }];
        let group = false;
        self.step(who, Input::Write { writes, group }, drawn)
    }

    /// What is mended had drifted.
    pub(super) fn check_mended(
        &mut self,
        who: Who,
        collection: &CollectionName,
        ids: &[RecordId],
    ) -> Checked {
        for id in ids {
            let key = (collection.clone(), id.clone());
            let had_drifted = self.replicas[who.replica].drifted.remove(&key);
            if had_drifted.is_none() {
                let message = format!(
                    "{key:?} of replica {} was mended, but had not drifted",
                    who.replica
                );
                return Err(Violation::new("drift", message));
            }
        }
        Ok(())
    }
}

impl Archive {
    /// The older base of a record on which something waits for a person.
    fn below(
        &self,
        collection: &CollectionName,
        record: Record,
        dirty: Dirty,
        chain: &[Entry],
    ) -> Option<(Vec<Op>, Record)> {
        let waits = |entry: &Entry| {
            matches!(
                entry.state,
                EntryState::Parked { .. } | EntryState::Held(Blocker::ParkedAncestor)
            )
        };
        let is_still = dirty.base.is_present() && dirty.remote.is_none();
        if !is_still || chain.is_empty() || !chain.iter().all(waits) {
            return None;
        }
        let (epoch, number) = record.version.as_ref()?.ordinal()?;
        let key = (collection.clone(), record.id.clone());
        let older = self.older(&key, epoch, number)?;
        let schema = record.schema;
        let mut record = record_of(&older, schema, record);
        let base = record.document.clone()?;
        for entry in chain {
            record.document = entry.apply(record.document.as_ref());
        }
        let dirty = Dirty {
            base: Image::Present(base),
            remote: None,
            provisional: false,
        };
        let collection = collection.clone();
        let ops = vec![
            Op::Update {
                collection: collection.clone(),
                record: record.clone(),
            },
            Op::Dirty {
                collection,
                rid: record.rid,
                dirty: Some(dirty),
            },
        ];
        Some((ops, record))
    }
}

/// The same version of another document.
fn torn(record: &Record) -> Option<Record> {
    let mut object = record.document.as_ref()?.object();
    object.insert("torn".to_owned(), Value::Bool(true));
    Some(Record {
        document: Some(Document::from_object(&object)),
        ..record.clone()
    })
}

/// The record as it was with an older image, in an app of a schema.
fn record_of(older: &Older, schema: u32, record: Record) -> Record {
    let (document, schema, migrated) = older.forward(schema);
    Record {
        version: Some(older.version.clone()),
        document: Some(document),
        schema,
        migrated,
        ..record
    }
}
