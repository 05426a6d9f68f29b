//! What reading does whatever the type: made once.

use super::ReadError;
use crate::parse::Parser;
use crate::text::literal;
use crate::{Error, ErrorKind};
use std::borrow::Cow;

/// Levels of types within types. Bounded, since the code that reads them recurses.
const LEVELS_MAX: usize = 128;

/// A number as `serde` takes it.
pub(super) enum Numeral {
    Natural(u64),
    Negative(i64),
    Double(f64),
}

impl Numeral {
    /// The number that a key stands for.
    pub(super) fn of_key(key: &str) -> Result<Self, ReadError> {
        let numeral = match key.parse() {
            Ok(natural) => Numeral::Natural(natural),
            Err(_) => Numeral::Negative(key.parse().map_err(|_| {
                <ReadError as serde::de::Error>::custom(
                    "expected a whole number in quotes, came another key",
                )
            })?),
        };
        Ok(numeral)
    }
}

/// A place in the text.
pub(super) struct Reader<'de> {
    parser: Parser<'de>,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Reader {
            parser: Parser::deep(text, LEVELS_MAX),
        }
    }

    /// Gives the value if nothing follows it.
    pub(super) fn end<T>(mut self, value: T) -> Result<T, ReadError> {
        match self.parser.finish() {
            Ok(()) => Ok(value),
            Err(error) => Err(self.place(error.into())),
        }
    }

    /// Completes an error by its place.
    pub(super) fn place(&self, error: ReadError) -> ReadError {
        error.placed(self.parser.text, self.parser.at)
    }

    /// The first byte of the next value.
    pub(super) fn first(&mut self) -> Option<u8> {
        self.parser.space();
        self.parser.peek()
    }

    /// The error that something else was expected here.
    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> ReadError {
        self.parser.unexpected(expected).into()
    }

    /// Steps into an object or an array.
    pub(super) fn open(&mut self, bracket: u8, expected: &str) -> Result<(), ReadError> {
        if self.first() != Some(bracket) {
            return Err(self.unexpected(expected));
        }
        Ok(self.parser.enter()?)
    }

    /// Steps out of an object or an array, of which everything has been read.
    pub(super) fn close(&mut self, bracket: u8) -> Result<(), ReadError> {
        if self.first() != Some(bracket) {
            return Err(self.unexpected(if bracket == b']' {
                "`]`: the array has too many elements"
            } else {
                "`}`"
            }));
        }
        self.parser.leave();
        Ok(())
    }

    /// Goes to the next part of what was opened; answers whether there is one.
    pub(super) fn next(&mut self, is_first: &mut bool, bracket: u8) -> Result<bool, ReadError> {
        match self.first() {
            Some(byte) if byte == bracket => return Ok(false),
            _ if *is_first => *is_first = false,
            Some(b',') => self.parser.at += 1,
            _ if bracket == b']' => return Err(self.unexpected("`,` or `]` in an array")),
            _ => return Err(self.unexpected("`,` or `}` in an object")),
        }
        Ok(true)
    }

    /// Reads a key.
    pub(super) fn key(&mut self) -> Result<Cow<'de, str>, ReadError> {
        self.text("a key in quotes")
    }

    /// Goes from a key to its value.
    pub(super) fn colon(&mut self) -> Result<(), ReadError> {
        if self.first() != Some(b':') {
            return Err(self.unexpected("`:` after a key"));
        }
        self.parser.at += 1;
        Ok(())
    }

    /// Reads a string.
    pub(super) fn text(&mut self, expected: &str) -> Result<Cow<'de, str>, ReadError> {
        if self.first() != Some(b'"') {
            return Err(self.unexpected(expected));
        }
        Ok(self.parser.string()?.decode())
    }

    /// Reads a boolean.
    pub(super) fn bool(&mut self) -> Result<bool, ReadError> {
        match self.first() {
            Some(b't') => self.parser.word("true").map(|()| true),
            Some(b'f') => self.parser.word("false").map(|()| false),
            _ => Err(self.parser.unexpected("true or false")),
        }
        .map_err(ReadError::from)
    }

    /// Reads `null`.
    pub(super) fn null(&mut self) -> Result<(), ReadError> {
        if self.first() != Some(b'n') {
            return Err(self.unexpected("null"));
        }
        Ok(self.parser.word("null")?)
    }

    /// Reads a number.
    pub(super) fn numeral(&mut self) -> Result<Numeral, ReadError> {
        if !matches!(self.first(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.unexpected("a number"));
        }
        let literal = self.parser.number()?;
        if literal.integer {
            if let Ok(natural) = literal.text.parse() {
                return Ok(Numeral::Natural(natural));
            }
            if let Ok(negative) = literal.text.parse() {
                return Ok(Numeral::Negative(negative));
            }
        }
        Ok(Numeral::Double(literal.double()?))
    }

    /// Goes over a value of any depth, and gives its text. What strings hold is for those to judge who read them.
    pub(super) fn skip(&mut self) -> Result<&'de str, ReadError> {
        self.parser.space();
        let start = self.parser.at;
        // The brackets that are to close what was opened.
        let mut open = Vec::new();
        loop {
            match self.first() {
                Some(b'"') => self.skip_string()?,
                Some(b'{') => {
                    if self.skip_bracket(b'}') {
                        open.push(b'}');
                        self.skip_key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    if self.skip_bracket(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                Some(b't' | b'f') => {
                    self.bool()?;
                }
                Some(b'n') => self.null()?,
                Some(b'-' | b'0'..=b'9') => {
                    self.parser.number()?;
                }
                _ => return Err(self.unexpected("a JSON value")),
            }
            while let Some(&bracket) = open.last() {
                match self.next(&mut false, bracket)? {
                    false => {
                        self.parser.at += 1;
                        open.pop();
                    }
                    true if bracket == b'}' => {
                        self.skip_key()?;
                        break;
                    }
                    true => break,
                }
            }
            if open.is_empty() {
                return Ok(&self.parser.text[start..self.parser.at]);
            }
        }
    }

    /// Goes over an opening bracket; answers whether something follows before `closing`, else goes over that too.
    fn skip_bracket(&mut self, closing: u8) -> bool {
        self.parser.at += 1;
        let is_filled = self.first() != Some(closing);
        self.parser.at += usize::from(!is_filled);
        is_filled
    }

    fn skip_key(&mut self) -> Result<(), ReadError> {
        if self.first() != Some(b'"') {
            return Err(self.unexpected("a key in quotes"));
        }
        self.skip_string()?;
        self.colon()
    }

    fn skip_string(&mut self) -> Result<(), ReadError> {
        let mut start = self.parser.at + 1;
        loop {
            match literal(self.parser.text, start) {
                Ok((_, end)) => {
                    self.parser.at = end;
                    return Ok(());
                }
                Err(error) if error.kind == ErrorKind::LoneSurrogate => start = error.offset + 6,
                Err(error) => return Err(Box::<Error>::into(error)),
            }
        }
    }
}
