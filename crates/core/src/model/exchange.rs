//! What goes to a connector and what comes back.
use super::{
    Change, Checkpoint, CollectionName, ConnectorName, DigestAnswer, DigestRequest, Epoch,
    EpochInfo, FeedName, Generation, GroupId, Image, MutationId, Page, Precondition, RecordId,
    Remote, RequestId, Stamp, Stamps, Version,
};
use serde::Serialize;
use std::ops::{Deref, DerefMut};
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// Asks for a page of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The feed within its connector.
    pub feed: FeedName,
    /// Its collections.
    pub collections: Vec<CollectionName>,
    /// The place to go on from; `None` for the beginning.
    pub checkpoint: Option<Checkpoint>,
    /// At the beginning: whether nothing is here yet, so that no order of records is worse than another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// Items at most.
    pub items_max: usize,
    /// Bytes of documents at most.
    pub bytes_max: usize,
}

/// One write of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushItem {
    /// The mutation.
    pub id: MutationId,
    /// The record's collection.
    pub collection: CollectionName,
    /// The record's id.
    pub record: RecordId,
    /// What it does.
    pub change: Change,
    /// The whole document afterwards, for backends that take no patch.
    pub document: Option<Document>,
    /// What it expects.
    pub precondition: Precondition,
    /// When it was written.
    pub stamps: Stamps,
    /// The group that is applied whole.
    pub group: Option<GroupId>,
    /// The app's schema number.
    pub schema: u32,
}

/// Definite answers of the backend to one mutation (and `Unknown` for none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It took effect.
    Accepted {
        /// The id that the server made for the record, when it is not the one that was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RecordId>,
        /// The record's version now.
        version: Option<Version>,
        /// The record now, when it is not what was sent.
        image: Option<Image>,
        /// The server's stamp of the record.
        stamp: Option<Stamp>,
        /// The number of the schema that the image has, where the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<u32>,
        /// Whether the image was brought to that schema on its way here: the server's is of an older one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        migrated: bool,
    },
    /// The precondition failed; nothing changed.
    Conflict {
        /// What the server has; `None` when it does not tell.
        remote: Option<Remote>,
    },
    /// Nothing changed, because another member of its group could not be applied.
    Returned,
    /// Nothing changed: the server takes no writes of this schema any more.
    Outdated,
    /// Refused for good.
    Rejected {
        /// Why.
        reason: String,
    },
    /// The record is no longer ours to write.
    OutOfScope,
    /// Not now.
    Deferred {
        /// Milliseconds to wait.
        after_ms: u64,
    },
    /// No answer: it may or may not have taken effect.
    Unknown,
}

impl Verdict {
    /// It took effect at a backend without versions; `image` is the record as it was answered, `None` when the
    /// backend has what was sent.
    pub fn accepted(image: Option<Image>) -> Self {
        Verdict::Accepted {
            id: None,
            version: None,
            image,
            stamp: None,
            schema: None,
            migrated: false,
        }
    }
}

/// What a fetch asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Records by id.
    Ids(Vec<(CollectionName, RecordId)>),
    /// Records that carry a mutation's mark.
    Marks(Vec<(CollectionName, MutationId)>),
}

/// What a fetch found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The record (`Gone` inside only on evidence).
    Image(Remote),
    /// No evidence either way.
    Unknown,
}

/// A record that was asked for, and what was found.
pub type FoundRecord = (CollectionName, RecordId, Found);

/// What looking a mutation's mark up showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marked {
    /// This record carries it: the mutation took effect.
    Record {
        /// The record's id at the server.
        id: RecordId,
        /// The record.
        remote: Remote,
    },
    /// No record carries it.
    Nowhere,
}

/// The answer to a push.
///
/// ```
/// use tisync_core::model::{MutationId, Pushed, Verdict};
/// let pushed = Pushed::from(vec![(MutationId(1), Verdict::Returned)]);
/// assert_eq!(pushed.epoch, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The history in which the verdicts were given, where the backend tells: it names it in its pages too then.
    pub epoch: Option<Epoch>,
    /// A verdict for each mutation; one that is missing is unknown.
    pub verdicts: Vec<(MutationId, Verdict)>,
}

impl From<Vec<(MutationId, Verdict)>> for Pushed {
    fn from(verdicts: Vec<(MutationId, Verdict)>) -> Self {
        Pushed {
            epoch: None,
            verdicts,
        }
    }
}

impl FromIterator<(MutationId, Verdict)> for Pushed {
    fn from_iter<I: IntoIterator<Item = (MutationId, Verdict)>>(verdicts: I) -> Self {
        Pushed::from(verdicts.into_iter().collect::<Vec<_>>())
    }
}

/// The answer to a fetch.
///
/// ```
/// use tisync_core::model::Fetched;
/// assert_eq!(Fetched::from(Vec::new()).epoch, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The history in which the records were read, where the backend tells: it names it in its pages too then.
    pub epoch: Option<Epoch>,
    /// What was found; a record that is missing is unknown.
    pub found: Vec<FoundRecord>,
    /// What was found by marks; a mark that is missing is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<(MutationId, Marked)>,
}

