//! What is set up wrong, or answered by something else: every kind of connector says what to do, and shows no secret.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, answer, item, pull_request, wait};
use std::rc::Rc;
use tisync_connect::connectors::{KINDS, Setup, make};
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{Failure, FailureKind, Found, Precondition, Verdict, Wanted};

const TOKEN: &str = "ann:a-secret-of-ann";

/// An address that each kind takes, with the options that it needs.
fn setup(kind: &str) -> Setup {
    let (url, options) = match kind {
        "acs" => ("http://server.test", r#"{"key": "APPKEY"}"#),
        "kinto" => ("http://server.test/v1", "{}"),
        "rest" => ("http://server.test", r#"{"paths": {"notes": "notes"}}"#),
        _ => ("http://server.test", "{}"),
    };
    let mut setup = Setup::at(url);
    setup.options = serde_json::from_str(options).unwrap();
    setup
}

fn connector(kind: &str) -> Box<dyn Connector> {
    make(kind, &setup(kind)).unwrap()()
}

/// The failure of each call of a kind; of a push that has verdicts, what they say.
fn failures(kind: &str, http: &Rc<dyn Http>) -> Vec<(&'static str, Failure)> {
    let connector = connector(kind);
    let session = || Session::with_token(TOKEN);
    let mut failures = Vec::new();
    let mut note = |call, failure: Option<Failure>| {
        let failure = failure.unwrap_or_else(|| panic!("the {call} of {kind} fails"));
        failures.push((call, failure));
    };
    note(
        "probe",
        wait(connector.probe(http.clone(), session())).err(),
    );
    let pulled = wait(connector.pull(http.clone(), session(), pull_request("notes", None)));
    note("pull", pulled.err());
    let id = "5f000001d9ca72c507000001";
    let pushed = wait(connector.push(
        http.clone(),
        session(),
        vec![item(1, id, Precondition::Absent)],
    ));
    note("push", pushed.err());
    let wanted = Wanted::Ids(vec![("notes".parse().unwrap(), id.parse().unwrap())]);
    // Of records that nobody tells of, a look-up may say nothing.
    match wait(connector.fetch(http.clone(), session(), wanted)) {
        Err(failure) => failures.push(("fetch", failure)),
        Ok(fetched) => assert!(
            fetched
                .found
                .iter()
                .all(|(_, _, found)| *found == Found::Unknown),
            "{kind}: {fetched:?}"
        ),
    }
    failures
}

fn answering(response: Response) -> Rc<dyn Http> {
    Script::of(vec![response])
}

#[test]
fn an_address_that_is_none_says_what_one_is_and_shows_no_password() {
    for kind in KINDS {
        for (url, word) in [
            ("ftp://server.test", "http:// or https://"),
            ("server.test", "http:// or https://"),
            ("http:///v1", "host"),
            ("https://ann:a-secret-of-ann@server.test/v1", "as the token"),
        ] {
            let setup = Setup {
                url: url.to_owned(),
                ..setup(kind.name)
            };
            let error = make(kind.name, &setup).err();
            let error = error.unwrap_or_else(|| panic!("{} takes {url}", kind.name));
            let error = error.to_string();
            assert!(error.contains(word), "{}: {error}", kind.name);
            assert!(!error.contains("a-secret"), "{}: {error}", kind.name);
        }
    }
}

#[test]
fn an_option_that_is_none_is_named() {
    for kind in KINDS {
        let mut setup = setup(kind.name);
        setup.options.insert("colour".to_owned(), "red".into());
        let error = make(kind.name, &setup).err();
        let error = error.unwrap_or_else(|| panic!("{} takes any option", kind.name));
        assert!(
            error.to_string().contains("colour"),
            "{}: {error}",
            kind.name
        );
    }
}

#[test]
fn a_page_of_html_says_to_check_the_address_or_the_network() {
    for kind in KINDS {
        for status in [200, 403, 404] {
            let page = answer(status, "text/html", "<html>Welcome. Please sign in.</html>");
            for (call, failure) in failures(kind.name, &answering(page)) {
                let told = format!("{} {call} {status}: {failure:?}", kind.name);
                // A collection that is not there, where servers say so in HTML.
                let names_path =
                    failure.message.contains("`paths`") || failure.message.contains("may not use");
                assert!(
                    failure.kind == FailureKind::NotThisProtocol
                        && !(status == 200 && failure.not_sent),
                    "{told}"
                );
                assert!(
                    failure.message.contains("check the address") || names_path,
                    "{told}"
                );
                assert!(!failure.message.contains("Welcome"), "{told}");
            }
        }
    }
}

#[test]
fn a_redirect_elsewhere_is_not_followed_and_says_what_to_set() {
    for kind in KINDS {
        let mut away = answer(302, "text/html", "");
        away.headers
            .push(("location".into(), "https://elsewhere.test/".into()));
        let http = Script::of(vec![away]);
        let asked: Rc<dyn Http> = http.clone();
        for (call, failure) in failures(kind.name, &asked) {
            assert!(
                failure.message.contains("which gets no token"),
                "{} {call}: {failure:?}",
                kind.name
            );
        }
        for request in http.sent() {
            assert!(request.url.starts_with("http://server.test"), "{request:?}");
        }
    }
}

/// A network that is not there, and says so in the words of a careless client.
struct Down(HttpErrorKind);

impl Http for Down {
    fn send(&self, _: Request) -> LocalFuture<Result<Response, HttpError>> {
        let error = HttpError::new(self.0, "the name cannot be found");
        Box::pin(async move { Err(error) })
    }
}

#[test]
fn a_server_that_is_not_there_is_told_as_such() {
    for kind in KINDS {
        let http: Rc<dyn Http> = Rc::new(Down(HttpErrorKind::NotSent));
        for (call, failure) in failures(kind.name, &http) {
            let told = format!("{} {call}: {failure:?}", kind.name);
            assert!(
                failure.kind == FailureKind::Offline && failure.not_sent,
                "{told}"
            );
            assert!(failure.message.contains("cannot be found"), "{told}");
        }
    }
}

#[test]
fn a_token_that_is_refused_is_told_as_such_and_not_shown() {
    for kind in KINDS {
        let body = match kind.name {
            "acs" => r#"{"meta":{"code":401,"message":"You need to sign in."}}"#,
            "kinto" => {
                r#"{"code":401,"errno":104,"error":"Unauthorized","message":"Please authenticate"}"#
            }
            "couchdb" => r#"{"error":"unauthorized","reason":"Name or password is incorrect."}"#,
            _ => r#"{"type":"unauthorized","title":"no","status":401,"detail":"no"}"#,
        };
        let refused = answer(401, "application/json", body);
        for (call, failure) in failures(kind.name, &answering(refused)) {
            let told = format!("{} {call}: {failure:?}", kind.name);
            assert_eq!(failure.kind, FailureKind::Credentials, "{told}");
            assert!(!told.contains("a-secret"), "{told}");
        }
    }
}

/// 403 concerns what was asked for, never the queue: the write is parked, or the user waits; nothing is gone.
#[test]
fn a_user_who_may_not_is_told_what() {
    for kind in KINDS {
        let body = match kind.name {
            "acs" => r#"{"meta":{"code":403,"message":"may not: no permission"}}"#,
            "kinto" => {
                r#"{"code":403,"errno":121,"error":"Forbidden","message":"may not: no permission"}"#
            }
            "couchdb" => r#"{"error":"forbidden","reason":"may not: no permission"}"#,
            _ => {
                r#"{"type":"forbidden","title":"may not","status":403,"detail":"may not: no permission"}"#
            }
        };
        let http = answering(answer(403, "application/json", body));
        let connector = connector(kind.name);
        let session = Session::with_token(TOKEN);
        let pulled =
            wait(connector.pull(http.clone(), session.clone(), pull_request("notes", None)));
        let failure = pulled.unwrap_err();
        let told = format!("{}: {failure:?}", kind.name);
        assert!(matches!(failure.kind, FailureKind::Retry { .. }), "{told}");
        assert!(failure.message.contains("may not"), "{told}");
        let write = vec![item(1, "5f000001d9ca72c507000001", Precondition::Absent)];
        match wait(connector.push(http, session, write)) {
            Err(failure) => assert!(
                failure.message.contains("may not"),
                "{}: {failure:?}",
                kind.name
            ),
            Ok(pushed) => assert!(
                pushed.verdicts.iter().all(|(_, verdict)| matches!(verdict,
                    Verdict::Rejected { reason } if reason.contains("may not"))),
                "{}: {pushed:?}",
                kind.name
            ),
        }
    }
}
