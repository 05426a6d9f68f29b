//! What will happen, in the order of virtual time.
use crate::check::Key;
use std::collections::BTreeMap;
use std::rc::Rc;
use tisync_connect::http::{HttpError, Response};
use tisync_core::model::{Decide, Input, Reply, RequestId};
use tisync_server::HttpRequest;

/// One thing that will happen.
#[derive(Debug)]
pub(super) enum Event {
    /// The scenario's next action.
    Step(usize),
    /// A process's wake-up.
    Wake { who: Who, ticket: u64 },
    /// A request reaches the server; `exchange` is `None` for a repeat that nobody waits for.
    Arrive {
        from: usize,
        exchange: Option<u64>,
        request: Rc<HttpRequest>,
        fate: Fate,
    },
    /// Something reaches the client.
    Return {
        exchange: u64,
        answer: Result<Response, HttpError>,
    },
    /// The driver gives an answer to the engine (again, or the rest of it).
    Answer {
        who: Who,
        request: RequestId,
        from: usize,
        reply: Reply,
    },
    /// An input that could not be stored is given again.
    Again {
        who: Who,
        input: Box<Input>,
        drawn: Vec<u32>,
    },
    /// A policy function answers.
    Decided {
        who: Who,
        decide: Box<Decide>,
        failed: bool,
    },
    /// Something comes along a stream of hints.
    Ear { ear: u64, news: News },
    /// The app writes to this record.
    Edit { who: Who, key: Key },
    /// The provider has credentials.
    Credentials { who: Who },
    /// The processes of a replica are started again.
    Start { replica: usize, ticket: u64 },
    /// The server stops deferring.
    EndDefer,
}

/// What comes along a stream of hints.
#[derive(Debug)]
pub(super) enum News {
    /// The request reaches the server.
    Arrives(HttpRequest),
    /// The head of the answer reaches the client, with the beginning of its body.
    Head(Result<Response, HttpError>),
    /// A piece reaches the client.
    Piece(&'static str),
    /// The stream ends, or breaks.
    Ends(Option<HttpError>),
}

/// A process, as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) replica: usize,
    pub(super) slot: usize,
    pub(super) incarnation: u64,
}

/// What becomes of the answer on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives after this many milliseconds.
    Arrives(u64),
    /// It is lost; the client notices after this many milliseconds.
    Lost(u64),
    /// It is cut off at this share of its length, in thousandths.
    Cut(u64),
    /// A gateway answers in its place.
    Gateway,
    /// Nobody ever hears.
    Silent,
}

/// What will happen.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
}

impl Queue {
    pub(super) fn add(&mut self, at_ms: u64, event: Event) {
        self.order += 1;
        self.events.insert((at_ms, self.order), event);
    }

    /// Whether an input that could not be stored is still to be given again.
    pub(super) fn has_again(&self) -> bool {
        let mut events = self.events.values();
        events.any(|event| matches!(event, Event::Again { .. }))
    }

    pub(super) fn next(&mut self) -> Option<(u64, Event)> {
        self.events
            .pop_first()
            .map(|((at_ms, _), event)| (at_ms, event))
    }
}
