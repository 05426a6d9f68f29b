//! A JSON Pointer through objects.
use serde::{Deserialize, Serialize};
/// A JSON Pointer (RFC 6901) through objects, for example `/address/city`; never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Vec<String>);
impl Path {
    /// Parses a JSON Pointer; a bare name without a leading slash is one key.
    pub fn parse(text: &str) -> Result<Self, crate::Error> {
        let _ = text;
        todo!()
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
}
impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = f;
        todo!()
    }
}
impl TryFrom<String> for Path {
    type Error = crate::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Path::parse(&text)
    }
}
impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}
