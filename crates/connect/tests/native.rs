//! The native connector against scripted answers.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::connectors::Native;
use tisync_connect::http::{Http, HttpError, Request, Response};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{
    Change, FailureKind, Found, GroupId, Image, Item, MutationId, Page, PageEnd, Precondition,
    PullRequest, PushItem, Stamp, Stamps, Verdict, Version, Wanted,
};
use tisync_json::{Document, Patch, Path};

/// Answers every request with the same response and keeps the request.
struct Script {
    answer: Response,
    sent: RefCell<Vec<Request>>,
}

impl Script {
    fn new(status: u16, media: &str, body: impl Into<Vec<u8>>) -> Rc<Self> {
        Rc::new(Script {
            answer: Response {
                status,
                headers: vec![("content-type".into(), media.into())],
                body: body.into(),
            },
            sent: RefCell::default(),
        })
    }
    fn json(body: &str) -> Rc<Self> {
        Script::new(200, "application/json", body)
    }
    fn sent_json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.sent.borrow()[0].body).unwrap()
    }
}

impl Http for Script {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        self.sent.borrow_mut().push(request);
        let answer = self.answer.clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn wait<T>(mut future: LocalFuture<T>) -> T {
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a connector awaits nothing but Http"),
    }
}

fn native() -> Native {
    Native::new("http://server.test/")
}

fn pull(http: &Rc<Script>) -> Result<Page, tisync_core::model::Failure> {
    let request = PullRequest {
        feed: "all".parse().unwrap(),
        collections: vec!["notes".parse().unwrap()],
        checkpoint: Some("e.4".parse().unwrap()),
        snapshot: false,
        items_max: 10,
        bytes_max: 1_000,
    };
    wait(native().pull(http.clone(), Session::with_token("secret"), request))
}

fn item(id: u128, change: Change, group: Option<u128>) -> PushItem {
    let early = Stamp {
        ms: 1,
        counter: 0,
        node: 7,
    };
    let late = Stamp {
        ms: 2,
        counter: 0,
        node: 7,
    };
    PushItem {
        id: MutationId(id),
        collection: "notes".parse().unwrap(),
        record: "n1".parse().unwrap(),
        change,
        document: Some(Document::parse(r#"{"title":"whole"}"#).unwrap()),
        precondition: Precondition::Version("e.3".parse().unwrap()),
        stamps: Stamps {
            latest: late,
            fields: [(Path::key("title"), late), (Path::key("due"), early)].into(),
        },
        group: group.map(GroupId),
        schema: 2,
    }
}

fn push(
    http: &Rc<Script>,
    batch: Vec<PushItem>,
) -> Result<Vec<(MutationId, Verdict)>, tisync_core::model::Failure> {
    let answer = wait(native().push(http.clone(), Session::anonymous(), batch))?;
    if let Some(epoch) = &answer.epoch {
        assert_eq!(epoch.as_str(), "e");
    }
    Ok(answer.verdicts)
}

const PAGE: &str = r#"{"epoch":"e","epochs":[["e",0]],"items":[
    {"collection":"notes","id":"n1","version":"e.5","stamp":"00000000000a0000-00000001","doc":{"title": "as it came"}},
    {"collection":"notes","id":"n2","version":"e.6","deleted":true}
  ],"checkpoint":"e.6","more":true,"server_time_ms":99}"#;

