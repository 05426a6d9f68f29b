//! What a backend can do, as this host can see it.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Path;

/// What a backend can do for one collection, as this host can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// How changes are found.
    pub feed: FeedKind,
    /// How deletes show.
    pub deletes: Deletes,
    /// Whether a write can carry a precondition.
    pub conditional: bool,
    /// How a repeated write is recognised.
    pub idempotency: Idempotency,
    /// Who makes the ids.
    pub ids: Ids,
    /// What versions are good for.
    pub versions: Versions,
    /// Whether a read may show a state older than an accepted write.
    pub stale_reads: bool,
    /// What the answer to a write holds.
    pub answers: Answers,
    /// Where the stamps of remote changes come from.
    pub stamps: RemoteStamps,
    /// Mutations in one push.
    pub batch_items_max: usize,
    /// Whether a group in one push is applied whole or not at all.
    pub atomic: bool,
    /// Whether a write may carry only the changed fields.
    pub partial_update: bool,
    /// Whether records can be read by id, with evidence for Gone.
    pub fetch: bool,
    /// Whether the backend says that something changed.
    pub hints: bool,
    /// Whether what is here can be compared with digests of the backend.
    #[serde(default)]
    pub digests: bool,
    /// In what an image that comes back may differ from the one that was sent without having been changed.
    #[serde(default)]
    pub equality: Equality,
    /// Fields that only the backend writes, of every record: they count as declared in the collection's schema.
    #[serde(default)]
    pub server_fields: Vec<Path>,
}

/// How changes are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// Changes in commit order.
    Commits,
    /// Changes by timestamp.
    Timestamps {
        /// The precision of the timestamp.
        precision_ms: u64,
        /// How far each pull reads back.
        overlap_ms: u64,
    },
    /// A listing only.
    Listing(Paging),
}

/// How a listing is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// One array.
    Single,
    /// A token.
    Cursor,
    /// Ordered by a key.
    Keyset,
    /// By number of rows.
    Offset,
}

/// How deletes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletes {
    /// As tombstones in the feed.
    Feed,
    /// As a field of the record.
    Soft,
    /// Not at all: absence is a suspicion.
    Absent,
}

/// How a repeated write is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// The same key gets the same answer.
    Replays {
        /// How long the server remembers.
        remembers_ms: u64,
    },
    /// The same key is refused.
    Refuses {
        /// How long the server remembers.
        remembers_ms: u64,
    },
    /// The record carries the mutation's mark, which can be looked up.
    Mark,
    /// Creates with our id are upserts.
    ClientIds,
    /// Not at all.
    None,
}

/// Who makes the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// The app.
    Client,
    /// The server.
    Server,
}

/// What versions are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versions {
    /// They tell which is older (form `<epoch>.<number>`).
    Ordered,
    /// They tell only whether two are equal.
    Equality,
}

/// What the answer to a write holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// The record as the server has it now, or the promise that it is what was sent.
    Image,
    /// The version alone, of a server that may normalise.
    Version,
    /// Nothing.
    Nothing,
}

/// In what two documents may differ and still be the same to the backend, which normalises what it takes.
///
/// Numbers are always compared by value, and keys in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Equality {
    /// Texts that are the same instant in RFC 3339 are equal, however precise and in whatever offset.
    pub instants: bool,
    /// A field that is missing equals one that is null.
    pub absent_is_null: bool,
    /// Arrays are equal in any order.
    pub unordered: bool,
}

/// Where the stamps of remote changes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteStamps {
    /// Written by clients and kept by the server, one for each field.
    Fields,
    /// Written by clients, one a record.
    Record,
    /// The server's time of arrival.
    Arrival {
        /// Its precision.
        precision_ms: u64,
    },
    /// None.
    None,
}

impl Capability {
    /// What the native protocol offers.
    pub fn native() -> Self {
        Capability {
            feed: FeedKind::Commits,
            deletes: Deletes::Feed,
            conditional: true,
            idempotency: Idempotency::Replays {
                remembers_ms: 30 * 86_400_000,
            },
            ids: Ids::Client,
            versions: Versions::Ordered,
            stale_reads: false,
            answers: Answers::Image,
            stamps: RemoteStamps::Fields,
            batch_items_max: crate::limits::PUSH_ITEMS_MAX,
            atomic: true,
            partial_update: true,
            fetch: true,
            hints: true,
            digests: true,
            equality: Equality::default(),
            server_fields: Vec::new(),
        }
    }

    /// What the plainest backend offers: it lists everything at once, and takes writes one by one, under the
    /// client's ids.
    ///
    /// ```
    /// use tisync_core::model::Capability;
    /// let capability = Capability { conditional: true, ..Capability::plain() };
    /// assert!(capability.guarantee().contains("no lost update"));
    /// ```
    pub fn plain() -> Self {
        Capability {
            feed: FeedKind::Listing(Paging::Single),
            deletes: Deletes::Absent,
            conditional: false,
            idempotency: Idempotency::ClientIds,
            ids: Ids::Client,
            versions: Versions::Equality,
            stale_reads: false,
            answers: Answers::Image,
            stamps: RemoteStamps::None,
            batch_items_max: 1,
            atomic: false,
            partial_update: false,
            fetch: true,
            hints: false,
            digests: false,
            equality: Equality::default(),
            server_fields: Vec::new(),
        }
    }

    /// Whether a page may show a record as it was before a write of ours that was accepted, and nothing in it tells.
    pub(crate) fn may_show_our_past(&self) -> bool {
        self.stale_reads && self.versions == Versions::Equality
    }

    /// The guarantee that follows, in one line for a person.
    pub fn guarantee(&self) -> String {
        let changes = match &self.feed {
            FeedKind::Commits => "no change missed".to_owned(),
            FeedKind::Timestamps { overlap_ms, .. } => {
                format!("no change missed within {} s", overlap_ms / 1000)
            }
            FeedKind::Listing(_) => "changes found at each full pass".to_owned(),
        };
        let deletes = match self.deletes {
            Deletes::Feed => "deletes followed",
            Deletes::Soft => "soft deletes followed",
            Deletes::Absent if self.fetch => "deletes inferred, each confirmed by a read",
            Deletes::Absent => "deletes inferred after two full passes",
        };
        let updates = if self.conditional {
            "no lost update"
        } else if self.fetch {
            "lost update possible within one request"
        } else {
            "lost update possible between two pulls"
        };
        let creates = match self.idempotency {
            Idempotency::None => "a possible duplicate is reported",
            _ => "no duplicate create",
        };
        let groups = if self.atomic {
            "groups whole"
        } else {
            "groups item by item"
        };
        let stamps = match self.stamps {
            RemoteStamps::Fields => "latest by field",
            RemoteStamps::Record => "latest by record",
            RemoteStamps::Arrival { .. } => "latest arrival wins",
            RemoteStamps::None => "no timestamps",
        };
        format!("{changes}; {deletes}; {updates}; {creates}; {groups}; {stamps}")
    }
}
