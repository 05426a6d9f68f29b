//! What was measured, for people and for programs.
use crate::pair::Pair;
use crate::spent::Spent;
use serde_json::{Map, Value, json};
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
    /// The same of processor time, in seconds.
    pub(crate) cpu: Option<(f64, f64)>,
    /// How many runs of each.
    pub(crate) n: usize,
    /// The ratio that must be met, if there is one.
    pub(crate) must: Option<f64>,
    /// The ratio that is aimed at.
    pub(crate) aim: Option<f64>,
    /// What packages of others took for the same.
    pub(crate) peers: Vec<Peer>,
    /// What else there is to say.
    pub(crate) note: String,
}

/// What a package of others took: the medians of its runs.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) spent: Spent,
}

/// What a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Megabytes,
}

impl Line {
    /// A line of times: takes the medians.
    pub(crate) fn times(row: impl Into<String>, spent: &Pair<Spent>) -> Self {
        let cpu = spent.map(|spent| spent.cpu_s);
        Line {
            cpu: Some((median(cpu.ours), median(cpu.limit))),
            ..Line::seconds(row, spent.map(|spent| spent.wall_s))
        }
    }

    /// A line of times by the clock alone.
    pub(crate) fn seconds(row: impl Into<String>, seconds: Pair<f64>) -> Self {
        Line {
            row: row.into(),
            unit: Unit::Seconds,
            n: seconds.ours.len().max(seconds.limit.len()),
            ours: median(seconds.ours),
            limit: median(seconds.limit),
            cpu: None,
            must: None,
            aim: None,
            peers: Vec::new(),
            note: String::new(),
        }
    }

