//! The connector `couchdb` against recorded answers, and what no server of ours says.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, item, pull_request, wait};
use std::rc::Rc;
use tisync_connect::connectors::{CouchDb, Setup, make};
use tisync_connect::{Connector, Session};
use tisync_core::model::{
    Change, Failure, FailureKind, Item, Page, PageEnd, Precondition, RemoteStamps, Verdict,
};
use tisync_json::Document;

fn couchdb() -> CouchDb {
    CouchDb::new(&Setup::at("http://server.test/")).unwrap()
}

fn pull(http: &Rc<Script>, checkpoint: Option<&str>) -> Result<Page, Failure> {
    let session = Session::with_token("ann:s3cret");
    wait(couchdb().pull(http.clone(), session, pull_request("notes", checkpoint)))
}

/// As pouchdb-server writes it.
const NUMBERED: &str = r#"{"results":[
    {"id":"a","changes":[{"rev":"1-bc5d"}],"doc":{"x":1,"_id":"a","_rev":"1-bc5d"},"seq":1},
    {"id":"_design/x","changes":[{"rev":"1-aa"}],"doc":{"_id":"_design/x","_rev":"1-aa"},"seq":2},
    {"id":"c","changes":[{"rev":"2-45b2"}],"doc":{"_id":"c","_rev":"2-45b2","_deleted":true},"deleted":true,"seq":4}
  ],"last_seq":4}"#;

/// As the documentation of Apache CouchDB 3 writes it.
const OPAQUE: &str = r#"{"results":[
    {"seq":"1-g1AAAACTeJzLYWBg","id":"a","changes":[{"rev":"1-bc5d"}],"doc":{"_id":"a","_rev":"1-bc5d","x":1}}
  ],"last_seq":"1-g1AAAACTeJzLYWBg","pending":0}"#;

