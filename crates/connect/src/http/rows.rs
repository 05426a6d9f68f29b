//! The rows of an answer, taken apart row by row: an answer may hold all that there is, and a host that must not block has
//! its turn in between.
use super::{Http, ROWS_AT_ONCE, parse};
use serde::de::Deserialize;
use serde_json::value::RawValue;

/// The rows at a path of names; `None` where the body is no JSON, or has no array there.
pub(crate) async fn rows_of<'a>(
    http: &dyn Http,
    body: &'a [u8],
    path: &[&str],
) -> Option<Vec<&'a RawValue>> {
    let mut at = Place { body, at: 0 };
    for name in path {
        at.takes(b'{')?;
        while at.value::<String>()? != *name {
            at.takes(b':')?;
            at.value::<&RawValue>()?;
            at.takes(b',')?;
        }
        at.takes(b':')?;
    }
    at.takes(b'[')?;
    let mut rows = Vec::new();
    let mut is_end = at.takes(b']').is_some();
    while !is_end {
        if rows.len() % ROWS_AT_ONCE == ROWS_AT_ONCE - 1
            && let Some(pause) = http.pause()
        {
            pause.await;
        }
        rows.push(at.value()?);
        is_end = at.takes(b',').is_none();
        if is_end {
            at.takes(b']')?;
        }
    }
    // What is behind them shows that nothing was cut off.
    for _ in path {
        while at.takes(b',').is_some() {
            at.value::<String>()?;
            at.takes(b':')?;
            at.value::<&RawValue>()?;
        }
        at.takes(b'}')?;
    }
    at.space();
    (at.at == body.len()).then_some(rows)
}

/// A place in JSON.
struct Place<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Place<'a> {
    fn space(&mut self) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Goes behind a byte, if it is the next one.
    fn takes(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.body.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// Reads the next value and goes behind it.
    fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        self.space();
        let rest = self.body.get(self.at..)?;
        let bytes = length(rest);
        let value = parse(rest.get(..bytes)?).ok()?;
        self.at += bytes;
        Some(value)
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
    use super::*;
    use crate::LocalFuture;
    use crate::http::{HttpError, Request, Response};
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// A host that counts its turns.
    #[derive(Default)]
    struct Turns(Cell<usize>);

    impl Http for Turns {
        fn send(&self, _: Request) -> LocalFuture<Result<Response, HttpError>> {
            unreachable!("nothing is sent")
        }

        fn pause(&self) -> Option<LocalFuture<()>> {
            self.0.set(self.0.get() + 1);
            Some(Box::pin(std::future::ready(())))
        }
    }

    fn read(body: &str, path: &[&str], turns: &Turns) -> Option<Vec<String>> {
        let mut reading = pin!(rows_of(turns, body.as_bytes(), path));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(rows) = reading.as_mut().poll(&mut context) else {
            panic!("it waits for nothing")
        };
        Some(rows?.iter().map(|row| row.get().to_owned()).collect())
    }

    #[test]
    fn rows_are_found_as_the_whole_reader_finds_them() {
        let none = Turns::default();
        let found = |body, path: &[&str]| read(body, path, &none);
        assert_eq!(found(" [ ] ", &[]), Some(vec![]));
        let rows = ["1", "\"a,]\\\"\"", "{\"b\":[{},\"}\"]}", "null", "[[]]"];
        let body = format!("[{}]", rows.join(" ,\n"));
        assert_eq!(found(&body, &[]).unwrap(), rows);
        let within = format!(
            "{{\"n\":{{\"items\":[]}},\"data\":{{\"total\":5,\"items\":{body},\"z\":[]}},\"more\":null}}"
        );
        assert_eq!(found(&within, &["data", "items"]).unwrap(), rows);
        assert_eq!(none.0.get(), 0);
    }

    #[test]
    fn what_is_cut_off_or_no_json_has_no_rows() {
        let none = Turns::default();
        let whole = r#"{"data":{"items":[{"a":"ä"},2],"n":1}}"#;
        assert_eq!(read(whole, &["data", "items"], &none).unwrap().len(), 2);
        for (cut, _) in whole.char_indices() {
            assert_eq!(
                read(&whole[..cut], &["data", "items"], &none),
                None,
                "{cut}"
            );
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
            assert_eq!(read(wrong, &[], &none), None, "{wrong}");
        }
    }

    #[test]
    fn a_host_has_its_turn_between_rows() {
        let turns = Turns::default();
        let body = format!("[{}0]", "1,".repeat(7_000));
        assert_eq!(read(&body, &[], &turns).unwrap().len(), 7_001);
        assert_eq!(turns.0.get(), 7_001 / ROWS_AT_ONCE);
    }
}
