//! Objects in any format that describes itself, such as TOML: for `#[serde(with = "tisync_json::any")]`.
//!
//! A [`Value`] by itself goes through JSON only, since other formats do not keep all numbers: here an integer beyond
//! `u64` becomes the nearest double.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tisync_json::Object;
//! #[derive(Serialize, Deserialize)]
//! struct Settings {
//!     #[serde(with = "tisync_json::any")]
//!     options: Object,
//! }
//! let settings: Settings = serde_json::from_str(r#"{"options": {"a": [1, 2.5]}}"#)?;
//! assert_eq!(settings.options["a"].to_string(), "[1,2.5]");
//! # Ok::<(), serde_json::Error>(())
//! ```

use crate::{Number, Object, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// Writes an object.
///
/// # Errors
/// When the format cannot hold a value, such as TOML null.
pub fn serialize<S: Serializer>(object: &Object, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(object.iter().map(|(key, value)| (key, Shown(value))))
}

/// Reads an object; of a key that comes twice the last value stands.
///
/// # Errors
/// When something else comes.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
    deserializer.deserialize_map(Entries)
}

struct Shown<'a>(&'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => match (number.as_i64(), number.to_string().parse()) {
                (Some(integer), _) => serializer.serialize_i64(integer),
                (None, Ok(natural)) => serializer.serialize_u64(natural),
                (None, Err(_)) => serializer.serialize_f64(number.as_f64()),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Shown)),
            Value::Object(object) => serialize(object, serializer),
        }
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
        let mut object = Object::new();
        while let Some(key) = entries.next_key()? {
            object.insert(key, entries.next_value_seed(Any)?);
        }
        Ok(object)
    }
}

struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::try_from(value)
            .map(Value::Number)
            .map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = elements.next_element_seed(Any)? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        Entries.visit_map(entries).map(Value::Object)
    }
}
