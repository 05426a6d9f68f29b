//! The connector `rest`, and answers that may be another's: to a delete, and to a create under an id of ours.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, answer, item, wait};
use tisync_connect::connectors::{Rest, Setup};
use tisync_connect::http::Response;
use tisync_connect::{Connector, Session};
use tisync_core::model::{Change, Failure, FailureKind, Precondition, Verdict};

fn json(status: u16, body: &str) -> Response {
    answer(status, "application/json", body)
}

/// What becomes of one write when these are the answers; and how many requests it took.
fn verdict(change: Change, answers: Vec<Response>) -> (Result<Option<Verdict>, Failure>, usize) {
    verdict_of(r#"{"probe":"notes"}"#, change, answers)
}

fn verdict_of(
    options: &str,
    change: Change,
    answers: Vec<Response>,
) -> (Result<Option<Verdict>, Failure>, usize) {
    let mut setup = Setup::at("http://server.test/api");
    setup.options = serde_json::from_str(options).unwrap();
    let mut write = item(1, "n1", Precondition::None);
    if change == Change::Delete {
        write.document = None;
    }
    write.change = change;
    let http = Script::of(answers);
    let rest = Rest::new(&setup).unwrap();
    let pushed = wait(rest.push(http.clone(), Session::anonymous(), vec![write]));
    let verdict = pushed.map(|mut pushed| pushed.verdicts.pop().map(|(_, verdict)| verdict));
    (verdict, http.sent().len())
}

#[test]
fn next_to_nothing_is_what_backends_say_of_a_delete() {
    for (status, body) in [
        (204, ""),
        (200, "{}"),
        (200, " null\n"),
        (200, r#"{"id":"n1","x":1}"#),
    ] {
        let (verdict, requests) = verdict(Change::Delete, vec![json(status, body)]);
        assert_eq!(
            (verdict, requests),
            (Ok(Some(Verdict::accepted(None))), 1),
            "{body}"
        );
    }
}

#[test]
fn after_any_other_answer_to_a_delete_the_record_is_read() {
    let refused = || json(200, r#"{"status":401,"message":"session expired"}"#);
    // It is gone, and its collection is there.
    let gone = vec![refused(), json(404, "{}"), json(200, "[]")];
    let (told, requests) = verdict(Change::Delete, gone);
    assert_eq!((told, requests), (Ok(Some(Verdict::accepted(None))), 3));
    // It is there: nothing was deleted.
    let there = vec![refused(), json(200, r#"{"id":"n1"}"#)];
    let failure = verdict(Change::Delete, there).0.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol);
    assert!(
        !failure.not_sent && failure.message.contains("it is there"),
        "{failure:?}"
    );
    // Nobody says.
    let unclear = vec![refused(), json(404, "{}"), json(404, "{}")];
    assert_eq!(verdict(Change::Delete, unclear).0, Ok(None));
}

#[test]
fn where_no_record_can_be_read_a_delete_is_proven_by_a_collection_that_answers() {
    let told = |answers| {
        verdict_of(
            r#"{"probe":"notes","fetch":false}"#,
            Change::Delete,
            answers,
        )
    };
    let done = (Ok(Some(Verdict::accepted(None))), 1);
    for body in ["", "{}", r#"{"id":"n1","x":1}"#] {
        assert_eq!(told(vec![json(200, body)]), done, "{body}");
    }
    let (verdict, requests) = told(vec![json(200, r#"{"ok":true}"#), json(200, "[]")]);
    assert_eq!((verdict, requests), (done.0, 2));
    // Somebody else speaks, or it was no delete.
    let over = r#"{"status":401,"message":"session expired"}"#;
    for answers in [
        vec![json(200, over), json(200, over)],
        vec![json(200, over), json(404, "{}")],
        vec![json(200, over), json(401, over)],
        vec![json(200, "[]")],
        vec![json(200, r#"{"id":"n2"}"#)],
    ] {
        let failure = told(answers.clone()).0.unwrap_err();
        assert!(!failure.not_sent, "{answers:?}: {failure:?}");
        assert_eq!(failure.kind, FailureKind::NotThisProtocol, "{answers:?}");
    }
    // Nobody can say now: it goes again.
    let away = vec![json(200, over), json(503, "{}")];
    assert!(!told(away).0.unwrap_err().not_sent);
}

#[test]
fn a_backend_that_makes_ids_of_its_own_makes_one_record_and_is_told() {
    let change = item(1, "n1", Precondition::Absent).change;
    let row = r#"{"id":17,"title":"whole"}"#;
    let (told, _) = verdict(change, vec![json(201, row), json(200, row)]);
    let Ok(Some(Verdict::Rejected { reason })) = told else {
        panic!("{told:?}");
    };
    assert!(
        reason.contains("under the id 17") && reason.contains(r#"ids = "server""#),
        "{reason}"
    );
}

#[test]
fn a_record_of_somebody_else_is_no_answer_to_a_create() {
    let change = item(1, "n1", Precondition::Absent).change;
    let stranger = json(200, r#"{"id":17,"title":"whole"}"#);
    let failure = verdict(change, vec![stranger, json(404, "{}")])
        .0
        .unwrap_err();
    assert_eq!(
        (failure.kind.clone(), failure.not_sent),
        (FailureKind::NotThisProtocol, false)
    );
}
