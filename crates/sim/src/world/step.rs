//! One step of an engine: with faults of its store, with the checkers behind it, and with a driver that does
//! what it is told.
use super::World;
use super::event::{Event, Who};
use super::kind::Kind;
use super::replica::{Process, connector};
use crate::app;
use crate::check::{
    Checked, Commit, Key, Manners, Records, Token, Violation, Waits, checkpoint, past, still, twins,
};
use crate::disk::Disk;
use crate::scenario::{CrashWhen, Fault};
use crate::watch::Watched;
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::*;
use tisync_core::store::StoreErrorKind;
use tisync_core::{Error, ErrorKind, trace};

impl<D: Disk> World<D> {
    /// Starts the first process of a replica.
    pub(super) fn start(&mut self, replica: usize) -> Checked {
        if let Some(who) = self.open(replica, 0)? {
            self.take(who)?;
        }
        Ok(())
    }

    /// Opens a replica in a process.
    pub(super) fn open(&mut self, replica: usize, slot: usize) -> Checked<Option<Who>> {
        if self.replicas[replica].processes[slot].is_some() {
            return Ok(None);
        }
        self.incarnations += 1;
        let process = Process::new(self.incarnations, self.now_ms);
        let config = self.replicas[replica].config.clone();
        self.replicas[replica].processes[slot] = Some(process);
        if let Some(tape) = &mut self.tape {
            tape.open(replica, slot);
        }
        let Some(who) = self.replicas[replica].who(replica, slot) else {
            return Ok(None);
        };
        self.step(who, Input::Configure(Box::new(config)), Vec::new())?;
        Ok(Some(who))
    }

    /// Lets a process take the lease.
    pub(super) fn take(&mut self, who: Who) -> Checked {
        // What it asked under an older lease is nobody's exchange any more: its answer comes too late.
        if let Some(process) = self.replicas[who.replica].processes[who.slot].as_mut() {
            process.open.clear();
        }
        let before = self.waits(who)?;
        self.step(who, Input::LeaseTaken, Vec::new())?;
        if let (Some(before), Some(after)) = (before, self.waits(who)?) {
            before.are_kept(&after)?;
        }
        match self.scenario.settings.listens {
            true => self.step(who, Input::Start { listen: true }, Vec::new()),
            false => Ok(()),
        }
    }

    /// What a replica waits for, as the next lease sees it.
    fn waits(&mut self, who: Who) -> Checked<Option<Waits>> {
        let replica = &mut self.replicas[who.replica];
        let Some(moment) = replica.moment(who.slot, self.now_ms) else {
            return Ok(None);
        };
        let now = Now {
            wall_ms: moment.wall_ms,
            monotonic_ms: moment.monotonic_ms,
            entropy: [0; 32],
        };
        let next = Generation(replica.shadow.generation.0 + 1);
        let feeds = replica.config.connectors[&connector()].feeds.keys();
        let keys = feeds.map(|feed| FeedKey {
            connector: connector(),
            feed: feed.clone(),
        });
        Waits::read(&mut replica.disk, &now, next, &connector(), keys).map(Some)
    }

    pub(super) fn wake(&mut self, who: Who, ticket: u64) -> Checked {
        let process = self.replicas[who.replica].processes[who.slot].as_mut();
        match process
            .filter(|process| process.incarnation == who.incarnation && process.ticket == ticket)
        {
            Some(process) if process.holds => {
                process.wake_ms = None;
                self.step(who, Input::Wake, Vec::new())
            }
            _ => Ok(()),
        }
    }

