//! An array that is read element by element.

use super::read;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The elements of an array in a text, each read when it is asked for: who must not block does something else in between,
/// however long the text is.
///
/// `None` as an element says that what follows is no JSON, or was cut off, or holds a name of the path twice; it is the
/// last one then.
///
/// ```
/// let text = br#"{"data": {"rows": [{"a": 1}, 2], "total": 2}}"#;
/// let rows = tisync_json::Elements::at(text, &["data", "rows"]).ok_or("no rows")?;
/// let texts: Option<Vec<&str>> = rows.map(|row| row.map(|row| row.get())).collect();
/// assert_eq!(texts, Some(vec![r#"{"a": 1}"#, "2"]));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct Elements<'a> {
    place: Place<'a>,
    /// The names of the objects around the array.
    path: Vec<String>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begun,
    Within,
    Over,
}

impl<'a> Elements<'a> {
    /// Those of the array at a path of names; `None` where the text has none there, or is no JSON up to it.
    pub fn at(text: &'a [u8], path: &[&str]) -> Option<Self> {
        let mut place = Place { text, at: 0 };
        for name in path {
            place.takes(b'{')?;
            while place.value::<String>()? != *name {
                place.takes(b':')?;
                place.value::<&RawValue>()?;
                place.takes(b',')?;
            }
            place.takes(b':')?;
        }
        place.takes(b'[')?;
        Some(Elements {
            place,
            path: path.iter().map(|name| (*name).to_owned()).collect(),
            state: State::Begun,
        })
    }

    /// Goes to the next element; `Some(None)` at the end.
    fn read(&mut self) -> Option<Option<&'a RawValue>> {
        let is_end = match self.state {
            State::Begun => self.place.takes(b']').is_some(),
            State::Within if self.place.takes(b',').is_some() => false,
            State::Within => self.place.takes(b']').map(|()| true)?,
            State::Over => return Some(None),
        };
        if !is_end {
            self.state = State::Within;
            return self.place.value().map(Some);
        }
        self.state = State::Over;
        self.place.ends(&self.path).then_some(None)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Option<&'a RawValue>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Some(Some(element)) => Some(Some(element)),
            Some(None) => None,
            None => {
                self.state = State::Over;
                Some(None)
            }
        }
    }
}

/// A place in a text.
#[derive(Debug)]
struct Place<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Place<'a> {
    fn space(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Goes behind a byte, if it is the next one.
    fn takes(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// Reads the next value and goes behind it.
    fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        self.space();
        let rest = self.text.get(self.at..)?;
        let bytes = length(rest);
        let value = std::str::from_utf8(rest.get(..bytes)?).ok()?;
        self.at += bytes;
        read(value).ok()
    }

    /// Whether the text ends as it should behind the value at a path, and leads to no other one there.
    fn ends(&mut self, path: &[String]) -> bool {
        let closed = path.iter().rev().try_for_each(|name| {
            while self.takes(b',').is_some() {
                if self.value::<String>()? == *name {
                    return None;
                }
                self.takes(b':')?;
                self.value::<&RawValue>()?;
            }
            self.takes(b'}')
        });
        self.space();
        closed.is_some() && self.at == self.text.len()
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// How many bytes the value has that JSON begins with. Whether it is one is found when it is read.
fn length(json: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut is_text = false;
    let mut is_escaped = false;
    for (at, byte) in json.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' if depth == 0 => return at + 1,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ if depth == 0 && is_space(*byte) => return at,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(text: &str, path: &[&str]) -> Option<Vec<String>> {
        let elements = Elements::at(text.as_bytes(), path)?;
        elements
            .map(|element| element.map(|raw| raw.get().to_owned()))
            .collect()
    }

    #[test]
    fn elements_are_found_wherever_the_array_is() {
        assert_eq!(found(" [ ] ", &[]), Some(vec![]));
        let rows = ["1", "\"a,]\\\"\"", "{\"b\":[{},\"}\"]}", "null", "[[]]"];
        let body = format!("[{}]", rows.join(" ,\n"));
        assert_eq!(found(&body, &[]).unwrap(), rows);
        let within = format!(
            "{{\"n\":{{\"items\":[]}},\"data\":{{\"total\":5,\"items\":{body},\"z\":[]}},\"more\":null}}"
        );
        assert_eq!(found(&within, &["data", "items"]).unwrap(), rows);
    }

    #[test]
    fn a_path_leads_to_one_array() {
        for twice in [
            r#"{"data":{"items":[1],"items":[2]}}"#,
            r#"{"data":{"items":[1]},"data":{"items":[2]}}"#,
            r#"{"data":{"items":[1]},"data":null}"#,
        ] {
            assert_eq!(found(twice, &["data", "items"]), None, "{twice}");
        }
        let others = r#"{"n":1,"n":2,"data":{"items":[1],"data":2},"items":0,"n":3}"#;
        assert_eq!(found(others, &["data", "items"]).unwrap(), ["1"]);
    }

    #[test]
    fn what_is_cut_off_or_no_json_has_no_elements() {
        let whole = r#"{"data":{"items":[{"a":"ä"},2],"n":1}}"#;
        assert_eq!(found(whole, &["data", "items"]).unwrap().len(), 2);
        for (cut, _) in whole.char_indices() {
            assert_eq!(found(&whole[..cut], &["data", "items"]), None, "{cut}");
        }
        for wrong in [
            "",
            "7",
            "{}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[tru]",
            "[{\"a\"}]",
            "[1]]",
            "[1],",
            "[}",
            "[1:2]",
        ] {
            assert_eq!(found(wrong, &[]), None, "{wrong}");
        }
    }
}
