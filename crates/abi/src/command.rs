//! What a host can ask for.
use crate::hosted::HostedReply;
use crate::lifeboat::Place;
use crate::open::Open;
use serde::Serialize;
use tisync_connect::http::HttpErrorKind;
use tisync_core::model::{
    CollectionName, ConnectorName, FeedKey, JournalId, MutationId, RecordId, Resolution, Rid,
    Version, Write,
};
use tisync_json::Deserialize;
use tisync_json::{Document, Value};
use tisync_store::Query;

/// What a host can ask for. In JSON `{"get": {"collection": "notes", "id": "n1"}}`, or `"health"`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Opens a replica on the host's database; gives [`crate::open::Opened`].
    Open(Box<Open>),
    /// Takes a configuration with more collections or connectors in it, while what is under way goes on; gives
    /// [`crate::open::Opened`]. What was declared before is named again.
    Declare(Box<Open>),
    /// Forgets the replica; nothing of it is lost.
    Close,

    /// Reads a record; gives `{id, document, state, version}` or null.
    Get {
        /// Its collection.
        collection: CollectionName,
        /// Its id, or a former one.
        id: RecordId,
    },
    /// Reads the records that a query finds; gives a list of what `get` gives.
    Query {
        /// The collection.
        collection: CollectionName,
        /// Which ones, in which order.
        #[serde(default)]
        query: Query,
        /// Whether the host would rather read the rows itself: gives [`tisync_store::Statement`] instead of a list
        /// where SQL alone answers.
        #[serde(default)]
        direct: bool,
    },
    /// Counts the records that a query finds.
    Count {
        /// The collection.
        collection: CollectionName,
        /// Which ones.
        #[serde(default)]
        query: Query,
    },
    /// Runs one `SELECT` over the views of the collections; gives `{columns, rows, more}`.
    Sql {
        /// The statement.
        sql: String,
        /// What its question marks stand for.
        #[serde(default)]
        values: Vec<Value>,
    },

    /// Writes; gives what each write became.
    Write {
        /// The writes, in order.
        writes: Vec<Write>,
        /// Whether they stay together on the server too.
        #[serde(default)]
        group: bool,
    },

    /// Begins to sync in the background. The host holds the lease.
    Start,
    /// Ends background sync.
    Stop,
    /// Syncs once; gives a number, and `synced` or `sync_failed` tells of it.
    Sync,
    /// Does one piece of work, and says whether there is more.
    Run,
    /// The host's network signal.
    Network {
        /// Whether it believes that there is a network.
        online: bool,
    },
    /// The device slept.
    Woke,
    /// Something may have changed on a backend.
    Hint {
        /// Its connector.
        connector: ConnectorName,
    },
    /// A token, or why there is none.
    Credentials {
        /// For this connector.
        connector: ConnectorName,
        /// The token; `None` for none.
        #[serde(default)]
        token: Option<String>,
        /// Whose it is, where the provider knows.
        #[serde(default)]
        account: Option<String>,
        /// Why there is none.
        #[serde(default)]
        failure: Option<String>,
    },
    /// A part of the body of an answer over HTTP, in order; the answer itself comes after it, with the rest.
    Body {
        /// The request.
        id: u32,
        /// Bytes of the whole body.
        bytes: usize,
    },
    /// An answer over HTTP; its body comes behind this JSON.
    Http {
        /// The request.
        id: u32,
        /// The status.
        status: u16,
        /// Names in lower case.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// Why there is no answer over HTTP.
    HttpFailed {
        /// The request.
        id: u32,
        /// What is known.
        kind: HttpFailure,
        /// What happened, for a person.
        message: String,
    },
    /// The head of an answer that goes on.
    StreamOpened {
        /// The stream.
        id: u32,
        /// The status.
        status: u16,
        /// Names in lower case.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// A piece of it, which comes behind this JSON.
    StreamPiece {
        /// The stream.
        id: u32,
    },
    /// Its end.
    StreamEnded {
        /// The stream.
        id: u32,
        /// What is known, where it did not end by itself.
        #[serde(default)]
        kind: Option<HttpFailure>,
        /// What happened, for a person.
        #[serde(default)]
        message: String,
    },
    /// The answer of a connector that the host brings.
    Connector {
        /// The call.
        call: u32,
        /// What came.
        reply: HostedReply,
    },
    /// The app's policy functions have decided.
    Decision {
        /// The record's collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
        /// The remote version that was decided upon.
        version: Option<Version>,
        /// What stands.
        resolution: Resolution,
    },

    /// Reads open conflicts.
    Conflicts {
        /// How many at most.
        #[serde(default = "list_rows")]
        limit: usize,
    },
    /// Settles an open conflict.
    Resolve {
        /// The record's collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
        /// What stands.
        resolution: Resolution,
    },
    /// Reads decisions, newest first: all, or those about one record.
    Journal {
        /// The record.
        #[serde(default)]
        record: Option<(CollectionName, RecordId)>,
        /// Those before this row.
        #[serde(default)]
        before: Option<JournalId>,
        /// How many at most.
        #[serde(default = "list_rows")]
        limit: usize,
    },
    /// Brings the losing side of a decision back.
    Undo {
        /// The journal's row.
        row: JournalId,
    },
    /// Reads entries of the outbox, in the order in which they are sent.
    Outbox {
        /// Only those that are held or parked.
        #[serde(default)]
        waiting: bool,
        /// Those after this number.
        #[serde(default)]
        after: Option<i64>,
        /// How many at most.
        #[serde(default = "list_rows")]
        limit: usize,
    },
    /// Sends a parked entry again.
    Retry {
        /// The entry.
        mutation: MutationId,
    },
    /// Replaces a parked entry's outcome by this document, and sends it.
    Edit {
        /// The entry.
        mutation: MutationId,
        /// What the record shall be.
        document: Document,
    },
    /// Gives up an entry that is parked or held.
    Discard {
        /// The entry.
        mutation: MutationId,
    },

    /// What waits, since when, and why.
    Health,
    /// A record's history.
    Why {
        /// Its collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
    },
    /// What a sync would do.
    Plan {
        /// How many records at most.
        #[serde(default = "list_rows")]
        limit: usize,
    },
    /// Answers the blocker `shrink confirmation`.
    ConfirmShrink {
        /// The feed.
        feed: FeedKey,
        /// Whether the missing records may go.
        delete: bool,
    },
    /// Walks a feed from the beginning again.
    Resync {
        /// The feed.
        feed: FeedKey,
    },
    /// Makes the file this account's.
    Own {
        /// The account.
        account: String,
    },
    /// Ends the session.
    LogOut {
        /// What becomes of writes that were not sent: without it they refuse the logout.
        #[serde(default)]
        pending: Option<Pending>,
    },
    /// Begins a session again.
    LogIn,
    /// Everything that is pending, as lines of a lifeboat; gives [`crate::Part`]. To be asked for again from its `next`.
    Lifeboat {
        /// Where to go on; `None` at the beginning.
        #[serde(default)]
        from: Option<Place>,
    },
    /// Brings the writes of a lifeboat back, each once; its text comes behind this JSON. Gives
    /// [`tisync_connect::lifeboat::Returned`].
    BringBack,
    /// The configuration as the engine has it.
    Config,
    /// Empties the host's database and runs the specification of stores on it; gives how many cases there are. Only in
    /// builds with the feature `trace`.
    #[cfg(feature = "trace")]
    Conformance,
    /// Tries a connector on its live backend: events tell of each check, and at last of the report. Only in builds with
    /// the feature `certify`.
    #[cfg(feature = "certify")]
    Certify(Box<crate::certify::Certify>),
    /// A connector that the host brings sends a request while it is tried; its body comes behind this JSON. The answer
    /// is the ask `sent`. Only in builds with the feature `certify`.
    #[cfg(feature = "certify")]
    Send(Box<crate::lend::LentRequest>),
    /// Replays the trace that comes behind this JSON, and gives what agreed: on stores in memory, or one replica of it on
    /// the host's database, which is emptied. Only in builds with the feature `trace`.
    #[cfg(feature = "trace")]
    Replay {
        /// The replica that is replayed on the host's database.
        #[serde(default)]
        replica: Option<usize>,
    },
}

/// What becomes of writes that were not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// They wait for the next login.
    Keep,
    /// They are given up; the journal keeps them.
    Discard,
    /// Those are given up that are pending as the lifeboat behind this JSON has them, and the journal keeps them; what
    /// was written meanwhile waits.
    Saved,
}

/// Why there is no answer over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpFailure {
    /// Nothing was sent: no address, refused, no network.
    NotSent,
    /// Sent, or partly sent, and no whole answer came.
    Broken,
    /// No answer in time.
    Timeout,
    /// The answer is larger than the limit.
    TooLarge,
    /// The certificate or the address is not acceptable; nothing was sent.
    Refused,
}

impl From<HttpFailure> for HttpErrorKind {
    fn from(kind: HttpFailure) -> Self {
        match kind {
            HttpFailure::NotSent => HttpErrorKind::NotSent,
            HttpFailure::Broken => HttpErrorKind::Broken,
            HttpFailure::Timeout => HttpErrorKind::Timeout,
            HttpFailure::TooLarge => HttpErrorKind::TooLarge,
            HttpFailure::Refused => HttpErrorKind::Refused,
        }
    }
}

/// Rows that a list reads at a time.
fn list_rows() -> usize {
    500
}