    /// Gives an input to an engine. `drawn`: the marks that it carries.
    pub(super) fn step(&mut self, who: Who, input: Input, drawn: Vec<Token>) -> Checked {
        let replica = &mut self.replicas[who.replica];
        let now_ms = self.now_ms;
        let wall_ms = replica.wall_ms(now_ms);
        let Some(process) = replica.processes[who.slot]
            .as_mut()
            .filter(|process| process.incarnation == who.incarnation)
        else {
            return Ok(());
        };
        let monotonic_ms = process.monotonic_ms(now_ms);
        replica.steps += 1;
        let number = replica.steps;
        let mut dice = self.dice(who.replica, 2, number);
        let now = Now {
            wall_ms,
            monotonic_ms,
            entropy: dice.bytes(),
        };
        // A driver opens a replica, or it does not: there is no half of that to try again.
        let opens = matches!(
            input,
            Input::Configure(_) | Input::Migrated(_) | Input::LeaseTaken
        );
        let busy = !opens && self.strikes(&mut dice, Fault::StoreBusy);
        let full = !opens && !busy && self.strikes(&mut dice, Fault::StoreFull);
        self.trace.input(now_ms, who.replica, who.slot, &input);

        let replica = &mut self.replicas[who.replica];
        let crash = replica.crash.take();
        let Some(process) = replica.processes[who.slot].as_mut() else {
            return Ok(());
        };
        if busy {
            replica.disk.fail_begin(StoreErrorKind::Busy);
        }
        if full {
            replica.disk.fail_commit(StoreErrorKind::Full);
        }
        // What the engine has given up on does not bind it.
        let mut asks = None;
        if let Input::Answer { request, reply, .. } = &input
            && process.open.remove(request).is_some()
        {
            asks = Manners::wait_ms(reply);
        }
        let kind = Kind::of(&input);
        let ends_requests = matches!(
            input,
            Input::Woke | Input::LogOut | Input::GiveUp { .. } | Input::GiveUpSaved(_)
        );
        let again = (busy || full).then(|| input.clone());
        let mut commits = Vec::new();
        let tape = self.tape.as_ref();
        let begun = tape.and_then(|tape| {
            let fault = fault(busy, full, crash.map(|(when, _)| when));
            tape.begin(who.replica, who.slot, now, &input, fault)
        });
        let mut store = Watched::new(&mut replica.disk, &mut commits, crash.map(|(when, _)| when));
        let result = process.engine.step(&mut store, now, input);
        replica.disk.clear_faults();
        if let (Some(tape), Some(begun)) = (&mut self.tape, begun) {
            tape.done(begun, &result, || replica.disk.state_hash());
        }
        if ends_requests && result.is_ok() {
            // Nothing that was asked before is awaited any more, though it may still come.
            process.open.clear();
        }
        self.committed(who, kind, &commits, &drawn)?;
        let replica = &mut self.replicas[who.replica];
        if let (Some(wait_ms), Some(moment), false) =
            (asks, replica.moment(who.slot, now_ms), commits.is_empty())
        {
            replica.manners.heard(wait_ms, moment);
        }
        if let Some((when, for_ms)) = crash {
            self.trace
                .note(now_ms, || format!("replica {} died: {when:?}", who.replica));
            self.kill(who.replica, for_ms);
            return Ok(());
        }
        match result {
            Ok(outputs) => self.outputs(who, kind, outputs),
            Err(error) => self.refused(who, kind, error, again, drawn),
        }
    }

    /// Checks what a step committed.
    fn committed(&mut self, who: Who, kind: Kind, commits: &[Commit], drawn: &[Token]) -> Checked {
        let [commit] = commits else {
            return match commits.len() {
                0 => Ok(()),
                count => Err(Violation::new(
                    "order",
                    format!("one step made {count} commits"),
                )),
            };
        };
        self.tally.commits += 1;
        self.tally.decisions += commit.journal.len() as u64;
        let replica = &mut self.replicas[who.replica];
        if kind == Kind::LeaseTaken {
            if let Some(moment) = replica.moment(who.slot, self.now_ms) {
                replica.manners.carried_over(moment);
            }
            replica.holder = who.slot;
            replica.shadow.generation.0 += 1;
        }
        let mut records = Records {
            replica: who.replica,
            shadow: &mut replica.shadow,
            ledger: &mut self.ledger,
            archive: &self.server.archive,
            history: &self.server.history,
            drawn,
            by_user: matches!(kind, Kind::Write | Kind::Undo | Kind::Edit | Kind::Resolve),
            discards: kind == Kind::Discard,
            supersedes: matches!(kind, Kind::Write | Kind::Undo | Kind::Edit),
            is_plain: self.scenario.settings.backend.is_some(),
        };
        records.check(&mut replica.disk, commit)?;
        if let (Some(plain), Some(mix)) = (&self.server.plain, &self.scenario.settings.backend) {
            if kind == Kind::Sync && mix.makes_ids() {
                twins(&mut replica.disk, |key| plain.maker(key), commit)?;
            }
            let own = |key: &Key| plain.own(who.replica, key);
            if kind == Kind::Sync && mix.keeps_our_writes() {
                past(&mut replica.disk, &self.server.archive, own, commit)?;
            }
            if kind == Kind::Sync && self.is_still {
                still(commit)?;
            }
            return self.noted(who.replica);
        }
        let epoch = self.server.meta().0;
        let config = &replica.config;
        checkpoint(
            &mut replica.disk,
            &mut replica.shadow,
            &self.server.history,
            &epoch,
            commit,
            |key| {
                config
                    .connectors
                    .get(&key.connector)
                    .and_then(|found| found.feeds.get(&key.feed))
                    .cloned()
                    .unwrap_or_default()
            },
            |key| replica.drifted.contains_key(key),
        )?;
        self.noted(who.replica)
    }

