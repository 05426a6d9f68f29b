//! The connector `rest`: what follows from its options, and what a backend may answer.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, answer, item, pull_request, wait};
use std::rc::Rc;
use tisync_connect::connectors::{Rest, Setup};
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{
    Change, Failure, FailureKind, Found, Image, Item, Page, PageEnd, Precondition, Pushed, Verdict,
    Wanted,
};
use tisync_json::{Patch, Path, Value};

fn rest(options: &str) -> Rest {
    let mut setup = Setup::at("http://server.test/api");
    setup.options = serde_json::from_str(options).unwrap();
    Rest::new(&setup).unwrap()
}

fn pull(options: &str, http: &Rc<Script>, checkpoint: Option<&str>) -> Result<Page, Failure> {
    let session = Session::with_token("s3cret");
    wait(rest(options).pull(http.clone(), session, pull_request("notes", checkpoint)))
}

fn push(options: &str, http: &Rc<Script>, count: u128) -> Result<Pushed, Failure> {
    let version = Precondition::Version("7".parse().unwrap());
    let batch = (1..=count)
        .map(|n| item(n, &format!("n{n}"), version.clone()))
        .collect();
    wait(rest(options).push(http.clone(), Session::anonymous(), batch))
}

const PLAIN: &str = r#"{"probe":"notes"}"#;

