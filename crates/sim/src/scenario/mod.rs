//! A scenario: everything that happens, drawn from one seed before anything runs, so that it can be shortened.
mod action;
mod draw;
mod fault;
mod kept;
mod mix;
mod policies;
mod upgrade;

pub use action::{Action, CrashWhen, Deed, DeedKind, Drift, Extra, ServerAction, Verb};
pub use draw::draw;
pub use fault::{Fault, Rates};
pub use kept::Kept;
pub use mix::{Mix, mix};

use serde::{Deserialize, Serialize};
use std::fmt;
use tisync_core::model::Policy;

/// The fields of the documents that the simulated app writes; one bit of [`Deed::fields`] each.
pub const FIELDS: [&str; 7] = ["a", "b", "o", "n", "s", "t", "m"];

/// Everything that happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// The seed that it was drawn from; chance at run time comes from it too.
    pub seed: u64,
    /// What holds all the time.
    pub settings: Settings,
    /// What happens at a stated time, in order.
    pub steps: Vec<Step>,
}

/// An action and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its place in the scenario as it was drawn: the name under which `--keep` keeps it.
    pub number: usize,
    /// Virtual milliseconds since the beginning.
    pub at_ms: u64,
    /// What happens.
    pub action: Action,
}

/// What holds all the time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Devices.
    pub replicas: u8,
    /// The policies of the collections `c0`, `c1`, …
    pub policies: Vec<Policy>,
    /// Whether each collection has a feed of its own.
    pub feeds_apart: bool,
    /// Ids that all replicas use.
    pub pool: u32,
    /// How often each fault strikes.
    pub rates: Rates,
    /// How much one step of an engine may do.
    pub slice_items: Option<usize>,
    /// Items of one page of the server.
    pub page_items: u64,
    /// Mutations of one push that the server takes.
    pub push_items: u64,
    /// Milliseconds between polls.
    pub poll_ms: u64,
    /// Whether the replicas listen for hints.
    #[serde(default)]
    pub listens: bool,
    /// How long the server keeps deletions.
    pub tombstones_ms: u64,
    /// How far each device's clock is off, and how it drifts in parts per million.
    pub clocks: Vec<(i64, i64)>,
    /// Whether the app is updated meanwhile: at the end its mended version is started everywhere.
    #[serde(default)]
    pub upgrades: bool,
    /// Milliseconds that a policy function takes, from and to; it fails, or never answers, by chance.
    pub function_ms: (u64, u64),
    /// Whether records drift, and replicas are compared with the server.
    #[serde(default)]
    pub drifts: bool,
    /// What the backend can do; `None` for the native service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Mix>,
}

impl Scenario {
    /// When its last action happens.
    pub fn ends_ms(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.at_ms)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            replicas,
            pool,
            slice_items,
            page_items,
            push_items,
            poll_ms,
            listens,
            clocks,
            ..
        } = &self.settings;
        writeln!(
            f,
            "  {replicas} replicas, clocks off by {clocks:?} (ms, ppm), {pool} shared ids, a poll every {poll_ms} ms"
        )?;
        writeln!(
            f,
            "  pages of {page_items}, pushes of {push_items}, slices of {slice_items:?}{}",
            if *listens { ", with hints" } else { "" }
        )?;
        if let Some(mix) = &self.settings.backend {
            writeln!(f, "  a backend that knows nothing of sync: {mix}")?;
        }
        for (number, policy) in self.settings.policies.iter().enumerate() {
            writeln!(
                f,
                "  c{number}: {}",
                serde_json::to_string(policy).unwrap_or_default()
            )?;
        }
        let faults: Vec<String> = self
            .settings
            .rates
            .on()
            .map(|(fault, rate)| format!("{} {rate}‰", fault.name()))
            .collect();
        writeln!(
            f,
            "  faults by chance: {}",
            if faults.is_empty() {
                "none".to_owned()
            } else {
                faults.join(", ")
            }
        )?;
        for step in &self.steps {
            writeln!(
                f,
                "  [{}] {:>9} ms  {}",
                step.number, step.at_ms, step.action
            )?;
        }
        Ok(())
    }
}
