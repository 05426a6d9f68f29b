//! The ids that a change names in declared references.
use crate::model::*;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Number, Object, Path, Value};

/// What an id became, by collection and former id; the same id, when the record went before the server made one.
pub(super) type Settled = BTreeMap<CollectionName, BTreeMap<RecordId, RecordId>>;

/// Whether a change names one of these ids.
pub(super) fn names(
    change: &Change,
    references: &BTreeMap<Path, Reference>,
    settled: &Settled,
) -> bool {
    named(change, references).iter().any(|(_, reference, id)| {
        let of = settled.get(&reference.collection);
        of.is_some_and(|of| of.contains_key(id))
    })
}

/// The ids that a change names in declared references.
pub(super) fn named<'a>(
    change: &Change,
    references: &'a BTreeMap<Path, Reference>,
) -> Vec<(&'a Path, &'a Reference, RecordId)> {
    let mut all = Vec::new();
    match change {
        Change::Delete => {}
        Change::Create(document) | Change::Replace(document) => {
            let paths: Vec<Path> = references.keys().cloned().collect();
            let values = document.fields(&paths);
            for ((path, reference), value) in references.iter().zip(values) {
                let ids = value.iter().flat_map(ids_of);
                all.extend(ids.map(|id| (path, reference, id)));
            }
        }
        Change::Patch(patch) => {
            for (path, reference) in references {
                let values = patch.set.iter().filter_map(|(set, value)| {
                    let rest = rest(set, path)?;
                    rest.iter()
                        .try_fold(value, |value, key| value.as_object()?.get(key))
                });
                let ids = values.flat_map(ids_of);
                all.extend(ids.map(|id| (path, reference, id)));
            }
        }
    }
    all
}

/// The keys that lead from one path to another that lies at or below it.
fn rest<'a>(from: &Path, to: &'a Path) -> Option<&'a [String]> {
    let is_above = from == to || from.is_prefix_of(to);
    is_above.then(|| &to.keys()[from.keys().len()..])
}

fn ids_of(value: &Value) -> Vec<RecordId> {
    match value {
        Value::Array(members) => members.iter().filter_map(id_of).collect(),
        value => id_of(value).into_iter().collect(),
    }
}

/// The id that a value is: a text, or a whole number.
fn id_of(value: &Value) -> Option<RecordId> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) if number.is_integer() => value.canonical().parse().ok(),
        _ => None,
    }
}

/// Brings the references of a change up to date.
pub(super) fn name_anew(
    change: &mut Change,
    references: &BTreeMap<Path, Reference>,
    settled: &Settled,
) {
    match change {
        Change::Delete => {}
        Change::Create(document) | Change::Replace(document) => {
            let mut object = document.object();
            for (path, reference) in references {
                if let Some(value) = below(&mut object, path.keys()) {
                    replace(value, reference, settled);
                }
            }
            *document = Document::from_object(&object);
        }
        Change::Patch(patch) => {
            for (set, value) in &mut patch.set {
                for (path, reference) in references {
                    let value = match rest(set, path) {
                        None => None,
                        Some([]) => Some(&mut *value),
                        Some(rest) => match value {
                            Value::Object(object) => below(object, rest),
                            _ => None,
                        },
                    };
                    if let Some(value) = value {
                        replace(value, reference, settled);
                    }
                }
            }
        }
    }
}

fn below<'a>(object: &'a mut Object, keys: &[String]) -> Option<&'a mut Value> {
    let (first, rest) = keys.split_first()?;
    let value = object.get_mut(first)?;
    match value {
        value if rest.is_empty() => Some(value),
        Value::Object(object) => below(object, rest),
        _ => None,
    }
}

fn replace(value: &mut Value, reference: &Reference, settled: &Settled) {
    if let Value::Array(members) = value {
        for member in members {
            replace(member, reference, settled);
        }
        return;
    }
    let now = id_of(value).and_then(|id| settled.get(&reference.collection)?.get(&id));
    if let Some(now) = now {
        let number = Number::parse(now.as_str()).ok();
        *value = match number.filter(|number| reference.numeric && number.is_integer()) {
            Some(number) => Value::Number(number),
            None => Value::String(now.as_str().to_owned()),
        };
    }
}
