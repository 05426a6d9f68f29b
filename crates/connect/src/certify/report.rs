//! What certify found: for a person, and as JSON.
use serde::Serialize;
use std::fmt;
use tisync_core::model::{Answers, Capability, Deletes, FeedKind, Idempotency, RemoteStamps};

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to, such as `writes`.
    pub group: &'static str,
    /// What was tried, as a sentence that should be true.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It holds, and there is something to know.
    Noted {
        /// What.
        note: String,
    },
    /// It does not hold.
    Failed {
        /// What was expected.
        expected: String,
        /// What came.
        came: String,
    },
    /// It was not tried, because the connector does not claim it or the backend cannot be asked.
    Skipped {
        /// Why.
        why: String,
    },
}

/// Everything that was found about a connector on a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The collection that was written to.
    pub collection: String,
    /// Where the backend is.
    pub endpoint: String,
    /// What follows from the declared capability.
    pub guarantee: String,
    /// Every check, in order.
    pub checks: Vec<Check>,
    /// What the backend would need for more.
    pub next_level: Vec<String>,
}

impl Report {
    /// How many checks passed.
    pub fn passed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Passed | Outcome::Noted { .. }))
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed { .. }))
    }

    /// How many were not tried.
    pub fn skipped(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Skipped { .. }))
    }

    /// Where it was tried, the guarantee, what would be needed for more, and the counts: a line each.
    pub fn summary(&self) -> String {
        let mut lines = vec![
            format!("{} at {}", self.collection, self.endpoint),
            format!("guarantee: {}", self.guarantee),
        ];
        lines.extend(
            self.next_level
                .iter()
                .map(|need| format!("for more:  {need}")),
        );
        lines.push(format!(
            "{} passed, {} failed, {} not tried",
            self.passed(),
            self.failed(),
            self.skipped()
        ));
        lines.join("\n")
    }

    fn count(&self, which: impl Fn(&Outcome) -> bool) -> usize {
        self.checks
            .iter()
            .filter(|check| which(&check.outcome))
            .count()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Passed => write!(f, "  ok    {}", self.name),
            Outcome::Noted { note } => write!(f, "  ok    {}\n        note: {note}", self.name),
            Outcome::Failed { expected, came } => write!(
                f,
                "  FAIL  {}\n        expected: {expected}\n        came:     {came}",
                self.name
            ),
            Outcome::Skipped { why } => {
                write!(f, "  -     {}\n        not tried: {why}", self.name)
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = "";
        for check in &self.checks {
            if check.group != group {
                group = check.group;
                writeln!(f, "{group}")?;
            }
            writeln!(f, "{check}")?;
        }
        write!(f, "\n{}", self.summary())
    }
}

/// What the backend would need for a better guarantee, the most useful first.
pub(super) fn next_level(capability: &Capability) -> Vec<String> {
    let mut needs = Vec::new();
    let mut need = |missing: bool, text: &str| {
        if missing {
            needs.push(text.to_owned());
        }
    };
    need(
        !capability.conditional,
        "conditional writes (a version with each record, and a write that names the one it saw) would rule out lost updates",
    );
    need(
        capability.idempotency == Idempotency::None,
        "ids made by the client, a field that keeps a mark, or keys that the server remembers would rule out duplicates",
    );
    need(
        matches!(capability.feed, FeedKind::Listing(_)),
        "a filter for what changed since a time, ordered by time and id, would spare the full passes",
    );
    need(
        matches!(capability.feed, FeedKind::Timestamps { .. }),
        "a counter that rises in the order of commits would rule out missed changes",
    );
    need(
        capability.deletes == Deletes::Absent,
        "a soft-delete field, or tombstones among the changes, would make deletes exact",
    );
    need(
        !capability.fetch,
        "reading one record by its id would confirm what seems deleted",
    );
    need(
        capability.answers != Answers::Image,
        "an answer to a write that shows the stored record would spare a read after it",
    );
    need(
        matches!(capability.stamps, RemoteStamps::None),
        "a time of the last change in each record would allow latest-timestamp-wins",
    );
    need(
        !capability.atomic,
        "a batch that is applied whole or not at all would keep groups together",
    );
    need(
        !capability.hints,
        "a stream that says when something changed would spare polls",
    );
    needs
}
