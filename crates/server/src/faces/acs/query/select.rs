//! `sel` and `unsel`: which fields are shown.
use crate::faces::acs::fault::Fault;
use crate::faces::acs::params::Params;
use std::collections::BTreeSet;
use tisync_json::{Object, Value};

/// Which fields are shown; names count at any depth.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::faces::acs) enum Select {
    Everything,
    Only(BTreeSet<String>),
    Without(BTreeSet<String>),
}

impl Select {
    /// Reads `sel={"all":["a"]}` or `unsel={"all":["a"]}`.
    pub(super) fn read(params: &Params) -> Result<Self, Fault> {
        match (names(params, "sel")?, names(params, "unsel")?) {
            (Some(_), Some(_)) => Err(Fault::bad(
                "sel and unsel cannot be used in one query. Use one of them.",
            )),
            (Some(names), None) => Ok(Select::Only(names)),
            (None, Some(names)) => Ok(Select::Without(names)),
            (None, None) => Ok(Select::Everything),
        }
    }

    pub(super) fn apply(&self, record: &mut Object) {
        match self {
            Select::Everything => {}
            Select::Only(names) => keep(record, names),
            Select::Without(names) => drop_all(record, names),
        }
    }
}

fn names(params: &Params, name: &str) -> Result<Option<BTreeSet<String>>, Fault> {
    let Some(object) = params.object(name)? else {
        return Ok(None);
    };
    let wrong = || {
        Fault::bad(format!(
            "Invalid {name} parameter; {{\"all\": [\"field\", …]}} is expected."
        ))
    };
    let all = object.get("all").filter(|_| object.len() == 1);
    let items = all.and_then(Value::as_array).ok_or_else(wrong)?;
    let names = items
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong));
    names.collect::<Result<_, _>>().map(Some)
}

/// The app's own fields of a user are named without the hash that they stand in.
const OPEN: &str = "custom_fields";

fn keep(record: &mut Object, names: &BTreeSet<String>) {
    record.retain(|name, value| {
        if name == OPEN && !names.contains(OPEN) {
            keep_inside(value, names);
            return value.as_object().is_some_and(|fields| !fields.is_empty());
        }
        if !names.contains(name) {
            return false;
        }
        keep_inside(value, names);
        true
    });
}

fn keep_inside(value: &mut Value, names: &BTreeSet<String>) {
    match value {
        Value::Object(object) => keep(object, names),
        Value::Array(items) => items.iter_mut().for_each(|item| keep_inside(item, names)),
        _ => {}
    }
}

fn drop_all(record: &mut Object, names: &BTreeSet<String>) {
    record.retain(|name, _| !names.contains(name));
    record
        .values_mut()
        .for_each(|value| drop_inside(value, names));
}

fn drop_inside(value: &mut Value, names: &BTreeSet<String>) {
    match value {
        Value::Object(object) => drop_all(object, names),
        Value::Array(items) => items.iter_mut().for_each(|item| drop_inside(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, select: &str) -> Result<String, Fault> {
        let mut params = Params::default();
        params.add(name, select.to_owned())?;
        let mut record = Value::parse(
            r#"{"id":"1","a":{"b":1,"id":2},"list":[{"b":1,"c":2}],"custom_fields":{"age":3,"b":4}}"#,
        )
        .unwrap();
        Select::read(&params)?.apply(record.make_object());
        Ok(record.to_string())
    }

    #[test]
    fn names_count_at_every_depth() {
        let all = |name, select| shown(name, select).unwrap();
        assert_eq!(
            all("sel", r#"{"all":["id","a"]}"#),
            r#"{"a":{"id":2},"id":"1"}"#
        );
        assert_eq!(
            all("sel", r#"{"all":["list","c"]}"#),
            r#"{"list":[{"c":2}]}"#
        );
        assert_eq!(
            all("sel", r#"{"all":["age"]}"#),
            r#"{"custom_fields":{"age":3}}"#
        );
        assert_eq!(all("sel", r#"{"all":[]}"#), "{}");
        assert_eq!(
            all("unsel", r#"{"all":["b","id"]}"#),
            r#"{"a":{},"custom_fields":{"age":3},"list":[{"c":2}]}"#
        );
    }

    #[test]
    fn other_forms_are_refused() {
        for select in [
            "[]",
            r#"{"some":["a"]}"#,
            r#"{"all":"a"}"#,
            r#"{"all":[1]}"#,
            "{}",
            "{",
        ] {
            assert!(shown("sel", select).is_err(), "{select}");
        }
        let mut params = Params::default();
        params.add("sel", r#"{"all":["a"]}"#.to_owned()).unwrap();
        params.add("unsel", r#"{"all":["a"]}"#.to_owned()).unwrap();
        assert!(Select::read(&params).is_err());
    }
}
