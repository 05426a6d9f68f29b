//! What the simulator tells: progress on a terminal, a summary, and for each failure one command that shows it
//! again.
use crate::fleet::Harvest;
use crate::scenario::{Fault, Scenario};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

const YEAR_MS: f64 = 365.25 * 86_400_000.0;

/// A line on standard error that says how far it is, when a terminal is there to see it.
pub struct Progress {
    started: Instant,
    total: u64,
    shown: bool,
}

impl Progress {
    /// Progress towards `total` seeds.
    pub fn new(total: u64) -> Self {
        Progress {
            started: Instant::now(),
            total,
            shown: std::io::stderr().is_terminal(),
        }
    }

    /// Says how far it is.
    pub fn tell(&self, done: u64, failed: u64) {
        if self.shown && (done.is_multiple_of(64) || done == self.total) {
            let seconds = self.started.elapsed().as_secs_f64().max(0.001);
            let mut out = std::io::stderr().lock();
            let _ = write!(
                out,
                "\r{done} of {} seeds, {failed} failed, {:.0} a second ",
                self.total,
                done as f64 / seconds
            );
            let _ = out.flush();
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.shown {
            let _ = writeln!(std::io::stderr().lock());
        }
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// What many seeds came to.
pub fn summary(harvest: &Harvest, took: Duration) -> String {
    let tally = &harvest.tally;
    let seconds = took.as_secs_f64().max(0.001);
    let mut text = format!(
        "{} seeds in {seconds:.1} s: {} steps ({:.0} a second), {} commits checked, {} requests, {} decisions \
         journalled, {} crashes and power cuts, {:.1} virtual years\nfaults by chance:",
        harvest.seeds,
        tally.steps,
        tally.steps as f64 / seconds,
        tally.commits,
        tally.requests,
        tally.decisions,
        tally.crashes,
        tally.virtual_ms as f64 / YEAR_MS,
    );
    for fault in Fault::ALL {
        let _ = write!(text, " {} {},", fault.name(), tally.faults[fault as usize]);
    }
    text.pop();
    text
}

/// The command that runs a scenario again, as it is or as far as it was shortened.
pub fn command(scenario: &Scenario, whole: &Scenario, bug: Option<&str>, both: bool) -> String {
    let mut text = format!("cargo xtask sim --seed {}", scenario.seed);
    if scenario.steps.len() != whole.steps.len() {
        let kept: Vec<String> = scenario
            .steps
            .iter()
            .map(|step| step.number.to_string())
            .collect();
        let _ = write!(
            text,
            " --keep {}",
            if kept.is_empty() {
                ",".to_owned()
            } else {
                kept.join(",")
            }
        );
    }
    let off = whole
        .settings
        .rates
        .on()
        .filter(|(fault, _)| scenario.settings.rates.of(*fault) == 0);
    let off: Vec<&str> = off.map(|(fault, _)| fault.name()).collect();
    if !off.is_empty() {
        let _ = write!(text, " --without {}", off.join(","));
    }
    if let Some(bug) = bug {
        let _ = write!(text, " --bug {bug}");
    }
    if both {
        text.push_str(" --store both");
    }
    text
}
