//! Fields and filters as the command line writes them.
use crate::exit::Failure;
use tisync::{Object, Patch, Path, Value};

/// Reads `NAME=TEXT` and `NAME:=JSON` into a patch, with the names that go away.
pub(crate) fn patch(fields: &[String], unset: &[String]) -> Result<Patch, Failure> {
    let mut patch = Patch::default();
    for field in fields {
        let (name, value) = assignment(field)?;
        patch.set.insert(path(name)?, value);
    }
    for name in unset {
        patch.unset.insert(path(name)?);
    }
    if patch.is_empty() {
        return Err(Failure::usage(
            "expected a change, but none came; write NAME=TEXT, NAME:=JSON or --unset NAME",
        ));
    }
    patch.check().map_err(|error| {
        Failure::usage(format!("expected fields that do not overlap, but {error}"))
    })?;
    Ok(patch)
}

/// Reads `NAME=TEXT` and `NAME:=JSON` into the options of a connector.
pub(crate) fn options(fields: &[String]) -> Result<Object, Failure> {
    let mut options = Object::new();
    for field in fields {
        let (name, value) = assignment(field)?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

fn assignment(field: &str) -> Result<(&str, Value), Failure> {
    let Some((name, text)) = field.split_once('=') else {
        return Err(Failure::usage(format!(
            "expected NAME=TEXT or NAME:=JSON, but {field:?} came"
        )));
    };
    let Some(name) = name.strip_suffix(':') else {
        return Ok((name, Value::String(text.to_owned())));
    };
    let value = Value::parse(text)
        .map_err(|error| Failure::usage(format!("expected JSON after {name}:=, but {error}")))?;
    Ok((name, value))
}

/// Reads the name of a field.
pub(crate) fn path(name: &str) -> Result<Path, Failure> {
    Path::parse(name)
        .map_err(|error| Failure::usage(format!("expected the name of a field, but {error}")))
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Reads `NAME=VALUE` and the like; the longest operator at the first place counts.
pub(crate) fn filter(text: &str) -> Result<(&str, Compare, &str), Failure> {
    const OPERATORS: [(&str, Compare); 6] = [
        ("!=", Compare::IsNot),
        ("<=", Compare::AtMost),
        (">=", Compare::AtLeast),
        ("=", Compare::Is),
        ("<", Compare::Below),
        (">", Compare::Above),
    ];
    let at = text.find(['!', '<', '>', '=']);
    let found = at.filter(|at| *at > 0).and_then(|at| {
        let (name, rest) = text.split_at(at);
        OPERATORS
            .iter()
            .find_map(|(sign, compare)| Some((name, *compare, rest.strip_prefix(sign)?)))
    });
    found.ok_or_else(|| {
        Failure::usage(format!(
            "expected a filter such as country=US or latitude>=60, but {text:?} came"
        ))
    })
}

/// The value of a filter: JSON if it is a scalar, else text; for a column of text, text unless quoted.
pub(crate) fn filter_value(text: &str, is_text: bool) -> Value {
    let quoted = text.starts_with('"');
    match Value::parse(text) {
        Ok(value @ Value::String(_)) if quoted => value,
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) if !is_text => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_name_an_operator_and_a_value() {
        assert_eq!(filter("a=b=c").unwrap(), ("a", Compare::Is, "b=c"));
        assert_eq!(filter("a>=1").unwrap(), ("a", Compare::AtLeast, "1"));
        assert_eq!(filter("a<1").unwrap(), ("a", Compare::Below, "1"));
        assert_eq!(filter("a!=").unwrap(), ("a", Compare::IsNot, ""));
        assert!(filter("a").is_err());
        assert!(filter("=a").is_err());
        assert!(filter("a!b").is_err());
    }

    #[test]
    fn a_value_is_json_if_it_is_a_scalar() {
        assert_eq!(filter_value("00123", false), Value::String("00123".into()));
        assert_eq!(filter_value("\"12\"", false), Value::String("12".into()));
        assert_eq!(filter_value("true", false), Value::Bool(true));
        assert_eq!(filter_value("true", true), Value::String("true".into()));
        assert_eq!(filter_value("[1]", false), Value::String("[1]".into()));
        assert!(matches!(filter_value("12", false), Value::Number(_)));
    }

    #[test]
    fn a_patch_reads_texts_and_json() {
        let patch = patch(
            &["title=a=b".into(), "done:=true".into(), "/a/b:=[1]".into()],
            &["due".into()],
        )
        .unwrap();
        let text = serde_json::to_string(&patch).unwrap();
        assert_eq!(
            text,
            r#"{"set":{"/a/b":[1],"/done":true,"/title":"a=b"},"unset":["/due"]}"#
        );
    }

    #[test]
    fn a_patch_that_overlaps_or_is_empty_is_refused() {
        assert!(patch(&["a=1".into(), "/a/b=2".into()], &[]).is_err());
        assert!(patch(&[], &[]).is_err());
        assert!(patch(&["a".into()], &[]).is_err());
        assert!(patch(&["a:=nope".into()], &[]).is_err());
    }
}
