//! The app's own fields of an object or a user, made what ACS made of them.
use super::date::Date;
use super::fault::Fault;
use super::params::{Params, split};
use super::query::Point;
use tisync_json::{Number, Object, Value};

/// A change of an app's fields.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields {
    set: Object,
    unset: Vec<String>,
    add: Option<(String, Number)>,
    /// `tags` among the fields; they count where the call names none.
    pub(super) tags: Option<Vec<String>>,
}

/// What the server says of an object, and clients send back: it is not theirs to change.
const SERVERS: [&str; 11] = [
    "_id",
    "acl_id",
    "acl_name",
    "acls",
    "created_at",
    "id",
    "photo",
    "photo_id",
    "updated_at",
    "user",
    "user_id",
];

impl Fields {
    /// Reads an object's `fields`.
    pub(super) fn of_object(fields: Object) -> Result<Self, Fault> {
        let mut fields = fields;
        fields.retain(|name, _| !SERVERS.contains(&name.as_str()));
        let tags = fields.remove("tags").and_then(|tags| match tags {
            Value::String(text) => Some(split(&text).collect()),
            Value::Array(items) => Some(
                items
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            Value::Null => Some(Vec::new()),
            _ => None,
        });
        Ok(Fields {
            tags,
            ..Fields::read(fields)?
        })
    }

    /// Reads a user's `custom_fields`.
    pub(super) fn of_user(params: &Params) -> Result<Self, Fault> {
        Fields::read(params.object("custom_fields")?.unwrap_or_default())
    }

    fn read(fields: Object) -> Result<Self, Fault> {
        let mut change = Fields::default();
        for (name, value) in fields {
            if !is_name(&name) {
                // ACS let them go without a word.
                continue;
            }
            match (increment(&value)?, value) {
                (Some(by), _) => {
                    if change.add.replace((name, by)).is_some() {
                        return Err(Fault::bad(
                            "$inc operation only support to increase one field once.",
                        ));
                    }
                }
                (None, Value::Null) => change.unset.push(name),
                (None, value) => {
                    let value = normal(&name, value)?;
                    change.set.insert(name, value);
                }
            }
        }
        Ok(change)
    }

    /// Changes the fields at the top: what is not named stays, what is null goes.
    pub(super) fn apply(self, to: &mut Object) -> Result<(), Fault> {
        for name in &self.unset {
            to.remove(name);
        }
        to.extend(self.set);
        if let Some((name, by)) = self.add {
            let sum = match to.get(&name) {
                None => by,
                Some(Value::Number(number)) => add(number, &by)?,
                Some(_) => {
                    return Err(Fault::bad(format!(
                        "$inc needs a number, but the field {name} is something else."
                    )));
                }
            };
            to.insert(name, Value::Number(sum));
        }
        Ok(())
    }
}

/// Neither a path nor an operator.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0'])
}

/// `{"$inc": 1}`
fn increment(value: &Value) -> Result<Option<Number>, Fault> {
    let Some(by) = value.as_object().and_then(|object| object.get("$inc")) else {
        return Ok(None);
    };
    match (by, value.as_object().map(Object::len)) {
        (Value::Number(by), Some(1)) => Ok(Some(by.clone())),
        _ => Err(Fault::bad(
            "$inc takes a number: {\"field\": {\"$inc\": 1}}.",
        )),
    }
}

fn add(number: &Number, by: &Number) -> Result<Number, Fault> {
    let whole = number.as_i64().zip(by.as_i64());
    if let Some(sum) = whole.and_then(|(number, by)| number.checked_add(by)) {
        return Ok(sum.into());
    }
    Number::try_from(number.as_f64() + by.as_f64())
        .map_err(|_| Fault::bad("$inc would make a number that is too large."))
}

/// A field's value as ACS stored it: texts that are dates in UTC, places as a list of places, names inside
/// hashes as outside.
fn normal(name: &str, value: Value) -> Result<Value, Fault> {
    if name == "coordinates" {
        return coordinates(&value);
    }
    Ok(match value {
        Value::String(text) => match Date::stored(&text) {
            Some(date) => date.to_string().into(),
            None => text.into(),
        },
        other => inside(other),
    })
}

fn inside(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(name, _)| is_name(name))
                .map(|(name, value)| (name, inside(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(inside).collect()),
        other => other,
    }
}

