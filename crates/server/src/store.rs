//! Where a server keeps its records: what the service asks of a store.
use crate::StoreError;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;
use tisync_protocol::{Digest, Rejected, Verdict};

/// A store of any number of tenants. Synchronous.
pub trait ServerStore {
    /// A transaction on one tenant.
    type Tx<'a>: ServerTx
    where
        Self: 'a;

    /// Begins a transaction. Writers of a tenant exclude each other from here to the commit, so that the
    /// counter orders the feed by commit; readers see one moment.
    fn begin(&mut self, tenant: &str, access: Access) -> Result<Self::Tx<'_>, StoreError>;
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// A transaction on one tenant. Dropped without [`ServerTx::commit`] it leaves no trace.
pub trait ServerTx {
    /// The tenant's history; none before it was set up.
    fn meta(&mut self) -> Result<Option<Meta>, StoreError>;
    /// Stores the tenant's history.
    fn put_meta(&mut self, meta: &Meta) -> Result<(), StoreError>;

    /// A record's version, and whether it is there.
    fn head(&mut self, key: Key<'_>) -> Result<Option<Head>, StoreError>;
    /// A record.
    fn record(&mut self, key: Key<'_>) -> Result<Option<Record>, StoreError>;
    /// Writes a record at `record.version`, as the `position`-th of that commit (0 is the first). The
    /// version is greater than all before it, or equal to the last with a greater position.
    fn put(&mut self, key: Key<'_>, record: &Record, position: u64) -> Result<(), StoreError>;

    /// The receipt of a mutation.
    fn receipt(&mut self, id: &[u8; 16]) -> Result<Option<Receipt>, StoreError>;
    /// Stores a mutation's receipt; there is none yet.
    fn put_receipt(&mut self, id: &[u8; 16], receipt: &Receipt) -> Result<(), StoreError>;

    /// Visits all records with a version greater than `after` in the order of (version, position), until
    /// the visitor breaks. A record of another collection is visited as `None`.
    fn scan(
        &mut self,
        after: u64,
        collections: &BTreeSet<&str>,
        visit: &mut dyn FnMut(u64, Option<Row<'_>>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The count and hash of a collection's live records that were stored last; zero before.
    fn tally(&mut self, collection: &str) -> Result<Tally, StoreError>;
    /// Stores the count and hash of a collection's live records; something was written to it.
    fn put_tally(&mut self, collection: &str, tally: &Tally) -> Result<(), StoreError>;
    /// Visits the live records whose ids lie in the range, in the order of the ids' bytes or against it,
    /// until the visitor breaks.
    fn live(
        &mut self,
        range: Range<'_>,
        visit: &mut dyn FnMut(LiveRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Forgets deletions written at or before `until_ms` and returns the highest version among them.
    fn prune_tombstones(&mut self, until_ms: u64) -> Result<Option<u64>, StoreError>;
    /// Forgets receipts written at or before `until_ms`, oldest first; returns how many went.
    fn prune_receipts(&mut self, until_ms: u64) -> Result<u64, StoreError>;

    /// Makes all of it durable.
    fn commit(self) -> Result<(), StoreError>;
}

/// A tenant's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its epochs, oldest first, each with the number of the last version that it took over: 0 for the
    /// first, the restore point for the others. Never empty once the tenant is set up.
    pub epochs: Vec<(String, u64)>,
    /// The number of the latest version.
    pub seq: u64,
    /// Deletions up to this version are forgotten.
    pub horizon: u64,
}

impl Meta {
    /// The identity of the history as it is now.
    pub fn epoch(&self) -> &str {
        self.epochs.last().map_or("", |(epoch, _)| epoch)
    }

    /// The number of the last version that the current epoch took over.
    pub fn epoch_start(&self) -> u64 {
        self.epochs.last().map_or(0, |(_, start)| *start)
    }

    /// A version on the wire: `<epoch>.<number>`, with the epoch in which it was given. So a version of a
    /// history that was lost in a restore never equals one that was given afterwards.
    pub fn version(&self, number: u64) -> String {
        format!("{}.{number}", self.epoch_of(number))
    }

    /// The number of a version of this history.
    pub fn number(&self, version: &str) -> Option<u64> {
        let (epoch, number) = version.rsplit_once('.')?;
        let number = parse_number(number)?;
        (self.epoch_of(number) == epoch).then_some(number)
    }

    /// The epoch in which a version was given.
    pub(crate) fn epoch_of(&self, number: u64) -> &str {
        let given = self.epochs.iter().rev().find(|(_, start)| *start < number);
        given.or(self.epochs.first()).map_or("", |(epoch, _)| epoch)
    }
}

/// Names a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The record's id.
    pub id: &'a str,
}

/// A record's version, and whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its version.
    pub version: u64,
    /// Whether that version is a deletion.
    pub deleted: bool,
}

/// A record, or the mark of a deleted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its version.
    pub version: u64,
    /// Its document; none if it is deleted.
    pub document: Option<Document>,
    /// The latest stamp.
    pub stamp: String,
    /// Stamps by path; empty when `stamp` holds for all.
    pub stamps: BTreeMap<String, String>,
    /// The server's time of the commit.
    pub updated_ms: u64,
    /// The number of the schema of the newest app that wrote its document.
    pub schema: u32,
}

/// A record as a scan shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The record's id.
    pub id: &'a str,
    /// Its document's text; none if it is deleted.
    pub document: Option<&'a str>,
    /// The latest stamp.
    pub stamp: &'a str,
    /// Stamps by path as a JSON object; none when `stamp` holds for all.
    pub stamps: Option<&'a str>,
    /// See [`Record::schema`].
    pub schema: u32,
}

/// The live records of a collection from behind `after` to `until`, both as the walk meets them:
/// `(after, until]`, or `[until, after)` backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The id before the first; none begins at the start.
    pub after: Option<&'a str>,
    /// The last id; none goes to the end.
    pub until: Option<&'a str>,
    /// Whether the greatest id comes first.
    pub backwards: bool,
    /// Whether the documents are read too.
    pub documents: bool,
}

/// A live record as [`ServerTx::live`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveRow<'a> {
    /// The record's id.
    pub id: &'a str,
    /// Its version.
    pub version: u64,
    /// What else it holds, if documents were asked for.
    pub content: Option<Content<'a>>,
}

/// What a live record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The server's time of its version's commit.
    pub updated_ms: u64,
    /// The latest stamp.
    pub stamp: &'a str,
    /// Stamps by path as a JSON object; none when `stamp` holds for all.
    pub stamps: Option<&'a str>,
    /// The number of its document's schema.
    pub schema: u32,
    /// Its document's text.
    pub document: &'a str,
}