#[test]
fn a_next_page_elsewhere_is_asked_of_our_server() {
    let mut first = answer(200, "application/json", r#"[{"id":"a"}]"#);
    let link = r#"<http://evil.test/steal?page=2&per_page=10>; rel="next", <http://evil.test/>; rel="last""#;
    first.headers.push(("link".into(), link.into()));
    let http = Script::of(vec![first, answer(200, "application/json", "[]")]);
    let options = r#"{"probe":"notes","paging":{"by":"link","limit":"per_page"}}"#;
    let page = pull(options, &http, None).unwrap();
    assert_eq!(page.end, PageEnd::More);
    let place = page.checkpoint.unwrap();
    assert_eq!(
        pull(options, &http, Some(place.as_str())).unwrap().end,
        PageEnd::Complete { total: None }
    );
    assert_eq!(
        http.sent()[1].url,
        "http://server.test/api/notes?page=2&per_page=10"
    );
}

#[test]
fn a_token_leads_to_the_next_page_and_none_is_the_end() {
    let page = |next: &str| {
        answer(
            200,
            "application/json",
            &format!(r#"{{"data":{{"items":[{{"id":1}}]}},"next":{next}}}"#),
        )
    };
    let http = Script::of(vec![page(r#""abc=""#), page("null")]);
    let options = r#"{"probe":"notes","rows":"data.items","paging":{"by":"cursor","cursor":"c","field":"next"}}"#;
    let first = pull(options, &http, None).unwrap();
    assert_eq!(first.end, PageEnd::More);
    let place = first.checkpoint.unwrap();
    let last = pull(options, &http, Some(place.as_str())).unwrap();
    assert_eq!(last.end, PageEnd::Complete { total: None });
    assert!(http.sent()[1].url.ends_with("notes?c=abc%3D"));
}

#[test]
fn an_answer_that_is_no_listing_says_what_to_set() {
    let failure = pull(PLAIN, &Script::json(200, r#"{"results":[]}"#), None).unwrap_err();
    assert!(failure.message.contains("say in `rows`"), "{failure:?}");
    let failure = pull(PLAIN, &Script::new(200, "text/html", "<p>"), None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol);
    let failure = pull(PLAIN, &Script::json(404, "{}"), None).unwrap_err();
    assert!(failure.message.contains("`paths`"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("s3cret"));
}

#[test]
fn a_record_is_gone_only_when_its_collection_answers() {
    let look = |listing: u16, body: &str| {
        let http = Script::of(vec![
            answer(404, "application/json", "{}"),
            answer(listing, "application/json", body),
        ]);
        let wanted = Wanted::Ids(vec![("notes".parse().unwrap(), "n1".parse().unwrap())]);
        let found = wait(rest(PLAIN).fetch(http, Session::anonymous(), wanted)).unwrap();
        matches!(&found.found[0].2, Found::Image(remote) if !remote.image.is_present())
    };
    assert!(look(200, "[]"));
    assert!(!look(404, "{}"));
    assert!(!look(200, r#"{"hello":"world"}"#));
}

#[test]
fn versions_are_sent_where_the_backend_compares_them() {
    let options = r#"{"probe":"notes","version_field":"rev","if_match":true}"#;
    let http = Script::of(vec![
        answer(412, "application/json", "{}"),
        answer(
            200,
            "application/json",
            r#"{"id":"n1","rev":8,"title":"theirs"}"#,
        ),
    ]);
    let pushed = push(options, &http, 1).unwrap();
    let (
        _,
        Verdict::Conflict {
            remote: Some(remote),
        },
    ) = &pushed.verdicts[0]
    else {
        panic!("{pushed:?}");
    };
    assert_eq!(remote.version.as_ref().unwrap().as_str(), "8");
    let sent = &http.sent()[0];
    assert!(
        sent.headers
            .contains(&("if-match".to_owned(), "\"7\"".to_owned()))
    );
    assert_eq!(
        (sent.method, sent.url.as_str()),
        ("PUT", "http://server.test/api/notes/n1")
    );
}

#[test]
fn a_patch_holds_the_fields_that_changed() {
    let http = Script::json(200, r#"{"id":"n1","title":"whole"}"#);
    let mut write = item(1, "n1", Precondition::None);
    write.change = Change::Patch(Patch {
        set: [(Path::key("title"), Value::String("whole".to_owned()))].into(),
        unset: [Path::key("due")].into(),
    });
    let options = r#"{"probe":"notes","update":"patch"}"#;
    wait(rest(options).push(http.clone(), Session::anonymous(), vec![write])).unwrap();
    assert_eq!(http.sent()[0].method, "PATCH");
    assert_eq!(
        http.sent_json(0),
        serde_json::json!({"title": "whole", "due": null})
    );
}

#[test]
fn what_was_not_sent_waits_and_what_proves_nothing_stays_unknown() {
    let fine = r#"{"id":"n1","title":"whole"}"#;
    let http = Script::of(vec![
        answer(200, "application/json", fine),
        answer(502, "text/html", "<p>bad gateway"),
    ]);
    let verdicts = push(PLAIN, &http, 3).unwrap().verdicts;
    let [
        (first, Verdict::Accepted { .. }),
        (third, Verdict::Deferred { .. }),
    ] = &verdicts[..]
    else {
        panic!("{verdicts:?}");
    };
    assert_eq!((first.0, third.0), (1, 3));
    assert_eq!(http.sent().len(), 2);

    let refused = push(PLAIN, &Script::json(401, "{}"), 3).unwrap_err();
    assert!(refused.not_sent);
    assert_eq!(refused.kind, FailureKind::Credentials);
    let moved = push(PLAIN, &Script::new(302, "text/html", ""), 1).unwrap_err();
    assert!(moved.message.contains("gets no token"), "{moved:?}");
    let another = Script::json(200, r#"{"id":"other","title":"whole"}"#);
    assert!(
        push(PLAIN, &another, 1)
            .unwrap_err()
            .message
            .contains("another one came")
    );
}

#[test]
fn soft_deletes_are_deletions() {
    let rows = r#"[{"id":"a","gone":true},{"id":"b","gone":0,"x":1},{"id":"c","gone":"2026-01-01"},{"id":"d"}]"#;
    let options = r#"{"probe":"notes","deleted_field":"gone"}"#;
    let page = pull(options, &Script::json(200, rows), None).unwrap();
    let is_gone = |item: &Item| matches!(item, Item::Tombstone { .. });
    let gone: Vec<bool> = page.items.iter().map(is_gone).collect();
    assert_eq!(gone, [true, false, true, false]);
}

#[test]
fn fields_of_the_backend_never_leave_it_and_an_app_that_has_one_is_told() {
    let options = r#"{"probe":"notes","hide":["title","secret"]}"#;
    let page = pull(
        options,
        &Script::json(200, r#"[{"id":"a","secret":1,"x":2}]"#),
        None,
    )
    .unwrap();
    assert!(
        matches!(&page.items[0], Item::Upsert { document, .. } if document.text() == r#"{"x":2}"#)
    );
    let http = Script::json(200, r#"{"id":"n1"}"#);
    let pushed = push(options, &http, 1).unwrap();
    assert!(
        matches!(&pushed.verdicts[0].1, Verdict::Rejected { reason } if reason.contains("`title`"))
    );
    assert!(http.sent().is_empty());
}

/// A page of one row with these headers `Link`.
fn linked(links: &[&str]) -> Response {
    let mut page = answer(200, "application/json", r#"[{"id":"a"}]"#);
    page.headers
        .extend(links.iter().map(|link| ("link".into(), (*link).into())));
    page
}

#[test]
fn a_next_page_is_found_among_whatever_links_there_are() {
    let options = r#"{"probe":"notes","paging":{"by":"link"}}"#;
    let next = |links: &[&str]| {
        let page = pull(options, &Script::of(vec![linked(links)]), None).unwrap();
        page.end == PageEnd::More
    };
    assert!(next(&[r#"</n?sort=time,id&page=2>; rel="next""#]));
    assert!(next(&[
        r#"</n?page=2>;title="a, b"; Rel='last next', </x>; rel=self"#
    ]));
    assert!(next(&[
        r#"</style.css>; rel="preload""#,
        "</n?page=2>; rel=next"
    ]));
    assert!(!next(&[r#"</n?page=2>; rel="prev", </next>; rel="last""#]));
    assert!(!next(&[r#"</n?page=2>; rel="nextcloud""#, "<", "next"]));
}

#[test]
fn links_to_what_is_no_page_end_no_walk() {
    let options = r#"{"probe":"notes","page_items":1,"paging":{"by":"page","page":"p"}}"#;
    let end = |links: &[&str]| {
        let http = Script::of(vec![linked(links)]);
        pull(options, &http, None).unwrap().end
    };
    assert_eq!(
        end(&[r#"</wp-json/>; rel="https://api.w.org/""#]),
        PageEnd::More
    );
    assert_eq!(end(&[r#"</n?p=1>; rel="self""#]), PageEnd::More);
    assert_eq!(
        end(&[r#"</n?s=a,b&p=2>; rel="next", </n>; rel="first""#]),
        PageEnd::More
    );
    assert_eq!(
        end(&[r#"</n?p=1>; rel="first""#]),
        PageEnd::Complete { total: None }
    );
    // A listing that was said to be whole, and is not.
    let failure = pull(
        PLAIN,
        &Script::of(vec![linked(&["</n?p=2>; rel=next"])]),
        None,
    );
    assert!(failure.unwrap_err().message.contains("`paging`"));
}

#[test]
fn only_a_token_that_can_be_read_leads_on_and_only_none_is_the_end() {
    let options =
        r#"{"probe":"notes","rows":"rows","paging":{"by":"cursor","cursor":"c","field":"next"}}"#;
    let pulled = |next: &str| {
        let body = format!(r#"{{"rows":[],"next":{next}}}"#);
        pull(options, &Script::json(200, &body), None).map(|page| page.end)
    };
    for none in ["null", "false", r#""""#] {
        assert_eq!(
            pulled(none).unwrap(),
            PageEnd::Complete { total: None },
            "{none}"
        );
    }
    assert_eq!(pulled("7").unwrap(), PageEnd::More);
    for unread in [r#"{"id":7}"#, "1.5", "-3", "true", "[]"] {
        assert!(
            pulled(unread).unwrap_err().message.contains("`next`"),
            "{unread}"
        );
    }
}

#[test]
fn an_answer_that_says_something_twice_is_refused() {
    let options = r#"{"probe":"notes","rows":"data.rows",
        "paging":{"by":"cursor","cursor":"after","field":"next","limit":"limit"}}"#;
    let refused = |body: &str| {
        let failure = pull(options, &Script::json(200, body), None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotThisProtocol, "{failure:?}");
        assert!(failure.message.contains("twice"), "{failure:?}");
    };
    refused(r#"{"data":{"rows":[{"id":"a"}],"rows":[]}}"#);
    refused(r#"{"data":{"rows":[]},"data":{"rows":[{"id":"a"}]}}"#);
    refused(r#"{"data":{"rows":[{"id":"a"}]},"next":"b","next":null}"#);
    let other = r#"{"n":1,"n":2,"data":{"rows":[{"id":"a"}]},"next":null}"#;
    let page = pull(options, &Script::json(200, other), None).unwrap();
    assert_eq!(page.items.len(), 1);
}

#[test]
fn rows_that_shift_between_two_pages_are_seen() {
    let options = r#"{"probe":"notes","page_items":2,"paging":{"by":"page","page":"p"}}"#;
    let place = r#"{"i":"b","n":2,"o":true}"#;
    let pages = |first: &str, second: &str| {
        Script::of(vec![
            answer(200, "application/json", second),
            answer(200, "application/json", first),
        ])
    };
    let http = pages(r#"[{"id":"a"},{"id":"b"}]"#, r#"[{"id":"c"},{"id":"d"}]"#);
    let page = pull(options, &http, Some(place)).unwrap();
    assert_eq!((page.items.len(), page.end), (2, PageEnd::More));
    let urls: Vec<String> = http.sent().into_iter().map(|sent| sent.url).collect();
    assert!(
        urls[0].ends_with("p=2") && urls[1].ends_with("p=1"),
        "{urls:?}"
    );
    // `a` goes after the second page was read, or before: `c` is at the edge, and the walk begins anew.
    let http = pages(r#"[{"id":"b"},{"id":"c"}]"#, r#"[{"id":"d"},{"id":"e"}]"#);
    let page = pull(options, &http, Some(place)).unwrap();
    assert_eq!(page.end, PageEnd::More);
    let begins_anew = page.checkpoint.unwrap().as_str().contains(r#""n":0"#);
    assert!(begins_anew);
}

#[test]
fn a_row_without_a_time_does_not_stop_the_feed() {
    let options = r#"{"probe":"notes","changes":{"field":"t","since":"since","sort":{}}}"#;
    let rows = r#"[{"id":"a"},{"id":"b","t":"2026-01-01T00:00:00Z"}]"#;
    let place = r#"{"w":1700000000000}"#;
    let page = pull(options, &Script::json(200, rows), Some(place)).unwrap();
    assert!(matches!(
        &page.items[..],
        [Item::Bad { .. }, Item::Upsert { .. }]
    ));
}

/// A backend that answers once and is gone.
struct Crash(std::cell::Cell<u16>);

impl Http for Crash {
    fn send(&self, _: Request) -> LocalFuture<Result<Response, HttpError>> {
        let answered = match self.0.replace(0) {
            0 => Err(HttpError::new(HttpErrorKind::NotSent, "refused")),
            status => Ok(answer(status, "application/json", "{}")),
        };
        Box::pin(async move { answered })
    }
}

#[test]
fn a_question_that_cannot_be_sent_says_nothing_of_the_write_before_it() {
    let write = item(1, "n1", Precondition::Absent);
    let http = Rc::new(Crash(std::cell::Cell::new(500)));
    let failure = wait(rest(PLAIN).push(http, Session::anonymous(), vec![write])).unwrap_err();
    assert!(!failure.not_sent, "{failure:?}");
    assert_eq!(failure.kind, FailureKind::Offline);
}

/// The verdict on one write.
fn judged(options: &str, answers: Vec<Response>, precondition: Precondition) -> Verdict {
    let write = item(1, "n1", precondition);
    let pushed = wait(rest(options).push(Script::of(answers), Session::anonymous(), vec![write]));
    pushed.unwrap().verdicts.remove(0).1
}

#[test]
fn what_the_backend_refuses_for_good_is_parked_and_what_another_refuses_is_not() {
    let page = Script::new(403, "text/html", "<p>Blocked by your company");
    let blocked = push(PLAIN, &page, 1).unwrap_err();
    assert_eq!(
        (blocked.kind.clone(), blocked.not_sent),
        (FailureKind::NotThisProtocol, false)
    );
    let taken = answer(409, "application/json", r#"{"title":"must be unique"}"#);
    let answers = vec![
        taken,
        answer(404, "application/json", "{}"),
        answer(200, "application/json", "[]"),
    ];
    let verdict = judged(PLAIN, answers, Precondition::Absent);
    assert!(matches!(&verdict, Verdict::Rejected { reason } if reason.contains("unique")));
}

#[test]
fn a_write_that_finds_its_record_deleted_shows_it() {
    let options = r#"{"probe":"notes","deleted_field":"gone"}"#;
    let kept = answer(
        200,
        "application/json",
        r#"{"id":"n1","gone":true,"title":"whole"}"#,
    );
    let verdict = judged(options, vec![kept], Precondition::None);
    let is_gone = matches!(
        &verdict,
        Verdict::Accepted {
            image: Some(Image::Gone),
            ..
        }
    );
    assert!(is_gone, "{verdict:?}");
}

#[test]
fn a_create_that_a_redirect_made_a_read_of_is_not_accepted() {
    let options = r#"{"probe":"notes","answers":"nothing"}"#;
    let create = |body: &str| {
        let http = Script::json(200, body);
        let batch = vec![item(1, "n1", Precondition::Absent)];
        wait(rest(options).push(http, Session::anonymous(), batch))
    };
    assert!(
        create("[]")
            .unwrap_err()
            .message
            .contains("`trailing_slash`")
    );
    let accepted = create(r#"{"ok":true}"#).unwrap().verdicts;
    assert!(
        matches!(&accepted[..], [(_, Verdict::Accepted { .. })]),
        "{accepted:?}"
    );
}
