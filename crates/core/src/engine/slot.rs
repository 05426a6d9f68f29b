//! Everything about one record while a step works on it.
use crate::model::{
    Blocker, Change, CollectionName, Conflict, Dirty, Entry, EntryState, Image, Record, RecordId,
    RecordState, Remote, Rid, Stamps, Version,
};
use crate::store::Op;
use tisync_json::Document;

/// A record with its side row, chain and open conflict; what changed is found by comparison at the end.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) collection: CollectionName,
    pub(super) record: Record,
    /// The server image that the chain starts from; for a clean record, its document.
    pub(super) base: Image,
    pub(super) remote: Option<Remote>,
    pub(super) chain: Vec<Entry>,
    pub(super) conflict: Option<Conflict>,
    /// Whether the base is a guess, until an image of the server confirms it or takes its place.
    pub(super) provisional: bool,
    /// Ids that it had until this step.
    pub(super) former: Vec<RecordId>,
    /// Whether it turned out to be another record, which has all of it now.
    pub(super) adopted: bool,
    /// As it was loaded; `None` for a new record.
    before: Option<Box<Before>>,
}

#[derive(Clone, Debug)]
struct Before {
    record: Record,
    dirty: Option<Dirty>,
    chain: Vec<Entry>,
    conflict: bool,
}

impl Slot {
    /// A record that is not there yet; `schema` is the number that the app declares.
    pub(super) fn new(collection: CollectionName, rid: Rid, id: RecordId, schema: u32) -> Self {
        let record = Record {
            rid,
            id,
            version: None,
            state: RecordState::Clean,
            document: None,
            stamp: None,
            schema,
            migrated: false,
        };
        Slot {
            collection,
            record,
            base: Image::Absent,
            remote: None,
            chain: Vec::new(),
            conflict: None,
            provisional: false,
            former: Vec::new(),
            adopted: false,
            before: None,
        }
    }

    /// Whether a conflict that was open is so no more.
    pub(super) fn closes_conflict(&self) -> bool {
        self.conflict.is_none() && self.before.as_ref().is_some_and(|before| before.conflict)
    }

    /// A record as it was loaded, whole.
    pub(super) fn loaded(
        collection: CollectionName,
        record: Record,
        dirty: Option<Dirty>,
        chain: Vec<Entry>,
        conflict: Option<Conflict>,
    ) -> Self {
        let (base, remote) = match &dirty {
            Some(dirty) => (dirty.base.clone(), dirty.remote.clone()),
            None => (Image::from(record.document.clone()), None),
        };
        let provisional = record.state == RecordState::Provisional
            || dirty.as_ref().is_some_and(|dirty| dirty.provisional);
        let before = Before {
            record: record.clone(),
            dirty,
            chain: chain.clone(),
            conflict: conflict.is_some(),
        };
        Slot {
            collection,
            record,
            base,
            remote,
            chain,
            conflict,
            provisional,
            former: Vec::new(),
            adopted: false,
            before: Some(Box::new(before)),
        }
    }

    /// Whether a store row exists already.
    pub(super) fn is_stored(&self) -> bool {
        self.before.is_some()
    }

    /// Whether the server has no record for it yet, and is to make one.
    pub(super) fn is_new(&self) -> bool {
        is_new(&self.base, &self.chain)
    }

    /// The id that it had before this step, when the server had no record for it then.
    pub(super) fn was_new(&self) -> Option<&RecordId> {
        let before = self.before.as_ref()?;
        let base = before.dirty.as_ref().map(|dirty| &dirty.base)?;
        is_new(base, &before.chain).then_some(&before.record.id)
    }

    /// What the app saw before this step.
    pub(super) fn document_before(&self) -> Option<&Document> {
        self.before
            .as_ref()
            .and_then(|before| before.record.document.as_ref())
    }

    /// What the app sees.
    pub(super) fn ours(&self) -> Image {
        match &self.record.document {
            Some(document) => Image::Present(document.clone()),
            None if self.chain.is_empty() => self.base.clone(),
            None => Image::Gone,
        }
    }

