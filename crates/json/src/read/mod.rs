//! Reading JSON into types.
//!
//! `serde` makes the code that reads a type anew for each type, from what its source of data offers. Here that source
//! offers little: everything that a type does not change is a function of its own ([`Reader`]), and made once. The module
//! for hosts without native code has some three hundred such types, and half of its readers were copies of a parser.

mod elements;
mod error;
mod reader;
mod source;

pub use elements::Elements;
pub use error::ReadError;

use reader::Reader;
use serde::Deserialize;

/// Reads a text into a type. Unlike a [`crate::Document`], the text may be of any length and may hold a key twice, of
/// which `serde` decides.
///
/// Errors say what was expected, what came and where. Where the text is not JSON they quote one character at most; what
/// a type refuses is told by `serde`, which may quote it.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Page {
///     rows: Vec<String>,
/// }
/// let page: Page = tisync_json::read(r#"{"rows": ["a", "b"]}"#)?;
/// assert_eq!(page.rows.len(), 2);
/// let error = tisync_json::read::<Page>(r#"{"rows": 5}"#).map(drop).unwrap_err();
/// assert_eq!(error.to_string(), "expected an array, came `5` at line 1 column 10");
/// # Ok::<(), tisync_json::ReadError>(())
/// ```
///
/// # Errors
/// When the text is not JSON, or not of the type.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ReadError> {
    let mut reader = Reader::new(text);
    match T::deserialize(&mut reader) {
        Ok(value) => reader.end(value),
        Err(error) => Err(reader.place(error)),
    }
}

/// The text of the value that a text begins with, of any depth, whatever follows it; none if it begins with something else.
///
/// ```
/// assert_eq!(tisync_json::head("[1, {}] and more"), Some("[1, {}]"));
/// assert_eq!(tisync_json::head("[1, {"), None);
/// ```
pub fn head(text: &str) -> Option<&str> {
    Reader::new(text).skip().ok()
}

#[cfg(test)]
mod tests;