    /// A line of medians beside packages of others, where ours and the limit ran.
    pub(crate) fn beside(
        row: impl Into<String>,
        n: usize,
        (ours, limit): (Option<Spent>, Option<Spent>),
        peers: Vec<Peer>,
    ) -> Self {
        let one = |spent: Option<Spent>| spent.into_iter().collect();
        let pair = Pair {
            ours: one(ours),
            limit: one(limit),
        };
        Line {
            n,
            peers,
            ..Line::times(row, &pair)
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

    /// Sets what is aimed at; what must be met are the peers.
    pub(crate) fn aim(self, aim: f64) -> Self {
        Line {
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

    /// The ratio of processor time.
    fn cpu_ratio(&self) -> Option<f64> {
        self.cpu.map(|(ours, limit)| ours / limit)
    }

    /// Whether the budget is met, by the clock; where packages of others ran, whether ours is faster than each.
    fn verdict(&self) -> Option<String> {
        let is_aim = self.aim.is_some_and(|aim| self.ratio() <= aim);
        let missed = match self.peers.is_empty() {
            true => {
                let ratio = Some(self.ratio()).filter(|ratio| ratio.is_finite())?;
                (ratio > self.must?).then(|| "MISSED".to_owned())
            }
            false => {
                let faster = self
                    .peers
                    .iter()
                    .filter(|peer| peer.spent.wall_s <= self.ours);
                let names: Vec<_> = faster.map(|peer| peer.name).collect();
                (!names.is_empty()).then(|| format!("MISSED: slower than {}", names.join(", ")))
            }
        };
        Some(missed.unwrap_or_else(|| if is_aim { "met, aim" } else { "met" }.to_owned()))
    }

    /// What the peers took, as one object.
    fn peers_json(&self) -> Value {
        let seconds =
            |peer: &Peer| json!({ "wall_s": peer.spent.wall_s, "cpu_s": peer.spent.cpu_s });
        let all = self.peers.iter();
        match self.peers.is_empty() {
            true => Value::Null,
            false => all
                .map(|peer| (peer.name.to_owned(), seconds(peer)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// The peers and the remark, for people.
    fn remark(&self) -> String {
        let seconds =
            |peer: &Peer| format!("{} {}", peer.name, shown(self.unit, peer.spent.wall_s));
        match self.peers.is_empty() {
            true => self.note.clone(),
            false => {
                let all: Vec<_> = self.peers.iter().map(seconds).collect();
                format!("{}; {}", all.join(", "), self.note)
            }
        }
    }

    /// One object; what does not apply is left out.
    pub(crate) fn json(&self) -> String {
        let (ours, limit) = match self.unit {
            Unit::Seconds => ("ours_s", "limit_s"),
            Unit::Megabytes => ("ours_mb", "limit_mb"),
        };
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| {
            if !value.is_null() {
                object.insert(key.to_owned(), value);
            }
        };
        put("row", json!(self.row));
        put(ours, json!(self.ours));
        put(limit, json!(self.limit));
        put("ratio", json!(self.ratio()));
        put("cpu_ratio", json!(self.cpu_ratio()));
        put("n", json!(self.n));
        put("must", json!(self.must));
        put("aim", json!(self.aim));
        put("verdict", json!(self.verdict()));
        put("peers", self.peers_json());
        put(
            "note",
            json!(Some(&self.note).filter(|note| !note.is_empty())),
        );
        Value::Object(object).to_string()
    }
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
        "{:<26} {:>9} {:>9} {:>6} {:>6} {:>5} {:>5}  {:<8}  what decides it",
        "row", "ours", "limit", "ratio", "cpu", "must", "aim", "verdict"
    );
    for line in lines {
        let ratio = |ratio: Option<f64>| match ratio {
            Some(ratio) if ratio.is_finite() => format!("{ratio:.2}"),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "{:<26} {:>9} {:>9} {:>6} {:>6} {:>5} {:>5}  {:<8}  {}",
            line.row,
            shown(line.unit, line.ours),
            shown(line.unit, line.limit),
            ratio(Some(line.ratio())),
            ratio(line.cpu_ratio()),
            ratio(line.must),
            ratio(line.aim),
            line.verdict().unwrap_or_default(),
            line.remark()
        );
    }
    out
}

fn shown(unit: Unit, value: f64) -> String {
    match unit {
        _ if !value.is_finite() => String::new(),
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
        let seconds = Pair {
            ours: vec![9.0, ours, 0.0],
            limit: vec![1.0, 1.0],
        };
        Line::seconds("W0", seconds).budget(1.6, 1.25)
    }

    #[test]
    fn the_verdict_follows_the_budget() {
        assert_eq!(line(1.2).verdict().as_deref(), Some("met, aim"));
        assert_eq!(line(1.5).verdict().as_deref(), Some("met"));
        assert_eq!(line(1.7).verdict().as_deref(), Some("MISSED"));
        let alone = Line {
            limit: f64::NAN,
            ..line(1.2)
        };
        assert_eq!(alone.verdict(), None);
        let without = Line {
            must: None,
            ..line(1.2)
        };
        assert_eq!(without.verdict(), None);
    }

    #[test]
    fn a_line_is_one_object() {
        assert_eq!(
            line(1.5).note("why").json(),
            r#"{"aim":1.25,"limit_s":1.0,"must":1.6,"n":3,"note":"why","ours_s":1.5,"ratio":1.5,"row":"W0","verdict":"met"}"#
        );
    }

    #[test]
    fn a_line_beside_peers_must_be_faster_than_each() {
        let spent = |wall_s| Spent {
            wall_s,
            cpu_s: wall_s,
        };
        let peer = |name, wall_s| Peer {
            name,
            spent: spent(wall_s),
        };
        let beside = |ours| {
            let peers = vec![peer("Slow", 9.0), peer("Quick", 2.0)];
            Line::beside("JS W0", 3, (Some(spent(ours)), Some(spent(1.0))), peers).aim(1.5)
        };
        assert_eq!(beside(1.4).verdict().as_deref(), Some("met, aim"));
        assert_eq!(beside(1.9).verdict().as_deref(), Some("met"));
        let missed = beside(2.0);
        let verdict = missed.verdict();
        assert_eq!(verdict.as_deref(), Some("MISSED: slower than Quick"));
        assert!(
            missed
                .json()
                .contains(r#""peers":{"Quick":{"cpu_s":2.0,"wall_s":2.0},"Slow":"#)
        );
        assert!(print(&[missed]).contains("Slow 9.00 s, Quick 2.00 s"));
    }

    #[test]
    fn a_program_alone_has_no_ratio() {
        let alone = Pair {
            ours: vec![1.0],
            limit: Vec::new(),
        };
        let line = Line::seconds("W0", alone).budget(1.6, 1.25);
        assert_eq!(
            line.json(),
            r#"{"aim":1.25,"must":1.6,"n":1,"ours_s":1.0,"row":"W0"}"#
        );
        assert!(print(&[line]).contains("1.00 s"));
    }
}