#[test]
fn a_page_of_a_server_that_numbers_its_changes() {
    let http = Script::json(200, NUMBERED);
    let page = pull(&http, None).unwrap();
    assert_eq!(page.end, PageEnd::More);
    assert_eq!(page.checkpoint, Some("4".parse().unwrap()));
    match &page.items[..] {
        [
            Item::Upsert {
                id,
                document,
                version,
                ..
            },
            Item::Tombstone {
                id: gone,
                version: Some(of),
                ..
            },
        ] => {
            assert_eq!((id.as_str(), document.text()), ("a", r#"{"x":1}"#));
            assert_eq!(version.as_ref().unwrap().as_str(), "1-bc5d");
            assert_eq!((gone.as_str(), of.as_str()), ("c", "2-45b2"));
        }
        other => panic!("{other:?}"),
    }
    let sent = http.sent();
    assert_eq!(
        sent[0].url,
        "http://server.test/notes/_changes?include_docs=true&limit=10&since=0"
    );
    let token = (
        "authorization".to_owned(),
        "Basic YW5uOnMzY3JldA==".to_owned(),
    );
    assert!(sent[0].headers.contains(&token));
    assert!(!format!("{:?}", sent[0]).contains("YW5u"));
}

#[test]
fn a_place_that_only_the_server_reads_goes_back_as_it_came() {
    let http = Script::json(200, OPAQUE);
    let page = pull(&http, None).unwrap();
    assert_eq!(page.end, PageEnd::Complete { total: None });
    let place = page.checkpoint.unwrap();
    pull(&http, Some(place.as_str())).unwrap();
    assert!(http.sent()[1].url.ends_with("since=1-g1AAAACTeJzLYWBg"));
}

#[test]
fn a_row_that_is_no_record_is_kept_with_its_reason() {
    let rows = r#"{"results":[
        {"id":"a","changes":[],"doc":{"_id":"a"},"seq":1},
        {"id":"b","changes":[],"doc":null,"seq":2},
        {"id":7,"seq":3},
        {"id":"c","changes":[],"doc":{"_id":"c","_rev":"1-c","x":1e999},"seq":4},
        {"id":"d","changes":[],"doc":{"_id":"d","_rev":"1-d"},"seq":5}
      ],"last_seq":5}"#;
    let page = pull(&Script::json(200, rows), None).unwrap();
    let bad: Vec<_> = page
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Bad {
                id, reason, text, ..
            } => {
                assert!(!text.is_empty());
                Some((id.as_ref().map(|id| id.as_str().to_owned()), reason.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(bad.len(), 4, "{bad:?}");
    assert_eq!(bad[0].0.as_deref(), Some("a"));
    assert!(bad[0].1.contains("`_rev` was expected"), "{bad:?}");
    assert!(matches!(page.items[4], Item::Upsert { .. }));
}

#[test]
fn what_is_not_the_server_is_told_from_one_that_refuses() {
    let page = "<html>Please sign in</html>";
    let failure = pull(&Script::new(200, "text/html", page), None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol);
    assert!(failure.message.contains("sign-in page"), "{failure:?}");

    let moved = pull(&Script::new(302, "text/plain", ""), None).unwrap_err();
    assert!(moved.message.contains("gets no token"), "{moved:?}");

    let refusal = r#"{"error":"unauthorized","reason":"Name or password is incorrect."}"#;
    let failure = pull(&Script::json(401, refusal), None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    assert!(failure.message.contains("user or the password"));
    assert!(!failure.message.contains("s3cret"));

    let cut = pull(&Script::json(200, r#"{"results":[{"id":"a""#), None).unwrap_err();
    assert!(cut.message.contains("cut off"), "{cut:?}");
}

#[test]
fn errors_inside_the_server_prove_nothing() {
    let http = Script::json(
        201,
        r#"[{"id":"n1","error":"internal_server_error","reason":"timeout"}]"#,
    );
    let batch = vec![item(1, "n1", Precondition::Absent)];
    let pushed = wait(couchdb().push(http, Session::anonymous(), batch)).unwrap();
    assert_eq!(pushed.verdicts, []);
}

#[test]
fn an_answer_for_another_record_is_no_answer() {
    let http = Script::json(201, r#"[{"ok":true,"id":"n2","rev":"1-a"}]"#);
    let batch = vec![item(1, "n1", Precondition::Absent)];
    let pushed = wait(couchdb().push(http, Session::anonymous(), batch)).unwrap();
    assert_eq!(pushed.verdicts, []);
}

#[test]
fn a_validation_function_says_no_to_one_document() {
    let http = Script::json(
        201,
        r#"[{"id":"n1","error":"forbidden","reason":"only editors"},{"ok":true,"id":"n2","rev":"2-b"}]"#,
    );
    let batch = vec![
        item(1, "n1", Precondition::Absent),
        item(2, "n2", Precondition::Version("1-a".parse().unwrap())),
    ];
    let pushed = wait(couchdb().push(http.clone(), Session::anonymous(), batch)).unwrap();
    let [
        (_, Verdict::Rejected { reason }),
        (_, Verdict::Accepted { .. }),
    ] = &pushed.verdicts[..]
    else {
        panic!("{pushed:?}");
    };
    assert_eq!(reason, "forbidden: only editors");
    let sent = http.sent_json(0);
    assert_eq!(sent["docs"][0]["_id"], "n1");
    assert!(sent["docs"][0].get("_rev").is_none());
    assert_eq!(sent["docs"][1]["_rev"], "1-a");
}

#[test]
fn a_batch_that_is_refused_as_a_whole_is_halved_and_then_parked() {
    let refusal = r#"{"error":"bad_request","reason":"odd"}"#;
    let batch = |count: u128| {
        (1..=count)
            .map(|n| item(n, "n1", Precondition::Absent))
            .collect()
    };
    let push = |count| {
        let http = Script::json(400, refusal);
        wait(couchdb().push(http, Session::anonymous(), batch(count)))
    };
    assert_eq!(push(2).unwrap_err().kind, FailureKind::TooLarge);
    let alone = push(1).unwrap().verdicts;
    assert!(
        matches!(&alone[..], [(_, Verdict::Rejected { .. })]),
        "{alone:?}"
    );
}

#[test]
fn set_ups_that_cannot_work_are_refused() {
    let refused = |url: &str, options: &str| {
        let mut setup = Setup::at(url);
        setup.options = serde_json::from_str(options).unwrap();
        make("couchdb", &setup).err().unwrap().to_string()
    };
    let url = "http://server.test";
    assert!(refused("server.test", "{}").contains("http://"));
    assert!(refused(url, r#"{"database":"x"}"#).contains("unknown field `database`"));
    assert!(refused(url, r#"{"databases":{"notes":"Notes"}}"#).contains("`Notes` came"));
    assert!(refused(url, r#"{"prefix":"1"}"#).contains("prefix"));
    assert!(refused(url, r#"{"page_items":0}"#).contains("1 or more"));
    assert!(refused(url, r#"{"stamp_field":"_at"}"#).contains("keeps for itself"));
    assert!(refused(url, r#"{"heartbeat_ms":5}"#).contains("100 to 15000, but 5 came"));
}

#[test]
fn the_page_prints_the_guarantee_that_the_code_derives() {
    let page = include_str!("../../../docs/connectors/couchdb.md");
    let with = |options: &str| {
        let mut setup = Setup::at("http://server.test");
        setup.options = serde_json::from_str(options).unwrap();
        CouchDb::new(&setup)
            .unwrap()
            .capability(&"notes".parse().unwrap())
    };
    for options in ["{}", r#"{"stamp_field":"written"}"#] {
        let line = with(options).guarantee();
        assert!(page.contains(&format!("> {line}\n")), "{line}");
    }
    assert_eq!(with("{}").stamps, RemoteStamps::None);
}

#[test]
fn a_deletion_is_sent_with_its_revision_alone() {
    let http = Script::json(201, r#"[{"ok":true,"id":"n1","rev":"2-b"}]"#);
    let mut write = item(1, "n1", Precondition::Version("1-a".parse().unwrap()));
    write.change = Change::Delete;
    write.document = None::<Document>;
    wait(couchdb().push(http.clone(), Session::anonymous(), vec![write])).unwrap();
    assert_eq!(
        http.sent_json(0)["docs"][0],
        serde_json::json!({"_id": "n1", "_rev": "1-a", "_deleted": true})
    );
}
