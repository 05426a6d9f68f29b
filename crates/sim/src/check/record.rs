//! Each record that a commit touched: base, chain, version, visible document, and the ledger of its writes.
use super::ledger::{chain_marks, marks};
use super::{
    Archive, Checked, Commit, History, Key, Ledger, Out, Remembered, Shadow, Token, Violation,
};
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Store, StoreError, Tx};

/// What a check of records looks at.
pub(crate) struct Records<'a> {
    pub(crate) replica: usize,
    pub(crate) shadow: &'a mut Shadow,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) archive: &'a Archive,
    pub(crate) history: &'a History,
    /// Marks that this step's input carries.
    pub(crate) drawn: &'a [Token],
    /// Whether the step is the user's: what it carries is written with it.
    pub(crate) by_user: bool,
    /// Whether the step takes back what the user wrote.
    pub(crate) discards: bool,
    /// Whether what it replaces was seen and is meant to go.
    pub(crate) supersedes: bool,
    /// Whether the backend knows nothing of sync: its versions and its history prove nothing.
    pub(crate) is_plain: bool,
}

/// A record with all that belongs to it.
struct Row {
    record: Option<(Record, Option<Dirty>)>,
    chain: Vec<Entry>,
    conflict: Option<Conflict>,
}

impl Row {
    /// The version of the last image of the server that was seen.
    fn newest(&self) -> Option<&Version> {
        let (record, dirty) = self.record.as_ref()?;
        let waiting = dirty.as_ref().and_then(|dirty| dirty.remote.as_ref());
        match waiting.or(self.conflict.as_ref().map(|conflict| &conflict.remote)) {
            Some(remote) => remote.version.as_ref(),
            None => record.version.as_ref(),
        }
    }
}

/// A record after a commit, as its ledger sees it.
struct Now<'a> {
    visible: Option<&'a [Token]>,
    /// The marks of its chain.
    pending: BTreeSet<Token>,
    chain: &'a [Entry],
    base_present: bool,
    /// Whether the commit journalled a deletion as our side.
    delete_journalled: bool,
}

