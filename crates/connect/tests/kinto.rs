//! The connector `kinto` against recorded answers, and what no server of ours says.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, answer, item, pull_request, wait};
use std::rc::Rc;
use tisync_connect::connectors::{Kinto, Setup, make};
use tisync_connect::http::Response;
use tisync_connect::{Connector, Session};
use tisync_core::model::{
    Failure, FailureKind, Image, Item, Page, PageEnd, Precondition, Pushed, Verdict,
};

fn kinto() -> Kinto {
    Kinto::new(&Setup::at("http://server.test/v1")).unwrap()
}

fn pull(http: &Rc<Script>, checkpoint: Option<&str>) -> Result<Page, Failure> {
    let session = Session::with_token("ann:s3cret");
    wait(kinto().pull(http.clone(), session, pull_request("notes", checkpoint)))
}

fn push(http: &Rc<Script>, count: u128) -> Result<Pushed, Failure> {
    let version = Precondition::Version("12".parse().unwrap());
    let batch = (1..=count)
        .map(|n| item(n, &format!("n{n}"), version.clone()))
        .collect();
    wait(kinto().push(http.clone(), Session::anonymous(), batch))
}

/// As Kinto writes it, with the headers that count.
fn page(etag: &str, next: bool, body: &str) -> Response {
    let mut page = answer(200, "application/json", body);
    page.headers.push(("etag".into(), format!("\"{etag}\"")));
    if next {
        page.headers
            .push(("next-page".into(), "http://evil.test/".into()));
    }
    page
}

