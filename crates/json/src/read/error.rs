//! Why a text could not be read into a type.

use crate::Error;
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