    /// Puts a replica's state into the trace now and then.
    fn noted(&mut self, replica: usize) -> Checked {
        if self.trace.is_on() && self.trace.steps().is_multiple_of(16) {
            let hash = self.replicas[replica].disk.state_hash();
            self.trace.note(self.now_ms, || {
                format!("state of replica {replica}: {hash:016x}")
            });
        }
        Ok(())
    }

    /// Does what a step asks for.
    fn outputs(&mut self, who: Who, kind: Kind, outputs: Vec<Output>) -> Checked {
        self.trace
            .outputs(self.now_ms, who.replica, who.slot, &outputs);
        if kind == Kind::LeaseTaken
            && let Some(process) = self.replicas[who.replica].processes[who.slot].as_mut()
        {
            process.holds = true;
        }
        for output in outputs {
            match output {
                Output::Order(order) => {
                    self.check_order(who, &order)?;
                    self.write_meanwhile(who, &order.task);
                    self.send(who, order)?;
                }
                Output::Decide(decide) => self.ask(who, decide),
                Output::Migrate(migrate) => self.migrate(who, *migrate)?,
                Output::Continue { request, from } => {
                    let process = self.replicas[who.replica].processes[who.slot].as_mut();
                    if let Some(reply) =
                        process.and_then(|process| process.partly.get(&request).cloned())
                    {
                        self.queue.add(
                            self.now_ms + 1,
                            Event::Answer {
                                who,
                                request,
                                from,
                                reply,
                            },
                        );
                    }
                }
                Output::WakeAt { monotonic_ms } => self.wake_at(who, monotonic_ms),
                Output::CredentialsNeeded { revision, .. } => {
                    // Who answers counts on from what was refused; a login has a number of its own.
                    let replica = &mut self.replicas[who.replica];
                    replica.revision = replica.revision.max(revision);
                    let number = replica.revision;
                    let wait_ms = self.dice(who.replica, 3, number).between(10, 20_000);
                    self.queue
                        .add(self.now_ms + wait_ms, Event::Credentials { who });
                }
                Output::Event(tisync_core::model::Event::Mended { collection, ids }) => {
                    self.check_mended(who, &collection, &ids)?;
                }
                Output::BroughtBack(back) => self.check_back(who.replica, &back)?,
                Output::Event(tisync_core::model::Event::Journalled { collection, id, .. })
                    if kind == Kind::GiveUp =>
                {
                    self.given_up(who.replica, collection, id);
                }
                Output::Written(_) | Output::Stay(_) | Output::Stored(_) | Output::Event(_) => {}
            }
        }
        self.nudge_holder(who, kind);
        self.check_resume(who)
    }

    /// The app's migrate function answers, unless the process dies before that.
    fn migrate(&mut self, who: Who, migrate: Migrate) -> Checked {
        let number = self.replicas[who.replica].steps;
        let mut dice = self.dice(who.replica, 11, number);
        if dice.chance(100) && !self.healing {
            let for_ms = dice.between(0, 5_000);
            self.kill(who.replica, for_ms);
            return Ok(());
        }
        let mended = self.healing;
        let answer = migrate.ask(|from, to, document| app::migrate(from, to, document, mended));
        self.step(who, Input::Migrated(Box::new(answer)), Vec::new())
    }

    fn wake_at(&mut self, who: Who, monotonic_ms: Option<u64>) {
        let now_ms = self.now_ms;
        let Some(process) = self.replicas[who.replica].processes[who.slot].as_mut() else {
            return;
        };
        process.ticket += 1;
        process.wake_ms = monotonic_ms.map(|ms| process.virtual_ms(ms).max(now_ms + 1));
        if let Some(at_ms) = process.wake_ms {
            let ticket = process.ticket;
            self.queue.add(at_ms, Event::Wake { who, ticket });
        }
    }