impl From<Vec<FoundRecord>> for Fetched {
    fn from(found: Vec<FoundRecord>) -> Self {
        Fetched {
            found,
            ..Fetched::default()
        }
    }
}

impl FromIterator<FoundRecord> for Fetched {
    fn from_iter<I: IntoIterator<Item = FoundRecord>>(found: I) -> Self {
        Fetched::from(found.into_iter().collect::<Vec<_>>())
    }
}

/// Why a request failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure(Box<FailureDetails>);

/// What a [`Failure`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureDetails {
    /// The kind.
    pub kind: FailureKind,
    /// Whether it is proven that nothing was sent, or that nothing of it was carried out.
    pub not_sent: bool,
    /// What happened, for a person; without secrets or record contents.
    pub message: String,
}

impl Deref for Failure {
    type Target = FailureDetails;

    fn deref(&self) -> &FailureDetails {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut FailureDetails {
        &mut self.0
    }
}

impl Failure {
    /// Makes a failure.
    pub fn new(kind: FailureKind, not_sent: bool, message: impl Into<String>) -> Self {
        Failure(Box::new(FailureDetails {
            kind,
            not_sent,
            message: message.into(),
        }))
    }

    /// The same of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: FailureKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same with another proof that nothing was carried out, or with none.
    #[must_use]
    pub fn not_sent(mut self, not_sent: bool) -> Self {
        self.0.not_sent = not_sent;
        self
    }

    /// What happened, for a person.
    pub fn into_message(self) -> String {
        self.0.message
    }

    /// Whether the backend takes nothing of the schemas that were sent, and has carried out nothing of it.
    pub(crate) fn is_of_older_schema(&self) -> bool {
        self.kind == FailureKind::UpgradeRequired && self.not_sent
    }
}

/// The kinds of failure that the engine tells apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No answer came. Whether the backend can be reached at all, a probe tells.
    Offline,
    /// Try again, not before the time the backend asked for.
    Retry {
        /// Milliseconds, when the backend named them.
        after_ms: Option<u64>,
    },
    /// The credentials are refused.
    Credentials,
    /// The credentials are another account's than the file's.
    WrongAccount,
    /// The request was too large.
    TooLarge,
    /// The checkpoint is too old, or of another history.
    ExpiredCheckpoint {
        /// The server's history, when it tells.
        epoch: Option<EpochInfo>,
    },
    /// What answered does not speak the protocol (a captive portal, a wrong address).
    NotThisProtocol,
    /// The server asks for a newer app.
    UpgradeRequired,
}

/// An order to a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The request's id; the answer carries it.
    pub request: RequestId,
    /// The lease's generation.
    pub generation: Generation,
    /// The connector.
    pub connector: ConnectorName,
    /// What to do.
    pub task: Task,
}

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Read a page.
    Pull(PullRequest),
    /// Write a batch.
    Push(Vec<PushItem>),
    /// Read records.
    Fetch(Wanted),
    /// Ask the backend for next to nothing, to see whether it answers.
    Probe,
    /// Let the backend tell when something changes; goes on beside the exchanges until it breaks.
    Listen(ListenRequest),
    /// Read digests.
    Digest(DigestRequest),
}

/// Asks a backend to tell when something changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenRequest {
    /// The connector's feeds, each with its collections.
    pub feeds: BTreeMap<FeedName, Vec<CollectionName>>,
}

/// What came back for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To a pull.
    Pulled(Result<Page, Failure>),
    /// To a push.
    Pushed(Result<Pushed, Failure>),
    /// To a fetch.
    Fetched(Result<Fetched, Failure>),
    /// To a probe.
    Probed(Result<(), Failure>),
    /// To a listen, once: from here on the backend tells.
    Listening,
    /// To a listen: it has ended, by itself or by a failure.
    Listened(Result<(), Failure>),
    /// To a request for digests.
    Digested(Result<DigestAnswer, Failure>),
}

impl Reply {
    /// The failure in it.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Reply::Pulled(answer) => answer.as_ref().err(),
            Reply::Pushed(answer) => answer.as_ref().err(),
            Reply::Fetched(answer) => answer.as_ref().err(),
            Reply::Probed(answer) | Reply::Listened(answer) => answer.as_ref().err(),
            Reply::Digested(answer) => answer.as_ref().err(),
            Reply::Listening => None,
        }
    }
}

impl Task {
    /// The reply that says why there is no answer.
    pub fn failed(&self, failure: Failure) -> Reply {
        self.failing()(failure)
    }

    /// What makes that reply once the task has been given away.
    pub fn failing(&self) -> fn(Failure) -> Reply {
        match self {
            Task::Pull(_) => |failure| Reply::Pulled(Err(failure)),
            Task::Push(_) => |failure| Reply::Pushed(Err(failure)),
            Task::Fetch(_) => |failure| Reply::Fetched(Err(failure)),
            Task::Probe => |failure| Reply::Probed(Err(failure)),
            Task::Listen(_) => |failure| Reply::Listened(Err(failure)),
            Task::Digest(_) => |failure| Reply::Digested(Err(failure)),
        }
    }
}
