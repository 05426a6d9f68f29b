//! Runs many seeds on several threads.
use crate::run::Outcome;
use crate::{Tally, Violation};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failures that are kept: more would only repeat.
const FAILURES_MAX: usize = 20;

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Harvest {
    /// Seeds that ran.
    pub seeds: u64,
    /// What they did.
    pub tally: Tally,
    /// What failed, in the order of the seeds.
    pub failures: Vec<(u64, Violation)>,
    /// How many failed.
    pub failed: u64,
}

/// Runs seeds `from..from + count`; `progress` hears now and then how many are done. Stops early after the
/// first failure when `first` is set.
pub fn run_all(
    from: u64,
    count: u64,
    jobs: usize,
    first: bool,
    run: impl Fn(u64) -> Outcome + Sync,
    progress: impl Fn(u64, u64) + Sync,
) -> Harvest {
    let next = AtomicU64::new(0);
    let stop_at = AtomicU64::new(u64::MAX);
    let harvest = Mutex::new(Harvest::default());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || index > stop_at.load(Ordering::Relaxed) {
                return;
            }
            let outcome = run(from + index);
            let Ok(mut harvest) = harvest.lock() else {
                return;
            };
            harvest.seeds += 1;
            harvest.tally.add(&outcome.tally);
            if let Some(violation) = outcome.violation {
                harvest.failed += 1;
                if first {
                    stop_at.fetch_min(index, Ordering::Relaxed);
                }
                harvest.failures.push((from + index, violation));
                harvest.failures.sort_by_key(|(seed, _)| *seed);
                harvest.failures.truncate(FAILURES_MAX);
            }
            progress(harvest.seeds, harvest.failed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(work);
        }
    });
    harvest.into_inner().unwrap_or_default()
}
