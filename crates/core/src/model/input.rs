//! What a step is given.
use super::{
    Account, Chain, CollectionName, Config, ConnectorName, FeedKey, GroupId, JournalId, Lifeboat,
    MigrateAnswer, MutationId, RecordId, Reply, RequestId, Resolution, Rid, Version,
};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::{Document, Patch};

/// What a step is given: plain data without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The app's configuration; the first input of every engine.
    Configure(Box<Config>),
    /// What the app's migrate function made of the documents that it was asked about. Local.
    Migrated(Box<MigrateAnswer>),

    // Local inputs: any process may step them.
    /// The credentials are this account's: the file is its from now on, or another one's and stays so.
    Own(Account),
    /// One write, or several that stay together as a group.
    Write {
        /// The writes, in order.
        writes: Vec<Write>,
        /// Whether they stay together.
        group: bool,
    },
    /// Brings pending writes back from a lifeboat file, each once and under the key that it had.
    BringBack(Box<Lifeboat>),
    /// Settles an open conflict.
    Resolve {
        /// The record's collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
        /// What stands.
        resolution: Resolution,
    },
    /// Brings the losing side of a decision back.
    Undo(JournalId),
    /// Sends a parked entry again.
    Retry(MutationId),
    /// Replaces a parked entry's outcome by this document, and sends it.
    Edit(MutationId, Document),
    /// Gives up an entry that is parked or held: the journal keeps it.
    Discard(MutationId),
    /// Answers the blocker `shrink confirmation`.
    ConfirmShrink {
        /// The feed.
        feed: FeedKey,
        /// Whether the records may go; else the missing ones stay and the pass ends.
        delete: bool,
    },
    /// Walks a feed from the beginning again.
    Resync(FeedKey),
    /// Compares what is here of a feed with what the server has, and mends what differs.
    Verify {
        /// The feed.
        feed: FeedKey,
        /// Whether the documents are compared too, not only their versions.
        contents: bool,
    },

    // Sync inputs: only the holder of the lease steps them.
    /// The process has taken the lease.
    LeaseTaken,
    /// The time of the last `WakeAt` has come, or anything may have changed.
    Wake,
    /// The user asks for sync now: waits that we chose ourselves end.
    SyncNow,
    /// Something may have changed on a backend: its feeds are pulled soon. It moves nothing else, so that one
    /// too many costs a request, and one too few only time.
    Hint(ConnectorName),
    /// What came back for a request.
    Answer {
        /// The request.
        request: RequestId,
        /// Where a sliced page goes on; 0 at first.
        from: usize,
        /// The answer.
        reply: Reply,
    },
    /// The host's network signal: a hint that a probe follows up.
    Network {
        /// Whether the host believes that there is a network.
        online: bool,
    },
    /// The device slept: what was asked before is over, and waits that we chose ourselves end.
    Woke,
    /// New credentials are there.
    CredentialsChanged {
        /// For this connector.
        connector: ConnectorName,
        /// Their number: greater than any before.
        revision: u64,
    },
    /// A policy function's answer.
    Decision {
        /// The record's collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
        /// The remote version that was decided upon; a stale one is ignored.
        version: Option<Version>,
        /// What stands.
        resolution: Resolution,
    },
    /// Gives up the first entries of the outbox, whatever they wait for; the journal keeps them. Comes before
    /// `LogOut`, in slices, until the outbox is empty.
    GiveUp {
        /// How many at least.
        entries: usize,
    },
    /// Gives up chains that were saved in a lifeboat, those that are pending as they were saved: what was written since
    /// stays, and with it the rest of its group. Whole groups only; the journal keeps what goes.
    GiveUpSaved(Vec<Chain>),
    /// Ends the session: nothing is exchanged until someone logs in, and what is pending waits.
    LogOut,
    /// Begins a session again.
    LogIn,
    /// The app stops sync.
    Stop,
    /// The app starts sync again.
    Start {
        /// Whether the host keeps a connection open for hints, where the backend gives them.
        listen: bool,
    },
}

impl Input {
    /// Whether it is a signal that adds nothing to inputs that wait already: one of them says it, and none behind that
    /// one takes it back.
    pub fn repeats<'a>(&self, waiting: impl DoubleEndedIterator<Item = &'a Input>) -> bool {
        let mut waiting = waiting.rev();
        match self {
            Input::Wake => waiting.any(|input| matches!(input, Input::Wake)),
            Input::Woke => waiting.any(|input| matches!(input, Input::Woke)),
            Input::Hint(name) => {
                waiting.any(|input| matches!(input, Input::Hint(other) if other == name))
            }
            Input::Network { online } => {
                let last = waiting.find(|input| matches!(input, Input::Network { .. }));
                matches!(last, Some(Input::Network { online: last }) if last == online)
            }
            _ => false,
        }
    }

    /// Its kind in a few words, for a log: nothing of what it carries.
    pub fn name(&self) -> &'static str {
        match self {
            Input::Configure(..) => "configure",
            Input::Migrated(..) => "migrated",
            Input::Own(..) => "own",
            Input::Write { .. } => "write",
            Input::BringBack(..) => "bring back",
            Input::Resolve { .. } => "resolve",
            Input::Undo(..) => "undo",
            Input::Retry(..) => "retry",
            Input::Edit(..) => "edit",
            Input::Discard(..) => "discard",
            Input::ConfirmShrink { .. } => "confirm shrink",
            Input::Resync(..) => "resync",
            Input::Verify { .. } => "verify",
            Input::LeaseTaken => "lease taken",
            Input::Wake => "wake",
            Input::SyncNow => "sync now",
            Input::Hint(..) => "hint",
            Input::Answer { .. } => "answer",
            Input::Network { .. } => "network",
            Input::Woke => "woke",
            Input::CredentialsChanged { .. } => "credentials changed",
            Input::Decision { .. } => "decision",
            Input::GiveUp { .. } => "give up",
            Input::GiveUpSaved(..) => "give up what was saved",
            Input::LogOut => "log out",
            Input::LogIn => "log in",
            Input::Stop => "stop",
            Input::Start { .. } => "start",
        }
    }
}

/// One local write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The collection.
    pub collection: CollectionName,
    /// The record; for `Insert` without one the engine draws a random id.
    pub id: Option<RecordId>,
    /// What to do.
    pub kind: WriteKind,
}

/// What a local write does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// Makes a record; an existing one is an error.
    Insert(Document),
    /// Stores the whole document, whether the record exists or not.
    Put(Document),
    /// Replaces the document of an existing record.
    Update(Document),
    /// Changes some fields of an existing record.
    Patch(Patch),
    /// Deletes an existing record.
    Delete,
}

/// What a local write became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The collection.
    pub collection: CollectionName,
    /// The record's id.
    pub id: RecordId,
    /// The entry that carries the write; `None` when nothing changed, or a create was cancelled.
    pub mutation: Option<MutationId>,
    /// The group.
    pub group: Option<GroupId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_repeated_unless_a_later_one_took_it_back() {
        let network = |online| Input::Network { online };
        let waiting = [Input::Wake, network(true), network(false), Input::LogIn];
        assert!(Input::Wake.repeats(waiting.iter()));
        assert!(!Input::Woke.repeats(waiting.iter()));
        assert!(network(false).repeats(waiting.iter()));
        assert!(!network(true).repeats(waiting.iter()));
        assert!(!Input::LogIn.repeats(waiting.iter()));
        let hint = |name| Input::Hint(ConnectorName::new(name).unwrap());
        assert!(hint("main").repeats([hint("other"), hint("main")].iter()));
        assert!(!hint("main").repeats([hint("other")].iter()));
    }
}
