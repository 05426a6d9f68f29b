//! What was measured, for people and for programs.
use serde_json::json;
use std::fmt::Write as _;

/// One measured line.
#[derive(Debug)]
pub(crate) struct Line {
    /// The row of the table, with its variant: `W2 FULL`.
    pub(crate) row: String,
    pub(crate) unit: Unit,
    /// The median of our runs, in seconds or MB.
    pub(crate) ours: f64,
    /// The median of the limit's runs.
    pub(crate) limit: f64,
    /// How many runs of each.
    pub(crate) n: usize,
    /// The ratio that must be met, if there is one.
    pub(crate) must: Option<f64>,
    /// The ratio that is aimed at.
    pub(crate) aim: Option<f64>,
    /// What else there is to say.
    pub(crate) note: String,
}

/// What a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Megabytes,
}

impl Line {
    /// A line of times: takes the medians.
    pub(crate) fn times(row: impl Into<String>, samples: Samples) -> Self {
        Line {
            row: row.into(),
            unit: Unit::Seconds,
            n: samples.ours.len(),
            ours: median(samples.ours),
            limit: median(samples.limit),
            must: None,
            aim: None,
            note: String::new(),
        }
    }

    /// Sets the budget.
    pub(crate) fn budget(self, must: f64, aim: f64) -> Self {
        Line {
            must: Some(must),
            aim: Some(aim),
            ..self
        }
    }

    /// Adds a remark.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Line {
            note: note.into(),
            ..self
        }
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.ours / self.limit
    }

    fn verdict(&self) -> &'static str {
        let within = |budget: Option<f64>| budget.is_some_and(|budget| self.ratio() <= budget);
        match self.must {
            None => "",
            Some(_) if within(self.aim) => "aim",
            Some(_) if within(self.must) => "must",
            Some(_) => "MISSES",
        }
    }

    /// One object.
    pub(crate) fn json(&self) -> String {
        let ratio = self.ratio();
        match self.unit {
            Unit::Seconds => json!({
                "row": self.row, "ours_s": self.ours, "limit_s": self.limit, "ratio": ratio, "n": self.n,
            }),
            Unit::Megabytes => json!({
                "row": self.row, "ours_mb": self.ours, "limit_mb": self.limit, "ratio": ratio, "n": self.n,
            }),
        }
        .to_string()
    }
}

/// The times of both programs, in seconds.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) ours: Vec<f64>,
    pub(crate) limit: Vec<f64>,
}

/// The middle value.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    match samples.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => samples[count / 2],
        count => (samples[count / 2 - 1] + samples[count / 2]) / 2.0,
    }
}

/// The table for people.
pub(crate) fn print(lines: &[Line]) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<28} {:>10} {:>10} {:>7} {:>6} {:>6}  {:<7} note",
        "row", "ours", "limit", "ratio", "must", "aim", "verdict"
    );
    for line in lines {
        let budget =
            |budget: Option<f64>| budget.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            out,
            "{:<28} {:>10} {:>10} {:>7.2} {:>6} {:>6}  {:<7} {}",
            line.row,
            shown(line.unit, line.ours),
            shown(line.unit, line.limit),
            line.ratio(),
            budget(line.must),
            budget(line.aim),
            line.verdict(),
            line.note
        );
    }
    out
}

fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Megabytes => format!("{value:.0} MB"),
        Unit::Seconds if value >= 0.1 => format!("{value:.2} s"),
        Unit::Seconds if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
        Unit::Seconds => format!("{:.1} µs", value * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ours: f64) -> Line {
        let samples = Samples {
            ours: vec![9.0, ours, 0.0],
            limit: vec![1.0, 1.0],
        };
        Line::times("W0", samples).budget(1.6, 1.25)
    }

    #[test]
    fn the_verdict_follows_the_budget() {
        assert_eq!(line(1.2).verdict(), "aim");
        assert_eq!(line(1.5).verdict(), "must");
        assert_eq!(line(1.7).verdict(), "MISSES");
    }

    #[test]
    fn a_line_is_one_object() {
        assert_eq!(
            line(1.5).json(),
            r#"{"limit_s":1.0,"n":3,"ours_s":1.5,"ratio":1.5,"row":"W0"}"#
        );
    }
}
