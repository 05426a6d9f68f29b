//! The worker's loop.
use super::ear::Ears;
use super::network::Monitor;
use super::{Command, Nudge};
use crate::exchange::Wire;
use crate::health::SyncReport;
use crate::lease::Lease;
use crate::local::{Stepper, lock};
use crate::meter::Metered;
use crate::shared::Shared;
use crate::storage::FileStore;
use crate::traffic::Totals;
use crate::{Error, ErrorKind, host};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tisync_connect::http::Http;
use tisync_connect::progress::Walks;
use tisync_core::Engine;
use tisync_core::model::{
    ConnectorName, Decide, Failure, Input, Order, Reply, RequestId, Resolution,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinSet, LocalSet};
use tokio::time::sleep_until;

/// Runs until the last handle is gone.
pub(super) fn run(
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Command>,
    nudge: Nudge,
    ready: std::sync::mpsc::Sender<Result<(), Error>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("expected to set up the sync worker, but {error}");
            let _ = ready.send(Err(Error::new(ErrorKind::Closed, message)));
            return;
        }
    };
    let worker = match WorkerLoop::new(&shared, inbox, nudge) {
        Ok(worker) => worker,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    let local = LocalSet::new();
    local.block_on(&runtime, worker.run());
    drop(local);
    // A policy function that still runs must not hold up the caller that closes the replica.
    runtime.shutdown_background();
}

/// A finished task.
pub(super) enum Done {
    Answer(RequestId, Reply),
    Decided(Box<Decide>, Resolution),
    Renewed(ConnectorName, u64, Result<bool, Failure>),
}

/// A caller of `sync`.
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Result<SyncReport, Error>>,
    pub(super) before: Totals,
    /// An exchange was under way when it called: the answer may be older than the call.
    pub(super) again: bool,
}

pub(super) struct WorkerLoop {
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: mpsc::UnboundedReceiver<Command>,
    pub(super) nudge: Nudge,
    pub(super) stepper: Stepper,
    pub(super) wires: BTreeMap<ConnectorName, Rc<Wire>>,
    pub(super) lease: Option<Lease>,
    pub(super) inputs: VecDeque<Input>,
    pub(super) tasks: JoinSet<Done>,
    /// The exchanges that are under way, each with the means to end it.
    pub(super) orders: HashMap<Id, (Order, AbortHandle)>,
    pub(super) ears: Ears,
    /// The connectors whose provider is being asked; whether it is to be asked once more.
    pub(super) renewing: BTreeMap<ConnectorName, bool>,
    pub(super) monitor: Monitor,
    pub(super) walks: Walks,
    /// Replies that a later slice of the same page still needs.
    pub(super) replies: BTreeMap<RequestId, Reply>,
    /// The last failure of each connector and kind of order since its last success.
    pub(super) failures: BTreeMap<(ConnectorName, &'static str), Failure>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) running: bool,
    pub(super) wake: Option<Instant>,
    pub(super) lease_poll: Option<Instant>,
    /// Until when inputs wait, because the storage refused one, and why it did.
    pub(super) storage_retry: Option<(Instant, Error)>,
}

impl WorkerLoop {
    fn new(
        shared: &Arc<Shared>,
        inbox: mpsc::UnboundedReceiver<Command>,
        nudge: Nudge,
    ) -> Result<Self, Error> {
        let stepper = shared.local.stepper();
        let http = (shared.http)()?;
        let wires = shared
            .backends
            .iter()
            .map(|(name, backend)| {
                let http: Rc<dyn Http> = match shared.traffic.of(name) {
                    Some(counters) => Rc::new(Metered::new(http.clone(), counters.clone())),
                    None => http.clone(),
                };
                let wire = Wire::new(
                    name.to_string(),
                    (backend.make)(),
                    http,
                    backend.credentials.clone(),
                    shared.clone(),
                );
                (name.clone(), Rc::new(wire))
            })
            .collect();
        Ok(WorkerLoop {
            shared: shared.clone(),
            inbox,
            nudge,
            stepper,
            wires,
            lease: None,
            inputs: VecDeque::new(),
            tasks: JoinSet::new(),
            orders: HashMap::new(),
            ears: Ears::new(),
            renewing: BTreeMap::new(),
            monitor: Monitor::new(shared.monitors),
            walks: Walks::default(),
            replies: BTreeMap::new(),
            failures: BTreeMap::new(),
            waiters: Vec::new(),
            running: false,
            wake: None,
            lease_poll: None,
            storage_retry: None,
        })
    }

