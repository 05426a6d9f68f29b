//! The connector `couchdb` against a real pouchdb-server.
use crate::cases::{ALL_POLICIES, Case, Place};
use crate::devices::{heard, put, sync, text};
use crate::wire::{Wire, doc, large, listed, reason, seen, theirs, version};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tisync::connect::Hint;
use tisync::connect::http::Request;
use tisync::model::{Change, FailureKind, Found, Item, PageEnd, Precondition, Verdict};
use xtask_backends::{POUCHDB_SERVER, Running};

/// The server that all tests of this file share; each has databases of its own.
fn url() -> String {
    static SERVER: OnceLock<Running> = OnceLock::new();
    SERVER.get_or_init(|| POUCHDB_SERVER.start().unwrap()).url()
}

fn database() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("notes-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn wire_with(options: &str) -> Wire {
    wire_to(&database(), options)
}

fn wire_to(database: &str, options: &str) -> Wire {
    let options = format!(r#"{{"databases": {{"notes": "{database}"}}{options}}}"#);
    let wire = Wire::new("couchdb", &url(), &options, "", "notes");
    make(&wire, database);
    wire
}

fn wire() -> Wire {
    wire_with("")
}

fn make(wire: &Wire, database: &str) {
    let made = wire.send(Request::json("PUT", format!("{}/{database}", url())));
    assert_eq!(made.status, 201);
}

#[test]
fn every_verdict_is_told_apart() {
    let wire = wire();
    let first = wire.made(1, "n1", r#"{"title":"one"}"#);
    let second = version(&wire.write(wire.replace(2, "n1", r#"{"title":"two"}"#, &first)));
    assert_ne!(first, second);

    // On an old version, and without one: what is there comes back.
    let late = wire.write(wire.replace(3, "n1", r#"{"title":"late"}"#, &first));
    assert_eq!(theirs(&late), r#"{"title":"two"}"#);
    let again = wire.write(wire.create(4, "n1", r#"{"title":"again"}"#));
    assert_eq!(theirs(&again), r#"{"title":"two"}"#);

    let third = version(&wire.write(wire.delete(5, "n1", &second)));
    let gone = wire.write(wire.replace(6, "n1", r#"{"title":"late"}"#, &second));
    assert_eq!(theirs(&gone), "gone");
    let Verdict::Conflict {
        remote: Some(remote),
    } = &gone
    else {
        panic!("{gone:?}");
    };
    assert_eq!(remote.version.as_ref(), Some(&third));
    assert_eq!(theirs(&wire.write(wire.delete(7, "n1", &second))), "gone");
    wire.made(8, "n1", r#"{"title":"anew"}"#);

    // A revision of a record that this database has never had.
    let stranger = wire.write(wire.replace(9, "other", r#"{"title":"x"}"#, &first));
    assert_eq!(theirs(&stranger), "gone");
}

#[test]
fn what_the_server_would_refuse_is_parked_and_costs_no_other() {
    let wire = wire();
    let batch = vec![
        wire.create(1, "_local", "{}"),
        wire.create(2, "n2", r#"{"_secret":1}"#),
        wire.create(3, "n3", r#"{"title":"fine"}"#),
    ];
    let verdicts = wire.push(batch).unwrap();
    assert_eq!(verdicts.len(), 3);
    assert!(reason(&verdicts[0].1).contains("ids that begin with `_`"));
    assert!(reason(&verdicts[1].1).contains("name `_secret` otherwise"));
    version(&verdicts[2].1);
}

#[test]
fn a_feed_brings_every_change_in_order_over_several_pages() {
    let wire = wire();
    assert_eq!(wire.walk(None, 10).0, []);
    for number in 0..7_u128 {
        wire.made(
            number,
            &format!("n{number}"),
            &format!(r#"{{"n":{number}}}"#),
        );
    }
    let (items, place, pages) = wire.walk(None, 3);
    assert_eq!(items.len(), 7);
    assert!(pages >= 3, "{pages}");
    assert_eq!(listed(&items)[6], r#"n6={"n":6}"#);

    let Item::Upsert {
        version: Some(version),
        ..
    } = &items[2]
    else {
        panic!("{:?}", items[2]);
    };
    wire.write(wire.delete(20, "n2", version));
    wire.made(21, "ä/b c?#%", r#"{"n":0}"#);
    let (items, end, _) = wire.walk(Some(place), 3);
    assert_eq!(listed(&items), ["-n2", r#"ä/b c?#%={"n":0}"#]);
    let page = wire.pull(Some(end), 3).unwrap();
    assert_eq!(page.items, []);
    assert_eq!(page.end, PageEnd::Complete { total: None });
    assert!(page.server_time_ms.is_some());
}

#[test]
fn design_documents_are_no_records() {
    let database = database();
    let wire = wire_to(&database, r#", "page_items": 100"#);
    wire.made(1, "n1", "{}");
    let body = serde_json::json!({"views": {}});
    let request = Request::json("PUT", format!("{}/{database}/_design/x", url())).with_body(&body);
    assert_eq!(wire.send(request).status, 201);
    assert_eq!(listed(&wire.walk(None, 10).0), ["n1={}"]);
}

#[test]
fn records_are_looked_up_and_only_a_tombstone_proves_that_one_is_gone() {
    let wire = wire();
    let first = wire.made(1, "ü 1/2", r#"{"title":"ü"}"#);
    let gone = wire.made(2, "n2", "{}");
    wire.write(wire.delete(3, "n2", &gone));
    let found = wire.found("ü 1/2");
    assert_eq!(seen(&found), r#"{"title":"ü"}"#);
    let Found::Image(remote) = found else {
        panic!()
    };
    assert_eq!(remote.version, Some(first));
    assert_eq!(seen(&wire.found("n2")), "gone");
    assert_eq!(seen(&wire.found("never")), "unknown");
}

#[test]
fn large_and_empty_documents_and_numbers_come_back_as_they_are() {
    let wire = wire();
    let large = large(700_000);
    let cases = [
        ("empty", "{}"),
        ("large", &large),
        (
            "edges",
            r#"{"a":1.0,"b":-0.0,"c":1e-7,"d":1.7976931348623157e308,"e":"\u0000\u2028","":{"x":[null,[]]}}"#,
        ),
    ];
    for (number, (id, text)) in cases.into_iter().enumerate() {
        wire.made(number as u128, id, text);
        assert_eq!(seen(&wire.found(id)), doc(text).canonical(), "{id}");
    }
    // This server keeps numbers as doubles: what became of a longer one is told at once.
    let verdict = wire.write(wire.create(9, "wide", r#"{"n":12345678901234567890}"#));
    let Verdict::Accepted {
        image: Some(image), ..
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        image.document().unwrap().canonical(),
        r#"{"n":12345678901234567000}"#
    );
}

#[test]
fn attachments_stay_when_a_document_is_written() {
    let wire = wire();
    let text = r#"{"_attachments":{"a.txt":{"content_type":"text/plain","data":"aGk="}},"n":1}"#;
    let first = wire.made(1, "n1", text);
    let Found::Image(remote) = wire.found("n1") else {
        panic!()
    };
    let stub = remote.image.document().unwrap().clone();
    assert!(stub.text().contains(r#""stub":true"#), "{stub:?}");
    let edited = stub.text().replace(r#""n":1"#, r#""n":2"#);
    version(&wire.write(wire.replace(2, "n1", &edited, &first)));
    assert!(seen(&wire.found("n1")).contains("a.txt"));
}

#[test]
fn stamps_are_kept_in_a_field_of_their_own() {
    let wire = wire_with(r#", "stamp_field": "written""#);
    let item = wire.create(1, "n1", r#"{"title":"x"}"#);
    let stamp = item.stamps.latest;
    wire.write(item);
    let (items, ..) = wire.walk(None, 10);
    let Item::Upsert {
        document,
        stamp: came,
        ..
    } = &items[0]
    else {
        panic!("{items:?}");
    };
    assert_eq!(
        (document.canonical().as_str(), *came),
        (r#"{"title":"x"}"#, Some(stamp))
    );
    let own = wire.create(2, "n2", r#"{"written":1}"#);
    assert!(reason(&wire.write(own)).contains("stamp_field"));
}

#[test]
fn a_database_that_was_made_anew_is_noticed() {
    let database = database();
    let wire = wire_to(&database, "");
    wire.made(1, "n1", "{}");
    wire.made(2, "n2", "{}");
    let (_, place, _) = wire.walk(None, 10);
    let gone = wire.send(Request::json("DELETE", format!("{}/{database}", url())));
    assert_eq!(gone.status, 200);
    make(&wire, &database);
    let failure = wire.pull(Some(place), 10).unwrap_err();
    assert_eq!(failure.kind, FailureKind::ExpiredCheckpoint { epoch: None });
}

#[test]
fn what_is_set_up_wrong_says_what_to_do() {
    let wire = Wire::new("couchdb", &url(), "{}", "", "never-made");
    let failure = wire.pull(None, 10).unwrap_err();
    assert!(
        failure
            .message
            .contains("there is no database `never-made`"),
        "{failure:?}"
    );
    assert!(matches!(failure.kind, FailureKind::Retry { .. }));
    let failure = wire.push(vec![wire.create(1, "n1", "{}")]).unwrap_err();
    assert!(
        failure.not_sent && failure.message.contains("make it"),
        "{failure:?}"
    );

    let wire = Wire::new("couchdb", &url(), "{}", "", "Notes");
    let failure = wire.pull(None, 10).unwrap_err();
    assert!(
        failure.not_sent && failure.message.contains("`databases`"),
        "{failure:?}"
    );

    // Below the right server, but not at its root.
    let wire = Wire::new("couchdb", &format!("{}/nowhere", url()), "{}", "", "notes");
    assert!(wire.probe().is_err());
    let wire = Wire::new("couchdb", &url(), "{}", "", "notes");
    wire.probe().unwrap();
}

#[test]
fn a_change_is_heard() {
    let wire = wire_with(r#", "heartbeat_ms": 200"#);
    let mut hints = wire.listen();
    assert_eq!(wire.next(&mut hints), Some(Ok(Hint::Listening)));
    wire.made(1, "n1", "{}");
    assert_eq!(wire.next(&mut hints), Some(Ok(Hint::Changed)));
}

#[test]
fn a_batch_over_two_databases_has_a_verdict_each() {
    let database = database();
    let wire = wire_to(&database, "");
    let mut other = wire.create(2, "n2", "{}");
    other.collection = "not-made".parse().unwrap();
    let verdicts = wire.push(vec![wire.create(1, "n1", "{}"), other]).unwrap();
    assert_eq!(verdicts.len(), 2);
    version(&verdicts[0].1);
    assert!(matches!(verdicts[1].1, Verdict::Deferred { .. }));
}

#[test]
fn a_write_without_a_known_version_meets_what_is_there() {
    let wire = wire();
    wire.made(1, "n1", r#"{"title":"one"}"#);
    let text = r#"{"title":"two"}"#;
    let change = Change::Replace(doc(text));
    let verdict = wire.write(wire.item(2, "n1", change, Some(text), Precondition::None));
    assert_eq!(theirs(&verdict), r#"{"title":"one"}"#);
}

pub const CASE: Case = Case {
    kind: "couchdb",
    token: "",
    place: || {
        let database = database();
        let options = format!(r#"{{"databases": {{"notes": "{database}"}}, "stamp_field": "ts"}}"#);
        make(
            &Wire::new("couchdb", &url(), &options, "", "notes"),
            &database,
        );
        Place {
            url: url(),
            options,
            server: None,
        }
    },
    tells_deletes: true,
    compares: true,
    policies: ALL_POLICIES,
    keeps_stamps: true,
};

#[test]
fn a_database_that_was_lost_takes_no_edit_with_it() {
    let database = database();
    let options = format!(r#"{{"databases": {{"notes": "{database}"}}}}"#);
    let wire = Wire::new("couchdb", &url(), &options, "", "notes");
    make(&wire, &database);
    let place = Place {
        url: url(),
        options,
        server: None,
    };
    let devices = CASE.devices(&place, "merge");
    let a = devices.open("a");
    put(&a, "n1", r#"{"title":"one"}"#);
    put(&a, "n2", r#"{"title":"two"}"#);
    sync(&a);
    wire.send(Request::json("DELETE", format!("{}/{database}", url())));
    make(&wire, &database);
    put(&a, "n1", r#"{"title":"edited"}"#);
    sync(&a);
    assert_eq!(text(&a, "n1"), r#"{"title":"edited"}"#);
    assert_eq!(seen(&wire.found("n1")), r#"{"title":"edited"}"#);
    // No tombstone says that the other was deleted: it stays here.
    assert_eq!(text(&a, "n2"), r#"{"title":"two"}"#);
}

#[test]
fn what_one_device_writes_is_heard_by_the_other() {
    // This server says nothing, not even that it listens, before its first beat.
    let mut place = (CASE.place)();
    place.options = place
        .options
        .replace("{\"databases\"", "{\"heartbeat_ms\": 200, \"databases\"");
    heard(&CASE.devices(&place, "merge"));
}
