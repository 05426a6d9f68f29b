//! Arguments of the commands that settle what waits: the outbox, conflicts, the journal.
use clap::{Args as Group, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// List the entries in the order in which they are sent.
    List {
        /// Only those that are held or parked.
        #[arg(long)]
        waiting: bool,
        /// Entries at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Send a parked entry again.
    Retry {
        /// The entry's key, or its beginning.
        entry: String,
    },
    /// Replace what a parked entry leads to, and send it.
    Edit {
        /// The entry's key, or its beginning.
        entry: String,
        /// The document: JSON text, @FILE, or - for the input.
        #[arg(default_value = "-")]
        document: String,
    },
    /// Give up an entry that is parked or held; the journal keeps it.
    Discard {
        /// The entry's key, or its beginning.
        entry: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConflictsCommand {
    /// List the open conflicts.
    #[command(after_help = "With --watch and --json each answer is one line: {\"conflicts\": […]}")]
    List {
        /// Show them again whenever they change, until interrupted.
        #[arg(long)]
        watch: bool,
    },
    /// Show both sides beside their ancestor.
    Show {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
    },
    /// Say what stands.
    #[command(
        after_help = "Examples:\n  tisync conflicts resolve notes n1 --ours\n  tisync conflicts resolve notes n1 --document '{\"title\": \"Milk and bread\"}'"
    )]
    Resolve {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
        #[command(flatten)]
        choice: Choice,
    },
    /// Bring back the side that lost a decision.
    Undo {
        /// The journal row's number, as `tisync journal` shows it.
        row: i64,
    },
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
pub(crate) struct Choice {
    /// Our side stands.
    #[arg(long)]
    pub(crate) ours: bool,
    /// Their side stands.
    #[arg(long)]
    pub(crate) theirs: bool,
    /// The record goes.
    #[arg(long)]
    pub(crate) delete: bool,
    /// This document stands: JSON text, @FILE, or - for the input.
    #[arg(long, value_name = "DOCUMENT")]
    pub(crate) document: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Show one decision field by field.
    Show {
        /// The row's number.
        row: i64,
    },
    /// Bring back the side that lost it.
    Undo {
        /// The row's number.
        row: i64,
    },
}