impl Records<'_> {
    /// Checks what a commit touched, and remembers it.
    pub(crate) fn check<S: Store>(&mut self, store: &mut S, commit: &Commit) -> Checked {
        let journal = &mut self.ledger.journalled[self.replica];
        let mut deletes: BTreeSet<(CollectionName, Rid)> = BTreeSet::new();
        for row in &commit.journal {
            journal.extend(&row.tokens);
            self.ledger.reported.extend(&row.reported);
            if row.our_delete {
                deletes.insert((row.collection.clone(), row.rid));
            }
        }
        for (collection, from, to) in &commit.merged {
            let (from, to) = ((collection.clone(), *from), (collection.clone(), *to));
            self.ledger.carried[self.replica].remove(&from);
            self.shadow.merge(&from, &to);
        }
        let mut touched = commit.records.clone();
        let mut groups = commit.groups.clone();
        for seq in &commit.removed_entries {
            touched.extend(self.shadow.entries.remove(seq));
            groups.extend(self.shadow.groups.remove(seq));
        }
        let clock = self.shadow.clock;
        let mut by_collection: BTreeMap<CollectionName, Vec<Rid>> = BTreeMap::new();
        for (collection, rid) in touched {
            by_collection.entry(collection).or_default().push(rid);
        }
        let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
        for (collection, rids) in by_collection {
            for (rid, row) in rids.iter().zip(rows(&mut tx, &collection, &rids)?) {
                let key = (collection.clone(), *rid);
                if let (Some(before), Some((record, _))) =
                    (self.shadow.records.get(&key), &row.record)
                    && before.id != record.id
                {
                    let former = (collection.clone(), before.id.clone());
                    super::reference::resolves(&mut tx, &former, record)?;
                }
                self.stamps(&key, clock, &row.chain)?;
                self.record(&key, row, deletes.contains(&key))?;
            }
        }
        for group in groups {
            let members = tx
                .entries(EntryFilter::Group(group), None, usize::MAX)
                .map_err(unreadable)?;
            // Where nothing is remembered, look-ups settle one member after the other; only what is sent is whole.
            let is_out = |entry: &&Entry| match self.is_plain {
                true => matches!(entry.state, EntryState::InFlight { .. }),
                false => entry.state.is_out(),
            };
            let out = members.iter().filter(is_out).count();
            if out != 0 && out != members.len() {
                let message = format!(
                    "{out} of {} mutations of the group {group} are out",
                    members.len()
                );
                return Err(Violation::new("group", message));
            }
        }
        Ok(())
    }

    /// What the user has just written is stamped later than all that was written here before.
    fn stamps(&mut self, place: &(CollectionName, Rid), clock: Stamp, chain: &[Entry]) -> Checked {
        if !self.supersedes || self.drawn.is_empty() {
            return Ok(());
        }
        for entry in chain {
            let marks = chain_marks(std::slice::from_ref(entry));
            let stamp = entry.stamps.latest;
            if !self.drawn.iter().any(|token| marks.contains(token)) {
                continue;
            }
            if stamp <= clock {
                let message =
                    format!("{place:?}: a write is stamped {stamp}, one before it {clock}");
                return Err(Violation::new("clock", message));
            }
            self.shadow.clock = self.shadow.clock.max(stamp);
        }
        Ok(())
    }

    fn record(
        &mut self,
        place: &(CollectionName, Rid),
        row: Row,
        delete_journalled: bool,
    ) -> Checked {
        let before = self.shadow.records.remove(place);
        let mut visible = None;
        let mut id = before.as_ref().map(|before| before.id.clone());
        let mut out = None;
        let mut base_present = false;
        let (mut version, mut newest) = (None, None);
        if let Some((record, dirty)) = &row.record {
            let key = (place.0.clone(), record.id.clone());
            self.consistent(&key, record, dirty.as_ref(), &row)?;
            out = self.frozen(&key, record, dirty.as_ref(), &row.chain, before.as_ref())?;
            visible = record.document.as_ref().map(marks);
            version = record.version.clone();
            newest = row.newest().cloned();
            if let Some(before) = &before {
                // Writes that were given up and come back stand where they stood.
                let came_back = !before.is_pending && !row.chain.is_empty() || self.is_plain;
                if !came_back {
                    self.forwards(&key, before.version.as_ref(), version.as_ref())?;
                }
                if !self.is_plain {
                    self.forwards(&key, before.newest.as_ref(), newest.as_ref())?;
                }
            }
            base_present = match dirty {
                Some(dirty) => dirty.base.is_present(),
                None => record.document.is_some(),
            };
            id = Some(record.id.clone());
        } else if let Some(entry) = row.chain.first() {
            return Err(Violation::new(
                "record",
                format!("{place:?}: no record, but the entry {}", entry.id),
            ));
        }
        for entry in &row.chain {
            self.shadow.entries.insert(entry.seq, place.clone());
            if let Some(group) = entry.group {
                self.shadow.groups.insert(entry.seq, group);
            }
        }
        let Some(id) = id else { return Ok(()) };
        let key = (place.0.clone(), id.clone());
        let now = Now {
            visible: visible.as_deref(),
            pending: self.carry(place, &row.chain),
            chain: &row.chain,
            base_present,
            delete_journalled,
        };
        let (open, open_delete) = self.ledger(&key, before, &now)?;
        if row.record.is_some() || !open.is_empty() {
            let remembered = Remembered {
                id,
                visible,
                open,
                open_delete,
                out,
                is_pending: !row.chain.is_empty(),
                base_present,
                version,
                newest,
            };
            self.shadow.records.insert(place.clone(), remembered);
        }
        Ok(())
    }

    /// What is known of the server goes back only when the server has.
    fn forwards(&self, key: &Key, before: Option<&Version>, now: Option<&Version>) -> Checked {
        match (before, now) {
            (Some(before), Some(now))
                if now.is_before(before) && !self.archive.has_lost(before) =>
            {
                let message = format!("{key:?}: from {before} back to {now}");
                Err(Violation::new("record", message))
            }
            _ => Ok(()),
        }
    }

    /// Notes the marks that a record's chain carries.
    fn carry(&mut self, place: &(CollectionName, Rid), chain: &[Entry]) -> BTreeSet<Token> {
        let carried = &mut self.ledger.carried[self.replica];
        if chain.is_empty() {
            carried.remove(place);
            return BTreeSet::new();
        }
        let marks = chain_marks(chain);
        carried.insert(place.clone(), marks.clone());
        marks
    }

    /// The ledger of the record's writes: returns those that are still on this replica alone.
    fn ledger(
        &mut self,
        key: &Key,
        before: Option<Remembered>,
        now: &Now<'_>,
    ) -> Checked<(BTreeSet<Token>, bool)> {
        let (seen, mut open, mut open_delete, before_base, base) = match before {
            Some(before) => (
                before.visible,
                before.open,
                before.open_delete,
                before.base_present,
                before.version,
            ),
            None => (None, BTreeSet::new(), false, false, None),
        };
        let shown = now.visible.unwrap_or_default();
        if self.supersedes {
            for token in seen.iter().flatten().filter(|token| !shown.contains(token)) {
                self.ledger.superseded.insert(*token);
            }
        }
        if self.by_user {
            // A mark that a later entry of the chain covers at once was never seen by anyone.
            for token in self.drawn.iter().filter(|token| shown.contains(token)) {
                self.ledger.written.insert(*token);
                open.insert(*token);
            }
            open_delete = (open_delete || seen.is_some())
                && now.visible.is_none()
                && now
                    .chain
                    .last()
                    .is_some_and(|entry| entry.change == Change::Delete);
        }
        // Whoever discards the last of several deletes sees the record again: an earlier one is meant no more.
        open_delete &= !self.discards || now.visible.is_none();
        // To delete what no server ever had leaves nothing to tell.
        open_delete &= before_base || now.base_present && self.by_user;
        open.retain(|token| {
            !self.ledger.accepted.contains(token) && !self.ledger.is_excused(*token)
        });
        if let Some(token) = open.iter().find(|token| !now.pending.contains(token)) {
            let message = format!(
                "{key:?}: the write Q{token}Q is neither in the outbox, nor accepted, nor superseded, nor journalled"
            );
            return Err(Violation::new("ledger", message));
        }
        if open_delete && !now.chain.iter().any(|entry| entry.change == Change::Delete) {
            // Who finds the record gone has nothing to delete; somebody may have made it anew since.
            let was_gone = match self.is_plain {
                true => !self.history.has(key) || self.archive.has_lacked(key),
                false => self
                    .archive
                    .has_lacked_since(self.history, key, base.as_ref()),
            };
            if !was_gone && !now.delete_journalled {
                let message = format!(
                    "{key:?}: a delete is neither in the outbox, nor accepted, nor journalled"
                );
                return Err(Violation::new("ledger", message));
            }
            open_delete = false;
        }
        Ok((open, open_delete))
    }

    /// Base, chain, version and what is visible agree.
    fn consistent(&self, key: &Key, record: &Record, dirty: Option<&Dirty>, row: &Row) -> Checked {
        let wrong = |what: String| Err(Violation::new("record", format!("{key:?}: {what}")));
        let is_dirty = record.state == RecordState::Dirty;
        if is_dirty != dirty.is_some() {
            return wrong(format!(
                "the state is {:?}, the side row {dirty:?}",
                record.state
            ));
        }
        if !is_dirty && (!row.chain.is_empty() || row.conflict.is_some()) {
            return wrong(format!(
                "the state is {:?}, but there are entries or a conflict",
                record.state
            ));
        }
        let base = match dirty {
            Some(dirty) => dirty.base.clone(),
            None => Image::from(record.document.clone()),
        };
        if record.state == RecordState::Tombstone && record.document.is_some() {
            return wrong("a tombstone with a document".to_owned());
        }
        let shown = row
            .chain
            .iter()
            .fold(base.document().cloned(), |shown, entry| {
                entry.apply(shown.as_ref())
            });
        if !Image::from(shown.clone()).same(&Image::from(record.document.clone())) {
            return wrong(format!(
                "base and chain give {shown:?}, but {:?} is visible",
                record.document
            ));
        }
        // A tombstone may be of a record that no server ever had.
        if record.state != RecordState::Tombstone {
            let version = record.version.as_ref();
            self.image(key, "base", &base, version, record.schema)?;
        }
        for remote in dirty
            .and_then(|dirty| dirty.remote.as_ref())
            .into_iter()
            .chain(row.conflict.as_ref().map(|conflict| &conflict.remote))
        {
            let schema = remote.schema.unwrap_or(record.schema);
            let version = remote.version.as_ref();
            self.image(key, "remote", &remote.image, version, schema)?;
        }
        if row.conflict.is_some()
            && row
                .chain
                .iter()
                .any(|entry| entry.state == EntryState::Pending)
        {
            return wrong("an entry may go although a conflict is open".to_owned());
        }
        Ok(())
    }

    /// An image of the server is one that the server had.
    fn image(
        &self,
        key: &Key,
        what: &str,
        image: &Image,
        version: Option<&Version>,
        schema: u32,
    ) -> Checked {
        if self.is_plain {
            return Ok(());
        }
        let wrong = |why: String| {
            Err(Violation::new(
                "record",
                format!("{key:?}: {what} {image:?} at {version:?}: {why}"),
            ))
        };
        match (image, version) {
            (Image::Present(document), Some(version)) => {
                match self.archive.image(key, version, schema) {
                    Some(Some(was)) if was.same(document) => Ok(()),
                    was => wrong(format!("the server had {was:?}")),
                }
            }
            (Image::Present(_), None) => wrong("an image of the server has a version".to_owned()),
            (Image::Gone | Image::Absent, _) => {
                let never_gone = self
                    .history
                    .latest
                    .get(key)
                    .is_some_and(|latest| latest.document.is_some())
                    && !self.archive.has_lacked(key);
                // A record that was never on a server may have left a tombstone here: it has no version.
                if never_gone && *image == Image::Gone && (version.is_some() || what == "remote") {
                    return wrong("the record was never deleted".to_owned());
                }
                Ok(())
            }
        }
    }

    /// What is out stands on the base that it was sent with.
    fn frozen(
        &self,
        key: &Key,
        record: &Record,
        dirty: Option<&Dirty>,
        chain: &[Entry],
        before: Option<&Remembered>,
    ) -> Checked<Option<Out>> {
        let wrong = |what: String| Err(Violation::new("frozen", format!("{key:?}: {what}")));
        let mut out = chain.iter().filter(|entry| entry.state.is_out());
        let Some(entry) = out.next() else {
            return Ok(None);
        };
        if let Some(other) = out.next() {
            return wrong(format!("{} and {} are out at once", entry.id, other.id));
        }
        let base = dirty.map_or(Image::Absent, |dirty| dirty.base.clone());
        let now = Out {
            id: entry.id,
            base,
            version: record.version.clone(),
            schema: record.schema,
        };
        if let Some(was) = before.and_then(|before| before.out.as_ref())
            && was.id == now.id
            && (was.in_schema(now.schema) != now.base || was.version != now.version)
        {
            return wrong(format!(
                "the base changed from {:?} to {:?} while {} is out",
                was.version, now.version, was.id
            ));
        }
        match entry.frozen.as_ref().map(|frozen| &frozen.precondition) {
            Some(Precondition::Version(version)) if Some(version) == record.version.as_ref() => {}
            Some(Precondition::Absent) if !now.base.is_present() => {}
            Some(Precondition::None) if self.is_plain => {}
            other => {
                return wrong(format!(
                    "{} is out with {other:?} on {:?} at {:?}",
                    entry.id, now.base, now.version
                ));
            }
        }
        Ok(Some(now))
    }
}

fn rows<T: Tx>(tx: &mut T, collection: &CollectionName, rids: &[Rid]) -> Checked<Vec<Row>> {
    let records = tx
        .load(collection, Keys::Rids(rids), Load::Whole)
        .map_err(unreadable)?;
    let entries = tx
        .entries(EntryFilter::Chains(collection, rids), None, usize::MAX)
        .map_err(unreadable)?;
    let mut chains: BTreeMap<Rid, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        chains.entry(entry.rid).or_default().push(entry);
    }
    let mut rows = Vec::with_capacity(rids.len());
    for (rid, record) in rids.iter().zip(records) {
        let conflict = tx.conflict(collection, *rid).map_err(unreadable)?;
        rows.push(Row {
            record,
            chain: chains.remove(rid).unwrap_or_default(),
            conflict,
        });
    }
    Ok(rows)
}

/// A checker cannot read the store: that is a finding too.
pub(crate) fn unreadable(error: StoreError) -> Violation {
    Violation::new("record", format!("the store cannot be read: {error}"))
}