#[test]
fn the_place_is_the_last_row_and_the_next_page_is_asked_of_the_same_server() {
    let first = r#"{"data":[{"x":1.0,"id":"a","last_modified":100},{"id":"b","last_modified":110,"deleted":true}]}"#;
    let http = Script::of(vec![
        page("200", true, first),
        page("200", false, r#"{"data":[]}"#),
    ]);
    let page = pull(&http, None).unwrap();
    assert_eq!(page.end, PageEnd::More);
    assert_eq!(page.checkpoint, Some("110".parse().unwrap()));
    assert!(matches!(
        &page.items[..],
        [Item::Upsert { .. }, Item::Tombstone { .. }]
    ));

    let page = pull(&http, Some("110")).unwrap();
    assert_eq!(page.end, PageEnd::Complete { total: None });
    assert_eq!(page.checkpoint, Some("110".parse().unwrap()));
    let sent = http.sent();
    assert!(
        sent[0]
            .url
            .ends_with("/records?_sort=last_modified&_limit=10")
    );
    assert!(
        sent[1]
            .url
            .starts_with("http://server.test/v1/buckets/default/")
    );
    assert!(sent[1].url.ends_with("&_since=%22110%22"));
}

#[test]
fn an_empty_collection_begins_at_its_last_change() {
    let http = Script::of(vec![page("77", false, r#"{"data":[]}"#)]);
    assert_eq!(
        pull(&http, None).unwrap().checkpoint,
        Some("77".parse().unwrap())
    );
}

#[test]
fn a_page_that_does_not_move_is_refused() {
    let body = r#"{"data":[{"id":"a","last_modified":90}]}"#;
    let failure = pull(&Script::of(vec![page("200", true, body)]), Some("100")).unwrap_err();
    assert!(failure.message.contains("no progress"), "{failure:?}");
}

#[test]
fn rows_that_are_no_records_are_kept_and_the_place_goes_on() {
    let body = r#"{"data":[{"id":"a"},{"id":"b","last_modified":"x"},{"id":"","last_modified":5},{"id":"c","last_modified":7}]}"#;
    let page = pull(&Script::of(vec![page("200", false, body)]), None).unwrap();
    let bad = page
        .items
        .iter()
        .filter(|item| matches!(item, Item::Bad { .. }));
    assert_eq!(bad.count(), 3);
    assert_eq!(page.checkpoint, Some("7".parse().unwrap()));
}

#[test]
fn of_a_batch_that_failed_inside_nothing_is_sure() {
    let body = r#"{"responses":[
        {"status":200,"body":{"data":{"id":"n1","last_modified":20,"title":"whole"}}},
        {"status":503,"body":{"errno":201}}]}"#;
    assert_eq!(push(&Script::json(200, body), 2).unwrap().verdicts, []);
    // And one answer for two writes says nothing of either.
    let body = r#"{"responses":[{"status":200,"body":{"data":{"id":"n1","last_modified":20}}}]}"#;
    assert_eq!(push(&Script::json(200, body), 2).unwrap().verdicts, []);
}

#[test]
fn a_batch_of_a_user_who_is_refused_parks_nothing() {
    let refused =
        r#"{"status":401,"body":{"code":401,"errno":104,"message":"Please authenticate"}}"#;
    let both = format!(r#"{{"responses":[{refused},{refused}]}}"#);
    let failure = push(&Script::json(200, &both), 2).unwrap_err();
    assert_eq!(
        (failure.kind.clone(), failure.not_sent),
        (FailureKind::Credentials, true)
    );
    let fine = r#"{"status":200,"body":{"data":{"id":"n2","last_modified":20,"title":"whole"}}}"#;
    let one = format!(r#"{{"responses":[{refused},{fine}]}}"#);
    let verdicts = push(&Script::json(200, &one), 2).unwrap().verdicts;
    assert!(matches!(
        &verdicts[..],
        [(_, Verdict::Deferred { .. }), (_, Verdict::Accepted { .. })]
    ));
}

#[test]
fn a_refusal_that_shows_nothing_is_no_evidence_for_gone() {
    let verdicts = |answer: &str| {
        let body = format!(r#"{{"responses":[{answer}]}}"#);
        push(&Script::json(200, &body), 1).unwrap().verdicts
    };
    let unclear = verdicts(r#"{"status":412,"body":{"code":412}}"#);
    assert!(matches!(
        unclear[..],
        [(_, Verdict::Conflict { remote: None })]
    ));
    assert_eq!(verdicts(r#"{"status":404,"body":{"code":404}}"#), []);
    let gone = verdicts(r#"{"status":412,"body":{"code":412,"errno":114}}"#);
    assert!(matches!(
        gone[..],
        [(_, Verdict::Conflict { remote: Some(_) })]
    ));
    let gone = verdicts(r#"{"status":404,"body":{"code":404,"errno":110}}"#);
    assert!(matches!(
        gone[..],
        [(_, Verdict::Conflict { remote: Some(_) })]
    ));
    // A tombstone as the answer to a write.
    let odd = r#"{"status":200,"body":{"data":{"id":"n1","last_modified":20,"deleted":true}}}"#;
    assert_eq!(verdicts(odd), []);
}

#[test]
fn a_server_that_changes_what_it_keeps_shows_it() {
    let body = r#"{"responses":[{"status":200,"body":{"data":{"id":"n1","last_modified":20,"title":"cut"}}}]}"#;
    let pushed = push(&Script::json(200, body), 1).unwrap();
    let (
        _,
        Verdict::Accepted {
            image: Some(Image::Present(kept)),
            version,
            ..
        },
    ) = &pushed.verdicts[0]
    else {
        panic!("{pushed:?}");
    };
    assert_eq!(kept.text(), r#"{"title":"cut"}"#);
    assert_eq!(version.as_ref().unwrap().as_str(), "20");
}

#[test]
fn what_is_not_the_server_is_told_from_one_that_refuses() {
    let failure = pull(&Script::new(200, "text/html", "<html>"), None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol);
    let refusal = r#"{"code":401,"errno":104,"message":"Please authenticate"}"#;
    let failure = pull(&Script::json(401, refusal), None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    assert!(!failure.message.contains("s3cret"));
    let late = push(&Script::json(408, r#"{"errno":999}"#), 1).unwrap_err();
    assert!(!late.not_sent, "{late:?}");
    let mut slow = answer(429, "application/json", "{}");
    slow.headers.push(("retry-after".into(), "7".into()));
    let failure = pull(&Script::of(vec![slow]), None).unwrap_err();
    assert_eq!(
        failure.kind,
        FailureKind::Retry {
            after_ms: Some(7_000)
        }
    );
}

#[test]
fn set_ups_that_cannot_work_are_refused() {
    let refused = |url: &str, options: &str| {
        let mut setup = Setup::at(url);
        setup.options = serde_json::from_str(options).unwrap();
        make("kinto", &setup).err().unwrap().to_string()
    };
    let url = "http://server.test/v1";
    assert!(refused("http://server.test", "{}").contains("version of its interface"));
    assert!(refused(url, r#"{"bucket":"a b"}"#).contains("`a b` came"));
    assert!(refused(url, r#"{"collections":{"notes":""}}"#).contains("expected the name"));
    assert!(refused(url, r#"{"batch_items":0}"#).contains("1 or more"));
    assert!(refused(url, r#"{"auth":"magic"}"#).contains("magic"));
}

#[test]
fn the_page_prints_the_guarantee_that_the_code_derives() {
    let page = include_str!("../../../docs/connectors/kinto.md");
    let line = kinto().capability(&"notes".parse().unwrap()).guarantee();
    assert!(page.contains(&format!("> {line}\n")), "{line}");
}
