//! What happens at a stated time.
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happens at a stated time: what the app, its user, the device and the server's operator do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The app writes.
    Write {
        /// Where.
        replica: u8,
        /// Which of its processes, when there are two.
        process: u8,
        /// What.
        deeds: Vec<Deed>,
        /// Whether the writes stay together.
        group: bool,
    },
    /// The user or the app gives a command; `pick` chooses its object among those that are there.
    Verb {
        /// Where.
        replica: u8,
        /// Which of its processes.
        process: u8,
        /// The command.
        verb: Verb,
        /// Chooses the object.
        pick: u32,
    },
    /// The host tells whether there is a network.
    Signal {
        /// Where.
        replica: u8,
        /// What it tells, right or wrong.
        online: bool,
    },
    /// The replica cannot reach the server.
    Partition {
        /// Which.
        replica: u8,
        /// For how long.
        for_ms: u64,
    },
    /// All processes of the replica die.
    Crash {
        /// Which.
        replica: u8,
        /// At which moment.
        when: CrashWhen,
        /// How long until it is started again.
        for_ms: u64,
    },
    /// The device loses its power.
    PowerCut {
        /// Which.
        replica: u8,
        /// How many commits that were not flushed are lost at most.
        lose: u8,
        /// How long until it is started again.
        for_ms: u64,
    },
    /// The app is updated: its processes end, and it starts again with the next schema.
    Upgrade {
        /// Where.
        replica: u8,
        /// How long until it is started again.
        for_ms: u64,
    },
    /// A second process opens the replica.
    Second {
        /// Which.
        replica: u8,
    },
    /// The process without the lease takes it, while the other still believes that it has it.
    Take {
        /// Which.
        replica: u8,
    },
    /// The device's clock jumps.
    ClockJump {
        /// Which.
        replica: u8,
        /// By how much.
        by_ms: i64,
    },
    /// A record of the replica's store changes behind the engine's back, where nothing is pending on it.
    Drift {
        /// Where.
        replica: u8,
        /// How.
        drift: Drift,
        /// Chooses the record.
        pick: u32,
    },
    /// Something happens to the server.
    Server(ServerAction),
}

/// What happens to a record behind the engine's back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drift {
    /// It is gone.
    Lost,
    /// It is as it was before its last change.
    Older,
    /// One that was deleted is there again.
    Extra,
    /// Its document changes under its version.
    Torn,
}

/// One write of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Chooses the collection.
    pub collection: u8,
    /// Chooses the record.
    pub record: u32,
    /// What is done to it.
    pub kind: DeedKind,
    /// Which fields are written: one bit each, in the order of [`crate::scenario::FIELDS`].
    pub fields: u8,
    /// Something that the server's rules look at.
    pub extra: Extra,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeedKind {
    /// Makes a record under an id that the engine draws.
    Insert,
    /// Stores a whole document under one of the ids that all replicas use.
    Put,
    /// Replaces the document of a record that is there.
    Update,
    /// Changes fields of a record that is there.
    Patch,
    /// Deletes a record that is there.
    Delete,
}

/// A field that the server's rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extra {
    /// None.
    None,
    /// The server rejects the mutation.
    Forbidden,
    /// The server defers the mutation while it is told to.
    Later,
    /// The server says that the record is out of scope.
    Scope,
    /// The app's migrate function cannot bring it forward.
    Stuck,
}

/// A command of the user or the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Settles an open conflict.
    Resolve,
    /// Undoes a decision.
    Undo,
    /// Sends a parked entry again.
    Retry,
    /// Changes a parked entry and sends it.
    Edit,
    /// Gives an entry up.
    Discard,
    /// Pulls everything again.
    Resync,
    /// Syncs now.
    SyncNow,
    /// A hint came.
    Hint,
    /// Stops sync.
    Stop,
    /// Starts sync.
    Start,
    /// Compares what is here with the server.
    Verify,
}

/// The moment of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrashWhen {
    /// Between two steps.
    Now,
    /// In the next step, before its commit.
    BeforeCommit,
    /// In the next step, after its commit and before anyone hears of it.
    AfterCommit,
}

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerAction {
    /// It is down.
    Restart {
        /// For how long.
        for_ms: u64,
    },
    /// A backup is made.
    Backup,
    /// The last backup is restored: a new epoch begins.
    Restore,
    /// Old deletions and receipts are forgotten.
    Prune,
    /// The credentials in use expire.
    Expire,
    /// It takes no writes of older schemas any more.
    Demand {
        /// The oldest one that it takes.
        schema: u32,
    },
    /// Mutations that ask for it are deferred.
    Defer {
        /// For how long.
        for_ms: u64,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Write {
                replica,
                process,
                deeds,
                group,
            } => {
                write!(f, "replica {replica}.{process} writes")?;
                if *group {
                    write!(f, " as a group")?;
                }
                for deed in deeds {
                    write!(f, " {:?} c{}/#{}", deed.kind, deed.collection, deed.record)?;
                    let fields = super::FIELDS.iter().enumerate();
                    let written: Vec<&str> = fields
                        .filter(|(bit, _)| deed.fields >> bit & 1 == 1)
                        .map(|(_, name)| *name)
                        .collect();
                    if deed.kind != DeedKind::Delete {
                        write!(f, " {{{}}}", written.join(" "))?;
                    }
                    if deed.extra != Extra::None {
                        write!(f, " {:?}", deed.extra)?;
                    }
                }
                Ok(())
            }
            Action::Verb {
                replica,
                process,
                verb,
                pick,
            } => {
                write!(f, "replica {replica}.{process} {verb:?} #{pick}")
            }
            Action::Signal { replica, online } => {
                write!(
                    f,
                    "replica {replica} is told that it is {}",
                    if *online { "online" } else { "offline" }
                )
            }
            Action::Partition { replica, for_ms } => {
                write!(f, "replica {replica} is cut off for {for_ms} ms")
            }
            Action::Crash {
                replica,
                when,
                for_ms,
            } => {
                write!(
                    f,
                    "replica {replica} crashes ({when:?}), back in {for_ms} ms"
                )
            }
            Action::PowerCut {
                replica,
                lose,
                for_ms,
            } => {
                write!(
                    f,
                    "replica {replica} loses its power and {lose} unflushed commits, back in {for_ms} ms"
                )
            }
            Action::Upgrade { replica, for_ms } => {
                write!(f, "replica {replica}'s app is updated, back in {for_ms} ms")
            }
            Action::Second { replica } => {
                write!(f, "replica {replica} is opened by a second process")
            }
            Action::Take { replica } => {
                write!(f, "replica {replica}: the other process takes the lease")
            }
            Action::ClockJump { replica, by_ms } => {
                write!(f, "replica {replica}'s clock jumps by {by_ms} ms")
            }
            Action::Drift {
                replica,
                drift,
                pick,
            } => write!(f, "replica {replica}: a record drifts ({drift:?} #{pick})"),
            Action::Server(action) => write!(f, "server: {action:?}"),
        }
    }
}
