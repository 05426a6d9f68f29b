//! Names and values of a request, wherever they stood.
use super::fault::Fault;
use super::limits::{IDS_MAX, PARAMS_MAX};
use std::collections::{BTreeMap, BTreeSet};
use tisync_json::{ErrorKind, Object, Value};

/// The parameters of the address and of the body, in one.
///
/// A name with `[]` behind it is the name without (Rails). Where a name comes several times, the last value
/// counts, and all of them where a list is meant.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: BTreeMap<String, Vec<String>>,
    files: BTreeSet<String>,
    count: usize,
}

impl Params {
    pub(super) fn add(&mut self, name: &str, value: String) -> Result<(), Fault> {
        self.count += 1;
        if self.count > PARAMS_MAX {
            return Err(Fault::bad(format!(
                "A request has at most {PARAMS_MAX} parameters. Send less at once."
            )));
        }
        let name = name.strip_suffix("[]").unwrap_or(name).to_owned();
        self.values.entry(name).or_default().push(value);
        Ok(())
    }

    /// Notes that a file came under this name.
    pub(super) fn add_file(&mut self, name: &str) {
        self.files.insert(name.to_owned());
    }

    /// The value of a name, as it came.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        Some(self.values.get(name)?.last()?.as_str())
    }

    /// The value of a name, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name).ok_or_else(|| Fault::missing(name))
    }

    /// `true`, `t` and `1` are true, as the clients write it; anything else is false.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| matches!(value, "true" | "t" | "1"))
    }

    /// A whole number within a range.
    pub(super) fn number(&self, name: &str, from: u64, to: u64) -> Result<Option<u64>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        // A number of Android arrives as `10.0`.
        let number: Option<u64> = text.strip_suffix(".0").unwrap_or(text).parse().ok();
        match number.filter(|number| (from..=to).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(Fault::bad(format!(
                "Invalid {name} parameter; value must be in a valid range of {from}~{to}"
            ))),
        }
    }

    /// Ids or other words: `a,b`, `["a","b"]`, or the name several times.
    pub(super) fn words(&self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(values) = self.values.get(name) else {
            return Ok(None);
        };
        let mut words = Vec::new();
        for value in values {
            if value.trim_start().starts_with('[') {
                words.extend(json_words(name, value)?);
            } else {
                words.extend(split(value));
            }
        }
        if words.len() > IDS_MAX {
            return Err(Fault::bad(format!(
                "{name} has at most {IDS_MAX} entries; {} came. Send several requests.",
                words.len()
            )));
        }
        Ok(Some(words))
    }

    /// The ids that a call is about, from the name of one and the name of several.
    pub(super) fn ids(&self, one: &str, several: &str) -> Result<Vec<String>, Fault> {
        let mut ids = self.words(several)?.unwrap_or_default();
        ids.extend(self.words(one)?.unwrap_or_default());
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        if ids.is_empty() {
            return Err(Fault::missing(one));
        }
        Ok(ids)
    }

    /// A JSON object in one value.
    pub(super) fn object(&self, name: &str) -> Result<Option<Object>, Fault> {
        match self.json(name)? {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(Fault::bad(format!(
                "Invalid {name} parameter; a JSON object is expected, {{\"name\": value}}"
            ))),
        }
    }

    /// JSON in one value; `null` and nothing are none.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let value = Value::parse(text).map_err(|error| match error.kind {
            ErrorKind::TooLong => Fault::new(413, format!("{name} is too long: {error}")),
            _ => Fault::bad(format!("Invalid {name} parameter; it is not JSON: {error}")),
        })?;
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    /// Refuses photos and files; an empty name takes a photo away, and there is none.
    pub(super) fn refuse_files(&self) -> Result<(), Fault> {
        let named = ["photo", "photo_id", "file"]
            .iter()
            .any(|name| self.text(name).is_some());
        if named || !self.files.is_empty() {
            return Err(Fault::no_files());
        }
        Ok(())
    }
}

/// Words between commas.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

fn json_words(name: &str, text: &str) -> Result<Vec<String>, Fault> {
    let wrong = || {
        Fault::bad(format!(
            "Invalid {name} parameter; a list of texts is expected: a,b or [\"a\",\"b\"]"
        ))
    };
    let value = Value::parse(text).map_err(|_| wrong())?;
    let items = value.as_array().ok_or_else(wrong)?;
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let mut params = Params::default();
        for (name, value) in pairs {
            params.add(name, (*value).to_owned()).unwrap();
        }
        params
    }

    #[test]
    fn a_list_may_be_written_in_four_ways() {
        let wanted = Ok(vec!["a".to_owned(), "b".to_owned()]);
        for pairs in [
            &[("ids", "a,b")][..],
            &[("ids", "a, b,")],
            &[("ids", r#"["a","b"]"#)],
            &[("ids", "a"), ("ids", "b")],
            &[("ids[]", "a"), ("ids[]", "b")],
            &[("id", "b"), ("ids", "a,b")],
        ] {
            assert_eq!(params(pairs).ids("id", "ids"), wanted, "{pairs:?}");
        }
        assert_eq!(
            params(&[("id", "")]).ids("id", "ids"),
            Err(Fault::missing("id"))
        );
        assert!(params(&[("ids", "[1]")]).ids("id", "ids").is_err());
        assert!(params(&[("ids", "[\"a\"")]).ids("id", "ids").is_err());
    }

    #[test]
    fn flags_and_numbers_are_read_as_the_clients_write_them() {
        let params = params(&[
            ("a", "true"),
            ("b", "1"),
            ("c", "t"),
            ("d", "false"),
            ("e", ""),
            ("n", "10.0"),
            ("m", "-1"),
        ]);
        let flags: Vec<_> = ["a", "b", "c", "d", "e", "f"]
            .iter()
            .filter(|name| params.flag(name))
            .collect();
        assert_eq!(flags, [&"a", &"b", &"c"]);
        assert_eq!(params.number("n", 1, 10), Ok(Some(10)));
        assert_eq!(params.number("e", 1, 10), Ok(None));
        let fault = params.number("m", 1, 1_000).unwrap_err();
        assert_eq!(
            fault.message,
            "Invalid m parameter; value must be in a valid range of 1~1000"
        );
    }
}
