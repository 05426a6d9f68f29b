//! What collections, records, groups and mutations may be called.
use crate::limits::{
    COLLECTION_BYTES_MAX, GROUP_BYTES_MAX, MUTATION_ID_CHARS, RECORD_ID_BYTES_MAX,
};
use tisync_json::Quoted;

/// Why a name is refused: what was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(String);

impl std::fmt::Display for NameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for NameError {}

/// Checks a collection's name: a letter or underscore, then at most 62 letters, digits, `_` or `-`.
///
/// ```
/// assert!(tisync_protocol::check_collection("todo_items").is_ok());
/// assert!(tisync_protocol::check_collection("1; drop").is_err());
/// ```
pub fn check_collection(name: &str) -> Result<(), NameError> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let goes_on = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if starts && goes_on && name.len() <= COLLECTION_BYTES_MAX {
        return Ok(());
    }
    Err(NameError(format!(
        "a collection's name is a letter or _ and then at most 62 letters, digits, _ or -; {} came",
        shown(name)
    )))
}

/// Checks a record's id: 1 to 200 bytes without control characters.
pub fn check_record(id: &str) -> Result<(), NameError> {
    if (1..=RECORD_ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    Err(NameError(format!(
        "a record's id has 1 to {RECORD_ID_BYTES_MAX} bytes and no control characters; {} came",
        shown(id)
    )))
}

/// Checks a group's name: 1 to 64 bytes.
pub fn check_group(name: &str) -> Result<(), NameError> {
    if (1..=GROUP_BYTES_MAX).contains(&name.len()) {
        return Ok(());
    }
    Err(NameError(format!(
        "a group's name has 1 to {GROUP_BYTES_MAX} bytes; {} came",
        shown(name)
    )))
}

/// Reads a mutation's id: 32 lowercase hexadecimal digits.
pub fn mutation_id(text: &str) -> Result<[u8; 16], NameError> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let parse = || {
        if text.len() != MUTATION_ID_CHARS {
            return None;
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(id)
    };
    parse().ok_or_else(|| {
        NameError(format!(
            "a mutation's id is {MUTATION_ID_CHARS} lowercase hexadecimal digits; {} came",
            shown(text)
        ))
    })
}

/// A name that came from outside, cut so that a message stays a line.
fn shown(name: &str) -> String {
    const CHARS_MAX: usize = 40;
    let cut: String = name.chars().take(CHARS_MAX).collect();
    let rest = if cut.len() < name.len() { "…" } else { "" };
    format!("{}{rest}", Quoted(&cut))
}
