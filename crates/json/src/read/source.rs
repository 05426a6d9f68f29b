//! The reader as a source of data for `serde`: as little as each type can do with.

use super::ReadError;
use super::reader::{Numeral, Reader};
use crate::raw::RAW_VALUE;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::borrow::Cow;

macro_rules! forward {
    ($to:ident: $($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$to(visitor)
        }
    )*};
}

macro_rules! numbers {
    () => {
        forward! {number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
            deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64}
    };
}

fn text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, ReadError> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_str(&text),
    }
}

fn number<'de, V: Visitor<'de>>(number: Numeral, visitor: V) -> Result<V::Value, ReadError> {
    match number {
        Numeral::Natural(number) => visitor.visit_u64(number),
        Numeral::Negative(number) => visitor.visit_i64(number),
        Numeral::Double(number) => visitor.visit_f64(number),
    }
}

impl<'de> Reader<'de> {
    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        number(self.numeral()?, visitor)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.first() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            Some(b'-' | b'0'..=b'9') => self.number(visitor),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    numbers!();
    forward! {deserialize_str: deserialize_char deserialize_string deserialize_bytes deserialize_byte_buf
    deserialize_identifier}

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        text(self.text("a string")?, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.first() == Some(b'n') {
            self.null()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.null()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == RAW_VALUE {
            return visitor.visit_map(Raw(Some(self.skip()?)));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(Parts::new(self, Kind::Array))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let mut parts = Parts::new(self, Kind::Array);
        let value = visitor.visit_seq(&mut parts)?;
        parts.end()?;
        Ok(value)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        parts: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(parts, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(Parts::new(self, Kind::Object))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let has_content = self.first() != Some(b'"');
        if has_content {
            self.open(b'{', "the name of a variant, or an object with one")?;
        }
        let name = self.key()?;
        if has_content {
            self.colon()?;
        }
        let content = has_content.then_some(&mut *self);
        let value = visitor.visit_enum(Variant { name, content })?;
        if has_content {
            self.close(b'}')?;
        }
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// The parts of an array or an object: elements, or entries. It is opened when the first one is asked for, and closed
/// when there are no more, so that code of each type does neither; who stops before has not read the value.
struct Parts<'a, 'de> {
    reader: &'a mut Reader<'de>,
    kind: Kind,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Object,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unopened,
    First,
    Later,
    Closed,
}

impl<'a, 'de> Parts<'a, 'de> {
    fn new(reader: &'a mut Reader<'de>, kind: Kind) -> Self {
        Parts {
            reader,
            kind,
            state: State::Unopened,
        }
    }

    /// Goes to the next part; answers whether there is one.
    fn next(&mut self) -> Result<bool, ReadError> {
        let (open, close, expected) = match self.kind {
            Kind::Array => (b'[', b']', "an array"),
            Kind::Object => (b'{', b'}', "an object"),
        };
        if self.state == State::Unopened {
            self.reader.open(open, expected)?;
            self.state = State::First;
        }
        let mut is_first = self.state == State::First;
        if self.state == State::Closed {
            return Ok(false);
        }
        let is_there = self.reader.next(&mut is_first, close)?;
        self.state = if is_there {
            State::Later
        } else {
            self.reader.close(close)?;
            State::Closed
        };
        Ok(is_there)
    }

    /// Closes what was read as far as it goes, unless it is closed: there may be no more parts.
    fn end(&mut self) -> Result<(), ReadError> {
        if self.state == State::Unopened {
            self.next()?;
        }
        match self.state {
            State::Closed => Ok(()),
            _ => self.reader.close(b']'),
        }
    }

    /// The next key, if there is one; its value comes next.
    fn key(&mut self) -> Result<Option<Cow<'de, str>>, ReadError> {
        if !self.next()? {
            return Ok(None);
        }
        let key = self.reader.key()?;
        self.reader.colon()?;
        Ok(Some(key))
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        match self.key()? {
            Some(name) => seed.deserialize(Key(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A key: a text, which can stand for a number.
struct Key<'de>(Cow<'de, str>);

impl<'de> Key<'de> {
    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        number(Numeral::of_key(&self.0)?, visitor)
    }

    fn name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(&self.0)
    }
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        text(self.0, visitor)
    }

    numbers!();
    forward! {name: deserialize_identifier deserialize_ignored_any}

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(Variant {
            name: self.0,
            content: None,
        })
    }

    forward_to_deserialize_any! {bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct}
}

/// A variant: `"name"`, which a key can be too, or `{"name": content}`.
struct Variant<'a, 'de> {
    name: Cow<'de, str>,
    content: Option<&'a mut Reader<'de>>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = ReadError;
    type Variant = Content<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'a, 'de>), ReadError> {
        let variant = seed.deserialize(Key(self.name))?;
        Ok((variant, Content(self.content)))
    }
}

/// What a variant holds.
struct Content<'a, 'de>(Option<&'a mut Reader<'de>>);

impl<'a, 'de> Content<'a, 'de> {
    fn wanted(self) -> Result<&'a mut Reader<'de>, ReadError> {
        self.0.ok_or_else(|| {
            serde::de::Error::custom(
                "expected an object with the variant and what it holds, came its name alone",
            )
        })
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.0 {
            Some(reader) => reader.null(),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.wanted()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.wanted()?.deserialize_tuple(0, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.wanted()?.deserialize_struct("", names, visitor)
    }
}

/// A value whose text is asked for, in the form in which `serde_json` takes it.
struct Raw<'de>(Option<&'de str>);

impl<'de> MapAccess<'de> for Raw<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        match self.0 {
            Some(_) => seed.deserialize(Key(Cow::Borrowed(RAW_VALUE))).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        seed.deserialize(Key(Cow::Borrowed(self.0.take().unwrap_or_default())))
    }
}
