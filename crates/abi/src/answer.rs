//! What a command gives back.
use serde::Serialize;
use tisync_connect::Error;
use tisync_connect::progress::PullProgress;
use tisync_core::model::{ConnectorName, Decide, Event, Health, Task};

/// What every command gives back, beside what it was asked for (`ok`) or why it failed (`error`).
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// What the host is to do; it answers each by a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
    /// What changed for the app.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Told>,
    /// When to give `run`, by the host's monotonic clock; `None` when nothing waits for time.
    pub wake_at_ms: Option<u64>,
    /// Whether there is work now: give `run` when there is time for it.
    pub more: bool,
}

/// What the host is to do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Send a request over HTTP; the answer is `http` or `http_failed`.
    Http {
        /// Names the request.
        id: u32,
        /// `GET`, `POST`, …
        method: &'static str,
        /// The whole address.
        url: String,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// Where the body begins behind this JSON, and how many bytes it has.
        body: (usize, usize),
        /// Milliseconds until the answer must be there.
        timeout_ms: u64,
        /// Bytes of the answer at most, after decoding.
        answer_bytes_max: usize,
    },
    /// Send a request and pass its answer on, piece by piece: `stream_opened`, `stream_piece`, `stream_ended`.
    Stream {
        /// Names the stream.
        id: u32,
        /// `GET`, `POST`, …
        method: &'static str,
        /// The whole address.
        url: String,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// Milliseconds of silence after which it counts as broken.
        silence_ms: u64,
        /// Bytes of one piece at most.
        piece_bytes_max: usize,
    },
    /// Call a connector that the host brings; the answer is `connector`.
    Connector {
        /// Names the call.
        call: u32,
        /// Which one.
        connector: ConnectorName,
        /// The token in use.
        token: Option<String>,
        /// What to do.
        task: Task,
    },
    /// The answer to a request or call is no longer awaited.
    Cancel(u32),
    /// Get a token for a connector; the answer is `credentials`.
    Token {
        /// The connector.
        connector: ConnectorName,
        /// Whether the last one was refused.
        again: bool,
    },
    /// Ask the app's policy functions; the answer is `decision`.
    Decide(Box<Decide>),
    /// What came of a request that a connector of the host's sent while it is tried.
    #[cfg(feature = "certify")]
    Sent(crate::lend::LentAnswer),
}

/// What changed for the app.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// What a step tells of.
    Event(Event),
    /// A sync that was asked for is done.
    Synced {
        /// The number that `sync` gave.
        sync: u32,
        /// What it did.
        report: Report,
    },
    /// A sync that was asked for has failed.
    SyncFailed {
        /// The number that `sync` gave.
        sync: u32,
        /// Why.
        error: Error,
    },
    /// A check of a connector is done.
    #[cfg(feature = "certify")]
    Checked {
        /// What was found.
        #[serde(flatten)]
        check: tisync_connect::certify::Check,
        /// The same for a person.
        words: String,
    },
    /// Everything about a connector was tried.
    #[cfg(feature = "certify")]
    Certified(crate::certify::Certified),
    /// A part of what a feed has was stored.
    Progress(PullProgress),
    /// Another process syncs now.
    LeaseLost,
    /// A step was refused; what it was about waits.
    Trouble(Error),
}

/// What a sync did.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was exchanged since it was asked for.
    #[serde(flatten)]
    pub totals: Totals,
    /// What waits.
    pub health: Health,
}

/// What was exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Records that changed here because they changed on a server.
    pub pulled: u64,
    /// Writes that a server accepted.
    pub pushed: u64,
    /// Records that had changed on both sides.
    pub conflicts: u64,
    /// Requests.
    pub requests: u64,
}

impl Totals {
    pub(crate) fn since(&self, before: &Totals) -> Totals {
        Totals {
            pulled: self.pulled - before.pulled,
            pushed: self.pushed - before.pushed,
            conflicts: self.conflicts - before.conflicts,
            requests: self.requests - before.requests,
        }
    }
}
