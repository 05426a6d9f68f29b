//! Tries a connector on its live backend, with what the host is asked for in a sync too.
use crate::Error;
use crate::answer::{Answer, Ask, Told};
use crate::command::Command;
use crate::core::asks_of;
use crate::exchange::{Polled, poll};
use crate::hosted;
use crate::lend::{Lending, Requests};
use crate::open::ConnectorSettings;
use crate::replica::seed;
use crate::slots::{Filled, SlotHttp, Slots};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tisync_connect::certify::{Kit, Report, certify};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{CollectionName, ConnectorName, RequestId};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeSet;
use tisync_json::{Document, Path};

/// What is tried, on what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certify {
    /// 32 fresh random bytes in hexadecimal, from the host's best source.
    pub entropy: String,
    /// The connector and its backend.
    pub connector: ConnectorSettings,
    /// The token.
    #[serde(default)]
    pub token: Option<String>,
    /// The collection that is written to; best one that holds nothing else.
    pub collection: CollectionName,
    /// A document that the backend accepts.
    pub document: Document,
    /// A field of it that takes any text.
    pub field: Path,
}

/// What was found, without the checks: they were told one by one.
#[derive(Debug, Serialize)]
pub struct Certified {
    /// The collection that was written to.
    pub collection: String,
    /// Where the backend is.
    pub endpoint: String,
    /// What follows from the declared capability.
    pub guarantee: String,
    /// How many checks passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were not tried.
    pub skipped: usize,
    /// What the backend would need for more.
    pub next_level: Vec<String>,
    /// The same for a person.
    pub words: String,
}

/// The name under which a connector is tried.
const NAME: &str = "main";

/// A connector that is being tried.
pub(crate) struct Trial {
    future: Option<LocalFuture<Report>>,
    slots: Rc<Slots>,
    requests: Rc<Requests>,
    clock: Rc<Clock>,
    told: Rc<RefCell<Vec<Told>>>,
    /// Something came that it may wait for.
    is_ready: bool,
}

impl Trial {
    pub(crate) fn new(what: Certify, wall_ms: u64, monotonic_ms: u64) -> Result<Self, Error> {
        let slots = Rc::new(Slots::default());
        let requests = Rc::new(Requests::default());
        let clock = Rc::new(Clock::default());
        clock.now_ms.set(monotonic_ms);
        let told: Rc<RefCell<Vec<Told>>> = Rc::default();
        let mut number = [0; 8];
        for (byte, random) in number.iter_mut().zip(seed(&what.entropy)?) {
            *byte = random;
        }
        let owner = RequestId(0);
        let name = ConnectorName::new(NAME)?;
        let made = what
            .connector
            .make(&name, &slots, &Rc::new(Cell::new(owner)))?;
        let connector: Rc<dyn Connector> = match what.connector.kind == hosted::KIND {
            true => Rc::new(Lending::new(made, slots.clone(), requests.clone())),
            false => made.into(),
        };
        let time = clock.clone();
        let kit = Kit {
            connector,
            http: Rc::new(SlotHttp {
                slots: slots.clone(),
                owner,
                streams: None,
            }),
            session: what
                .token
                .as_deref()
                .map_or_else(Session::anonymous, Session::with_token),
            collection: what.collection,
            document: what.document,
            field: what.field,
            seed: u64::from_le_bytes(number),
            now_ms: wall_ms,
            wait: Rc::new(move |ms| time.wait(ms)),
        };
        let telling = told.clone();
        let future: LocalFuture<Report> = Box::pin(async move {
            let mut tell = |check: &tisync_connect::certify::Check| {
                telling.borrow_mut().push(Told::Checked {
                    check: check.clone(),
                    words: check.to_string(),
                });
            };
            certify(kit, &mut tell).await
        });
        Ok(Trial {
            future: Some(future),
            slots,
            requests,
            clock,
            told,
            is_ready: true,
        })
    }

    pub(crate) fn carry_out(
        &mut self,
        command: Command,
        body: &[u8],
        monotonic_ms: u64,
    ) -> Result<(), Error> {
        self.clock.now_ms.set(monotonic_ms);
        match command {
            Command::Run => {
                self.is_ready |= self.clock.rings();
                if self.is_ready {
                    self.poll();
                }
                return Ok(());
            }
            Command::Http {
                id,
                status,
                headers,
            } => {
                let body = body.to_vec();
                self.slots.fill(id, Filled::response(status, headers, body));
            }
            Command::HttpFailed { id, kind, message } => {
                self.slots.fill(id, Filled::failed(kind, message));
            }
            Command::Connector { call, reply } => {
                self.slots.fill(call, Filled::Connector(reply));
            }
            Command::Send(send) => self.requests.add(*send, body)?,
            _ => {
                return Err(Error::invalid(
                    "expected what a trial of a connector waits for, but another command came: a replica needs a core of its own",
                ));
            }
        }
        self.is_ready = true;
        Ok(())
    }

    fn poll(&mut self) {
        self.is_ready = false;
        let Some(future) = &mut self.future else {
            return;
        };
        let report = match poll(future) {
            Polled::Waits => return,
            Polled::Paused => {
                self.is_ready = true;
                return;
            }
            Polled::Done(report) => report,
        };
        self.future = None;
        self.told.borrow_mut().push(Told::Certified(Certified {
            passed: report.passed(),
            failed: report.failed(),
            skipped: report.skipped(),
            words: report.summary(),
            collection: report.collection,
            endpoint: report.endpoint,
            guarantee: report.guarantee,
            next_level: report.next_level,
        }));
    }

    /// What the host is told; bodies go to `tail`.
    pub(crate) fn answer(&mut self, tail: &mut Vec<u8>) -> Answer {
        let mut asks = asks_of(&self.slots, tail);
        asks.extend(self.requests.sent(tail).into_iter().map(Ask::Sent));
        Answer {
            asks,
            events: std::mem::take(&mut self.told.borrow_mut()),
            wake_at_ms: self.clock.next_ms(),
            more: self.is_ready && self.future.is_some(),
        }
    }
}

/// The host's monotonic clock, and who waits for it.
#[derive(Default)]
struct Clock {
    now_ms: Cell<u64>,
    waiting: RefCell<BTreeSet<u64>>,
}

impl Clock {
    fn wait(self: &Rc<Self>, ms: u64) -> LocalFuture<()> {
        let at_ms = self.now_ms.get() + ms;
        self.waiting.borrow_mut().insert(at_ms);
        Box::pin(Alarm {
            clock: self.clone(),
            at_ms,
        })
    }

    /// Whether somebody's time has come.
    fn rings(&self) -> bool {
        let now_ms = self.now_ms.get();
        let before = self.waiting.borrow().len();
        self.waiting.borrow_mut().retain(|at_ms| *at_ms > now_ms);
        before != self.waiting.borrow().len()
    }

    fn next_ms(&self) -> Option<u64> {
        self.waiting.borrow().first().copied()
    }
}

struct Alarm {
    clock: Rc<Clock>,
    at_ms: u64,
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.clock.now_ms.get() >= self.at_ms {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}