    /// The process with the lease notices what another has committed.
    fn nudge_holder(&mut self, who: Who, kind: Kind) {
        let replica = &self.replicas[who.replica];
        if who.slot == replica.holder || matches!(kind, Kind::Sync | Kind::GiveUp) {
            return;
        }
        if let Some(process) = &replica.processes[replica.holder]
            && let Some(holder) = replica.who(who.replica, replica.holder)
        {
            let ticket = process.ticket;
            self.queue.add(
                self.now_ms + 100,
                Event::Wake {
                    who: holder,
                    ticket,
                },
            );
        }
    }

    fn check_order(&mut self, who: Who, order: &Order) -> Checked {
        let replica = &mut self.replicas[who.replica];
        if order.generation != replica.shadow.generation {
            let message = format!(
                "an order under the generation {:?}, but the lease stands at {:?}",
                order.generation, replica.shadow.generation
            );
            return Err(Violation::new("order", message));
        }
        let Some(moment) = replica.moment(who.slot, self.now_ms) else {
            return Ok(());
        };
        replica.manners.check(moment)?;
        let Some(process) = replica.processes[who.slot].as_mut() else {
            return Ok(());
        };
        // It goes on beside the exchanges.
        if matches!(order.task, Task::Listen(_)) {
            return Ok(());
        }
        let now = moment.monotonic_ms;
        process.open.retain(|_, (_, until)| *until > now);
        if process
            .open
            .values()
            .any(|(other, _)| *other == order.connector)
        {
            let message = format!("two exchanges with {} at once", order.connector);
            return Err(Violation::new("order", message));
        }
        process.open.insert(
            order.request,
            (order.connector.clone(), now + REQUEST_DEADLINE_MS),
        );
        process.partly.clear();
        Ok(())
    }

    /// What waits has a request, a wake-up or a named blocker.
    fn check_resume(&mut self, who: Who) -> Checked {
        let wall_ms = self.replicas[who.replica].wall_ms(self.now_ms);
        let replica = &mut self.replicas[who.replica];
        let holder = replica.holder == who.slot;
        let Some(process) = replica.processes[who.slot].as_mut() else {
            return Ok(());
        };
        if !holder || !process.holds || process.wake_ms.is_some() || !process.open.is_empty() {
            return Ok(());
        }
        if !process.partly.is_empty() {
            return Ok(());
        }
        let now = Now {
            wall_ms,
            monotonic_ms: process.monotonic_ms(self.now_ms),
            entropy: [0; 32],
        };
        let health = process
            .engine
            .health(&mut replica.disk, now)
            .map_err(|error| {
                Violation::new("resume", format!("the health cannot be read: {error}"))
            })?;
        let waits = health.outbox.pending + health.outbox.in_flight + health.outbox.unknown > 0
            || health.feeds.iter().any(|feed| feed.behind);
        let named = !health.blockers.is_empty()
            || health.connectors.iter().any(|one| one.blocker.is_some());
        if waits && !named {
            return Err(Violation::new(
                "resume",
                format!("nothing will happen any more, but {health:?}"),
            ));
        }
        Ok(())
    }

    fn refused(
        &mut self,
        who: Who,
        kind: Kind,
        error: Error,
        again: Option<Input>,
        drawn: Vec<Token>,
    ) -> Checked {
        self.trace.note(self.now_ms, || {
            format!("{}.{} refused: {error}", who.replica, who.slot)
        });
        match (error.kind, again) {
            (ErrorKind::Store(_), Some(input)) => {
                let number = self.replicas[who.replica].steps;
                let wait_ms = self.dice(who.replica, 4, number).between(1, 3_000);
                let input = Box::new(input);
                self.queue
                    .add(self.now_ms + wait_ms, Event::Again { who, input, drawn });
                Ok(())
            }
            (ErrorKind::LeaseLost, _) => {
                if let Some(process) = self.replicas[who.replica].processes[who.slot].as_mut() {
                    process.holds = false;
                }
                Ok(())
            }
            // A user's command may not fit what is there.
            _ if !matches!(
                kind,
                Kind::Sync | Kind::GiveUp | Kind::Configure | Kind::LeaseTaken
            ) =>
            {
                Ok(())
            }
            _ => Err(Violation::new(
                "order",
                format!("an input of the driver was refused: {error}"),
            )),
        }
    }
}

/// What the store does not do in a step, as a trace has it.
fn fault(busy: bool, full: bool, crash: Option<CrashWhen>) -> Option<trace::Fault> {
    match (busy, full, crash) {
        (true, ..) => Some(trace::Fault::Busy),
        (_, _, Some(CrashWhen::BeforeCommit)) => Some(trace::Fault::Died),
        (_, true, _) => Some(trace::Fault::Full),
        _ => None,
    }
}