#[test]
fn a_page_is_read_with_documents_as_they_came() {
    let http = Script::json(PAGE);
    let page = pull(&http).unwrap();
    assert_eq!(page.checkpoint, Some("e.6".parse().unwrap()));
    assert_eq!(page.end, PageEnd::More);
    assert_eq!(page.server_time_ms, Some(99));
    match &page.items[..] {
        [
            Item::Upsert {
                document,
                version,
                stamp,
                ..
            },
            Item::Tombstone { id, .. },
        ] => {
            assert_eq!(document.text(), r#"{"title": "as it came"}"#);
            assert_eq!(version.as_ref().map(Version::as_str), Some("e.5"));
            assert_eq!(stamp.unwrap().ms, 10);
            assert_eq!(id.as_str(), "n2");
        }
        other => panic!("{other:?}"),
    }
    let sent = http.sent.borrow();
    assert_eq!(sent[0].url, "http://server.test/v1/pull");
    assert!(
        sent[0]
            .headers
            .contains(&("authorization".into(), "Bearer secret".into()))
    );
}

#[test]
fn one_bad_item_does_not_cost_the_others() {
    let bads = [
        r#"{"collection":"notes","id":"x","version":"e.1","doc":{"a":1,"a":2}}"#,
        r#"{"collection":"notes","id":"x","version":"e.1","doc":[1]}"#,
        r#"{"collection":"notes","id":"","version":"e.1","doc":{}}"#,
        r#"{"collection":"no good name","id":"x","version":"e.1","doc":{}}"#,
        r#"{"collection":"notes","id":"x","version":"e.1"}"#,
        r#"{"collection":"notes","id":"x","version":"e.1","deleted":true,"doc":{}}"#,
        r#"{"collection":"notes","id":"x","version":"e.1","stamp":"late","doc":{}}"#,
        r#"{"collection":"notes","id":7,"version":"e.1","doc":{}}"#,
        "null",
    ];
    for bad in bads {
        let good = r#"{"collection":"notes","id":"n1","version":"e.5","doc":{}}"#;
        let body = format!(
            r#"{{"epoch":"e","epochs":[["e",0]],"items":[{good},{bad},{good}],"checkpoint":"e.6","more":false,"server_time_ms":1}}"#
        );
        let page = pull(&Script::json(&body)).unwrap();
        assert_eq!(page.items.len(), 3);
        match &page.items[1] {
            Item::Bad {
                id, text, reason, ..
            } => {
                assert_eq!(text, bad);
                assert!(!reason.is_empty());
                let told = bad.contains(r#""id":"x""#);
                assert_eq!(id.as_ref().map(|id| id.as_str()), told.then_some("x"));
            }
            other => panic!("{bad} was read as {other:?}"),
        }
        assert!(matches!(page.items[2], Item::Upsert { .. }));
    }
}

#[test]
fn what_is_not_the_protocol_is_never_a_page() {
    let portal = Script::new(200, "text/html", "<html>Welcome to our network</html>");
    assert_eq!(
        pull(&portal).unwrap_err().kind,
        FailureKind::NotThisProtocol
    );
    for cut in 0..PAGE.len() {
        assert!(
            pull(&Script::json(&PAGE[..cut])).is_err(),
            "cut at byte {cut}"
        );
    }
    assert!(pull(&Script::json("[]")).is_err());
    assert!(
        pull(&Script::json("{}")).is_err(),
        "an empty object is not an empty page"
    );
}

#[test]
fn an_expired_checkpoint_names_the_history_and_only_our_server_may_say_so() {
    let problem =
        r#"{"type":"expired-checkpoint","title":"t","status":410,"epochs":[["e",0],["f",9]]}"#;
    let ours = Script::new(410, "application/problem+json", problem);
    match pull(&ours).unwrap_err().kind.clone() {
        FailureKind::ExpiredCheckpoint { epoch: Some(info) } => {
            assert_eq!(info.epoch.as_str(), "f");
            assert_eq!(
                info.history,
                [("e".parse().unwrap(), 0), ("f".parse().unwrap(), 9)]
            );
        }
        other => panic!("{other:?}"),
    }
    let proxy = Script::new(410, "text/plain", "gone");
    assert_eq!(pull(&proxy).unwrap_err().kind, FailureKind::NotThisProtocol);
}

#[test]
fn a_mutation_goes_up_with_its_patch_alone() {
    let patch: Patch = serde_json::from_str(r#"{"set":{"/title":"x"},"unset":["/due"]}"#).unwrap();
    let http = Script::json(r#"{"epoch":"e","results":[],"server_time_ms":1}"#);
    let verdicts = push(&http, vec![item(1, Change::Patch(patch), Some(5))]).unwrap();
    assert_eq!(
        verdicts,
        [],
        "a mutation that the answer does not name is left unknown"
    );
    assert_eq!(
        http.sent_json(),
        serde_json::json!({"mutations": [{
            "id": "00000000000000000000000000000001",
            "collection": "notes",
            "record": "n1",
            "base": {"version": "e.3"},
            "stamp": "0000000000020000-00000007",
            "stamps": {"/due": "0000000000010000-00000007"},
            "group": "00000000000000000000000000000005",
            "schema": 2,
            "change": {"patch": {"set": {"/title": "x"}, "unset": ["/due"]}},
        }]})
    );
}

#[test]
fn verdicts_are_read_one_by_one_in_the_order_of_the_batch() {
    let id = |n: u128| MutationId(n).to_string();
    let results = [
        format!(r#"{{"id":"{}","verdict":"returned"}}"#, id(4)),
        format!(
            r#"{{"id":"{}","verdict":{{"accepted":{{"version":"e.9"}}}}}}"#,
            id(1)
        ),
        format!(
            r#"{{"id":"{}","verdict":{{"conflict":{{"remote":{{"present":{{"version":"e.8","doc":{{"a":1}}}}}}}}}}}}"#,
            id(2)
        ),
        format!(
            r#"{{"id":"{}","verdict":{{"rejected":{{"code":"c","reason":"r"}}}}}}"#,
            id(3)
        ),
        format!(r#"{{"id":"{}","verdict":{{"unheard-of":{{}}}}}}"#, id(5)),
        format!(r#"{{"id":"{}","verdict":"out-of-scope"}}"#, id(99)),
        format!(r#"{{"id":"{}","verdict":"returned"}}"#, id(6)),
        format!(r#"{{"id":"{}","verdict":"out-of-scope"}}"#, id(6)),
    ];
    let body = format!(
        r#"{{"epoch":"e","results":[{}],"server_time_ms":1}}"#,
        results.join(",")
    );
    let batch = (1..=6).map(|n| item(n, Change::Delete, None)).collect();
    let verdicts = push(&Script::json(&body), batch).unwrap();
    let ids: Vec<u128> = verdicts.iter().map(|(id, _)| id.0).collect();
    assert_eq!(
        ids,
        [1, 2, 3, 4],
        "5 is unreadable, 6 contradictory, 99 not ours"
    );
    assert!(
        matches!(&verdicts[0].1, Verdict::Accepted { version: Some(v), image: None, .. } if v.as_str() == "e.9")
    );
    assert!(
        matches!(&verdicts[1].1, Verdict::Conflict { remote: Some(remote) } if remote.image.is_present())
    );
    assert_eq!(
        verdicts[2].1,
        Verdict::Rejected {
            reason: "c: r".into()
        }
    );
    assert_eq!(verdicts[3].1, Verdict::Returned);
}

#[test]
fn a_refused_batch_is_halved_until_the_poison_stands_alone() {
    let problem = r#"{"type":"bad-request","title":"t","status":422,"detail":"d"}"#;
    let refused = || Script::new(422, "application/problem+json", problem);
    let two = vec![item(1, Change::Delete, None), item(2, Change::Delete, None)];
    assert_eq!(
        push(&refused(), two).unwrap_err().kind,
        FailureKind::TooLarge
    );
    let one = push(&refused(), vec![item(1, Change::Delete, None)]).unwrap();
    assert_eq!(
        one[0].1,
        Verdict::Rejected {
            reason: "bad-request: d".into()
        }
    );
    let group = vec![
        item(1, Change::Delete, Some(3)),
        item(2, Change::Delete, Some(3)),
    ];
    assert_eq!(
        push(&refused(), group).unwrap().len(),
        2,
        "a group is never halved"
    );
    let proxy = Script::new(422, "text/plain", "no");
    assert!(push(&proxy, vec![item(1, Change::Delete, None)]).is_err());
}

#[test]
fn a_fetch_says_gone_only_on_the_servers_word() {
    let body = r#"{"epoch":"e","found":[
        {"collection":"notes","id":"a","found":{"present":{"version":"e.2","doc":{}}}},
        {"collection":"notes","id":"b","found":{"gone":{}}},
        {"collection":"notes","id":"c","found":{"present":{"version":"e.2","doc":[]}}}
      ],"server_time_ms":1}"#;
    let wanted = Wanted::Ids(vec![("notes".parse().unwrap(), "a".parse().unwrap())]);
    let http = Script::json(body);
    let answer = wait(native().fetch(http.clone(), Session::anonymous(), wanted)).unwrap();
    assert_eq!(answer.epoch, Some("e".parse().unwrap()));
    let found = answer.found;
    assert_eq!(found.len(), 2, "the unreadable one is no evidence");
    assert!(matches!(&found[0].2, Found::Image(remote) if remote.image.is_present()));
    assert!(matches!(&found[1].2, Found::Image(remote) if remote.image == Image::Gone));
    assert_eq!(
        http.sent_json(),
        serde_json::json!({"wanted": [{"collection": "notes", "id": "a"}]})
    );
}

proptest! {
    #[test]
    fn any_bytes_never_panic_and_are_never_a_page(
        status in prop_oneof![Just(200u16), 100u16..600],
        media in prop_oneof![Just("application/json"), Just("application/problem+json"), Just("text/html"), Just("")],
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let http = Script::new(status, media, body);
        prop_assert!(pull(&http).is_err());
        prop_assert!(push(&http, vec![item(1, Change::Delete, None), item(2, Change::Delete, None)]).is_err());
    }

    #[test]
    fn a_page_with_one_byte_changed_is_read_or_refused_without_a_panic(at in 0..PAGE.len(), byte in any::<u8>()) {
        let mut body = PAGE.as_bytes().to_vec();
        body[at] = byte;
        if let Ok(page) = pull(&Script::new(200, "application/json", body)) {
            prop_assert_eq!(page.items.len(), 2);
        }
    }
}
