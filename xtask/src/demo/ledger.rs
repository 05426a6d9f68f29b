//! The demo's own book of every write that a device acknowledged, and where each of them is at the end.

use super::scenario::Fields;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A record of a collection.
pub(super) type Key = (String, String);

/// When a write was made. All devices were in sync between two stages, so a write has seen those of earlier stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Import,
    Before,
    Offline,
    Resolved,
    Undone,
}

/// What a write did.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Set(Fields),
    Delete,
}

struct Write {
    stage: Stage,
    key: Key,
    deed: Deed,
}

/// The book.
#[derive(Default)]
pub(super) struct Ledger {
    writes: Vec<Write>,
    /// For each record and field, the stages in which it was written; a delete writes all fields.
    written: BTreeMap<Key, BTreeSet<(Stage, Option<String>)>>,
}

/// Where the writes are at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) visible: u64,
    pub(super) journalled: u64,
    pub(super) overwritten: u64,
    /// Each with the record that misses it.
    pub(super) missing: Vec<String>,
}

/// What there is at the end.
pub(super) struct Evidence {
    /// The records as all replicas and the server show them.
    pub(super) shown: BTreeMap<Key, Fields>,
    /// What each losing side in a journal of any device had changed; `None` is a delete.
    pub(super) journals: BTreeMap<Key, Vec<Option<Fields>>>,
    /// Values that a rule made out of several writes: fields with what the writes together must come to.
    pub(super) together: BTreeMap<(Key, String), Value>,
}

impl Ledger {
    /// Notes a write that a device acknowledged.
    pub(super) fn note(&mut self, stage: Stage, collection: &str, record: &str, deed: Deed) {
        let key = (collection.to_owned(), record.to_owned());
        let written = self.written.entry(key.clone()).or_default();
        match &deed {
            Deed::Set(fields) => {
                written.extend(fields.keys().map(|name| (stage, Some(name.clone()))));
            }
            Deed::Delete => {
                written.insert((stage, None));
            }
        }
        self.writes.push(Write { stage, key, deed });
    }

    pub(super) fn len(&self) -> u64 {
        self.writes.len() as u64
    }

    /// Looks for every write: it is visible, or in a journal, or a write that had seen it came after it.
    pub(super) fn find(&self, evidence: &Evidence) -> Found {
        let mut found = Found::default();
        for write in &self.writes {
            match self.fate(write, evidence) {
                Fate::Visible => found.visible += 1,
                Fate::Journalled => found.journalled += 1,
                Fate::Overwritten => found.overwritten += 1,
                Fate::Missing => {
                    let (collection, record) = &write.key;
                    let what = format!("{collection} {record}: {:?}", write.deed);
                    found.missing.push(what);
                }
            }
        }
        found
    }

    /// A write of several fields is where the worst of them is.
    fn fate(&self, write: &Write, evidence: &Evidence) -> Fate {
        let shown = evidence.shown.get(&write.key);
        match &write.deed {
            Deed::Delete if shown.is_none() => Fate::Visible,
            Deed::Delete => self.hidden(
                write,
                None,
                evidence.images(&write.key).any(|image| image.is_none()),
            ),
            Deed::Set(fields) => {
                let fate = |(name, value): (&String, &Value)| {
                    let together = evidence.together.get(&(write.key.clone(), name.clone()));
                    let is = shown.and_then(|fields| fields.get(name));
                    if is.is_some() && (is == Some(value) || is == together) {
                        return Fate::Visible;
                    }
                    let mut images = evidence.images(&write.key).flatten();
                    let journalled = images.any(|image| image.get(name) == Some(value));
                    self.hidden(write, Some(name), journalled)
                };
                fields.iter().map(fate).max().unwrap_or(Fate::Visible)
            }
        }
    }

    fn hidden(&self, write: &Write, field: Option<&String>, journalled: bool) -> Fate {
        if journalled {
            return Fate::Journalled;
        }
        let later = self.written[&write.key].iter().any(|(stage, name)| {
            *stage > write.stage && (name.is_none() || field.is_none() || name.as_ref() == field)
        });
        if later {
            Fate::Overwritten
        } else {
            Fate::Missing
        }
    }
}

impl Evidence {
    fn images(&self, key: &Key) -> impl Iterator<Item = &Option<Fields>> {
        self.journals.get(key).into_iter().flatten()
    }
}

/// Ordered from the best to the worst.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Visible,
    Journalled,
    Overwritten,
    Missing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(value: &str) -> Fields {
        Fields::from([("name".to_owned(), json!(value))])
    }

    fn key() -> Key {
        ("airports".to_owned(), "LAS".to_owned())
    }

    fn evidence(shown: Option<&str>, journal: &[Option<&str>]) -> Evidence {
        Evidence {
            shown: shown
                .map(|value| (key(), name(value)))
                .into_iter()
                .collect(),
            journals: BTreeMap::from([(
                key(),
                journal.iter().map(|value| value.map(name)).collect(),
            )]),
            together: BTreeMap::new(),
        }
    }

    fn book(writes: &[(Stage, Option<&str>)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (stage, value) in writes {
            let deed = value.map_or(Deed::Delete, |value| Deed::Set(name(value)));
            ledger.note(*stage, "airports", "LAS", deed);
        }
        ledger
    }

    #[test]
    fn each_write_is_where_it_is_seen_best() {
        let ledger = book(&[
            (Stage::Import, Some("base")),
            (Stage::Offline, Some("a")),
            (Stage::Offline, Some("b")),
        ]);
        let found = ledger.find(&evidence(Some("a"), &[Some("b")]));
        assert_eq!(
            (found.visible, found.journalled, found.overwritten),
            (1, 1, 1)
        );
        assert!(found.missing.is_empty());
    }

    #[test]
    fn a_write_that_is_nowhere_is_missing() {
        let both = [(Stage::Offline, Some("a")), (Stage::Offline, Some("b"))];
        let found = book(&both).find(&evidence(Some("a"), &[Some("base")]));
        assert_eq!(found.missing.len(), 1);
        let found = book(&both).find(&evidence(None, &[Some("a")]));
        assert_eq!(found.missing.len(), 1);
    }

    #[test]
    fn a_delete_that_lost_must_be_in_a_journal() {
        let ledger = book(&[(Stage::Offline, None)]);
        assert_eq!(ledger.find(&evidence(None, &[])).visible, 1);
        assert_eq!(ledger.find(&evidence(Some("a"), &[None])).journalled, 1);
        assert_eq!(
            ledger
                .find(&evidence(Some("a"), &[Some("a")]))
                .missing
                .len(),
            1
        );
    }

    #[test]
    fn a_sum_shows_each_of_its_parts() {
        let ledger = book(&[(Stage::Offline, Some("a")), (Stage::Offline, Some("b"))]);
        let mut evidence = evidence(Some("ab"), &[]);
        assert_eq!(ledger.find(&evidence).missing.len(), 2);
        evidence
            .together
            .insert((key(), "name".to_owned()), json!("ab"));
        assert_eq!(ledger.find(&evidence).visible, 2);
    }
}
