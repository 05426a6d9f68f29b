//! String literals: finding their end, reading their escapes, printing them.

use crate::{Error, ErrorKind};
use std::borrow::Cow;

/// What stands between the quotes of a string literal whose escapes have been checked.
#[derive(Clone, Copy)]
pub(crate) struct Literal<'a> {
    pub(crate) raw: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> Literal<'a> {
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped {
            unescape(self.raw) == text
        } else {
            self.raw == text
        }
    }
}

/// Reads the string literal whose opening quote is just before `start`; answers it and the place
/// after its closing quote.
pub(crate) fn literal(text: &str, start: usize) -> Result<(Literal<'_>, usize), Box<Error>> {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut escaped = false;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => {
                let raw = &text[start..at];
                return Ok((Literal { raw, escaped }, at + 1));
            }
            Some(b'\\') => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            Some(control) => {
                return Err(fail(
                    ErrorKind::Syntax,
                    at,
                    format!(
                        "expected an escape such as \\n in a string, came the raw control character 0x{control:02x}"
                    ),
                ));
            }
            None => {
                return Err(fail(
                    ErrorKind::Syntax,
                    at,
                    "expected the closing quote of a string, but the text ended",
                ));
            }
        }
    }
}

/// The place of the first quote, backslash or control character at or after `at`, or the end.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at a time: of a record's text most is inside strings. The lowest mark is always a
    // true one (a borrow can only set marks above it), and only the lowest is used.
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            break;
        }
        at += 1;
    }
    at
}

#[inline]
fn marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH
}

/// Checks the escape at `at` and answers the place after it; a surrogate pair counts as one.
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, Box<Error>> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex_4(bytes, at + 2)? {
            0xD800..=0xDBFF => match bytes.get(at + 6..at + 8) {
                Some(b"\\u") if matches!(hex_4(bytes, at + 8)?, 0xDC00..=0xDFFF) => Ok(at + 12),
                _ => Err(lone(at)),
            },
            0xDC00..=0xDFFF => Err(lone(at)),
            _ => Ok(at + 6),
        },
        Some(_) => Err(fail(
            ErrorKind::Syntax,
            at,
            "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u in a string, came another escape",
        )),
        None => Err(fail(
            ErrorKind::Syntax,
            at + 1,
            "expected the rest of an escape, but the text ended",
        )),
    }
}

fn hex_4(bytes: &[u8], at: usize) -> Result<u32, Box<Error>> {
    let digits = bytes.get(at..at + 4).and_then(|digits| {
        digits.iter().try_fold(0, |code, digit| {
            Some(code << 4 | (*digit as char).to_digit(16)?)
        })
    });
    digits.ok_or_else(|| {
        fail(
            ErrorKind::Syntax,
            at,
            "expected four hexadecimal digits after \\u",
        )
    })
}

fn lone(at: usize) -> Box<Error> {
    fail(
        ErrorKind::LoneSurrogate,
        at,
        "expected a pair of surrogates (\\ud83d\\ude00), came half of one: such a string is not Unicode text",
    )
}

fn fail(kind: ErrorKind, offset: usize, message: impl Into<String>) -> Box<Error> {
    Box::new(Error::new(kind, offset, message))
}

/// Replaces the escapes of a literal that [`literal`] has checked.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(place) = rest.find('\\') {
        out.push_str(&rest[..place]);
        let bytes = rest.as_bytes();
        let (character, length) = match bytes.get(place + 1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unescape_unicode(bytes, place),
            Some(other) => (*other as char, 2),
            None => break,
        };
        out.push(character);
        rest = &rest[place + length..];
    }
    out.push_str(rest);
    out
}

fn unescape_unicode(bytes: &[u8], place: usize) -> (char, usize) {
    let unit = |at| hex_4(bytes, at).unwrap_or(0xFFFD);
    match unit(place + 2) {
        high @ 0xD800..=0xDBFF => {
            let low = unit(place + 8);
            let code = 0x10000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
            (char::from_u32(code).unwrap_or('\u{FFFD}'), 12)
        }
        code => (char::from_u32(code).unwrap_or('\u{FFFD}'), 6),
    }
}

/// Prints `text` as a string literal, escaping what must be, as `JSON.stringify` does.
pub(crate) fn print(text: &str, out: &mut String) {
    out.push('"');
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = plain_end(bytes, from);
        out.push_str(&text[from..at]);
        let Some(byte) = bytes.get(at) else { break };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0C => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(HEX[usize::from(control >> 4)] as char);
                out.push(HEX[usize::from(control & 15)] as char);
            }
        }
        from = at + 1;
    }
    out.push('"');
}
