//! A JSON Pointer through objects.

use crate::limits::DEPTH_MAX;
use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A JSON Pointer (RFC 6901) through objects, for example `/address/city`; never empty.
///
/// Arrays and scalars are leaves: no path leads into them. In the order of paths everything below a
/// path follows directly after it.
///
/// ```
/// use tisync_json::Path;
/// let path = Path::parse("/a~1b/c")?;
/// assert_eq!(path.keys(), ["a/b", "c"]);
/// assert_eq!(Path::parse("title")?.to_string(), "/title");
/// # Ok::<(), tisync_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Vec<String>);

impl Path {
    /// Parses a JSON Pointer; a bare name without a leading slash is one key, taken as it stands.
    ///
    /// # Errors
    /// `Path` for an empty text (the whole document is no path) and for a `~` that is not `~0` or
    /// `~1`; `TooDeep` for more keys than a document has levels.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some(pointer) = text.strip_prefix('/') else {
            if text.is_empty() {
                return Err(Error::new(
                    ErrorKind::Path,
                    0,
                    "expected a path such as /title, came an empty text: a change of the whole document is a replace",
                ));
            }
            return Ok(Path::key(text));
        };
        let mut offset = 1;
        let mut keys = Vec::new();
        for part in pointer.split('/') {
            if keys.len() == DEPTH_MAX {
                return Err(Error::new(
                    ErrorKind::TooDeep,
                    offset,
                    format!("expected a path of at most {DEPTH_MAX} keys, came a longer one"),
                ));
            }
            keys.push(unescape(part, offset)?);
            offset += part.len() + 1;
        }
        Ok(Path(keys))
    }

    /// A path of one key.
    pub fn key(key: impl Into<String>) -> Self {
        Path(vec![key.into()])
    }

    /// The keys, outermost first.
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// Whether `self` is `other` or leads to it.
    pub fn is_prefix_of(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Whether one is a prefix of the other.
    pub fn overlaps(&self, other: &Path) -> bool {
        self.is_prefix_of(other) || other.is_prefix_of(self)
    }

    /// The path one key deeper.
    pub fn child(&self, key: &str) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.into());
        Path(keys)
    }

    /// The paths that lead to it, shortest first, without itself.
    pub fn parents(&self) -> impl Iterator<Item = Path> {
        (1..self.0.len()).map(|length| Path(self.0[..length].to_vec()))
    }
}

fn unescape(part: &str, offset: usize) -> Result<String, Error> {
    let mut key = String::with_capacity(part.len());
    let mut characters = part.char_indices();
    while let Some((index, character)) = characters.next() {
        if character != '~' {
            key.push(character);
            continue;
        }
        match characters.next() {
            Some((_, '0')) => key.push('~'),
            Some((_, '1')) => key.push('/'),
            _ => {
                return Err(Error::new(
                    ErrorKind::Path,
                    offset + index,
                    "expected ~0 (for ~) or ~1 (for /) in a path, came another ~",
                ));
            }
        }
    }
    Ok(key)
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for key in &self.0 {
            f.write_char('/')?;
            for character in key.chars() {
                match character {
                    '~' => f.write_str("~0")?,
                    '/' => f.write_str("~1")?,
                    other => f.write_char(other)?,
                }
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Path::parse(text)
    }
}

impl TryFrom<String> for Path {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Path::parse(&text)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}
