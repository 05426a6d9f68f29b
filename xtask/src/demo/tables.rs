//! What became of each record under each policy, and how a decision is undone.

use super::Demo;
use super::ledger::{Deed, Stage};
use super::scenario::{
    Change, Fields, POLICIES, Policy, RECORDS, Side, edit, fields, promised, touched,
};
use super::screen::short;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Characters of a value in a table: six columns of values fit into 120.
const VALUE_CHARS_MAX: usize = 17;
/// Characters of what the journal kept, with the device's name before it.
const KEPT_CHARS_MAX: usize = 21;

/// The decision that is undone for a value, and the one for a deleted record: collection, record, field, value.
const UNDONE: [(&str, &str, &str, &str); 2] = [
    ("client", "LAS", "name", r#""Harry Reid Intl""#),
    ("server", "JFK", "name", r#""Kennedy Intl""#),
];

/// A decision as a journal keeps it.
pub(super) struct Decision {
    pub(super) row: i64,
    pub(super) record: (String, String),
    /// The device whose journal it is in: `ours` is its side.
    by: Side,
    pub(super) state: String,
    pub(super) undoes: bool,
    loser: String,
    base: Option<Fields>,
    ours: Option<Fields>,
    theirs: Option<Fields>,
    outcome: Option<Fields>,
}

impl Demo {
    /// Prints a table for each policy, and compares its outcomes with what the policy promises.
    pub(super) fn show_outcomes(&mut self) -> Result<()> {
        self.screen
            .step("Who won, and what became of the other side");
        self.screen.say(
            "A dot: the device did not touch that field. What lost is in the journal, and one command brings it back.",
        );
        let [of_a, of_b] = [self.shown(&self.a)?, self.shown(&self.b)?];
        let decisions = self.decisions()?;
        for (number, policy) in POLICIES.iter().enumerate() {
            self.screen
                .heading(&format!("{}: {}", policy.rule, policy.words));
            let mut lines = Vec::new();
            let mut kept = 0;
            let mut wrong = Vec::new();
            for (place, record) in RECORDS.iter().enumerate() {
                let key = (policy.collection.to_owned(), (*record).to_owned());
                let outcome = of_a.get(&key);
                lines.extend(self.lines(policy, record, outcome, &decisions));
                let promised = promised(number, place);
                if is_kept(promised.as_ref(), outcome) && of_b.get(&key) == outcome {
                    kept += 1;
                } else {
                    let promised =
                        promised.map_or_else(|| "(deleted)".to_owned(), |it| json!(it).to_string());
                    wrong.push(format!("{record} must be {promised}"));
                }
            }
            let headings = [
                "",
                "field",
                "base",
                "device A",
                "device B",
                "outcome",
                "kept in the journal",
            ];
            self.screen.table(&headings, &lines);
            self.screen.check(
                kept == RECORDS.len(),
                &format!(
                    "{kept} of {} outcomes are what {} promises, on A and on B",
                    RECORDS.len(),
                    policy.rule
                ),
            );
            wrong.iter().for_each(|text| self.screen.say(text));
        }
        Ok(())
    }

    /// A line for each field that somebody touched.
    fn lines(
        &self,
        policy: &Policy,
        record: &str,
        outcome: Option<&Fields>,
        decisions: &[Decision],
    ) -> Vec<Vec<String>> {
        let key = (policy.collection.to_owned(), record.to_owned());
        let about: Vec<_> = decisions.iter().filter(|row| row.record == key).collect();
        let line = |(place, field): (usize, &'static str)| {
            let first = place == 0;
            let of = |side| edited(policy, record, side, field, first);
            vec![
                if first { record } else { "" }.to_owned(),
                field.to_owned(),
                value(self.base.get(&key), field),
                of(Side::A),
                of(Side::B),
                match outcome {
                    None if first => "(deleted)".to_owned(),
                    None => String::new(),
                    Some(_) => value(outcome, field),
                },
                kept(&about, field, first),
            ]
        };
        touched(record).into_iter().enumerate().map(line).collect()
    }

    /// Reads the journals of both devices.
    pub(super) fn decisions(&self) -> Result<Vec<Decision>> {
        let mut decisions = Vec::new();
        for side in Side::BOTH {
            for row in self.device(side).rows(&["journal", "--limit", "1000000"])? {
                decisions.push(decision(side, &row)?);
            }
        }
        Ok(decisions)
    }

    /// Brings two losing sides back: a value, and a record that was deleted.
    pub(super) fn undo(&mut self) -> Result<()> {
        self.screen
            .step("A decision is undone: what lost comes back, on all devices");
        self.screen
            .say("The numbers are those of `tisync journal`.");
        for (collection, record, field, lost) in UNDONE {
            let decisions = self.decisions()?;
            let found = decisions.iter().find(|decision| {
                decision.by == Side::B
                    && decision.record == (collection.to_owned(), record.to_owned())
            });
            let found = found.with_context(|| {
                format!("expected a decision about {collection} {record} in B's journal")
            })?;
            let row = found.row.to_string();
            let was = found.outcome.as_ref().map_or_else(
                || "(deleted)".to_owned(),
                |outcome| value(Some(outcome), field),
            );
            let args = ["conflicts", "undo", &row];
            self.screen.command("B", &args);
            self.b.do_it(&args)?;
            let undone = fields(&[(field, lost)]);
            self.screen.say(&format!(
                "   {collection} {record}: {was} → {}",
                value(Some(&undone), field)
            ));
            self.ledger
                .note(Stage::Undone, collection, record, Deed::Set(undone));
        }
        self.settle()?;
        for (collection, record, field, lost) in UNDONE {
            let wanted = fields(&[(field, lost)]);
            let back = Side::BOTH.map(|side| self.document(side, collection, record));
            let [a, b] = back;
            let (a, b) = (a?, b?);
            self.screen.check(
                a.get(field) == wanted.get(field) && a == b,
                &format!(
                    "{collection} {record} shows {field}={} on A and on B",
                    value(Some(&a), field)
                ),
            );
        }
        Ok(())
    }

    fn document(&self, side: Side, collection: &str, record: &str) -> Result<Fields> {
        let (row, _) = self.device(side).row(&["get", collection, record])?;
        Ok(serde_json::from_value(row["document"].clone())?)
    }
}

impl Decision {
    /// The sides that lost something, with the device that made them.
    fn losers(&self) -> Vec<(Side, &Option<Fields>)> {
        let other = match self.by {
            Side::A => Side::B,
            Side::B => Side::A,
        };
        let (ours, theirs) = ((self.by, &self.ours), (other, &self.theirs));
        match self.loser.as_str() {
            "ours" => vec![ours],
            "theirs" => vec![theirs],
            "both" => vec![theirs, ours],
            _ => Vec::new(),
        }
    }
}

fn decision(by: Side, row: &Value) -> Result<Decision> {
    let text = |name: &str| {
        let text = row[name].as_str().map(str::to_owned);
        text.with_context(|| format!("expected {name} in a row of the journal, but {row} came"))
    };
    let image = |name: &str| match row[name].get("present") {
        None => Ok(None),
        Some(document) => serde_json::from_value(document.clone()).map(Some),
    };
    Ok(Decision {
        row: row["id"]
            .as_i64()
            .with_context(|| format!("expected the number of a journal row, but {row} came"))?,
        record: (text("collection")?, text("record")?),
        by,
        state: text("state")?,
        undoes: !row["undoes"].is_null(),
        loser: text("loser")?,
        base: image("base")?,
        ours: image("ours")?,
        theirs: image("theirs")?,
        outcome: image("outcome")?,
    })
}

/// Whether a promise about some fields of a record, or about its end, is kept.
fn is_kept(promised: Option<&Fields>, outcome: Option<&Fields>) -> bool {
    match (promised, outcome) {
        (None, None) => true,
        (Some(promised), Some(outcome)) => promised
            .iter()
            .all(|(name, value)| outcome.get(name) == Some(value)),
        _ => false,
    }
}

/// What a device did to a field, with a star where it wrote last and that counts.
fn edited(policy: &Policy, record: &str, by: Side, field: &str, first: bool) -> String {
    let Some(edit) = edit(record, by) else {
        return "·".to_owned();
    };
    let star = if policy.times && edit.late { "*" } else { "" };
    match edit.change {
        Change::Delete if first => format!("(deleted){star}"),
        Change::Delete => String::new(),
        Change::Set(values) => {
            let values = fields(values);
            match values.get(field) {
                Some(_) => format!("{}{star}", value(Some(&values), field)),
                None => "·".to_owned(),
            }
        }
    }
}

/// What the journal kept of a field: each losing value with the device that wrote it.
fn kept(decisions: &[&Decision], field: &str, first: bool) -> String {
    let mut lost = Vec::new();
    for decision in decisions {
        for (side, image) in decision.losers() {
            let of = |image: &Option<Fields>| {
                image.as_ref().and_then(|fields| fields.get(field)).cloned()
            };
            let is = of(image);
            let text = match image {
                None if first => "the delete".to_owned(),
                Some(image) if is != of(&decision.outcome) && is != of(&decision.base) => {
                    value(Some(image), field)
                }
                _ => continue,
            };
            lost.push(format!("{}: {text}", side.name()));
        }
    }
    if !lost.is_empty() {
        return short(&lost.join(", "), KEPT_CHARS_MAX);
    }
    let nothing = decisions
        .iter()
        .all(|decision| decision.losers().is_empty());
    if first && nothing {
        "(nothing was lost)".to_owned()
    } else {
        String::new()
    }
}

/// A field's value for a person: a text without quotes, a list by its items.
fn value(fields: Option<&Fields>, name: &str) -> String {
    let value = fields.and_then(|fields| fields.get(name));
    let text = match value {
        None => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items = items.iter().map(|item| match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            items.collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    };
    short(&text, VALUE_CHARS_MAX)
}

/// What the losing sides in all journals had changed, by record: `conflicts undo` brings it back.
pub(super) fn losers(decisions: &[Decision]) -> BTreeMap<(String, String), Vec<Option<Fields>>> {
    let mut losers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for decision in decisions {
        let changed = |name: &String, value: &Value| {
            let base = decision.base.as_ref().and_then(|base| base.get(name));
            base != Some(value)
        };
        let of_record = losers.entry(decision.record.clone()).or_default();
        for (_, image) in decision.losers() {
            let mut image = image.clone();
            if let Some(fields) = &mut image {
                fields.retain(|name, value| changed(name, value));
            }
            of_record.push(image);
        }
    }
    losers
}
