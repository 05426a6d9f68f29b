//! Steps inputs and carries out what they ask for.
use super::run::{Done, WorkerLoop};
use crate::events::Notice;
use crate::local::lock;
use crate::{ErrorKind, exchange, host, limits, log};
use std::sync::atomic::Ordering;
use tisync_core::model::{
    CollectionName, Decide, Event, Input, Order, Output, RecordId, Reply, RequestId, Resolution,
    Task,
};
use tracing::Instrument;

/// The request that an input answers.
fn answers(input: &Input) -> Option<RequestId> {
    match input {
        Input::Answer { request, .. } => Some(*request),
        _ => None,
    }
}

impl WorkerLoop {
    pub(super) fn step(&mut self, input: Input) {
        if self.lease.is_none() {
            return;
        }
        // A sliced page is given again with the same reply.
        let sliced = answers(&input);
        let health = Output::Event(Event::Health);
        match self.stepper.step(input.clone()) {
            Ok(outputs) => {
                if self.shared.storage_refused.swap(false, Ordering::AcqRel) {
                    self.shared.health_changed();
                }
                let continued = outputs
                    .iter()
                    .any(|output| matches!(output, Output::Continue { request, .. } if sliced == Some(*request)));
                if let Input::Answer {
                    request,
                    from,
                    reply,
                } = input
                {
                    self.tell_progress(request, from, &reply, &outputs);
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
                self.count(&outputs);
                for output in outputs {
                    self.carry_out(output);
                }
            }
            Err(error) if error.is_lease_elsewhere() => self.lose_lease(),
            Err(error) if error.kind() == ErrorKind::Newer => self.end_for_good(&error),
            Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Storage) => {
                tracing::warn!(%error, "the storage refused; the same input is given again");
                self.shared.storage_refused.store(true, Ordering::Release);
                self.shared.health_changed();
                self.fail_waiters(&error);
                self.inputs.push_front(input);
                self.storage_retry = Some((host::after(limits::STORAGE_RETRY_MS), error));
            }
            Err(error) => {
                tracing::error!(%error, "a step was refused");
                if let Some(request) = sliced {
                    self.walks.refused(request);
                }
                self.fail_waiters(&error);
            }
        }
    }

    /// Tells how far the feeds are of which a page was stored, or a slice of it.
    fn tell_progress(
        &mut self,
        request: RequestId,
        from: usize,
        reply: &Reply,
        outputs: &[Output],
    ) {
        let Reply::Pulled(Ok(page)) = reply else {
            return;
        };
        let next = outputs.iter().find_map(|output| match output {
            Output::Continue { from, .. } => Some(*from),
            _ => None,
        });
        let slice = from..next.unwrap_or(page.items.len());
        for progress in self.walks.given(request, page, slice, outputs) {
            self.shared.watchers.tell(Notice::Progress(progress));
        }
    }

    pub(super) fn carry_out(&mut self, output: Output) {
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
                self.shared.watchers.tell(Notice::Event(event));
            }
            // Local writes are stepped by the handles, and the stepper asks the migrate functions.
            Output::Written(_)
            | Output::BroughtBack(_)
            | Output::Migrate(_)
            | Output::Stay(_)
            | Output::Stored(_) => {}
        }
    }

    /// Counts what the outputs of a step tell of.
    fn count(&self, outputs: &[Output]) {
        let of = |collection: &CollectionName| {
            let config = self.shared.config.collection(collection)?;
            self.shared.traffic.of(config.connector.as_ref()?)
        };
        let events = || {
            outputs.iter().filter_map(|output| match output {
                Output::Event(event) => Some(event),
                _ => None,
            })
        };
        // A conflict that was open is decided now: it was counted when it opened.
        let was_open = |name: &CollectionName, of: &RecordId| {
            events().any(|event| {
                matches!(event, Event::ConflictClosed { collection, id } if collection == name && id == of)
            })
        };
        for event in events() {
            match event {
                Event::Changed {
                    collection,
                    records,
                    remote: true,
                } => {
                    if let Some(counters) = of(collection) {
                        counters.pulled.add(records.len());
                    }
                }
                Event::ConflictOpened { collection, .. } => {
                    if let Some(counters) = of(collection) {
                        counters.conflicts.add(1);
                    }
                }
                Event::Journalled { collection, id, .. } if !was_open(collection, id) => {
                    if let Some(counters) = of(collection) {
                        counters.conflicts.add(1);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn send(&mut self, order: Order) {
        if let Task::Listen(listen) = order.task {
            return self.listen(order.request, order.connector, listen);
        }
        let request = order.request;
        let kind = log::kind(&order.task);
        let exchange = tracing::debug_span!("exchange", connector = %order.connector, request = request.0, kind);
        let Some(wire) = self.wires.get(&order.connector).cloned() else {
            self.inputs.push_back(Input::Answer {
                request,
                from: 0,
                reply: exchange::unknown_connector(&order),
            });
            return;
        };
        if let Some(counters) = self.shared.traffic.of(&order.connector) {
            let again = self.failures.contains_key(&(order.connector.clone(), kind));
            counters.retries.add(usize::from(again));
        }
        let task = order.task.clone();
        if lock(&self.shared.busy).insert(order.connector.clone()) {
            self.shared.health_changed();
        }
        let carried_out = async move {
            let began_ms = host::monotonic_ms();
            log::order(&task);
            let reply = wire.carry_out(task).await;
            log::reply(&reply, began_ms);
            Done::Answer(request, reply)
        };
        let handle = self.tasks.spawn_local(carried_out.instrument(exchange));
        self.orders.insert(handle.id(), (order, handle));
    }

    /// Asks the policy functions on another thread: a slow one must not hold up the other feeds.
    pub(super) fn ask(&mut self, decide: Box<Decide>) {
        let functions = self.shared.functions.clone();
        self.tasks.spawn_local(async move {
            let asked = decide.clone();
            let resolution = tokio::task::spawn_blocking(move || functions.decide(&asked))
                .await
                .unwrap_or_else(|_| Resolution::Failed("the policy function was cut off".into()));
            Done::Decided(decide, resolution)
        });
    }
}
