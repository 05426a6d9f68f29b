//! A trace that another host can replay, written while a scenario runs.
use std::collections::BTreeSet;
use tisync_core::model::{Input, Now, Output};
use tisync_core::trace::{Fault, Line, Step, hash, result_hash};
use tisync_core::{Error, ErrorKind};

/// Steps of one trace: some scenarios take thousands, most of which are polls.
const STEPS_MAX: u64 = 500;
/// Steps after which the whole state is compared.
const STATE_STEPS: u64 = 16;

/// The lines of a trace, in JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    lines: String,
    steps: u64,
    /// Replicas whose store was changed behind the engine's back: what follows cannot be replayed.
    ended: BTreeSet<usize>,
}

/// A step that is about to be carried out.
pub(crate) struct Begun {
    replica: usize,
    process: usize,
    now: Now,
    input: Input,
    fault: Option<Fault>,
}

impl Tape {
    /// A trace of a scenario.
    pub(crate) fn new(seed: u64) -> Self {
        let mut tape = Tape::default();
        tape.write(&Line::Seed(seed));
        tape
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> &str {
        &self.lines
    }

    /// A process starts.
    pub(crate) fn open(&mut self, replica: usize, process: usize) {
        if self.goes_on(replica) {
            self.write(&Line::Open { replica, process });
        }
    }

    /// The power fails.
    pub(crate) fn power_cut(&mut self, replica: usize, lost: usize) {
        if self.goes_on(replica) {
            self.write(&Line::PowerCut { replica, lost });
        }
    }

    /// Nothing more of this replica.
    pub(crate) fn end(&mut self, replica: usize) {
        self.ended.insert(replica);
    }

    /// An engine is given an input, with the fault that is arranged for its store.
    pub(crate) fn begin(
        &self,
        replica: usize,
        process: usize,
        now: Now,
        input: &Input,
        fault: Option<Fault>,
    ) -> Option<Begun> {
        self.goes_on(replica).then(|| Begun {
            replica,
            process,
            now,
            input: input.clone(),
            fault,
        })
    }

    /// What came of it; `state` hashes the whole store.
    pub(crate) fn done(
        &mut self,
        begun: Begun,
        result: &Result<Vec<Output>, Error>,
        state: impl FnOnce() -> u64,
    ) {
        let struck = matches!(result, Err(error) if matches!(error.kind, ErrorKind::Store(_)));
        self.steps += 1;
        let is_compared = self.steps.is_multiple_of(STATE_STEPS);
        let step = Step {
            replica: begun.replica,
            process: begun.process,
            now: begun.now,
            input: begun.input,
            fault: begun.fault.filter(|_| struck),
            result: result_hash(result),
            state: is_compared.then(|| hash(state())),
        };
        self.write(&Line::Step(Box::new(step)));
    }

    fn goes_on(&self, replica: usize) -> bool {
        self.steps < STEPS_MAX && !self.ended.contains(&replica)
    }

    fn write(&mut self, line: &Line) {
        match serde_json::to_string(line) {
            Ok(text) => self.lines.push_str(&text),
            Err(error) => panic!("a line of a trace cannot be written: {error}"),
        }
        self.lines.push('\n');
    }
}
