//! JSON text embedded in place, in the form in which `serde_json` gives and takes it.

use crate::Error;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// How `serde_json` tells, and is told, that the text of a value is meant: the name of `RawValue`, and of its field.
/// Its own type would check once more what was checked when the document was made.
pub(crate) const RAW_VALUE: &str = "$serde_json::private::RawValue";

pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
    raw.serialize_field(RAW_VALUE, text)?;
    raw.end()
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, Error>,
) -> Result<T, D::Error> {
    deserializer.deserialize_newtype_struct(
        RAW_VALUE,
        Raw {
            parse,
            made: PhantomData,
        },
    )
}

/// Makes something of the text of a value.
struct Raw<F, T> {
    parse: F,
    made: PhantomData<T>,
}

impl<'de, T, F: FnOnce(&str) -> Result<T, Error>> Visitor<'de> for Raw<F, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value, read by serde_json or tisync_json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let key = map.next_key::<Key>()?;
        if key.is_none() {
            return Err(A::Error::custom("expected the text of a value, came none"));
        }
        map.next_value_seed(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

impl<'de, T, F: FnOnce(&str) -> Result<T, Error>> DeserializeSeed<'de> for Raw<F, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

/// The key under which the text comes; another one means that something else reads than was promised.
struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the text of a value")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                match name == RAW_VALUE {
                    true => Ok(Key),
                    false => Err(E::custom("expected the text of a value, came its fields")),
                }
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}
