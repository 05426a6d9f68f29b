//! Salvage: reads the pending writes out of a database that SQLite reads no more, or only in part.
//!
//! It reads the pages itself, in whatever state they are, and changes nothing. Three rules keep damage from becoming
//! a write:
//!
//! * A row counts only if its seal is whole: a flipped byte makes it unreadable, never another write.
//! * A row that no tree leads to counts only with evidence that it is in use: its page is known not to be free, and
//!   the index of the outbox names it or, where that is damaged too, its page lists it. Else it may be the remains of
//!   a settled one.
//! * Frames of the log that SQLite drops, because one before them is damaged, count as far as the outbox goes: what
//!   they removed is settled, what they added was promised to be durable.
//!
//! Of an encrypted file a page counts only if its authentication code is right: then it was written with this key.
mod disk;
mod harvest;
mod kind;
mod row;
mod tree;
mod view;
mod wal;

use crate::Key;
use crate::cipher::Cipher;
use disk::Disk;
use harvest::{Found, Harvest};
pub use kind::FileKind;
#[cfg(feature = "encryption")]
pub(crate) use kind::MAGIC;
#[cfg(feature = "rusqlite")]
pub(crate) use kind::explained;
use row::{Base, Pending, Place, Row};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use tisync_core::model::{Chain, CollectionName, Rid};
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::tree::{BTreeMap, BTreeSet};
use view::View;
use wal::{Frames, Log};

/// The pending writes that are still readable in a file, whatever happened to it.
///
/// ```no_run
/// let salvage = tisync_store::Salvage::read(std::path::Path::new("notes.db"))?;
/// for chain in salvage.chains() {
///     println!("{}/{}: {} writes", chain.collection, chain.id, chain.entries.len());
/// }
/// # Ok::<(), tisync_core::store::StoreError>(())
/// ```
#[derive(Debug)]
pub struct Salvage {
    file: RefCell<Disk>,
    log: RefCell<Disk>,
    seen: Frames,
    beyond: Frames,
    /// What opens its pages, if it is encrypted and the key is the right one.
    cipher: Option<Cipher>,
    /// Whether there was a key.
    has_key: bool,
    /// The entries of each record, in order, with the state of the database that they are read from.
    chains: BTreeMap<(CollectionName, Rid), Vec<Seat>>,
    bases: BTreeMap<(CollectionName, Rid), (Place, State)>,
    meta: BTreeMap<String, String>,
    unreadable: Vec<Unreadable>,
    entries: usize,
    dropped: usize,
    may_drop_more: bool,
    is_complete: bool,
}

/// An entry that must have been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its place in the outbox.
    pub seq: i64,
    /// The name of its record's collection, as far as it is known.
    pub collection: String,
    /// Its record's key.
    pub rid: i64,
}

/// An entry: its place in the outbox, where it lies, and in which state of the database.
type Seat = (i64, Place, State);

/// Which state of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The one that SQLite sees.
    Seen,
    /// The one with the frames of the log that SQLite drops.
    Beyond,
}

