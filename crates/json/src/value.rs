//! Parsed JSON.

use crate::print::{self, Style};
use crate::tree::BTreeMap;
use crate::{Error, Number, Path, parse, raw};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An object's fields; keys in the order of their UTF-8 bytes.
pub type Object = BTreeMap<String, Value>;

/// Parsed JSON; equality is by value (`1` = `1.0`).
///
/// The order is total: kinds as they are listed, numbers by value, strings by their bytes, arrays and
/// objects by their first difference.
///
/// Serialises as JSON in place. It reads and writes through `serde_json` only, and not from inside an
/// untagged, flattened or internally tagged type: serde's buffer would round long integers.
///
/// ```
/// use tisync_json::Value;
/// let value = Value::parse(r#"{"b": 1.0, "a": "\u00e9"}"#)?;
/// assert_eq!(value.to_string(), r#"{"a":"é","b":1}"#);
/// # Ok::<(), tisync_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number(Number),
    /// A string
    String(String),
    /// An array
    Array(Vec<Value>),
    /// An object
    Object(Object),
}

impl Value {
    /// Parses any JSON value, by the rules of a document.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::value(text)
    }

    /// An empty object.
    pub fn object() -> Self {
        Value::Object(Object::new())
    }

    /// Prints it canonically: equal values, and only they, print equally.
    ///
    /// `to_string` prints the same, save that an integer of 22 or more digits always prints them all.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        print::value(self, Style::Canonical, &mut out);
        out
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean inside, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number inside, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The integer inside, if it is one within `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The nearest double of the number inside, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    /// The string inside, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items inside, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The fields inside, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The fields inside, to change them; whatever else it was becomes an empty object first.
    pub fn make_object(&mut self) -> &mut Object {
        if !matches!(self, Value::Object(_)) {
            *self = Value::object();
        }
        match self {
            Value::Object(object) => object,
            _ => unreachable!("it was made an object just above"),
        }
    }
}

/// The value at a path, if every key on the way is there.
pub fn get<'a>(object: &'a Object, path: &Path) -> Option<&'a Value> {
    let (first, rest) = path.keys().split_first()?;
    rest.iter()
        .try_fold(object.get(first)?, |value, key| value.as_object()?.get(key))
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        print::value(self, Style::Text, &mut out);
        f.write_str(&out)
    }
}

impl std::str::FromStr for Value {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Value::parse(text)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(&self.to_string(), serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::deserialize(deserializer, Value::parse)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Number(value.into())
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Number(value.into())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Number(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Number(value.into())
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Value::Number(value)
    }
}

impl TryFrom<f64> for Value {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self, Error> {
        Number::try_from(value).map(Value::Number)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Self {
        Value::Array(value.into_iter().map(Into::into).collect())
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Value::Object(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
