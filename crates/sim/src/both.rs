//! The store in memory and the one on SQLite, side by side: every read and every commit must agree.
use crate::disk::Disk;
use std::fmt::Debug;
use tisync_core::memory::{MemoryStore, MemoryTx};
use tisync_core::model::*;
use tisync_core::store::*;
use tisync_json::tree::BTreeMap;
use tisync_store::{Options, RusqliteDriver, SqliteStore, SqliteTx};

/// Two stores that are given the same. Where they differ the run panics, which the simulator reports.
///
/// Power cuts take nothing here: SQLite in memory cannot lose a commit. What a cut may take is proven on files,
/// in the store's own tests.
pub struct Both {
    memory: MemoryStore,
    sqlite: SqliteStore<RusqliteDriver>,
}

impl Disk for Both {
    fn empty() -> Self {
        let sqlite = SqliteStore::in_memory(&Options::default());
        Both {
            memory: MemoryStore::new(),
            sqlite: sqlite.unwrap_or_else(|error| panic!("SQLite does not open: {error}")),
        }
    }
    fn fail_begin(&mut self, kind: StoreErrorKind) {
        self.memory.fail_next_begin(kind);
    }
    fn fail_commit(&mut self, kind: StoreErrorKind) {
        self.memory.fail_next_commit(kind);
    }
    fn clear_faults(&mut self) {
        self.memory.clear_faults();
    }
    fn power_cut(&mut self, _: usize) -> usize {
        0
    }
    fn state_hash(&self) -> u64 {
        self.memory.state_hash()
    }
}

impl Store for Both {
    type Tx<'a> = BothTx<'a>;

    fn begin(&mut self, durability: Durability) -> Result<BothTx<'_>, StoreError> {
        // Faults are injected into the store in memory; SQLite must not begin then.
        let memory = self.memory.begin(durability)?;
        let sqlite = self.sqlite.begin(durability);
        Ok(BothTx {
            memory,
            sqlite: sqlite.unwrap_or_else(|error| panic!("only SQLite refuses to begin: {error}")),
        })
    }
}

/// A transaction on both stores.
pub struct BothTx<'a> {
    memory: MemoryTx<'a>,
    sqlite: SqliteTx<'a, RusqliteDriver>,
}

/// Gives back what both say, or panics.
fn agreed<T: PartialEq + Debug>(
    what: &str,
    memory: Result<T, StoreError>,
    sqlite: Result<T, StoreError>,
) -> Result<T, StoreError> {
    match (&memory, &sqlite) {
        (Ok(a), Ok(b)) if a == b => {}
        (Err(a), Err(b)) if a.kind == b.kind => {}
        _ => panic!("{what}: the store in memory says {memory:?}, SQLite says {sqlite:?}"),
    }
    memory
}

macro_rules! reads {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        $(fn $name(&mut self, $($argument: $type),*) -> Result<$result, StoreError> {
            agreed(
                stringify!($name),
                self.memory.$name($($argument),*),
                self.sqlite.$name($($argument),*),
            )
        })+
    };
}

impl Tx for BothTx<'_> {
    reads! {
        load(collection: &CollectionName, keys: Keys<'_>, load: Load) -> Vec<Option<Row>>;
        scan(collection: &CollectionName, after: Option<&RecordId>, limit: usize) -> Vec<Row>;
        unseen(collection: &CollectionName, pass: u64, after: Option<&RecordId>, limit: usize) -> Vec<Row>;
        count(collection: &CollectionName, pass: Option<u64>) -> (u64, u64);
        known(range: &IdRange, documents: bool, limit: usize) -> Vec<Known>;
        aliases(collection: &CollectionName, rid: Rid) -> Vec<RecordId>;
        entries(filter: EntryFilter<'_>, after: Option<i64>, limit: usize) -> Vec<Entry>;
        entry_keys(filter: EntryFilter<'_>, after: Option<i64>, limit: usize) -> Vec<EntryKey>;
        outbox() -> BTreeMap<CollectionName, CollectionOutbox>;
        conflict(collection: &CollectionName, rid: Rid) -> Option<Conflict>;
        conflicts(after: Option<(&CollectionName, Rid)>, limit: usize) -> Vec<Conflict>;
        journal(filter: JournalFilter<'_>, before: Option<JournalId>, limit: usize) -> Vec<JournalRow>;
        journal_row(id: JournalId) -> Option<JournalRow>;
        feed(key: &FeedKey) -> Option<FeedState>;
        connector(name: &ConnectorName) -> Option<ConnectorState>;
        suspicions(collection: &CollectionName, limit: usize) -> Vec<Suspicion>;
        quarantined(after: Option<i64>, limit: usize) -> Vec<Quarantined>;
        meta(key: &str) -> Option<String>;
        setup() -> Vec<Op>;
        clock() -> Stamp;
        declared(collection: &CollectionName) -> Option<Declared>;
        outdated(collection: &CollectionName, schema: u32, after: Option<Rid>, limit: usize, bytes_max: usize) -> Vec<Row>;
        next_rid(collection: &CollectionName) -> Rid;
        next_seq() -> i64;
        next_journal() -> JournalId;
    }

    fn commit(self, changes: Vec<Op>) -> Result<(), StoreError> {
        let BothTx { memory, sqlite } = self;
        match memory.commit(changes.clone()) {
            // An injected fault: SQLite's transaction is dropped, and so rolled back.
            Err(error) if error.message.starts_with("injected") => Err(error),
            result => agreed("commit", result, sqlite.commit(changes)),
        }
    }
}
