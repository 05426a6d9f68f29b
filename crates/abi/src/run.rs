//! One piece of work at a time: a step, or a poll of an exchange.
use crate::answer::Told;
use crate::ears::Heard;
use crate::exchange::failure;
use crate::replica::{Replica, Waiter};
use crate::slots::SlotHttp;
use std::rc::Rc;
use tisync_connect::Hint;
use tisync_connect::{Error, ErrorKind};
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::{
    CollectionName, ConnectorName, Event, FailureKind, Input, Now, Order, Output, Page, RecordId,
    Reply, RequestId, Task, Verdict,
};
use tisync_core::store::{Durability, Store, Tx};

/// Milliseconds until an input that the storage refused is given again.
const STORAGE_RETRY_MS: u64 = 1_000;

impl Replica {
    /// Begins to sync, for as long as nobody stops it.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        self.running = true;
        self.begin()
    }

    /// Ends background sync; who waits for a `sync` is told.
    pub(crate) fn stop(&mut self, now: Now) -> Result<(), Error> {
        self.running = false;
        self.ears.close();
        self.wake_ms = None;
        let stopped = Error::new(ErrorKind::Closed, "expected to sync, but sync was stopped");
        self.fail_waiters(&stopped);
        self.health_changed();
        if self.leased {
            self.step(now, Input::Stop);
        }
        Ok(())
    }

    /// Syncs once; gives the number under which it is told of.
    pub(crate) fn sync(&mut self) -> Result<u32, Error> {
        self.last_sync += 1;
        let waiter = Waiter {
            sync: self.last_sync,
            before: self.totals,
            again: !self.exchanges.is_empty(),
        };
        self.waiters.push(waiter);
        if let Err(error) = self.begin() {
            self.waiters.pop();
            return Err(error);
        }
        Ok(self.last_sync)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.take_lease()?;
        let listen = self.listens && self.running;
        self.inputs.push_back(Input::Start { listen });
        self.inputs.push_back(Input::SyncNow);
        Ok(())
    }

    /// Notes that the host holds the lease. Credentials that were refused get a new chance: this process may have
    /// others.
    pub(crate) fn take_lease(&mut self) -> Result<(), Error> {
        if self.leased {
            return Ok(());
        }
        let connectors: Vec<ConnectorName> = self.connectors.keys().cloned().collect();
        let mut refused = Vec::new();
        let mut tx = self.store.begin(Durability::Normal)?;
        for connector in connectors {
            if let Some(state) = tx.connector(&connector)?
                && state.refused.is_some()
            {
                let revision = state.revision.max(state.refused.unwrap_or(0)) + 1;
                refused.push(Input::CredentialsChanged {
                    connector,
                    revision,
                });
            }
        }
        drop(tx);
        self.leased = true;
        self.inputs.push_back(Input::LeaseTaken);
        self.inputs.extend(refused);
        self.health_changed();
        Ok(())
    }

    /// Does one piece of work.
    pub(crate) fn run(&mut self, now: Now) {
        if self
            .storage_retry_ms
            .is_some_and(|at| at <= now.monotonic_ms)
        {
            self.storage_retry_ms = None;
        }
        if self.storage_retry_ms.is_none()
            && let Some(input) = self.inputs.pop_front()
        {
            self.step(now, input);
        } else if self.exchanges.is_ready() {
            if let Some((order, reply)) = self.exchanges.poll() {
                self.finish(order, reply);
            }
        } else if self.ears.is_ready() {
            self.hear();
        } else if let Some((order, reply)) = self.exchanges.expire(now.monotonic_ms) {
            self.finish(order, reply);
        } else if self.is_active() && self.wake_ms.is_some_and(|at| at <= now.monotonic_ms) {
            self.wake_ms = None;
            self.inputs.push_back(Input::Wake);
        }
        self.settle(now);
    }

    /// Whether there is work now.
    pub(crate) fn has_more(&self, now_ms: u64) -> bool {
        self.storage_retry_ms.is_none_or(|at| at <= now_ms) && !self.inputs.is_empty()
            || self.exchanges.is_ready()
            || self.ears.is_ready()
            || self.wake_at_ms().is_some_and(|at| at <= now_ms)
    }

    /// When there is work again.
    pub(crate) fn wake_at_ms(&self) -> Option<u64> {
        let wake = self.wake_ms.filter(|_| self.is_active());
        let retry = self.storage_retry_ms.filter(|_| !self.inputs.is_empty());
        let times = [wake, self.exchanges.deadline_ms(), retry];
        times.into_iter().flatten().min()
    }

    /// Steps a sync input and carries out what it asks for.
    pub(crate) fn step(&mut self, now: Now, input: Input) {
        if !self.leased {
            return;
        }
        if let Input::Answer {
            request,
            from,
            reply: Reply::Pulled(Ok(page)),
        } = input
        {
            return self.store_page(now, request, from, page);
        }
        let is_answer = matches!(input, Input::Answer { .. });
        // Cheap: documents and names are shared.
        match self.attempt(now, input.clone()) {
            Ok(outputs) => self.stepped(now, outputs, is_answer),
            Err(error) => self.refused(now, input, error),
        }
    }

    /// Stores a page, or the slice of it that begins at `from`.
    fn store_page(&mut self, now: Now, request: RequestId, from: usize, mut page: Page) {
        let part = Input::Answer {
            request,
            from: 0,
            reply: Reply::Pulled(Ok(page.part(from, self.config.slice_items))),
        };
        let attempted = self.attempt(now, part);
        let answer = |from, page| Input::Answer {
            request,
            from,
            reply: Reply::Pulled(Ok(page)),
        };
        let outputs = match attempted {
            Ok(outputs) => outputs,
            Err(error) => return self.refused(now, answer(from, page), error),
        };
        let next = outputs.iter().find_map(|output| match output {
            Output::Continue { from: stored, .. } => Some(from + stored),
            _ => None,
        });
        let slice = from..next.unwrap_or(page.items.len());
        let told = self.walks.given(request, &page, slice, &outputs);
        self.stepped(now, outputs, true);
        self.told.extend(told.into_iter().map(Told::Progress));
        if let Some(next) = next {
            page.forget(from..next);
            self.inputs.push_front(answer(next, page));
        }
    }

    /// Carries out what a step gave.
    fn stepped(&mut self, now: Now, outputs: Vec<Output>, is_answer: bool) {
        self.count(&outputs);
        for output in outputs {
            self.carry_out(now, output);
        }
        // An answer changes the health, also where nothing that is visible changed.
        if is_answer {
            self.health_changed();
        }
    }

    /// A step failed, and has changed nothing; where the storage refused it, its input waits.
    fn refused(&mut self, now: Now, input: Input, error: Error) {
        match error {
            error if error.is_lease_elsewhere() => self.lose_lease(&error),
            error if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Storage) => {
                self.storage_retry_ms = Some(now.monotonic_ms + STORAGE_RETRY_MS);
                self.fail_waiters(&error);
                self.told.push(Told::Trouble(error));
                self.inputs.push_front(input);
            }
            error => {
                if let Input::Answer { request, .. } = &input {
                    self.walks.refused(*request);
                }
                self.fail_waiters(&error);
                self.told.push(Told::Trouble(error));
            }
        }
    }

    /// Carries out what a step asks for.
    pub(crate) fn carry_out(&mut self, now: Now, output: Output) {
        match output {
            Output::Order(order) => self.send(now, order),
            Output::Decide(decide) => self.asks.push(crate::answer::Ask::Decide(decide)),
            Output::WakeAt { monotonic_ms } => self.wake_ms = monotonic_ms,
            Output::CredentialsNeeded {
                connector,
                revision,
            } => self.renew(connector, revision),
            Output::Event(event) => self.told.push(Told::Event(event)),
            Output::Continue { .. }
            | Output::Written(_)
            | Output::BroughtBack(_)
            | Output::Stay(_)
            | Output::Stored(_)
            | Output::Migrate(_) => {}
        }
    }

    /// Gives an order to its connector.
    pub(crate) fn send(&mut self, now: Now, order: Order) {
        let Some(connector) = self.connectors.get(&order.connector).cloned() else {
            let why = format!("no connector named {} is configured", order.connector);
            let reply =
                (order.task).failed(failure(FailureKind::Retry { after_ms: None }, true, why));
            return self.finish(order, reply);
        };
        let Some((order, session)) = self.sessions.of(order, &mut self.asks) else {
            return;
        };
        let mut task = order.task.clone();
        if let Task::Pull(pull) = &mut task {
            pull.items_max = pull.items_max.min(self.page_items);
            pull.bytes_max = pull.bytes_max.min(self.page_bytes);
        }
        let http = Rc::new(SlotHttp {
            slots: self.slots.clone(),
            owner: order.request,
            streams: self.listens.then(|| self.streams.clone()),
        });
        if let Task::Listen(listen) = task {
            // A connector that cannot says nothing: the engine polls as without.
            if let Some(hints) = connector.listen(http, session, listen) {
                self.ears.open(order.connector, order.request, hints);
            }
            return;
        }
        self.owner.set(order.request);
        let future = tisync_connect::carry_out(&*connector, http, session, task);
        if !self.exchanges.is_busy(&order.connector) {
            self.health_changed();
        }
        let deadline_ms = now.monotonic_ms + REQUEST_DEADLINE_MS;
        self.exchanges.begin(order, future, deadline_ms);
    }

    /// Takes in what came along a stream of hints.
    fn hear(&mut self) {
        let Some((connector, request, heard)) = self.ears.poll() else {
            return;
        };
        let reply = match heard {
            Heard::Hint(Hint::Changed) => {
                self.queue(Input::Hint(connector));
                return;
            }
            Heard::Hint(Hint::Listening) => Reply::Listening,
            Heard::End(end) => Reply::Listened(end),
        };
        self.inputs.push_back(Input::Answer {
            request,
            from: 0,
            reply,
        });
    }

    /// Takes in what came back for an order.
    pub(crate) fn finish(&mut self, order: Order, mut reply: Reply) {
        let migrations = &self.migrations;
        reply.migrate(
            &self.config,
            &order.task,
            &mut |collection, from, to, document| {
                migrations.forward(collection, from, to, document)
            },
        );
        if let Reply::Pushed(Ok(answer)) = &reply {
            let verdicts = answer.verdicts.iter();
            let accepted =
                verdicts.filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
            self.totals.pushed += accepted.count() as u64;
        }
        self.walks.came(&order, &reply);
        let key = (order.connector, kind(&order.task));
        match reply.failure() {
            Some(failure) => {
                self.failures.insert(key, failure.clone());
            }
            None => {
                self.failures.remove(&key);
            }
        }
        self.inputs.push_back(Input::Answer {
            request: order.request,
            from: 0,
            reply,
        });
    }

    /// Counts what the outputs of a step tell of.
    fn count(&mut self, outputs: &[Output]) {
        // A conflict that was open is decided now: it was counted when it opened.
        let was_open = |name: &CollectionName, of: &RecordId| {
            outputs.iter().any(|output| {
                matches!(output, Output::Event(Event::ConflictClosed { collection, id })
                    if collection == name && id == of)
            })
        };
        for output in outputs {
            match output {
                Output::Event(Event::Changed {
                    records,
                    remote: true,
                    ..
                }) => self.totals.pulled += records.len() as u64,
                Output::Event(Event::ConflictOpened { .. }) => self.totals.conflicts += 1,
                Output::Event(Event::Journalled { collection, id, .. })
                    if !was_open(collection, id) =>
                {
                    self.totals.conflicts += 1;
                }
                _ => {}
            }
        }
    }

    /// Another process has taken the lease: nothing of what was asked for is awaited.
    fn lose_lease(&mut self, error: &Error) {
        self.end_exchanges();
        self.leased = false;
        self.running = false;
        self.fail_waiters(error);
        self.told.push(Told::LeaseLost);
    }

    /// Ends everything that is under way.
    pub(crate) fn end_exchanges(&mut self) {
        self.inputs.clear();
        self.walks.clear();
        self.exchanges.clear();
        self.ears.close();
        self.sessions.rest();
        self.wake_ms = None;
        self.health_changed();
    }

    /// Answers who waits for a `sync`, once nothing is under way.
    fn settle(&mut self, now: Now) {
        let due = self.wake_ms.is_some_and(|at| at <= now.monotonic_ms);
        let rests = self.exchanges.is_empty() && !self.sessions.is_waiting() && !due;
        if self.waiters.is_empty() || !self.leased || !self.inputs.is_empty() || !rests {
            return;
        }
        if self.waiters.iter().any(|waiter| waiter.again) {
            for waiter in &mut self.waiters {
                waiter.again = false;
            }
            self.inputs.push_back(Input::SyncNow);
            return;
        }
        if let Err(error) = self.answer_waiters(now) {
            self.fail_waiters(&error);
        }
    }
}

/// The kind of a push.
pub(crate) const PUSH: &str = "push";

fn kind(task: &Task) -> &'static str {
    match task {
        Task::Pull(_) => "pull",
        Task::Push(_) => PUSH,
        Task::Fetch(_) => "fetch",
        Task::Probe => "probe",
        Task::Listen(_) => "listen",
        Task::Digest(_) => "digest",
    }
}
