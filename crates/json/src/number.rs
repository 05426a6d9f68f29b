//! Numbers compared by value and printed as ECMAScript prints them.
/// A JSON number: an integer of any length, or a double.
#[derive(Clone, Debug)]
pub struct Number(String);
impl Number {
    /// Parses a JSON number literal.
    pub fn parse(text: &str) -> Result<Self, crate::Error> {
        let _ = text;
        todo!()
    }
    /// The nearest double.
    pub fn as_f64(&self) -> f64 {
        todo!()
    }
    /// The value as an `i64`, when it is an integer in range.
    pub fn as_i64(&self) -> Option<i64> {
        todo!()
    }
}
impl From<i64> for Number {
    fn from(value: i64) -> Self {
        let _ = value;
        todo!()
    }
}
impl TryFrom<f64> for Number {
    type Error = crate::Error;
    fn try_from(value: f64) -> Result<Self, crate::Error> {
        let _ = value;
        todo!()
    }
}
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Number {}
impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Number {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let _ = other;
        todo!()
    }
}
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
