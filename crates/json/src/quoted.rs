//! A text within a message.

use crate::text;
use std::fmt;

/// Shows a text in quotes, as JSON writes it: what `{:?}` would show, without the tables of all characters that it needs.
///
/// ```
/// use tisync_json::Quoted;
/// assert_eq!(format!("{} came", Quoted("a\tb")), r#""a\tb" came"#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = String::with_capacity(self.0.len() + 2);
        text::print(self.0, &mut quoted);
        f.write_str(&quoted)
    }
}
