//! Writing types as JSON.
//!
//! Like [reading](crate::read), it is made to leave little of itself in each type: what a type does not change is a
//! function of its own, and since nothing that is written can fail, nothing looks whether it did.

use crate::raw::RAW_VALUE;
use crate::{double, text};
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::fmt::{self, Display, Write};

/// Writes a value without white space. A double that is no number becomes `null`, and others are as ECMAScript prints
/// them; numbers and truth values are quoted where they are keys.
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Page {
///     rows: Vec<String>,
/// }
/// let page = Page { rows: vec!["a".to_owned(), "\n".to_owned()] };
/// assert_eq!(tisync_json::write(&page), r#"{"rows":["a","\n"]}"#);
/// ```
///
/// # Panics
/// When a type has no form in JSON: a key that is not one text, number or truth value, or what its `Serialize` refuses.
/// No type of Ti.Sync's does.
pub fn write(value: &(impl Serialize + ?Sized)) -> String {
    let mut text = String::new();
    write_to(value, &mut text);
    text
}

/// Appends what [`write()`] gives.
///
/// # Panics
/// When a type has no form in JSON, as there.
pub fn write_to(value: &(impl Serialize + ?Sized), out: &mut String) {
    let mut writer = Writer {
        out,
        place: Place::Value,
    };
    match value.serialize(&mut writer) {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// What cannot happen.
#[derive(Debug)]
enum Never {}

impl Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

impl serde::ser::Error for Never {
    fn custom<T: Display>(message: T) -> Self {
        none(&message.to_string())
    }
}

fn none(message: &str) -> ! {
    panic!("expected a value with a form in JSON, came one without: {message}")
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Key,
    /// The text of a value, as it is.
    Raw,
}

struct Writer<'a> {
    out: &'a mut String,
    place: Place,
}

impl Writer<'_> {
    /// What is quoted as a key only.
    fn bare(&mut self, text: &str) {
        let quote = if self.place == Place::Key { "\"" } else { "" };
        self.out.push_str(quote);
        self.out.push_str(text);
        self.out.push_str(quote);
    }

    fn text(&mut self, text: &str) {
        match self.place {
            Place::Raw => self.out.push_str(text),
            Place::Value | Place::Key => text::print(text, self.out),
        }
    }

    fn natural(&mut self, number: u64) {
        self.bare(&number.to_string());
    }

    fn whole(&mut self, number: i64) {
        self.bare(&number.to_string());
    }

    fn double(&mut self, double: f64) {
        if !double.is_finite() {
            return self.null();
        }
        let mut text = String::new();
        double::print(double, &mut text);
        self.bare(&text);
    }

    fn null(&mut self) {
        if self.place == Place::Key {
            none("a key that is null");
        }
        self.out.push_str("null");
    }

    fn open(&mut self, bracket: char) {
        if self.place != Place::Value {
            none("a key of several parts");
        }
        self.out.push(bracket);
    }

    /// A variant's name, before what it holds.
    fn variant(&mut self, name: &str) {
        self.open('{');
        text::print(name, self.out);
        self.out.push(':');
    }
}

/// What is written in parts.
struct Parts<'a, 'w> {
    writer: &'a mut Writer<'w>,
    is_first: bool,
    end: &'static str,
}

impl<'a, 'w> Parts<'a, 'w> {
    fn new(writer: &'a mut Writer<'w>, bracket: char, end: &'static str) -> Self {
        writer.open(bracket);
        Self {
            writer,
            is_first: true,
            end,
        }
    }

    /// The place of the next element or key.
    fn next(&mut self) -> &mut Writer<'w> {
        if !self.is_first {
            self.writer.out.push(',');
        }
        self.is_first = false;
        self.writer
    }

    /// The place of a field's value.
    fn field(&mut self, name: &str) -> &mut Writer<'w> {
        if self.is_first && name == RAW_VALUE {
            // Not an object, but the text of a value.
            self.writer.out.pop();
            self.writer.place = Place::Raw;
            self.end = "";
        } else {
            text::print(name, self.next().out);
            self.writer.out.push(':');
        }
        self.writer
    }

    fn end(self) {
        self.writer.place = Place::Value;
        self.writer.out.push_str(self.end);
    }
}

macro_rules! numbers {
    ($to:ident as $as:ident: $($name:ident $type:ident)*) => {$(
        fn $name(self, number: $type) -> Result<(), Never> {
            self.$to($as::from(number));
            Ok(())
        }
    )*};
}

impl<'a, 'w> Serializer for &'a mut Writer<'w> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Parts<'a, 'w>;
    type SerializeTuple = Parts<'a, 'w>;
    type SerializeTupleStruct = Parts<'a, 'w>;
    type SerializeTupleVariant = Parts<'a, 'w>;
    type SerializeMap = Parts<'a, 'w>;
    type SerializeStruct = Parts<'a, 'w>;
    type SerializeStructVariant = Parts<'a, 'w>;

    numbers! {natural as u64: serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64}
    numbers! {whole as i64: serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64}
    numbers! {double as f64: serialize_f32 f32 serialize_f64 f64}

    fn serialize_bool(self, is: bool) -> Result<(), Never> {
        self.bare(if is { "true" } else { "false" });
        Ok(())
    }

    fn serialize_char(self, letter: char) -> Result<(), Never> {
        self.text(letter.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Never> {
        self.text(text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Never> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.null();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Never> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a, 'w>, Never> {
        Ok(Parts::new(self, '[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a, 'w>, Never> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a, 'w>, Never> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a, 'w>, Never> {
        self.variant(variant);
        Ok(Parts::new(self, '[', "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a, 'w>, Never> {
        Ok(Parts::new(self, '{', "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a, 'w>, Never> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a, 'w>, Never> {
        self.variant(variant);
        Ok(Parts::new(self, '{', "}}"))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Never> {
        let mut text = String::new();
        if write!(text, "{value}").is_err() {
            none("a text that cannot be printed");
        }
        self.text(&text);
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident $name:ident)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Never;

            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                value.serialize(self.next())
            }

            fn end(self) -> Result<(), Never> {
                Parts::end(self);
                Ok(())
            }
        }
    )*};
}

elements! {SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field
SerializeTupleVariant serialize_field}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Never;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Never> {
                value.serialize(self.field(name))
            }

            fn end(self) -> Result<(), Never> {
                Parts::end(self);
                Ok(())
            }
        }
    )*};
}

fields! {SerializeStruct SerializeStructVariant}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        let writer = self.next();
        writer.place = Place::Key;
        key.serialize(&mut *writer)?;
        writer.place = Place::Value;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.writer.out.push(':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Never> {
        Parts::end(self);
        Ok(())
    }
}
