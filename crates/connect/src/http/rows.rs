//! The rows of an answer, taken apart row by row: an answer may hold all that there is, and a host that must not block has
//! its turn in between.
use super::{Http, ROWS_AT_ONCE};
use serde_json::value::RawValue;
use tisync_json::Elements;

/// The rows at a path of names; `None` where the body is no JSON, or has no array there.
pub(crate) async fn rows_of<'a>(
    http: &dyn Http,
    body: &'a [u8],
    path: &[&str],
) -> Option<Vec<&'a RawValue>> {
    let mut rows = Vec::new();
    for row in Elements::at(body, path)? {
        rows.push(row?);
        if rows.len() % ROWS_AT_ONCE == 0
            && let Some(pause) = http.pause()
        {
            pause.await;
        }
    }
    Some(rows)
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
    fn a_host_has_its_turn_between_rows() {
        let turns = Turns::default();
        let body = format!("[{}0]", "1,".repeat(7_000));
        assert_eq!(read(&body, &[], &turns).unwrap().len(), 7_001);
        assert_eq!(turns.0.get(), 7_001 / ROWS_AT_ONCE);
    }
}
