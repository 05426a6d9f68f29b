//! The connector `acs` and what no server of ours says.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Script, item, pull_request, wait};
use tisync_connect::connectors::{Acs, Setup};
use tisync_connect::{Connector, Session};
use tisync_core::model::{Failure, FailureKind, MutationId, Precondition, Pushed, Verdict, Wanted};

fn acs() -> Acs {
    let mut setup = Setup::at("http://server.test");
    setup.options.insert("key".to_owned(), "APPKEY".into());
    Acs::new(&setup).unwrap()
}

fn push(status: u16, message: &str, precondition: Precondition) -> Result<Pushed, Failure> {
    let body = format!(r#"{{"meta":{{"code":{status},"message":{message:?}}}}}"#);
    let http = Script::json(status, &body);
    let mut write = item(1, "5f000001d9ca72c507000001", precondition);
    if write.precondition == Precondition::None {
        write.change = tisync_core::model::Change::Delete;
        write.document = None;
    }
    wait(acs().push(http, Session::with_token("s"), vec![write]))
}

#[test]
fn a_record_is_gone_only_when_its_own_id_is_named() {
    let verdict = |message: &str, precondition| {
        let mut pushed = push(400, message, precondition).unwrap();
        pushed.verdicts.remove(0).1
    };
    let own = "One or more invalid object id(s): [\"5f000001d9ca72c507000001\"]";
    let photo = "One or more invalid object id(s): [\"5f000001d9ca72c507000009\"]";
    let gone = verdict(own, Precondition::None);
    assert!(matches!(gone, Verdict::Conflict { remote: Some(_) }));
    let refused = verdict(photo, Precondition::None);
    assert!(matches!(refused, Verdict::Rejected { .. }));
    // Nothing that is being made can be gone.
    let refused = verdict(photo, Precondition::Absent);
    assert!(matches!(refused, Verdict::Rejected { .. }));
}

#[test]
fn a_create_that_is_refused_for_its_user_waits_for_credentials() {
    let failure = push(401, "Not today.", Precondition::Absent).unwrap_err();
    assert_eq!(
        (failure.kind.clone(), failure.not_sent),
        (FailureKind::Credentials, true)
    );
}

#[test]
fn a_mark_is_nowhere_only_where_lists_were_answered() {
    let http = Script::json(200, r#"{"meta":{"code":200},"response":{"notes":7}}"#);
    let wanted = Wanted::Marks(vec![("notes".parse().unwrap(), MutationId(1))]);
    let failure = wait(acs().fetch(http, Session::anonymous(), wanted)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol);
}

#[test]
fn a_walk_that_goes_back_is_refused() {
    let row = |n: u8| format!(r#"{{"id":"5f000001d9ca72c50700000{n}","updated_at":"x"}}"#);
    let pull = |first: u8, second: u8, place: &str| {
        let (first, second) = (row(first), row(second));
        let body = format!(
            r#"{{"meta":{{"code":200,"count":9}},"response":{{"notes":[{first},{second}]}}}}"#
        );
        let http = Script::json(200, &body);
        wait(acs().pull(
            http,
            Session::anonymous(),
            pull_request("notes", Some(place)),
        ))
    };
    assert!(pull(1, 2, "{}").is_ok());
    for (first, second, place) in [
        (2, 1, "{}"),
        (1, 1, "{}"),
        (1, 2, r#"{"a":"5f000001d9ca72c507000002"}"#),
        (1, 4, r#"{"u":"5f000001d9ca72c507000003"}"#),
    ] {
        let failure = pull(first, second, place).unwrap_err();
        assert!(
            failure.message.contains("order of their ids"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_document_with_a_field_of_the_servers_is_parked_before_it_is_sent() {
    for field in ["updated_at", "acls", "tisync_mark"] {
        let http = Script::json(200, "{}");
        let mut write = item(1, "local", Precondition::Absent);
        let document = format!(r#"{{"title":"x","{field}":1}}"#);
        write.document = Some(tisync_json::Document::parse(&document).unwrap());
        let pushed = wait(acs().push(http.clone(), Session::anonymous(), vec![write])).unwrap();
        assert!(
            matches!(&pushed.verdicts[0].1, Verdict::Rejected { reason } if reason.contains(field))
        );
        assert!(http.sent().is_empty());
    }
}

#[test]
fn a_session_that_is_over_is_a_404_and_takes_no_record_for_gone() {
    let over = "Failed to find current_user, undefined method `id' for nil:NilClass";
    let failure = push(404, over, Precondition::None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    let body = format!(r#"{{"meta":{{"code":404,"message":{over:?}}}}}"#);
    let ids = vec![(
        "notes".parse().unwrap(),
        "5f000001d9ca72c507000001".parse().unwrap(),
    )];
    // Also when every answer has the status 200, as `suppress_response_codes` asks for.
    for status in [404, 200] {
        let http = Script::json(status, &body);
        let asked = acs().fetch(http, Session::with_token("s"), Wanted::Ids(ids.clone()));
        assert_eq!(wait(asked).unwrap_err().kind, FailureKind::Credentials);
    }
}
