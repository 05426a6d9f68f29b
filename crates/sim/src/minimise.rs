//! Shortens a failing scenario: leaves out actions and faults as long as the same checker still complains.
use crate::run::Outcome;
use crate::scenario::Scenario;

/// Runs at most: a bound on the time that shortening takes.
const RUNS_MAX: usize = 600;

/// The shortest scenario found that still fails by the same checker.
pub fn minimise(scenario: &Scenario, run: impl Fn(&Scenario) -> Outcome) -> Scenario {
    let Some(violation) = run(scenario).violation else {
        return scenario.clone();
    };
    let mut runs = 0;
    let mut fails = |shorter: &Scenario| {
        runs += 1;
        runs <= RUNS_MAX
            && run(shorter)
                .violation
                .is_some_and(|found| found.checker == violation.checker)
    };
    let mut best = scenario.clone();
    let faults: Vec<_> = best.settings.rates.on().map(|(fault, _)| fault).collect();
    for fault in faults {
        let mut shorter = best.clone();
        shorter.settings.rates.set(fault, 0);
        if fails(&shorter) {
            best = shorter;
        }
    }
    // Delta debugging: ever smaller chunks, from the end, where the failure is near.
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut end = best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let mut shorter = best.clone();
            shorter.steps.drain(start..end);
            if fails(&shorter) {
                best = shorter;
            }
            end = start;
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    best
}
