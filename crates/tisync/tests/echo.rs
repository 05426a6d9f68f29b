//! A backend that repeats the credentials in what it says: no error, no health and no parked write shows them.
#![allow(clippy::unwrap_used)]
use std::rc::Rc;
use tisync::connect::LocalFuture;
use tisync::connect::http::{Http, HttpError, Request, Response};
use tisync::{Replica, Settings};

const PASSWORD: &str = "a-secret-of-ann";

/// Refuses every write, and what is asked of `lost`, in words that hold what it was sent.
struct Echo;

impl Http for Echo {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let (status, body) = match request.method {
            "GET" if request.url.contains("lost") => (400, refusal()),
            "GET" if request.url.contains("n1") => (404, "{}".to_owned()),
            "GET" => (200, "[]".to_owned()),
            _ => (422, refusal()),
        };
        let answer = Response {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into_bytes(),
        };
        Box::pin(async move { Ok(answer) })
    }
}

fn refusal() -> String {
    format!(r#"{{"error":"bad_request","reason":"ann:{PASSWORD} may not, nor may {PASSWORD}"}}"#)
}

fn open(folder: &std::path::Path, connector: &str) -> Replica {
    std::fs::write(folder.join("token"), format!("ann:{PASSWORD}")).unwrap();
    let text = format!(
        r#"{{"replica": "a.db", "connectors": {{"main": {{"url": "http://127.0.0.1:9", "token_file": "token", {connector}}}}},
            "collections": {{"notes": {{"policy": "merge"}}}}}}"#
    );
    let settings: Settings = serde_json::from_str(&text).unwrap();
    settings
        .builder(folder)
        .unwrap()
        .http(|| Ok(Rc::new(Echo)))
        .network_monitor(false)
        .open()
        .unwrap()
}

#[test]
fn a_write_that_is_refused_with_the_password_is_parked_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = r#""kind": "rest", "options": {"paths": {"notes": "notes"}, "auth": "basic"}"#;
    let replica = open(folder.path(), options);
    replica
        .collection("notes")
        .unwrap()
        .put("n1", r#"{"title": "x"}"#)
        .unwrap();
    let told = format!("{:?}", replica.blocking_sync());
    let parked = format!("{:?}", replica.outbox().list(None, 10).unwrap());
    assert!(
        parked.contains("the backend refuses the record"),
        "{parked}"
    );
    assert!(parked.contains("may not"), "{parked}");
    for text in [told, parked] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

#[test]
fn a_pull_that_is_refused_with_the_password_is_told_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = r#""kind": "couchdb", "options": {"databases": {"notes": "lost"}}"#;
    let replica = open(folder.path(), options);
    let error = replica.blocking_sync().unwrap_err().to_string();
    assert!(error.contains("may not"), "{error}");
    let health = format!("{:?}", replica.health().unwrap());
    for text in [error, health] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}
