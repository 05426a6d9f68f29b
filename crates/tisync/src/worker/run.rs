//! The worker's loop.
use super::Command;
use crate::events::Notice;
use crate::exchange::{self, Wire};
use crate::lease::{self, Lease};
use crate::local::{Stepper, lock};
use crate::replica::SyncReport;
use crate::shared::{Shared, Totals};
use crate::{Error, ErrorKind, host, limits};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tisync_core::model::{
    Blocker, ConnectorName, Decide, Event, Failure, Health, Input, Order, Output, Reply, RequestId,
    Resolution, Task, Verdict,
};
use tisync_core::store::{Durability, Store, Tx};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet, LocalSet};
use tokio::time::sleep_until;

/// Runs until the last handle is gone.
pub(super) fn run(
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Command>,
    nudged: Arc<AtomicBool>,
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
    let worker = match WorkerLoop::new(&shared, inbox, nudged) {
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
enum Done {
    Answer(RequestId, Reply),
    Decided(Box<Decide>, Resolution),
    Renewed(ConnectorName, u64, Result<bool, String>),
}

/// A caller of `sync`.
struct Waiter {
    answer: oneshot::Sender<Result<SyncReport, Error>>,
    before: Totals,
    /// An exchange was under way when it called: the answer may be older than the call.
    again: bool,
}

struct WorkerLoop {
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Command>,
    nudged: Arc<AtomicBool>,
    stepper: Stepper,
    wires: BTreeMap<ConnectorName, Rc<Wire>>,
    lease: Option<Lease>,
    inputs: VecDeque<Input>,
    tasks: JoinSet<Done>,
    orders: HashMap<Id, Order>,
    /// Replies that a later slice of the same page still needs.
    replies: BTreeMap<RequestId, Reply>,
    /// The last failure of each connector and kind of order since its last success.
    failures: BTreeMap<(ConnectorName, &'static str), Failure>,
    waiters: Vec<Waiter>,
    running: bool,
    wake: Option<Instant>,
    lease_poll: Option<Instant>,
    /// Until when inputs wait, because the storage refused one.
    storage_retry: Option<Instant>,
    /// The file's version by other connections, and when to look at it next.
    others: Option<(i64, Instant)>,
}

impl WorkerLoop {
    fn new(
        shared: &Arc<Shared>,
        inbox: mpsc::UnboundedReceiver<Command>,
        nudged: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let store = crate::storage::open(&shared.path)?;
        let mut stepper = Stepper::new(store, shared.gate.clone());
        stepper.step(Input::Configure(Box::new(shared.config.clone())))?;
        let http = (shared.http)()?;
        let wires = shared
            .backends
            .iter()
            .map(|(name, backend)| {
                let wire = Wire::new(
                    name.to_string(),
                    (backend.make)(),
                    http.clone(),
                    backend.credentials.clone(),
                );
                (name.clone(), Rc::new(wire))
            })
            .collect();
        Ok(WorkerLoop {
            shared: shared.clone(),
            inbox,
            nudged,
            stepper,
            wires,
            lease: None,
            inputs: VecDeque::new(),
            tasks: JoinSet::new(),
            orders: HashMap::new(),
            replies: BTreeMap::new(),
            failures: BTreeMap::new(),
            waiters: Vec::new(),
            running: false,
            wake: None,
            lease_poll: None,
            storage_retry: None,
            others: None,
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
                () = until(timer) => self.time_has_come(),
            }
        }
        self.shared.running.store(false, Ordering::Release);
        self.shared.leased.store(false, Ordering::Release);
        lock(&self.shared.busy).clear();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Start => {
                self.running = true;
                self.note_others();
                self.shared.running.store(true, Ordering::Release);
                if self.take_lease() {
                    self.inputs.push_back(Input::Start);
                    self.inputs.push_back(Input::SyncNow);
                } else {
                    self.poll_lease();
                }
            }
            Command::Stop(answer) => {
                self.running = false;
                self.shared.running.store(false, Ordering::Release);
                self.lease_poll = None;
                self.wake = None;
                self.step(Input::Stop);
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
                    self.inputs.push_back(Input::Start);
                    self.inputs.push_back(Input::SyncNow);
                }
            }
            Command::Nudge => {
                self.nudged.store(false, Ordering::Release);
                self.wake_up();
            }
            Command::Network(online) => {
                if self.is_active() {
                    self.inputs.push_back(Input::Network { online });
                }
            }
            Command::Credentials(connector) => self.renew_by_name(&connector),
            // Handled by the loop.
            Command::Quit => {}
        }
    }

    /// Sync goes on by itself, or for a caller that waits.
    fn is_active(&self) -> bool {
        self.lease.is_some() && (self.running || !self.waiters.is_empty())
    }

    fn wake_up(&mut self) {
        if self.is_active() {
            self.inputs.push_back(Input::Wake);
        }
    }

    /// Takes the lease; callers of `sync` are told who else has it.
    fn take_lease(&mut self) -> bool {
        if self.lease.is_some() {
            return true;
        }
        let error = match Lease::take(&self.shared.path) {
            Ok(Ok(lease)) => match self.begin_generation() {
                Ok(()) => {
                    self.lease = Some(lease);
                    self.lease_poll = None;
                    self.shared.leased.store(true, Ordering::Release);
                    return true;
                }
                Err(error) => error,
            },
            Ok(Err(holder)) => lease::elsewhere(holder.as_ref()),
            Err(error) => error,
        };
        self.fail_waiters(&error);
        false
    }

    /// What a new holder of the lease steps first. Credentials that were refused get a new chance: this
    /// process may have others.
    fn begin_generation(&mut self) -> Result<(), Error> {
        let connectors: Vec<ConnectorName> = self.wires.keys().cloned().collect();
        let refused = self.stepper.look(|_, store| {
            let mut tx = store.begin(Durability::Normal)?;
            let mut refused = Vec::new();
            for connector in connectors {
                if let Some(state) = tx.connector(&connector)?
                    && state.refused.is_some()
                {
                    let revision = state.revision.max(state.refused.unwrap_or(0)) + 1;
                    refused.push((connector, revision));
                }
            }
            Ok(refused)
        })?;
        self.inputs.push_back(Input::LeaseTaken);
        for (connector, revision) in refused {
            self.inputs.push_back(Input::CredentialsChanged {
                connector,
                revision,
            });
        }
        Ok(())
    }

    fn poll_lease(&mut self) {
        self.lease_poll = Some(host::after(limits::LEASE_POLL_MS));
    }

    fn lose_lease(&mut self) {
        tracing::warn!("another process has taken the lease");
        self.lease = None;
        self.shared.leased.store(false, Ordering::Release);
        self.inputs.clear();
        self.replies.clear();
        self.tasks.abort_all();
        self.wake = None;
        self.fail_waiters(&lease::elsewhere(None));
        if self.running {
            self.poll_lease();
        }
    }

    fn step(&mut self, input: Input) {
        if self.lease.is_none() {
            return;
        }
        // A sliced page is given again with the same reply.
        let sliced = match &input {
            Input::Answer { request, .. } => Some(*request),
            _ => None,
        };
        let health = Output::Event(Event::Health);
        match self.stepper.step(input.clone()) {
            Ok(outputs) => {
                let continued = outputs
                    .iter()
                    .any(|output| matches!(output, Output::Continue { request, .. } if sliced == Some(*request)));
                if let Input::Answer { request, reply, .. } = input {
                    if continued {
                        self.replies.insert(request, reply);
                    } else {
                        self.replies.remove(&request);
                    }
                }
                // An answer changes the health, also where nothing that is visible changed.
                if sliced.is_some() && !outputs.contains(&health) {
                    self.carry_out(health);
                }
                for output in outputs {
                    self.carry_out(output);
                }
            }
            Err(error) if error.is_lease_elsewhere() => self.lose_lease(),
            Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Storage) => {
                tracing::warn!(%error, "the storage refused; the same input is given again");
                self.fail_waiters(&error);
                self.inputs.push_front(input);
                self.storage_retry = Some(host::after(limits::STORAGE_RETRY_MS));
            }
            Err(error) => {
                tracing::error!(%error, "a step was refused");
                self.fail_waiters(&error);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Order(order) => self.send(order),
            Output::Decide(decide) => self.ask(decide),
            Output::Continue { request, from } => {
                if let Some(reply) = self.replies.get(&request) {
                    self.inputs.push_front(Input::Answer {
                        request,
                        from,
                        reply: reply.clone(),
                    });
                }
            }
            Output::WakeAt { monotonic_ms } => self.wake = monotonic_ms.map(host::instant),
            Output::CredentialsNeeded {
                connector,
                revision,
            } => self.renew(connector, revision),
            Output::Event(event) => {
                if let Event::Changed {
                    records,
                    remote: true,
                    ..
                } = &event
                {
                    let pulled = &self.shared.traffic.pulled;
                    pulled.fetch_add(records.len() as u64, Ordering::Relaxed);
                }
                self.shared.events.send(Notice::Event(event));
            }
            // Local writes are stepped by the handles.
            Output::Written(_) => {}
        }
    }

    fn send(&mut self, order: Order) {
        let request = order.request;
        tracing::debug!(request = request.0, connector = %order.connector, kind = kind(&order.task), "order");
        let Some(wire) = self.wires.get(&order.connector).cloned() else {
            self.inputs.push_back(Input::Answer {
                request,
                from: 0,
                reply: exchange::unknown_connector(&order),
            });
            return;
        };
        self.shared.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let task = order.task.clone();
        lock(&self.shared.busy).insert(order.connector.clone());
        let handle = self
            .tasks
            .spawn_local(async move { Done::Answer(request, wire.carry_out(task).await) });
        self.orders.insert(handle.id(), order);
    }

    /// Asks the policy functions on another thread: a slow one must not hold up the other feeds.
    fn ask(&mut self, decide: Box<Decide>) {
        let functions = self.shared.functions.clone();
        self.tasks.spawn_local(async move {
            let asked = decide.clone();
            let resolution = tokio::task::spawn_blocking(move || functions.decide(&asked))
                .await
                .unwrap_or_else(|_| Resolution::Failed("the policy function was cut off".into()));
            Done::Decided(decide, resolution)
        });
    }

    fn renew(&mut self, connector: ConnectorName, revision: u64) {
        if let Some(wire) = self.wires.get(&connector).cloned() {
            self.tasks
                .spawn_local(async move { Done::Renewed(connector, revision, wire.renew().await) });
        }
    }

    /// The app says that there are new credentials.
    fn renew_by_name(&mut self, connector: &str) {
        let Ok(connector) = ConnectorName::new(connector) else {
            return;
        };
        let revision = self.stepper.look(|_, store| {
            let mut tx = store.begin(Durability::Normal)?;
            Ok(tx.connector(&connector)?.map_or(0, |state| state.revision))
        });
        match revision {
            Ok(revision) if self.lease.is_some() => self.renew(connector, revision),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the connector's state could not be read"),
        }
    }

    fn finish(&mut self, done: Result<(Id, Done), JoinError>) {
        match done {
            Ok((id, Done::Answer(request, reply))) => {
                if let Some(order) = self.orders.remove(&id) {
                    self.note(&order, &reply);
                }
                self.inputs.push_back(Input::Answer {
                    request,
                    from: 0,
                    reply,
                });
            }
            Ok((_, Done::Decided(decide, resolution))) => {
                self.inputs.push_back(Input::Decision {
                    collection: decide.collection,
                    rid: decide.rid,
                    version: decide.remote.version,
                    resolution,
                });
            }
            Ok((_, Done::Renewed(connector, revision, Ok(true)))) => {
                self.failures.retain(|(other, _), _| *other != connector);
                self.inputs.push_back(Input::CredentialsChanged {
                    connector,
                    revision: revision + 1,
                });
            }
            Ok((_, Done::Renewed(connector, _, result))) => {
                let reason = match result {
                    Err(reason) => reason,
                    Ok(_) => "the provider gave the same credentials again".to_owned(),
                };
                tracing::warn!(%connector, %reason, "no new credentials");
            }
            Err(error) => {
                let order = self.orders.remove(&error.id());
                if let Some(order) = order.filter(|_| error.is_panic()) {
                    let reply = exchange::panicked(&order.task);
                    self.note(&order, &reply);
                    self.inputs.push_back(Input::Answer {
                        request: order.request,
                        from: 0,
                        reply,
                    });
                }
            }
        }
    }

    /// Counts what came and remembers why nothing did.
    fn note(&mut self, order: &Order, reply: &Reply) {
        lock(&self.shared.busy).remove(&order.connector);
        if let Reply::Pushed(Ok(verdicts)) = reply {
            let accepted = verdicts
                .iter()
                .filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
            let pushed = &self.shared.traffic.pushed;
            pushed.fetch_add(accepted.count() as u64, Ordering::Relaxed);
        }
        let key = (order.connector.clone(), kind(&order.task));
        match exchange::failure_of(reply) {
            Some(failure) => {
                tracing::debug!(connector = %order.connector, message = %failure.message, "failure");
                self.failures.insert(key, failure.clone());
            }
            None => {
                self.failures.remove(&key);
            }
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let wake = self.wake.filter(|_| self.is_active());
        let others = self.others.map(|(_, at)| at).filter(|_| self.running);
        [wake, self.lease_poll, self.storage_retry, others]
            .into_iter()
            .flatten()
            .min()
    }

    fn time_has_come(&mut self) {
        let now = host::moment();
        if self.storage_retry.is_some_and(|at| at <= now) {
            self.storage_retry = None;
        }
        if self.lease_poll.is_some_and(|at| at <= now) {
            if self.take_lease() {
                self.inputs.push_back(Input::Start);
                self.inputs.push_back(Input::SyncNow);
            } else {
                self.poll_lease();
            }
        }
        if self.wake.is_some_and(|at| at <= now) {
            self.wake = None;
            self.wake_up();
        }
        self.look_for_others();
    }

    /// Notices what other processes wrote.
    fn look_for_others(&mut self) {
        let Some((before, at)) = self.others else {
            return;
        };
        if !self.running || at > host::moment() {
            return;
        }
        self.note_others();
        if self.others.is_some_and(|(version, _)| version != before) {
            self.shared.events.send(Notice::Elsewhere);
            self.wake_up();
        }
    }

    /// Notes the file's version before others write to it.
    fn note_others(&mut self) {
        match self.stepper.store.data_version() {
            Ok(version) => self.others = Some((version, host::after(limits::OTHERS_POLL_MS))),
            Err(error) => tracing::warn!(%error, "the file's version could not be read"),
        }
    }

    /// Answers the callers of `sync` once nothing is under way.
    fn settle(&mut self) {
        let due = self.wake.is_some_and(|at| at <= host::moment());
        let rests = self.tasks.is_empty() && !due && self.storage_retry.is_none();
        if self.waiters.is_empty() || self.lease.is_none() || !rests {
            return;
        }
        if self.waiters.iter().any(|waiter| waiter.again) {
            for waiter in &mut self.waiters {
                waiter.again = false;
            }
            self.inputs.push_back(Input::SyncNow);
            return;
        }
        if let Some(failure) = self.failures.values().next().cloned() {
            self.fail_waiters(&Error::from(failure));
            return;
        }
        let health = self
            .stepper
            .look(|engine, store| Ok(engine.health(store, host::now()?)?));
        let totals = self.shared.traffic.totals();
        let health = match health.and_then(unblocked) {
            Ok(health) => health,
            Err(error) => return self.fail_waiters(&error),
        };
        for waiter in self.waiters.drain(..) {
            let _ = waiter.answer.send(Ok(SyncReport {
                traffic: totals.since(&waiter.before),
                health: health.clone(),
            }));
        }
    }

    fn fail_waiters(&mut self, error: &Error) {
        for waiter in self.waiters.drain(..) {
            let _ = waiter
                .answer
                .send(Err(Error::new(error.kind(), error.to_string())));
        }
    }
}

/// Refuses a health in which a connector does not even try.
fn unblocked(health: Health) -> Result<Health, Error> {
    for connector in &health.connectors {
        let (kind, why) = match connector.blocker {
            Some(Blocker::Credentials) => (ErrorKind::Credentials, "refuses the credentials"),
            Some(Blocker::UpgradeRequired) => (ErrorKind::UpgradeRequired, "asks for a newer app"),
            Some(Blocker::Offline) => (ErrorKind::Offline, "cannot be reached"),
            _ => continue,
        };
        let last = connector.last_error.as_deref().unwrap_or("no answer");
        return Err(Error::new(
            kind,
            format!(
                "the backend of the connector {} {why}: {last}",
                connector.connector
            ),
        ));
    }
    Ok(health)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn kind(task: &Task) -> &'static str {
    match task {
        Task::Pull(_) => "pull",
        Task::Push(_) => "push",
        Task::Fetch(_) => "fetch",
    }
}