    /// The last image of the server that was seen, with its version.
    pub(super) fn seen(&self) -> (Option<&Version>, &Image) {
        match (&self.remote, &self.conflict) {
            (Some(last), _) | (None, Some(Conflict { remote: last, .. })) => {
                (last.version.as_ref(), &last.image)
            }
            (None, None) => (self.record.version.as_ref(), &self.base),
        }
    }

    /// The side row, as far as the record is dirty.
    pub(super) fn dirty(&self) -> Option<Dirty> {
        (self.record.state == RecordState::Dirty).then(|| Dirty {
            base: self.base.clone(),
            remote: self.remote.clone(),
            provisional: self.provisional,
        })
    }

    /// Whether the server may be acting on an entry of the chain.
    pub(super) fn is_out(&self) -> bool {
        self.chain.iter().any(|entry| entry.state.is_out())
    }

    /// When the fields of the chain were written: later entries override.
    pub(super) fn stamps(&self) -> Stamps {
        let mut chain = self.chain.iter();
        let Some(first) = chain.next() else {
            return Stamps::default();
        };
        let mut all = first.stamps.clone();
        for entry in chain {
            super::outbox::add_stamps(&mut all, entry, None);
        }
        all
    }

    /// The image before the entry at `index` of the chain.
    pub(super) fn image_before(&self, index: usize) -> Option<Document> {
        self.chain[..index]
            .iter()
            .fold(self.base.document().cloned(), |document, entry| {
                entry.apply(document.as_ref())
            })
    }

    /// The number of the schema of the base: on nothing, an entry has its own.
    pub(super) fn base_schema(&self) -> u32 {
        if self.base.is_present() {
            self.record.schema
        } else {
            0
        }
    }

    /// The number of the schema of what the app sees. An entry of the app's present version may stand on a base
    /// of an older one, and one of an older version on a base of a newer one.
    pub(super) fn schema(&self) -> u32 {
        self.schema_before(self.chain.len())
    }

    /// The number of the schema of the image before the entry at `index` of the chain.
    pub(super) fn schema_before(&self, index: usize) -> u32 {
        self.chain[..index]
            .iter()
            .fold(self.base_schema(), |schema, entry| {
                entry.schema_after(schema)
            })
    }

    /// Whether an entry was loaded as one that does not wait to be sent.
    pub(super) fn was_stuck(&self, seq: i64) -> bool {
        self.before.as_ref().is_some_and(|before| {
            before
                .chain
                .iter()
                .any(|old| old.seq == seq && old.state != EntryState::Pending)
        })
    }

    /// Whether an entry goes that was stored: with it the latest stamp may go.
    pub(super) fn forgets_stamps(&self) -> bool {
        self.before.as_ref().is_some_and(|before| {
            before
                .chain
                .iter()
                .any(|old| !self.chain.iter().any(|entry| entry.seq == old.seq))
        })
    }

    /// Computes the visible document anew from base and chain.
    pub(super) fn show(&mut self) {
        self.record.document = self.image_before(self.chain.len());
    }

    /// Takes a server image as the base.
    pub(super) fn rebase(&mut self, remote: &Remote) {
        self.provisional = false;
        self.base = remote.image.clone();
        self.record.version = remote.version.clone();
        self.record.stamp = remote.stamp;
        self.record.schema = remote.schema.unwrap_or(self.record.schema);
        self.record.migrated = remote.migrated;
    }

    /// Puts entries behind a parked one on hold, and frees those behind none; likewise behind an open conflict.
    pub(super) fn hold(&mut self) {
        let mut parked = false;
        for entry in &mut self.chain {
            match &entry.state {
                EntryState::Parked { .. } => parked = true,
                EntryState::Pending
                | EntryState::Held(Blocker::Conflict | Blocker::ParkedAncestor | Blocker::Group) => {
                    entry.state = if self.conflict.is_some() {
                        EntryState::Held(Blocker::Conflict)
                    } else if parked {
                        EntryState::Held(Blocker::ParkedAncestor)
                    } else if entry.state == EntryState::Held(Blocker::Group) {
                        EntryState::Held(Blocker::Group)
                    } else {
                        EntryState::Pending
                    };
                }
                EntryState::InFlight { .. } | EntryState::Unknown { .. } | EntryState::Held(_) => {}
            }
        }
    }