/// What a mutation came to, kept so that a repeat gets the same verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// A hash of what the mutation was.
    pub content: u64,
    /// The verdict.
    pub settled: Settled,
    /// The server's time of the verdict.
    pub at_ms: u64,
}

/// A verdict that is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It took effect.
    Accepted {
        /// The version that it made.
        version: u64,
        /// The document that the answer carried, with the number of its schema.
        document: Option<(Document, u32)>,
    },
    /// It will never be taken.
    Rejected(Rejected),
}

impl Settled {
    /// The verdict on the wire.
    pub fn verdict(&self, meta: &Meta) -> Verdict {
        match self {
            Settled::Accepted { version, document } => {
                let (document, schema) = document.clone().unzip();
                Verdict::Accepted(tisync_protocol::Accepted {
                    version: meta.version(*version),
                    document,
                    schema: schema.unwrap_or(0),
                })
            }
            Settled::Rejected(rejected) => Verdict::Rejected(rejected.clone()),
        }
    }
}

/// Count and hash of some live records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The sum, modulo 2^64, of [`tisync_protocol::Digest::term`].
    pub hash: u64,
}

impl Tally {
    /// Counts a live record; the version is the one on the wire.
    pub fn add(&mut self, id: &str, version: &str) {
        self.add_term(Digest::term(id, version));
    }
    /// Counts a live record by its term of the sum.
    pub fn add_term(&mut self, term: u64) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(term);
    }
    /// Takes a live record out again.
    pub fn remove(&mut self, id: &str, version: &str) {
        self.count = self.count.saturating_sub(1);
        self.hash = self.hash.wrapping_sub(Digest::term(id, version));
    }
}

/// Reads a number as this server prints it: plain digits without a leading zero.
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Stamps by path as the JSON object that a [`Row`] carries.
pub(crate) fn stamps_text(stamps: &BTreeMap<String, String>) -> Result<String, StoreError> {
    serde_json::to_string(stamps)
        .map_err(|error| StoreError::failed(format!("stamps were not written: {error}")))
}
