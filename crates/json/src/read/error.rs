//! Why a text could not be read into a type.

use crate::Quoted;
use crate::{Error, double};
use serde::de::{Expected, Unexpected};
use std::fmt;

/// Why a text could not be read into a type: what was expected, what came, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    message: String,
    /// Byte offset in the text; none while it is not known.
    offset: Option<usize>,
    line: usize,
    column: usize,
}

impl ReadError {
    /// The line where it was found, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The column where it was found, from 1, in bytes.
    pub fn column(&self) -> usize {
        self.0.column
    }

    fn new(message: String, offset: Option<usize>) -> Self {
        ReadError(Box::new(Inner {
            message,
            offset,
            line: 1,
            column: 1,
        }))
    }

    fn refused(what: &str, came: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let came = words(came);
        ReadError::new(format!("invalid {what}: {came}, expected {expected}"), None)
    }

    /// The same with its place in the text, which is `at` if it does not know better.
    pub(super) fn placed(mut self, text: &str, at: usize) -> Self {
        let inner = &mut *self.0;
        let before = &text.as_bytes()[..inner.offset.unwrap_or(at).min(text.len())];
        let line = before.iter().rposition(|byte| *byte == b'\n');
        inner.line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        inner.column = before.len() - line.map_or(0, |place| place + 1) + 1;
        self
    }
}

impl From<Box<Error>> for ReadError {
    fn from(error: Box<Error>) -> Self {
        ReadError::new(error.message, Some(error.offset))
    }
}

impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ReadError::new(message.to_string(), None)
    }

    fn invalid_type(came: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::refused("type", came, expected)
    }

    fn invalid_value(came: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::refused("value", came, expected)
    }
}

/// What came, in the words of `serde`: its own print would bring another printer of doubles, with tables, into the module
/// for hosts without native code.
fn words(came: Unexpected<'_>) -> String {
    let kind = match came {
        Unexpected::Bool(value) => return format!("boolean `{value}`"),
        Unexpected::Unsigned(number) => return format!("integer `{number}`"),
        Unexpected::Signed(number) => return format!("integer `{number}`"),
        Unexpected::Float(number) => return format!("floating point `{}`", with_point(number)),
        Unexpected::Char(character) => return format!("character `{character}`"),
        Unexpected::Str(text) => return format!("string {}", Quoted(text)),
        Unexpected::Bytes(_) => "byte array",
        Unexpected::Unit => "unit value",
        Unexpected::Option => "Option value",
        Unexpected::NewtypeStruct => "newtype struct",
        Unexpected::Seq => "sequence",
        Unexpected::Map => "map",
        Unexpected::Enum => "enum",
        Unexpected::UnitVariant => "unit variant",
        Unexpected::NewtypeVariant => "newtype variant",
        Unexpected::TupleVariant => "tuple variant",
        Unexpected::StructVariant => "struct variant",
        Unexpected::Other(other) => other,
    };
    kind.to_owned()
}

/// A double that is seen to be one.
fn with_point(number: f64) -> String {
    let mut text = String::new();
    double::print(number, &mut text);
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9')) {
        text.push_str(".0");
    }
    text
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            message,
            line,
            column,
            ..
        } = &*self.0;
        write!(f, "{message} at line {line} column {column}")
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_told_in_the_words_of_serde() {
        for came in [
            Unexpected::Bool(true),
            Unexpected::Unsigned(7),
            Unexpected::Signed(-7),
            Unexpected::Float(1.5),
            Unexpected::Float(-1e20),
            Unexpected::Char('a'),
            Unexpected::Str("a\"b\n"),
            Unexpected::Bytes(b"a"),
            Unexpected::Unit,
            Unexpected::Option,
            Unexpected::NewtypeStruct,
            Unexpected::Seq,
            Unexpected::Map,
            Unexpected::Enum,
            Unexpected::UnitVariant,
            Unexpected::NewtypeVariant,
            Unexpected::TupleVariant,
            Unexpected::StructVariant,
            Unexpected::Other("something else"),
        ] {
            assert_eq!(words(came), came.to_string());
        }
    }
}
