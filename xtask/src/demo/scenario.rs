//! What the two devices do to the same records, and what each policy must make of it.

use serde_json::Value;
use std::collections::BTreeMap;

/// The fields of a record.
pub(super) type Fields = BTreeMap<String, Value>;

/// A collection with its own policy; each gets its own copy of all airports.
pub(super) struct Policy {
    /// The collection.
    pub(super) collection: &'static str,
    /// The policy's name.
    pub(super) rule: &'static str,
    /// What it means for two devices, in a sentence.
    pub(super) words: &'static str,
    /// Whether the time of a write counts.
    pub(super) times: bool,
}

pub(super) const POLICIES: [Policy; 5] = [
    Policy {
        collection: "client",
        rule: "client-wins",
        words: "our side stands, as a whole record. That is B's here: B meets the conflicts, as A synced first",
        times: false,
    },
    Policy {
        collection: "server",
        rule: "server-wins",
        words: "the server's side stands, as a whole record. That is A's here, as A synced first",
        times: false,
    },
    Policy {
        collection: "latest",
        rule: "latest-timestamp-wins",
        words: "who wrote last (*) stands, as a whole record, whoever synced first",
        times: true,
    },
    Policy {
        collection: "merge",
        rule: "merge",
        words: "field by field; visits is a counter, tags a set; what both changed goes to the last writer (*)",
        times: true,
    },
    Policy {
        collection: "manual",
        rule: "manual",
        words: "a person decides, and until then nothing of the record is sent",
        times: false,
    },
];

/// The rules of single fields, which `merge` takes from the configuration file.
pub(super) const MERGE_FIELDS: &str = "
[collections.merge.fields]
visits = \"counter\"
tags = \"set\"
";

