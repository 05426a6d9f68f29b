//! The grammar: one pass over the text, for the check of a document and for the value tree alike.
//!
//! Both accept the same texts because they are the same code: what is made of the parts is a [`Sink`].

use crate::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX};
use crate::sink::{Check, NumberLiteral, Sink, Tree};
use crate::text::{Literal, literal};
use crate::{Error, ErrorKind, Number, Value};

/// Checks that `text` is a document and answers it without surrounding white space.
pub(crate) fn document(text: &str) -> Result<&str, Error> {
    let mut parser = Parser::new(text)?;
    parser.space();
    let start = parser.at;
    let is_object = parser.peek() == Some(b'{');
    let end = parser
        .value::<Check>()
        .and_then(|()| {
            let end = parser.at;
            parser.finish().map(|()| end)
        })
        .map_err(|error| *error)?;
    if !is_object {
        return Err(Error::new(
            ErrorKind::NotAnObject,
            start,
            format!(
                "expected an object {{…}}, came {}",
                what(text.as_bytes().get(start))
            ),
        ));
    }
    Ok(&text[start..end])
}

/// Parses any JSON value.
pub(crate) fn value(text: &str) -> Result<Value, Error> {
    let mut parser = Parser::new(text)?;
    parser.space();
    parser
        .value::<Tree>()
        .and_then(|value| parser.finish().map(|()| value))
        .map_err(|error| *error)
}

/// Parses the text of a document, or a part of one: text that was checked, or printed here, before. It
/// may lie outside the limits, if a patch made it so.
pub(crate) fn checked(text: &str) -> Value {
    let mut parser = Parser::deep(text, usize::MAX);
    parser.space();
    let value = parser.value::<Tree>();
    debug_assert!(value.is_ok(), "a document holds what is not JSON: {text}");
    value.unwrap_or_default()
}

/// Parses a number literal.
pub(crate) fn number(text: &str) -> Result<Number, Error> {
    let mut parser = Parser::new(text)?;
    parser
        .number()
        .and_then(|number| parser.finish().map(|()| number))
        .and_then(NumberLiteral::number)
        .map_err(|error| *error)
}

pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    depth: usize,
    depth_max: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::TooLong,
                DOCUMENT_BYTES_MAX,
                format!(
                    "expected at most {DOCUMENT_BYTES_MAX} bytes of JSON, came {}: store large content as a file and keep its address in the record",
                    text.len()
                ),
            ));
        }
        Ok(Parser::start(text))
    }

    /// One for texts of any length, with another limit of depth.
    pub(crate) fn deep(text: &'a str, depth_max: usize) -> Self {
        Parser {
            depth_max,
            ..Parser::start(text)
        }
    }

    fn start(text: &'a str) -> Self {
        Parser {
            text,
            at: 0,
            depth: 0,
            depth_max: DEPTH_MAX,
        }
    }

    /// Reads one value; the caller has skipped the white space before it. The recursion is bounded by
    /// [`DEPTH_MAX`].
    fn value<S: Sink<'a>>(&mut self) -> Result<S::Value, Box<Error>> {
        match self.peek() {
            Some(b'"') => Ok(S::string(self.string()?)),
            Some(b'{') => self.object::<S>(),
            Some(b'[') => self.array::<S>(),
            Some(b'-' | b'0'..=b'9') => S::number(self.number()?),
            Some(b't') => self.word("true").map(|()| S::bool(true)),
            Some(b'f') => self.word("false").map(|()| S::bool(false)),
            Some(b'n') => self.word("null").map(|()| S::null()),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn object<S: Sink<'a>>(&mut self) -> Result<S::Value, Box<Error>> {
        self.enter()?;
        let mut object = S::Object::default();
        self.space();
        if self.peek() == Some(b'}') {
            self.leave();
            return Ok(S::object(object));
        }
        loop {
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let literal = self.string()?;
            let Some(key) = S::key(&mut object, literal) else {
                return Err(Box::new(Error::new(
                    ErrorKind::DuplicateKey,
                    key_at,
                    "expected each key once in an object, came the same key a second time",
                )));
            };
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after a key"));
            }
            self.at += 1;
            self.space();
            let value = self.value::<S>()?;
            S::put(&mut object, key, value);
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b'}') => {
                    self.leave();
                    return Ok(S::object(object));
                }
                _ => return Err(self.unexpected("`,` or `}` in an object")),
            }
        }
    }

    fn array<S: Sink<'a>>(&mut self) -> Result<S::Value, Box<Error>> {
        self.enter()?;
        let mut array = S::Array::default();
        self.space();
        if self.peek() == Some(b']') {
            self.leave();
            return Ok(S::array(array));
        }
        loop {
            let value = self.value::<S>()?;
            S::push(&mut array, value);
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b']') => {
                    self.leave();
                    return Ok(S::array(array));
                }
                _ => return Err(self.unexpected("`,` or `]` in an array")),
            }
        }
    }

    #[inline]
    pub(crate) fn string(&mut self) -> Result<Literal<'a>, Box<Error>> {
        let (literal, end) = literal(self.text, self.at + 1)?;
        self.at = end;
        Ok(literal)
    }

    pub(crate) fn number(&mut self) -> Result<NumberLiteral<'a>, Box<Error>> {
        let offset = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let digits = match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return Err(self.unexpected("a number without leading zeros"));
                }
                1
            }
            _ => self.digits()?,
        };
        let mut integer = true;
        let mut may_overflow = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            integer = false;
            // The largest double has 309 digits before the point.
            may_overflow = digits > 308;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
            integer = false;
            may_overflow = true;
        }
        let text = &self.text[offset..self.at];
        Ok(NumberLiteral {
            text,
            offset,
            integer,
            may_overflow,
        })
    }

    /// Reads one digit or more and answers how many.
    fn digits(&mut self) -> Result<usize, Box<Error>> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.unexpected("a digit"));
        }
        Ok(self.at - start)
    }

    pub(crate) fn word(&mut self, word: &str) -> Result<(), Box<Error>> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("true, false or null"));
        }
        self.at += word.len();
        Ok(())
    }

    // Most texts come without white space. Without the attribute nothing is inlined where code is to be small.
    #[inline(always)]
    pub(crate) fn space(&mut self) {
        if matches!(self.peek(), Some(0..=b' ')) {
            self.skip_space();
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(crate) fn enter(&mut self) -> Result<(), Box<Error>> {
        if self.depth == self.depth_max {
            return Err(Box::new(Error::new(
                ErrorKind::TooDeep,
                self.at,
                format!(
                    "expected at most {} levels of nesting, came more",
                    self.depth_max
                ),
            )));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    pub(crate) fn finish(&mut self) -> Result<(), Box<Error>> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[cold]
    pub(crate) fn unexpected(&self, expected: &str) -> Box<Error> {
        let came = match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            None => "but the text ended".to_owned(),
            Some('\u{feff}') => "came a byte order mark: send UTF-8 without one".to_owned(),
            Some('<') => "came `<`: this looks like HTML or XML, not JSON".to_owned(),
            Some(other) if other.is_control() => format!("came `{}`", other.escape_default()),
            Some(other) => format!("came `{other}`"),
        };
        Box::new(Error::new(
            ErrorKind::Syntax,
            self.at,
            format!("expected {expected}, {came}"),
        ))
    }
}

fn what(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
