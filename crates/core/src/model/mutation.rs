//! Mutations and the outbox that keeps them.
use super::{
    CollectionName, Generation, GroupId, JournalId, MutationId, RequestId, Rid, Stamp, Version,
};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object, Patch, Path, diff};

/// What a mutation does to its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Makes the record.
    Create(Document),
    /// Changes some fields.
    Patch(Patch),
    /// Replaces the whole document.
    Replace(Document),
    /// Deletes the record.
    Delete,
}

impl Change {
    /// What the record looks like after the change.
    pub fn apply(&self, before: Option<&Document>) -> Option<Document> {
        match self {
            Change::Create(document) | Change::Replace(document) => Some(document.clone()),
            Change::Delete => None,
            Change::Patch(patch) => {
                let mut object: Object = before.map(Document::object).unwrap_or_default();
                patch.apply(&mut object);
                Some(Document::from_object(&object))
            }
        }
    }
}

impl Change {
    /// The change of the same kind that leads from one image to another.
    pub(crate) fn towards(&self, before: Option<&Document>, after: Option<&Document>) -> Change {
        match (self, after) {
            (_, None) => Change::Delete,
            (Change::Create(_), Some(after)) => Change::Create(after.clone()),
            (Change::Patch(_), Some(after)) => {
                let before = before.map(Document::object).unwrap_or_default();
                Change::Patch(diff(&before, &after.object()))
            }
            (Change::Replace(_) | Change::Delete, Some(after)) => Change::Replace(after.clone()),
        }
    }
}

/// When the fields of a mutation were written: one stamp for the whole record, and one for each path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// The latest stamp.
    pub latest: Stamp,
    /// The stamp of each path that a patch names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Path, Stamp>,
}

impl Stamps {
    /// The stamp of the most specific recorded path that leads to, or lies below, `path`; else the latest.
    pub fn of(&self, path: &Path) -> Stamp {
        if let Some(stamp) = self.fields.get(path) {
            return *stamp;
        }
        self.fields
            .iter()
            .filter(|(other, _)| other.overlaps(path))
            .map(|(_, stamp)| *stamp)
            .max()
            .unwrap_or(self.latest)
    }
}

/// Why an entry is pending but not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// No network, or the backend cannot be reached.
    Offline,
    /// The backend refuses the credentials.
    Credentials,
    /// An open conflict of the record waits for a decision.
    Conflict,
    /// An earlier mutation of the record is parked.
    ParkedAncestor,
    /// It refers to a record that has no id on the server yet.
    UnmappedReference,
    /// Another member holds its group.
    Group,
    /// Too many inferred deletions wait for a confirmation.
    ShrinkConfirmation,
    /// The app stopped sync.
    Stopped,
    /// The collection has no connector.
    NoConnector,
    /// Another process holds the lease.
    LeaseElsewhere,
    /// The local file cannot be written.
    Storage,
    /// The server's history changed: a complete pass comes first.
    Epoch,
    /// The server asks for a newer app.
    UpgradeRequired,
}

impl Blocker {
    /// The blocker's name for a person.
    pub fn text(&self) -> &'static str {
        match self {
            Blocker::Offline => "offline",
            Blocker::Credentials => "credentials",
            Blocker::Conflict => "conflict",
            Blocker::ParkedAncestor => "parked ancestor",
            Blocker::UnmappedReference => "unmapped reference",
            Blocker::Group => "group",
            Blocker::ShrinkConfirmation => "shrink confirmation",
            Blocker::Stopped => "stopped",
            Blocker::NoConnector => "no connector",
            Blocker::LeaseElsewhere => "lease elsewhere",
            Blocker::Storage => "storage",
            Blocker::Epoch => "epoch",
            Blocker::UpgradeRequired => "upgrade required",
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Waits to be sent.
    Pending,
    /// Handed out under this request and generation.
    InFlight {
        /// The request that carries it.
        request: RequestId,
        /// The lease's generation that handed it out.
        generation: Generation,
        /// Whether an earlier hand-out had no answer: it may have taken effect already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
        /// How often its fate was asked for in vain before.
        #[serde(default, skip_serializing_if = "is_zero")]
        tries: u32,
    },
    /// Handed out, and no definite answer came: it may or may not have taken effect.
    Unknown {
        /// Wall time since when.
        since_ms: u64,
        /// How often its fate was asked for in vain.
        tries: u32,
    },
    /// Not sent for a reason that belongs to this entry.
    Held(Blocker),
    /// Refused by the server, or by the app's own migrate function: kept until someone retries, edits or
    /// discards it.
    Parked {
        /// Why.
        reason: String,
        /// Wall time of the refusal.
        at_ms: u64,
        /// Whether it was the migrate function, which is asked again when the app starts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unmigrated: bool,
    },
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl EntryState {
    /// Whether the server may be acting on it right now or may have acted.
    pub fn is_out(&self) -> bool {
        matches!(
            self,
            EntryState::InFlight { .. } | EntryState::Unknown { .. }
        )
    }
}

/// What a mutation expects of the server's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// The record stands at this version.
    Version(Version),
    /// There is no such record.
    Absent,
    /// Whatever is there (backends without conditional writes).
    None,
}

/// What was fixed when an entry was handed out for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The precondition that it carries, also when it is sent again.
    pub precondition: Precondition,
    /// Wall time of the freeze.
    pub at_ms: u64,
    /// Set by an upgrade of the app, which leaves alone what was handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Box<Migrated>>,
}

