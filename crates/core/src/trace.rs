//! What engines were given and what came of it, as lines that can be replayed on any store of any host: the same inputs
//! give the same outputs everywhere.
//!
//! The simulator writes traces; tests of hosts replay them.
use crate::memory::MemoryStore;
use crate::model::{Input, Now, Output};
use crate::store::{Store, StoreErrorKind};
use crate::{Engine, Error};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// Commits without a flush that a power cut can take, in a store that a trace is replayed on.
pub const UNFLUSHED_MAX: usize = 8;

/// One line of a trace, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A trace begins; every store is empty.
    Seed(u64),
    /// A process of a replica starts.
    Open {
        /// The replica.
        replica: usize,
        /// Which of its processes.
        process: usize,
    },
    /// An engine is given an input.
    Step(Box<Step>),
    /// The power fails: the store loses commits that were not flushed.
    PowerCut {
        /// The replica.
        replica: usize,
        /// How many commits were lost.
        lost: usize,
    },
}

/// An engine is given an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The replica.
    pub replica: usize,
    /// Which of its processes.
    pub process: usize,
    /// Time and entropy.
    pub now: Now,
    /// The input.
    pub input: Input,
    /// What the store did not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// What came of it: see [`result_hash`].
    pub result: String,
    /// A hash of everything that is stored afterwards, now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What a store does not do in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No transaction begins.
    Busy,
    /// The commit fails: the disk is full.
    Full,
    /// The commit fails: the process dies.
    Died,
}

/// A hash of what a step gave back: its outputs in order, or the kind of its error.
pub fn result_hash(result: &Result<Vec<Output>, Error>) -> String {
    let text = match result {
        Ok(outputs) => tisync_json::write(outputs),
        Err(error) => format!("{:?}", error.kind),
    };
    hash(tisync_json::hash64(text.as_bytes()))
}

/// A hash as a trace has it.
pub fn hash(hash: u64) -> String {
    format!("{hash:016x}")
}

/// A store that a trace can be replayed on.
pub trait Stage: Store {
    /// Lets the next step meet a fault; says whether it can. A step with a fault that it cannot make is left out: by its
    /// contract it changes nothing.
    fn fail(&mut self, fault: Fault) -> bool;
    /// Forgets faults that were not met.
    fn heal(&mut self);
    /// Loses commits; says whether it can. If not, the replica's trace ends there.
    fn lose(&mut self, commits: usize) -> bool;
    /// A hash of everything that is stored, where there is one.
    fn state(&self) -> Option<u64>;
}

impl Stage for MemoryStore {
    fn fail(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Busy => self.fail_next_begin(StoreErrorKind::Busy),
            Fault::Full => self.fail_next_commit(StoreErrorKind::Full),
            Fault::Died => self.fail_next_commit(StoreErrorKind::Io),
        }
        true
    }

    fn heal(&mut self) {
        self.clear_faults();
    }

    fn lose(&mut self, commits: usize) -> bool {
        self.power_cut(commits) == commits
    }

    fn state(&self) -> Option<u64> {
        Some(self.state_hash())
    }
}

/// What was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Steps whose results agreed.
    pub steps: u64,
    /// States that agreed.
    pub states: u64,
    /// Steps that were left out, since the store cannot fail so.
    pub left_out: u64,
}

struct Replica<S> {
    store: S,
    processes: [Engine; 2],
    is_over: bool,
}

/// Replays a trace, or what it has of one replica. `empty` gives an empty store for each replica.
///
/// # Errors
/// With the line (counted from 1) that cannot be read, or gives something else than it says.
pub fn replay<S: Stage>(
    text: &str,
    only: Option<usize>,
    mut empty: impl FnMut() -> S,
) -> Result<Replayed, String> {
    let mut replicas: BTreeMap<usize, Replica<S>> = BTreeMap::new();
    let mut replayed = Replayed::default();
    for (number, line) in text.lines().enumerate() {
        let at = |what: String| format!("line {}: {what}", number + 1);
        let line = tisync_json::read(line)
            .map_err(|error| at(format!("expected a line of a trace, but {error}")))?;
        let number = match &line {
            Line::Seed(_) => continue,
            Line::Open { replica, .. } | Line::PowerCut { replica, .. } => *replica,
            Line::Step(step) => step.replica,
        };
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let replica = replicas.entry(number).or_insert_with(|| Replica {
            store: empty(),
            processes: [Engine::new(), Engine::new()],
            is_over: false,
        });
        if !replica.is_over {
            replica.play(line, &mut replayed).map_err(at)?;
        }
    }
    Ok(replayed)
}

impl<S: Stage> Replica<S> {
    fn play(&mut self, line: Line, replayed: &mut Replayed) -> Result<(), String> {
        match line {
            Line::Seed(_) => Ok(()),
            Line::Open { process, .. } => {
                *engine(&mut self.processes, process)? = Engine::new();
                Ok(())
            }
            Line::PowerCut { lost, .. } => {
                self.is_over = !self.store.lose(lost);
                Ok(())
            }
            Line::Step(step) => self.step(*step, replayed),
        }
    }

    fn step(&mut self, step: Step, replayed: &mut Replayed) -> Result<(), String> {
        if let Some(fault) = step.fault
            && !self.store.fail(fault)
        {
            replayed.left_out += 1;
            return Ok(());
        }
        let engine = engine(&mut self.processes, step.process)?;
        let result = engine.step(&mut self.store, step.now, step.input);
        self.store.heal();
        let came = result_hash(&result);
        if came != step.result {
            let shown = match &result {
                Ok(outputs) => tisync_json::write(outputs),
                Err(error) => error.to_string(),
            };
            return Err(format!(
                "expected a result with the hash {}, but {came} came: {shown}",
                step.result
            ));
        }
        replayed.steps += 1;
        if let (Some(expected), Some(state)) = (step.state, self.store.state()) {
            let came = hash(state);
            if came != expected {
                return Err(format!(
                    "expected a state with the hash {expected}, but {came} came"
                ));
            }
            replayed.states += 1;
        }
        Ok(())
    }
}

fn engine(processes: &mut [Engine; 2], process: usize) -> Result<&mut Engine, String> {
    processes
        .get_mut(process)
        .ok_or_else(|| format!("expected process 0 or 1, but {process} came"))
}