    /// Brings holds and the record's state in line with base, chain and conflict. `keep`: whether a row must
    /// stay when the record is gone, because something refers to it.
    pub(super) fn settle(&mut self, keep: impl FnOnce() -> bool) -> Fate {
        if self.chain.is_empty()
            && let Some(conflict) = self.conflict.take()
        {
            // Without a side of ours there is no conflict: theirs stands. Not before the step ends: what follows
            // in it was written without a sight of theirs.
            self.rebase(&conflict.remote);
            self.show();
        }
        self.hold();
        if !self.chain.is_empty() || self.remote.is_some() || self.conflict.is_some() {
            self.record.state = RecordState::Dirty;
            return Fate::Stays;
        }
        match &self.base {
            Image::Present(_) => {
                self.record.state = match self.provisional {
                    true => RecordState::Provisional,
                    false => RecordState::Clean,
                };
                Fate::Stays
            }
            Image::Absent | Image::Gone => {
                // A stale read must not show it as new.
                if self.is_stored() && (self.provisional || keep()) {
                    self.entomb()
                } else {
                    Fate::Goes
                }
            }
        }
    }

    /// Keeps the row of a record that is gone, because the journal of this very step refers to it.
    pub(super) fn entomb(&mut self) -> Fate {
        self.record.state = RecordState::Tombstone;
        self.record.document = None;
        Fate::Stays
    }

    /// The changes that lead from what was loaded to what is here now.
    pub(super) fn ops(self, fate: Fate, ops: &mut Vec<Op>) {
        let Slot {
            collection,
            record,
            base,
            remote,
            chain,
            conflict,
            provisional,
            former,
            adopted: _,
            before,
        } = self;
        let rid = record.rid;
        let (before_chain, before_dirty, before_conflict) = match &before {
            Some(before) => (
                before.chain.as_slice(),
                before.dirty.as_ref(),
                before.conflict,
            ),
            None => (&[][..], None, false),
        };
        for old in before_chain {
            if !chain.iter().any(|entry| entry.seq == old.seq) {
                ops.push(Op::RemoveEntry(old.seq));
            }
        }
        if fate == Fate::Goes {
            if before_dirty.is_some() {
                ops.push(Op::Dirty {
                    collection: collection.clone(),
                    rid,
                    dirty: None,
                });
            }
            if before_conflict {
                ops.push(Op::RemoveConflict {
                    collection: collection.clone(),
                    rid,
                });
            }
            if before.is_some() {
                ops.push(Op::Remove { collection, rid });
            }
            return;
        }
        ops.extend(former.into_iter().map(|alias| Op::Alias {
            collection: collection.clone(),
            alias,
            rid,
        }));
        let dirty = (record.state == RecordState::Dirty).then_some(Dirty {
            base,
            remote,
            provisional,
        });
        match &before {
            None => ops.push(Op::Insert {
                collection: collection.clone(),
                record,
            }),
            Some(before) if before.record == record => {}
            Some(before)
                if before.record.document == record.document && before.record.id == record.id =>
            {
                ops.push(Op::Head {
                    collection: collection.clone(),
                    rid,
                    version: record.version,
                    state: record.state,
                    stamp: record.stamp,
                    schema: record.schema,
                    migrated: record.migrated,
                });
            }
            Some(_) => ops.push(Op::Update {
                collection: collection.clone(),
                record,
            }),
        }
        if before_dirty != dirty.as_ref() {
            ops.push(Op::Dirty {
                collection: collection.clone(),
                rid,
                dirty,
            });
        }
        for entry in chain {
            match before_chain.iter().find(|old| old.seq == entry.seq) {
                Some(old) if *old == entry => {}
                Some(old) if old.differs_in_state_only(&entry) => {
                    ops.push(Op::EntryState(Box::new(entry)))
                }
                _ => ops.push(Op::Entry(Box::new(entry))),
            }
        }
        match conflict {
            Some(conflict) => ops.push(Op::Conflict(Box::new(conflict))),
            None if before_conflict => ops.push(Op::RemoveConflict { collection, rid }),
            None => {}
        }
    }
}

fn is_new(base: &Image, chain: &[Entry]) -> bool {
    let creates = |entry: &Entry| matches!(entry.change, Change::Create(_));
    !base.is_present() && chain.iter().any(creates)
}

/// What becomes of a record's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Goes,
}