/// What an entry leads to that was handed out under an older schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrated {
    /// The whole document as it was sent, so that it is sent again as it was.
    pub sent: Option<Document>,
    /// The same in the schema that the record has now.
    pub outcome: Option<Document>,
    /// The number of that schema.
    pub schema: u32,
}

/// One change in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place: entries are sent in this order, a record's entries form its chain.
    pub seq: i64,
    /// Its key on the wire.
    pub id: MutationId,
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: Rid,
    /// What it does.
    pub change: Change,
    /// When it was written.
    pub stamps: Stamps,
    /// The group that it belongs to.
    pub group: Option<GroupId>,
    /// The number of the schema that its content has.
    pub schema: u32,
    /// The entry that it replaced (retry, edit, re-base, resolve).
    pub replaces: Option<MutationId>,
    /// The journal row that it undoes.
    pub undoes: Option<JournalId>,
    /// Where it stands.
    pub state: EntryState,
    /// Fixed from the first hand-out on; `None` while it may still coalesce.
    pub frozen: Option<Frozen>,
    /// Wall time of the first write in it.
    pub created_ms: u64,
}

impl Entry {
    /// Whether `other` is this entry but for where it stands: its state, and what was frozen.
    pub fn differs_in_state_only(&self, other: &Entry) -> bool {
        let Entry {
            seq,
            id,
            collection,
            rid,
            change,
            stamps,
            group,
            schema,
            replaces,
            undoes,
            state: _,
            frozen: _,
            created_ms,
        } = self;
        (*seq, *id, *rid) == (other.seq, other.id, other.rid)
            && (*group, *schema) == (other.group, other.schema)
            && (*replaces, *undoes) == (other.replaces, other.undoes)
            && *created_ms == other.created_ms
            && *collection == other.collection
            && *stamps == other.stamps
            && *change == other.change
    }

    /// What the record looks like after the entry, in the schema that the record has now.
    pub fn apply(&self, before: Option<&Document>) -> Option<Document> {
        match self.migrated() {
            Some(migrated) => migrated.outcome.clone(),
            None => self.change.apply(before),
        }
    }

    /// The number of the schema of what it leads to, on an image of another.
    pub fn schema_on(&self, before: u32) -> u32 {
        match self.migrated() {
            Some(migrated) => migrated.schema,
            None => before.max(self.schema),
        }
    }

    /// The number of the schema of the image after it, 0 where nothing is there: what comes next stands on nothing.
    pub fn schema_after(&self, before: u32) -> u32 {
        let is_gone = match self.migrated() {
            Some(migrated) => migrated.outcome.is_none(),
            None => matches!(self.change, Change::Delete),
        };
        if is_gone { 0 } else { self.schema_on(before) }
    }

    /// Set when the content is of an older schema than the record.
    pub fn migrated(&self) -> Option<&Migrated> {
        self.frozen.as_ref()?.migrated.as_deref()
    }

    /// The change in the schema that the record has now.
    pub fn present_change(&self, before: Option<&Document>) -> Change {
        let Some(Migrated { outcome, .. }) = self.migrated() else {
            return self.change.clone();
        };
        self.change.towards(before, outcome.as_ref())
    }
}
