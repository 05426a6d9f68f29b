//! The world: devices, a network and a server, in virtual time.
mod act;
mod boat;
mod drift;
mod ear;
mod event;
mod exchange;
mod heal;
mod kind;
mod less;
mod life;
mod network;
mod plain;
mod replica;
mod server;
mod step;
mod write;

use crate::check::{Checked, Key, Ledger, Token, Violation};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::scenario::{Fault, Scenario};
use crate::tape::Tape;
use crate::trace::{Keeping, Trace};
use ear::Ear;
use event::{Event, Queue};
use exchange::Exchange;
pub(crate) use plain::as_kept;
use replica::Replica;
use server::Server;
use std::collections::BTreeMap;
use tisync_core::model::Input;

/// Steps of all engines in one virtual minute: more means that something goes round in circles. Five replicas that
/// poll three feeds every two seconds, page by page and slice by slice, make fewer.
const STEPS_A_MINUTE_MAX: u64 = 10_000;

/// Runs a scenario on stores of one kind.
pub(crate) struct World<D> {
    scenario: Scenario,
    now_ms: u64,
    queue: Queue,
    replicas: Vec<Replica<D>>,
    server: Server,
    exchanges: BTreeMap<u64, Exchange>,
    exchange_count: u64,
    ears: BTreeMap<u64, Ear>,
    ear_count: u64,
    incarnations: u64,
    ledger: Ledger,
    /// What each mark beside a reference was written for: the collection, and the id that was written.
    references: BTreeMap<Token, Key>,
    trace: Trace,
    /// What another host can replay, where that is wanted.
    tape: Option<Tape>,
    tally: Tally,
    /// Whether the faults are over.
    healing: bool,
    /// Whether nothing changes any more: a last walk must write nothing.
    is_still: bool,
    /// Whether everything was walked once more before that.
    was_walked: bool,
    /// When the virtual minute began, and the steps before it.
    minute: (u64, u64),
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps of engines.
    pub steps: u64,
    /// Commits of the replicas' stores.
    pub commits: u64,
    /// Requests.
    pub requests: u64,
    /// Rows of journals.
    pub decisions: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// Crashes and power cuts.
    pub crashes: u64,
    /// Faults by chance that struck.
    pub faults: [u64; Fault::ALL.len()],
}

impl Tally {
    /// Adds another run.
    pub fn add(&mut self, other: &Tally) {
        self.steps += other.steps;
        self.commits += other.commits;
        self.requests += other.requests;
        self.decisions += other.decisions;
        self.virtual_ms += other.virtual_ms;
        self.crashes += other.crashes;
        for (sum, count) in self.faults.iter_mut().zip(other.faults) {
            *sum += count;
        }
    }
}

impl<D: Disk> World<D> {
    /// A world in which nothing has happened yet.
    pub(crate) fn new(scenario: Scenario, keeping: Keeping) -> Self {
        let replicas = usize::from(scenario.settings.replicas);
        World {
            now_ms: 0,
            queue: Queue::default(),
            replicas: (0..replicas)
                .map(|number| Replica::new(number, &scenario.settings))
                .collect(),
            server: Server::new(&scenario.settings, scenario.seed),
            exchanges: BTreeMap::new(),
            exchange_count: 0,
            ears: BTreeMap::new(),
            ear_count: 0,
            incarnations: 0,
            ledger: Ledger::new(replicas),
            references: BTreeMap::new(),
            trace: Trace::new(keeping),
            tape: (keeping == Keeping::Tape).then(|| Tape::new(scenario.seed)),
            tally: Tally::default(),
            healing: false,
            is_still: false,
            was_walked: false,
            minute: (0, 0),
            scenario,
        }
    }

    /// Lets everything happen, then heals the world and checks that nothing is left over.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        let result = self.happen();
        self.tally.steps = self.trace.steps();
        self.tally.virtual_ms = self.now_ms;
        result.map_err(|violation| Violation {
            message: format!(
                "{} (at {} ms, step {})",
                violation.message,
                self.now_ms,
                self.trace.steps()
            ),
            ..violation
        })
    }

    /// What the run did.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The hash of the trace.
    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// The lines that another host can replay; empty where they were not wanted.
    pub(crate) fn tape(&self) -> &str {
        self.tape.as_ref().map_or("", Tape::lines)
    }

    fn happen(&mut self) -> Checked {
        for replica in 0..self.replicas.len() {
            self.replicas[replica].token = self.server.token();
            self.start(replica)?;
        }
        for (index, step) in self.scenario.steps.iter().enumerate() {
            self.queue.add(step.at_ms, Event::Step(index));
        }
        let ends_ms = self.scenario.ends_ms();
        while let Some((at_ms, event)) = self.queue.next() {
            self.turn(at_ms, event)?;
            if self.now_ms > ends_ms {
                break;
            }
        }
        self.heal()
    }

    fn turn(&mut self, at_ms: u64, event: Event) -> Checked {
        self.now_ms = self.now_ms.max(at_ms);
        self.check_pace()?;
        match event {
            Event::Step(index) => {
                let action = self.scenario.steps[index].action.clone();
                self.act(action)
            }
            Event::Wake { who, ticket } => self.wake(who, ticket),
            Event::Arrive {
                from,
                exchange,
                request,
                fate,
            } => self.arrive(from, exchange, &request, fate),
            Event::Return { exchange, answer } => self.returned(exchange, answer),
            Event::Answer {
                who,
                request,
                from,
                reply,
            } => self.answer(who, request, from, reply),
            // Whoever stopped sync has started it again since.
            Event::Again { input, .. }
                if self.healing && matches!(*input, Input::Stop | Input::LogOut) =>
            {
                Ok(())
            }
            Event::Again { who, input, drawn } => self.step(who, *input, drawn),
            Event::Decided {
                who,
                decide,
                failed,
            } => self.decided(who, &decide, failed),
            Event::Ear { ear, news } => self.hear(ear, news),
            Event::Edit { who, key } => self.edit(who, key),
            Event::Credentials { who } => self.credentials(who),
            Event::Start { replica, ticket } => {
                if self.replicas[replica].start_ticket == ticket {
                    self.start(replica)?;
                }
                Ok(())
            }
            Event::EndDefer => {
                self.server.defer(false);
                Ok(())
            }
        }
    }

    fn check_pace(&mut self) -> Checked {
        let (began_ms, before) = self.minute;
        let steps = self.trace.steps() - before;
        if steps > STEPS_A_MINUTE_MAX {
            let message = format!("{steps} steps in a minute: something goes round in circles");
            return Err(Violation::new("resume", message));
        }
        if self.now_ms >= began_ms + 60_000 {
            self.minute = (self.now_ms, self.trace.steps());
        }
        Ok(())
    }

    /// Chance that belongs to one thing of one replica.
    fn dice(&self, replica: usize, kind: u64, number: u64) -> Dice {
        Dice::of(self.scenario.seed, &[replica as u64, kind, number])
    }

    /// Whether a fault strikes now.
    fn strikes(&mut self, dice: &mut Dice, fault: Fault) -> bool {
        let strikes = dice.chance(self.scenario.settings.rates.of(fault)) && !self.healing;
        self.tally.faults[fault as usize] += u64::from(strikes);
        strikes
    }
}