fn coordinates(value: &Value) -> Result<Value, Fault> {
    let places: Option<Vec<Value>> = match Point::of(value) {
        Some(place) => place.value().map(|place| vec![place]),
        None => value.as_array().and_then(|places| {
            places
                .iter()
                .map(|place| Point::of(place).and_then(Point::value))
                .collect()
        }),
    };
    places.map(Value::Array).ok_or_else(|| {
        Fault::bad(
            "coordinates are [longitude, latitude] or a list of such pairs, in degrees: [-122.1, 37.1].",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        Value::parse(text).unwrap().make_object().clone()
    }

    fn applied(before: &str, fields: &str) -> Result<String, String> {
        let mut object_before = object(before);
        Fields::of_object(object(fields))
            .and_then(|fields| fields.apply(&mut object_before))
            .map_err(|fault| fault.message)?;
        Ok(Value::Object(object_before).to_string())
    }

    #[test]
    fn values_become_what_acs_made_of_them() {
        let cases = [
            (
                r#"{"due":"2011-11-02 17:07:37 -0700"}"#,
                r#"{"due":"2011-11-03T00:07:37+0000"}"#,
            ),
            (
                r#"{"due":"2011-11-02T17:07:37Z"}"#,
                r#"{"due":"2011-11-02T17:07:37Z"}"#,
            ),
            (
                r#"{"coordinates":[-122.1,37.1]}"#,
                r#"{"coordinates":[[-122.1,37.1]]}"#,
            ),
            (
                r#"{"coordinates":[["-122.1","37.1"],[1,2]]}"#,
                r#"{"coordinates":[[-122.1,37.1],[1,2]]}"#,
            ),
            (
                r#"{"a.b":1,"$c":2,"":3,"d":{"e.f":1,"g":{"$h":1,"i":[{"j.k":1}]}}}"#,
                r#"{"d":{"g":{"i":[{}]}}}"#,
            ),
            (
                r#"{"nested":{"due":"2011-11-02 17:07:37 -0700","n":null}}"#,
                r#"{"nested":{"due":"2011-11-02 17:07:37 -0700","n":null}}"#,
            ),
            (
                r#"{"id":"x","_id":"x","user":{},"user_id":"x","created_at":"x","updated_at":"x","photo":{},"acls":[],"acl_id":"x","t":1}"#,
                r#"{"t":1}"#,
            ),
            (r#"{"gone":null}"#, "{}"),
        ];
        for (fields, expected) in cases {
            assert_eq!(applied("{}", fields).unwrap(), expected, "{fields}");
        }
        for wrong in ["[1]", "[181,0]", "1", "[[1,2],3]", "{}"] {
            let fields = format!(r#"{{"coordinates":{wrong}}}"#);
            assert!(applied("{}", &fields).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_change_is_merged_at_the_top() {
        assert_eq!(
            applied(
                r#"{"a":1,"b":{"x":1},"c":3}"#,
                r#"{"a":null,"b":{"y":2},"d":null}"#
            )
            .unwrap(),
            r#"{"b":{"y":2},"c":3}"#
        );
    }

    #[test]
    fn one_field_can_be_counted_up() {
        assert_eq!(
            applied(r#"{"n":1}"#, r#"{"n":{"$inc":-3}}"#).unwrap(),
            r#"{"n":-2}"#
        );
        assert_eq!(
            applied("{}", r#"{"n":{"$inc":0.5}}"#).unwrap(),
            r#"{"n":0.5}"#
        );
        assert_eq!(
            applied(r#"{"n":9223372036854775807}"#, r#"{"n":{"$inc":1}}"#).unwrap(),
            r#"{"n":9223372036854775808}"#
        );
        assert_eq!(
            applied("{}", r#"{"a":{"$inc":1},"b":{"$inc":1}}"#).unwrap_err(),
            "$inc operation only support to increase one field once."
        );
        for wrong in [r#"{"n":{"$inc":"1"}}"#, r#"{"n":{"$inc":1,"x":2}}"#] {
            assert!(applied("{}", wrong).is_err(), "{wrong}");
        }
        assert!(applied(r#"{"n":"x"}"#, r#"{"n":{"$inc":1}}"#).is_err());
        assert!(applied(r#"{"n":1e308}"#, r#"{"n":{"$inc":1e308}}"#).is_err());
    }

    #[test]
    fn tags_among_the_fields_are_tags() {
        let tags = |text: &str| Fields::of_object(object(text)).unwrap().tags;
        let two = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(tags(r#"{"tags":"a, b"}"#), two);
        assert_eq!(tags(r#"{"tags":["a","b"]}"#), two);
        assert_eq!(tags(r#"{"tags":null}"#), Some(Vec::new()));
        assert_eq!(tags("{}"), None);
    }
}
