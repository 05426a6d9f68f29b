//! A store that notes what is committed, and dies when it is told to.
use crate::check::Commit;
use crate::scenario::CrashWhen;
use tisync_core::model::*;
use tisync_core::store::{
    Declared, Durability, EntryFilter, EntryKey, JournalFilter, Keys, Known, Load, Op, Row, Store,
    StoreError, StoreErrorKind, Tx,
};
use tisync_json::tree::BTreeMap;

/// Passes everything on to the store below and notes what is committed.
pub(crate) struct Watched<'a, S> {
    below: &'a mut S,
    commits: &'a mut Vec<Commit>,
    crash: Option<CrashWhen>,
}

impl<'a, S: Store> Watched<'a, S> {
    pub(crate) fn new(
        below: &'a mut S,
        commits: &'a mut Vec<Commit>,
        crash: Option<CrashWhen>,
    ) -> Self {
        Watched {
            below,
            commits,
            crash,
        }
    }
}

impl<S: Store> Store for Watched<'_, S> {
    type Tx<'b>
        = WatchedTx<'b, S::Tx<'b>>
    where
        Self: 'b;

    fn begin(&mut self, durability: Durability) -> Result<Self::Tx<'_>, StoreError> {
        Ok(WatchedTx {
            below: self.below.begin(durability)?,
            commits: self.commits,
            crash: self.crash,
        })
    }
}

/// A transaction of a [`Watched`].
pub(crate) struct WatchedTx<'b, T> {
    below: T,
    commits: &'b mut Vec<Commit>,
    crash: Option<CrashWhen>,
}

impl<T: Tx> Tx for WatchedTx<'_, T> {
    fn load(
        &mut self,
        collection: &CollectionName,
        keys: Keys<'_>,
        load: Load,
    ) -> Result<Vec<Option<(Record, Option<Dirty>)>>, StoreError> {
        self.below.load(collection, keys, load)
    }
    fn scan(
        &mut self,
        collection: &CollectionName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(Record, Option<Dirty>)>, StoreError> {
        self.below.scan(collection, after, limit)
    }
    fn unseen(
        &mut self,
        collection: &CollectionName,
        pass: u64,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(Record, Option<Dirty>)>, StoreError> {
        self.below.unseen(collection, pass, after, limit)
    }
    fn count(
        &mut self,
        collection: &CollectionName,
        pass: Option<u64>,
    ) -> Result<(u64, u64), StoreError> {
        self.below.count(collection, pass)
    }
    fn known(
        &mut self,
        range: &IdRange,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Known>, StoreError> {
        self.below.known(range, documents, limit)
    }
    fn aliases(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Vec<RecordId>, StoreError> {
        self.below.aliases(collection, rid)
    }
    fn entries(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.below.entries(filter, after, limit)
    }
    fn entry_keys(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, StoreError> {
        self.below.entry_keys(filter, after, limit)
    }
    fn outbox(&mut self) -> Result<BTreeMap<CollectionName, CollectionOutbox>, StoreError> {
        self.below.outbox()
    }
    fn conflict(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Option<Conflict>, StoreError> {
        self.below.conflict(collection, rid)
    }
    fn conflicts(
        &mut self,
        after: Option<(&CollectionName, Rid)>,
        limit: usize,
    ) -> Result<Vec<Conflict>, StoreError> {
        self.below.conflicts(after, limit)
    }
    fn journal(
        &mut self,
        filter: JournalFilter<'_>,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.below.journal(filter, before, limit)
    }
    fn journal_row(&mut self, id: JournalId) -> Result<Option<JournalRow>, StoreError> {
        self.below.journal_row(id)
    }
    fn feed(&mut self, key: &FeedKey) -> Result<Option<FeedState>, StoreError> {
        self.below.feed(key)
    }
    fn connector(&mut self, name: &ConnectorName) -> Result<Option<ConnectorState>, StoreError> {
        self.below.connector(name)
    }
    fn suspicions(
        &mut self,
        collection: &CollectionName,
        limit: usize,
    ) -> Result<Vec<Suspicion>, StoreError> {
        self.below.suspicions(collection, limit)
    }
    fn quarantined(
        &mut self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.below.quarantined(after, limit)
    }
    fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        self.below.meta(key)
    }
    fn setup(&mut self) -> Result<Vec<Op>, StoreError> {
        self.below.setup()
    }
    fn clock(&mut self) -> Result<Stamp, StoreError> {
        self.below.clock()
    }
    fn declared(&mut self, collection: &CollectionName) -> Result<Option<Declared>, StoreError> {
        self.below.declared(collection)
    }
    fn outdated(
        &mut self,
        collection: &CollectionName,
        schema: u32,
        after: Option<Rid>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.below
            .outdated(collection, schema, after, limit, bytes_max)
    }
    fn next_rid(&mut self, collection: &CollectionName) -> Result<Rid, StoreError> {
        self.below.next_rid(collection)
    }
    fn next_seq(&mut self) -> Result<i64, StoreError> {
        self.below.next_seq()
    }
    fn next_journal(&mut self) -> Result<JournalId, StoreError> {
        self.below.next_journal()
    }
    fn commit(self, changes: Vec<Op>) -> Result<(), StoreError> {
        if self.crash == Some(CrashWhen::BeforeCommit) {
            return Err(StoreError::new(
                StoreErrorKind::Io,
                "the process died before the commit",
            ));
        }
        let commit = Commit::of(&changes);
        self.below.commit(changes)?;
        self.commits.push(commit);
        Ok(())
    }
}