impl Salvage {
    /// Reads a file with its log. One that is not there, or is something else, has nothing.
    ///
    /// # Errors
    /// `Io` when the file may not be read.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Salvage::read_with_key(path, None)
    }

    /// The same, of a file that may be encrypted. Of one whose key this is not nothing is read: see [`Salvage::kind`].
    ///
    /// # Errors
    /// `Io` when the file may not be read, `EncryptionKey` for a key where encryption was not built in.
    pub fn read_with_key(path: &Path, key: Option<&Key>) -> Result<Self, StoreError> {
        let open = |path: &Path| {
            Disk::open(path).map_err(|error| {
                let message = format!("expected to read {}, but {error}", path.display());
                StoreError::new(StoreErrorKind::Io, message)
            })
        };
        let file = RefCell::new(open(path)?);
        let mut log = open(&beside(path, "-wal"))?;
        // A log that cannot be read to its end is as long as it can be read.
        let Log { seen, beyond } = wal::read(&mut log).unwrap_or_default();
        let log = RefCell::new(log);
        let cipher = match key {
            Some(key) => kind::unlock(path, &View::new(&file, &log, &seen, None), key)?,
            None => None,
        };
        let mut salvage = Salvage {
            cipher,
            has_key: key.is_some(),
            file,
            log,
            seen,
            beyond: beyond.clone().unwrap_or_default(),
            chains: BTreeMap::new(),
            bases: BTreeMap::new(),
            meta: BTreeMap::new(),
            unreadable: Vec::new(),
            entries: 0,
            dropped: 0,
            may_drop_more: false,
            is_complete: false,
        };
        let seen = Harvest::of(&salvage.view(State::Seen));
        let beyond = beyond.map(|_| Harvest::of(&salvage.view(State::Beyond)));
        salvage.take(seen, beyond);
        Ok(salvage)
    }

    /// Whether SQLite will drop a part of a file's log, because something before it is damaged. Opens nothing but the
    /// log: closing the file itself would end the locks that SQLite holds on it in this process.
    pub fn is_log_broken(path: &Path) -> bool {
        let read = || wal::read(&mut Disk::open(&beside(path, "-wal"))?);
        let is_broken =
            |log: &std::io::Result<Log>| log.as_ref().is_ok_and(|log| log.beyond.is_some());
        let first = read();
        if !is_broken(&first) {
            return false;
        }
        // Where another process writes meanwhile, what looked like a gap is closed by now.
        let second = read();
        is_broken(&second) && first.ok() == second.ok()
    }

    /// The records' pending writes, in the order in which they were begun.
    pub fn chains(&self) -> impl Iterator<Item = Chain> + '_ {
        let mut order: Vec<_> = self.chains.iter().collect();
        order.sort_by_key(|(_, entries)| entries.first().map(|(seq, ..)| *seq));
        order
            .into_iter()
            .filter_map(|(record, entries)| self.chain(record, entries))
    }

    /// How many entries [`Salvage::chains`] has.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Entries that must have been there, but cannot be read.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Whether it is known which entries there were; if not, some may be missing that nothing tells of.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many entries SQLite will not show, because they are in the log behind a damaged place.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Whether SQLite will not show more, which cannot be read either: the log of an encrypted file is damaged in pages of
    /// the outbox.
    pub fn may_drop_more(&self) -> bool {
        self.may_drop_more
    }

    /// Whose file it is, by its pages and what was found in it.
    pub fn kind(&self) -> FileKind {
        match kind::of(&self.view(State::Seen), self.has_key) {
            FileKind::Foreign if !self.meta.is_empty() || !self.chains.is_empty() => FileKind::Ours,
            kind => kind,
        }
    }

    /// Refuses a file that is encrypted with another key, or without a key; or that is not, although a key came.
    ///
    /// # Errors
    /// `EncryptionKey`, with what to do.
    pub fn is_unlocked(&self) -> Result<(), StoreError> {
        kind::refused(self.kind(), self.has_key).map_or(Ok(()), Err)
    }

    /// What the file says of itself under a key of the meta table.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(String::as_str)
    }

    fn view(&self, state: State) -> View<'_> {
        let frames = match state {
            State::Seen => &self.seen,
            State::Beyond => &self.beyond,
        };
        View::new(&self.file, &self.log, frames, self.cipher.as_ref())
    }

    /// Whether a page behind a damaged place of an encrypted file's log is damaged itself. One that a killed process left
    /// there is whole.
    fn is_frame_broken(&self) -> bool {
        let view = self.view(State::Beyond);
        let mut beyond = self.beyond.iter();
        self.cipher.is_some()
            && beyond
                .any(|(page, at)| self.seen.get(page) != Some(at) && view.page(*page).is_none())
    }

    /// Chooses for each entry the state that it is read from.
    fn take(&mut self, seen: Harvest, beyond: Option<Harvest>) {
        let mut rows: BTreeMap<i64, (Found, State)> = BTreeMap::new();
        let mut expected = BTreeMap::new();
        let newer = beyond.as_ref();
        for (seq, found) in &seen.rows {
            // The newer state says what is settled, as far as it can be read.
            let is_there = newer.is_none_or(|newer| {
                !newer.is_indexed || newer.indexed.contains_key(seq) || newer.rows.contains_key(seq)
            });
            if is_there {
                rows.insert(*seq, (found.clone(), State::Seen));
            }
        }
        if let Some(newer) = newer {
            for (seq, found) in &newer.rows {
                let is_new = seen
                    .rows
                    .get(seq)
                    .is_none_or(|old| (old.id, old.latest) != (found.id, found.latest));
                self.dropped += usize::from(is_new);
                rows.insert(*seq, (found.clone(), State::Beyond));
            }
            expected.extend(newer.indexed.clone());
            self.may_drop_more = !newer.is_whole && self.is_frame_broken();
        }
        if newer.is_none_or(|newer| !newer.is_indexed) {
            expected.extend(seen.indexed.clone());
        }
        self.is_complete = newer.unwrap_or(&seen).is_indexed;
        for (state, harvest) in [(State::Beyond, beyond), (State::Seen, Some(seen))] {
            let Some(harvest) = harvest else { continue };
            for (record, place) in harvest.bases {
                self.bases.entry(record).or_insert((place, state));
            }
            for (key, value) in harvest.meta {
                self.meta.entry(key).or_insert(value);
            }
        }
        let there: BTreeSet<i64> = rows.keys().copied().collect();
        let missing = expected.into_iter().filter(|(seq, _)| !there.contains(seq));
        self.unreadable = missing
            .map(|(seq, (collection, rid))| Unreadable {
                seq,
                collection,
                rid,
            })
            .collect();
        self.entries = rows.len();
        for (seq, (found, state)) in rows {
            let chain = self.chains.entry((found.collection, found.rid));
            chain.or_default().push((seq, found.place, state));
        }
    }

    fn chain(&self, record: &(CollectionName, Rid), entries: &[Seat]) -> Option<Chain> {
        let pending = entries
            .iter()
            .filter_map(|(_, place, state)| self.pending(*place, *state));
        let pending: Vec<Pending> = pending.collect();
        let base = self.bases.get(record);
        let base = base.and_then(|(place, state)| self.base(*place, *state));
        let schema = base.as_ref().map(|base| base.schema);
        let migrated = base.as_ref().is_some_and(|base| base.migrated);
        let (base, version) = match base {
            Some(base) => (Some(base.image), base.version),
            None => (None, None),
        };
        Some(Chain {
            schema,
            migrated,
            collection: record.0.clone(),
            id: pending.last()?.record.clone(),
            base,
            version,
            entries: pending.into_iter().map(|row| row.entry).collect(),
        })
    }

    fn pending(&self, place: Place, state: State) -> Option<Pending> {
        let view = self.view(state);
        match place {
            Place::Cell { page, at } => match row::row(&view, &view.page(page)?, at)? {
                Row::Pending(pending) => Some(*pending),
                _ => None,
            },
            Place::Text { page, at } => row::text(&view.page(page)?, at),
        }
    }

    fn base(&self, place: Place, state: State) -> Option<Base> {
        let view = self.view(state);
        let Place::Cell { page, at } = place else {
            return None;
        };
        match row::row(&view, &view.page(page)?, at)? {
            Row::Base(_, _, base) => Some(base),
            _ => None,
        }
    }
}

/// A file beside another, by the end of its name.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
