//! What must hold, checked after every commit.
//!
//! | checker | what it holds (the letters of `docs/SAFETY.md`) |
//! |---|---|
//! | `ledger` | each acknowledged write is in the outbox, accepted, superseded by one that had seen it, or journalled (P2) |
//! | `record` | base, chain, version and visible document agree with each other and with the server's history (P2, P4) |
//! | `frozen` | a mutation's key stands for one content; the base stays while one is out (P3) |
//! | `blind-overwrite` | an accepted write replaced exactly the image that its writer had as base (P2) |
//! | `schema` | a change of some fields meets no document of an older schema than its own (P2) |
//! | `once` | a mutation takes effect once an epoch (P3) |
//! | `self-conflict` | a conflict's remote was not made by the same mutation (P3) |
//! | `resurrection` | a record comes back only by a write that knew of its deletion (P4) |
//! | `group` | groups take effect whole (P3) |
//! | `checkpoint` | the checkpoint passes only what is stored, and goes back only in a new walk (P5) |
//! | `clock` | what is written later is stamped later, whatever the device's clock does (P8) |
//! | `shrink` | a sweep that would take too much asks first (P6) |
//! | `polite` | nothing is sent before the time that the server asked for; waits outlive a process |
//! | `order` | one exchange at a time, under the lease's generation |
//! | `drift` | what is mended had drifted, and nothing else |
//! | `past` | what a replica has written, and was told is taken, is not undone by an older image (P2) |
//! | `reference` | where the server makes ids, what refers to a record goes under the id that it has there (P3) |
//! | `twin` | a record of ours that the server made is shown once, as long as it can be told (P3) |
//! | `rewrite` | a walk through what has not changed writes no record (P9) |
//! | `resume` | what waits has a request, a wake-up or a named blocker (P7) |
//! | `converged` | after the faults: all equal, nothing left (P7) |
mod commit;
mod convergence;
mod feed;
mod history;
mod ledger;
mod plain;
mod polite;
mod record;
mod reference;
mod shadow;
mod taken;
mod waits;

pub(crate) use commit::{Commit, Journalled};
pub(crate) use convergence::{Ends, Live, converged, nothing_lost};
pub(crate) use feed::checkpoint;
pub(crate) use history::{Archive, History, Older, Stored, number};
pub(crate) use ledger::{Ledger, Token, tokens};
pub(crate) use plain::{past, still, twins};
pub(crate) use polite::{Manners, Moment};
pub(crate) use record::{Records, unreadable};
pub(crate) use reference::{REFERENCE, reference_of, sent};
pub(crate) use shadow::{Out, Place, Remembered, Shadow};
pub(crate) use taken::Took;
pub(crate) use waits::Waits;

use std::fmt;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The checker that saw it.
    pub checker: &'static str,
    /// What it saw.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(checker: &'static str, message: impl Into<String>) -> Self {
        Violation {
            checker,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.message)
    }
}

/// The result of a check.
pub(crate) type Checked<T = ()> = Result<T, Violation>;

/// A record's collection and id.
pub(crate) type Key = (
    tisync_core::model::CollectionName,
    tisync_core::model::RecordId,
);
