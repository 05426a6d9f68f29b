//! Runs one scenario and catches what breaks.
use crate::check::Violation;
use crate::disk::Disk;
use crate::scenario::Scenario;
use crate::trace::Keeping;
use crate::world::{Tally, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// What the run did.
    pub tally: Tally,
    /// The hash of its trace, when that was kept.
    pub trace_hash: u64,
    /// What another host can replay, when that was kept.
    pub tape: String,
}

/// Runs a scenario. A panic counts as a violation of the checker `panic`.
pub fn run<D: Disk>(scenario: &Scenario, keeping: Keeping) -> Outcome {
    let mut world = World::<D>::new(scenario.clone(), keeping);
    // A world that has panicked is looked at once more, for its tally, and then dropped.
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match result {
        Ok(result) => result.err(),
        Err(panic) => Some(Violation {
            checker: "panic",
            message: words(panic.as_ref()),
        }),
    };
    Outcome {
        violation,
        tally: world.tally().clone(),
        trace_hash: world.trace_hash(),
        tape: world.tape().to_owned(),
    }
}

impl Outcome {
    /// The same run, found to give another trace the second time.
    pub fn not_deterministic(self, second: u64) -> Self {
        let message = format!(
            "the trace hash is {:016x}, and {second:016x} the second time",
            self.trace_hash
        );
        Outcome {
            violation: self.violation.or(Some(Violation {
                checker: "deterministic",
                message,
            })),
            ..self
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
        .to_owned()
}
