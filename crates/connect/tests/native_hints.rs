//! The native connector's stream of hints, and its probe, against scripted answers.
#![allow(clippy::unwrap_used)]
use futures_core::Stream;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::connectors::Native;
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};
use tisync_connect::limits::HINT_LINE_BYTES_MAX;
use tisync_connect::{Connector, Hint, LocalFuture, Session};
use tisync_core::model::{Failure, FailureKind, ListenRequest};

/// Answers with a head and these pieces.
struct Script {
    status: u16,
    media: &'static str,
    pieces: RefCell<VecDeque<Result<Vec<u8>, HttpError>>>,
    sent: RefCell<Vec<Request>>,
}

impl Script {
    fn new(status: u16, media: &'static str, pieces: &[&str]) -> Rc<Self> {
        let pieces = pieces.iter().map(|piece| Ok(piece.as_bytes().to_vec()));
        Rc::new(Script {
            status,
            media,
            pieces: RefCell::new(pieces.collect()),
            sent: RefCell::default(),
        })
    }

    fn head(&self) -> Vec<(String, String)> {
        vec![("content-type".into(), self.media.into())]
    }
}

struct Pieces(VecDeque<Result<Vec<u8>, HttpError>>);

impl Stream for Pieces {
    type Item = Result<Vec<u8>, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front())
    }
}

impl Http for Script {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        self.sent.borrow_mut().push(request);
        let (status, headers) = (self.status, self.head());
        let pieces = self.pieces.take();
        Box::pin(async move {
            let body = pieces.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
            Ok(Response {
                status,
                headers,
                body,
            })
        })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        self.sent.borrow_mut().push(request);
        let streamed = Streamed {
            status: self.status,
            headers: self.head(),
            pieces: Box::pin(Pieces(self.pieces.take())),
        };
        Some(Box::pin(async move { Ok(streamed) }))
    }
}

fn request(names: &[&str]) -> ListenRequest {
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    ListenRequest {
        feeds: [("all".parse().unwrap(), names)].into(),
    }
}

/// Everything that comes along the stream.
fn heard(http: &Rc<Script>) -> Vec<Result<Hint, Failure>> {
    let native = Native::new("http://server.test/");
    let session = Session::with_token("secret");
    let mut hints = native
        .listen(http.clone(), session, request(&["notes", "tasks"]))
        .unwrap();
    let mut all = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = hints.as_mut().poll_next(&mut context) {
        all.push(item);
    }
    all
}

const SSE: &str = "text/event-stream; charset=utf-8";

#[test]
fn a_hint_is_an_event_of_that_name_however_it_is_cut() {
    let text = "event: hint\ndata: pull\n\n: beat\n\nevent: other\ndata: x\n\nevent:hint\r\ndata: y\r\n\r\nevent: hint\r\r";
    let whole = heard(&Script::new(200, SSE, &[text]));
    let expected = [Hint::Listening, Hint::Changed, Hint::Changed, Hint::Changed].map(Ok);
    assert_eq!(whole, expected);
    for cut in 0..text.len() {
        let (one, other) = text.split_at(cut);
        assert_eq!(
            heard(&Script::new(200, SSE, &[one, other])),
            expected,
            "{cut}"
        );
    }
}

#[test]
fn an_event_that_is_cut_off_is_none() {
    let http = Script::new(200, SSE, &["event: hint\ndata: pull\n"]);
    assert_eq!(heard(&http), [Ok(Hint::Listening)]);
}

#[test]
fn it_asks_for_its_collections_with_its_token() {
    let http = Script::new(200, SSE, &[]);
    heard(&http);
    let sent = http.sent.borrow();
    assert_eq!(
        sent[0].url,
        "http://server.test/v1/hints?collections=notes,tasks"
    );
    let header = ("authorization".to_owned(), "Bearer secret".to_owned());
    assert!(sent[0].headers.contains(&header));
}

#[test]
fn what_is_no_stream_of_hints_is_classified() {
    let kind = |status, media| match &heard(&Script::new(status, media, &["<html>"]))[..] {
        [Err(failure)] => failure.kind.clone(),
        other => panic!("a failure was expected, but {other:?} came"),
    };
    assert_eq!(kind(200, "text/html"), FailureKind::NotThisProtocol);
    assert_eq!(kind(401, "application/json"), FailureKind::Credentials);
    // An older server has none: that is no reason to doubt it.
    let retry = FailureKind::Retry { after_ms: None };
    assert_eq!(kind(404, "application/json"), retry);
    assert_eq!(kind(503, "application/json"), retry);
}

#[test]
fn a_stream_that_breaks_or_babbles_ends_with_a_failure() {
    let http = Script::new(200, SSE, &["event: hint\n\n"]);
    let broken = HttpError::new(HttpErrorKind::Timeout, "silence");
    http.pieces.borrow_mut().push_back(Err(broken));
    let all = heard(&http);
    assert_eq!(all[..2], [Ok(Hint::Listening), Ok(Hint::Changed)]);
    assert_eq!(all[2].as_ref().unwrap_err().kind, FailureKind::Offline);
    let long = "x".repeat(HINT_LINE_BYTES_MAX + 1);
    let all = heard(&Script::new(200, SSE, &[&long]));
    assert_eq!(
        all[1].as_ref().unwrap_err().kind,
        FailureKind::NotThisProtocol
    );
}

#[test]
fn a_probe_believes_only_a_server_that_says_who_it_is() {
    let probe = |status, media, body: &str| {
        let http = Script::new(status, media, &[body]);
        let native = Native::new("http://server.test");
        let mut answer = native.probe(http.clone(), Session::anonymous());
        let polled = answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(http.sent.borrow()[0].url, "http://server.test/v1/about");
        match polled {
            Poll::Ready(answer) => answer.map_err(|failure| failure.kind.clone()),
            Poll::Pending => panic!("a connector awaits nothing but Http"),
        }
    };
    let json = "application/json";
    assert_eq!(
        probe(200, json, r#"{"protocol": 1, "product": "x"}"#),
        Ok(())
    );
    let not_ours = Err(FailureKind::NotThisProtocol);
    assert_eq!(probe(200, "text/html", "<title>Welcome</title>"), not_ours);
    assert_eq!(probe(200, json, "{}"), not_ours);
    assert_eq!(probe(200, json, r#"{"protocol": 2}"#), not_ours);
    assert_eq!(probe(302, "text/plain", ""), not_ours);
    assert_eq!(probe(401, json, "{}"), Err(FailureKind::Credentials));
}