/// What is written before the devices part, so that the counter and the set have a base.
pub(super) const BEFORE: (&str, &[(&str, &str)]) =
    ("ORD", &[("visits", "10"), ("tags", r#"["hub"]"#)]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::A, Side::B];

    pub(super) fn name(self) -> &'static str {
        match self {
            Side::A => "A",
            Side::B => "B",
        }
    }
}

/// What one device does to a record while it is offline.
pub(super) struct Edit {
    pub(super) record: &'static str,
    pub(super) by: Side,
    /// Whether it is written after all the early ones of both devices.
    pub(super) late: bool,
    pub(super) change: Change,
}

#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Fields with their values as JSON.
    Set(&'static [(&'static str, &'static str)]),
    Delete,
}

/// The records that both devices touch, in the order of the tables.
pub(super) const RECORDS: [&str; 6] = ["LAS", "HNL", "ORD", "JFK", "SEA", "SFO"];

/// The same edits are made in all five collections.
pub(super) const EDITS: &[Edit] = &[
    // The same field.
    set("LAS", Side::A, false, &[("name", r#""Harry Reid Intl""#)]),
    set("LAS", Side::B, true, &[("name", r#""Las Vegas Reid""#)]),
    // Different fields.
    set("HNL", Side::A, true, &[("name", r#""Inouye Intl""#)]),
    set("HNL", Side::B, false, &[("city", r#""Oahu""#)]),
    // A counter and a set, where there are rules for them.
    set(
        "ORD",
        Side::A,
        false,
        &[("visits", "13"), ("tags", r#"["hub","rail"]"#)],
    ),
    set(
        "ORD",
        Side::B,
        true,
        &[("visits", "15"), ("tags", r#"["hub","taxi"]"#)],
    ),
    // One deletes what the other edits.
    delete("JFK", Side::A, true),
    set("JFK", Side::B, false, &[("name", r#""Kennedy Intl""#)]),
    set("SEA", Side::A, true, &[("name", r#""Sea-Tac""#)]),
    delete("SEA", Side::B, false),
    // The same edit twice is no conflict.
    set("SFO", Side::A, false, &[("city", r#""Millbrae""#)]),
    set("SFO", Side::B, true, &[("city", r#""Millbrae""#)]),
];

const fn set(
    record: &'static str,
    by: Side,
    late: bool,
    fields: &'static [(&'static str, &'static str)],
) -> Edit {
    let change = Change::Set(fields);
    Edit {
        record,
        by,
        late,
        change,
    }
}

const fn delete(record: &'static str, by: Side, late: bool) -> Edit {
    let change = Change::Delete;
    Edit {
        record,
        by,
        late,
        change,
    }
}

/// How a person settles the conflicts of the collection `manual`, on device B.
pub(super) enum Answer {
    /// An option of `tisync conflicts resolve`.
    Side(&'static str),
    /// A document: the record as it was before, with these fields.
    Document(&'static [(&'static str, &'static str)]),
}

pub(super) const ANSWERS: &[(&str, Answer)] = &[
    ("LAS", Answer::Side("--theirs")),
    (
        "HNL",
        Answer::Document(&[("name", r#""Inouye Intl""#), ("city", r#""Oahu""#)]),
    ),
    ("ORD", Answer::Side("--ours")),
    ("JFK", Answer::Side("--ours")),
    ("SEA", Answer::Side("--delete")),
];

/// What stands of a record: the fields that count, or nothing when it is deleted.
type Outcome = Option<&'static [(&'static str, &'static str)]>;

const A_ORD: Outcome = Some(&[("visits", "13"), ("tags", r#"["hub","rail"]"#)]);
const B_ORD: Outcome = Some(&[("visits", "15"), ("tags", r#"["hub","taxi"]"#)]);
const HONOLULU: &str = r#""Honolulu International""#;
const REID: Outcome = Some(&[("name", r#""Harry Reid Intl""#)]);
const VEGAS: Outcome = Some(&[("name", r#""Las Vegas Reid""#)]);
const KENNEDY: Outcome = Some(&[("name", r#""Kennedy Intl""#)]);
const SEATAC: Outcome = Some(&[("name", r#""Sea-Tac""#)]);
const SAME: Outcome = Some(&[("city", r#""Millbrae""#)]);
const BOTH_HNL: Outcome = Some(&[("name", r#""Inouye Intl""#), ("city", r#""Oahu""#)]);

/// The outcomes that the policies promise, in the order of `POLICIES` and `RECORDS`.
const OUTCOMES: [[Outcome; 6]; 5] = [
    [
        VEGAS,
        Some(&[("name", HONOLULU), ("city", r#""Oahu""#)]),
        B_ORD,
        KENNEDY,
        None,
        SAME,
    ],
    [
        REID,
        Some(&[("name", r#""Inouye Intl""#), ("city", r#""Honolulu""#)]),
        A_ORD,
        None,
        SEATAC,
        SAME,
    ],
    [
        VEGAS,
        Some(&[("name", r#""Inouye Intl""#), ("city", r#""Honolulu""#)]),
        B_ORD,
        None,
        SEATAC,
        SAME,
    ],
    [
        VEGAS,
        BOTH_HNL,
        Some(&[("visits", "18"), ("tags", r#"["hub","rail","taxi"]"#)]),
        KENNEDY,
        SEATAC,
        SAME,
    ],
    [REID, BOTH_HNL, B_ORD, KENNEDY, None, SAME],
];

/// Gives what must stand of a record under a policy; `None` when it must be gone.
pub(super) fn promised(policy: usize, record: usize) -> Option<Fields> {
    OUTCOMES[policy][record].map(fields)
}

/// Reads fields whose values are written as JSON.
pub(super) fn fields(written: &[(&str, &str)]) -> Fields {
    written
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json(value)))
        .collect()
}

/// Finds what a device does to a record.
pub(super) fn edit(record: &str, by: Side) -> Option<&'static Edit> {
    EDITS
        .iter()
        .find(|edit| edit.record == record && edit.by == by)
}

/// The fields of a record that somebody touches.
pub(super) fn touched(record: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for edit in EDITS.iter().filter(|edit| edit.record == record) {
        if let Change::Set(fields) = edit.change {
            for (name, _) in fields {
                if !names.contains(name) {
                    names.push(*name);
                }
            }
        }
    }
    names
}

fn json(text: &str) -> Value {
    // Only constants of this file come here, and a test reads them all.
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_json() {
        let edits = EDITS.iter().filter_map(|edit| match edit.change {
            Change::Set(fields) => Some(fields),
            Change::Delete => None,
        });
        let answers = ANSWERS.iter().filter_map(|(_, answer)| match answer {
            Answer::Document(fields) => Some(*fields),
            Answer::Side(_) => None,
        });
        let outcomes = OUTCOMES.iter().flatten().filter_map(|outcome| *outcome);
        for (name, value) in edits
            .chain(answers)
            .chain(outcomes)
            .chain([BEFORE.1])
            .flatten()
        {
            assert!(
                serde_json::from_str::<Value>(value).is_ok(),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn both_devices_touch_each_record_and_only_one_of_them_last() {
        for record in RECORDS {
            let [a, b] = Side::BOTH.map(|side| edit(record, side).unwrap());
            assert_ne!(a.late, b.late, "{record}");
        }
    }
}