    async fn run(mut self) {
        loop {
            if self.storage_retry.is_none()
                && let Some(input) = self.inputs.pop_front()
            {
                self.step(input);
                // Answers of other connectors come in between two steps.
                tokio::task::yield_now().await;
                continue;
            }
            self.settle();
            if !self.inputs.is_empty() && self.storage_retry.is_none() {
                continue;
            }
            let timer = self.next_timer();
            tokio::select! {
                command = self.inbox.recv() => match command {
                    None | Some(Command::Quit) => break,
                    Some(command) => self.obey(command),
                },
                Some(done) = self.tasks.join_next_with_id() => self.finish(done),
                Some(heard) = self.ears.heard() => self.hear(heard),
                () = until(timer) => self.time_has_come(),
            }
            self.look_at_clock();
            self.tell_others();
        }
        self.shared.watchers.set_syncing(None);
        self.shared.running.store(false, Ordering::Release);
        lock(&self.shared.busy).clear();
        self.close_ears();
        self.shared.set_leased(false);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Start => {
                self.running = true;
                self.shared.watchers.set_syncing(Some(self.nudge.clone()));
                self.shared.running.store(true, Ordering::Release);
                self.shared.health_changed();
                if self.take_lease() {
                    self.begin();
                } else {
                    self.poll_lease();
                }
            }
            Command::Stop(answer) => {
                self.running = false;
                self.shared.watchers.set_syncing(None);
                self.shared.running.store(false, Ordering::Release);
                self.lease_poll = None;
                self.wake = None;
                self.close_ears();
                self.shared.health_changed();
                self.step(Input::Stop);
                self.wires.values().for_each(|wire| wire.rest());
                let _ = answer.send(());
            }
            Command::Sync(answer) => {
                let before = self.shared.traffic.totals();
                self.waiters.push(Waiter {
                    answer,
                    before,
                    again: !self.tasks.is_empty(),
                });
                if self.take_lease() {
                    self.begin();
                }
            }
            Command::Nudge => {
                self.nudge.is_obeyed();
                self.wake_up();
            }
            Command::Network(online) => {
                if self.is_active() {
                    self.inputs.push_back(Input::Network { online });
                }
            }
            Command::Hint(connector) => {
                if let (true, Ok(connector)) = (self.is_active(), ConnectorName::new(connector)) {
                    self.inputs.push_back(Input::Hint(connector));
                }
            }
            Command::LogOut(pending, answer) => {
                let _ = answer.send(self.log_out(pending));
            }
            Command::LogIn(answer) => {
                let _ = answer.send(self.log_in());
            }
            Command::Credentials(connector) => self.renew_by_name(&connector),
            // Handled by the loop.
            Command::Quit => {}
        }
    }

    /// Begins to sync, for as long as nobody stops it or for one caller.
    pub(super) fn begin(&mut self) {
        self.inputs.push_back(Input::Start {
            listen: self.running,
        });
        if self.monitor.is_due(host::moment()) {
            self.look_at_network();
        }
        self.inputs.push_back(Input::SyncNow);
    }

    /// Looks into the store with the engine that syncs, as it is after the last commit; waits for no writer.
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&Engine, &mut FileStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let engine = self.stepper.engine();
        self.shared.local.look(|_, store| look(engine, store))
    }

    /// Sync goes on by itself, or for a caller that waits.
    pub(super) fn is_active(&self) -> bool {
        self.lease.is_some() && (self.running || !self.waiters.is_empty())
    }

    pub(super) fn wake_up(&mut self) {
        if self.is_active() {
            self.inputs.push_back(Input::Wake);
        }
    }
}

/// A moment that has come is not waited for: the runtime's timers tick once in a millisecond.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) if at <= host::moment() => {}
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
