//! The connector `kinto` against a real Kinto.
use crate::cases::{ALL_POLICIES, Case, Place};
use crate::devices::{delete, put, sync, text};
use crate::wire::{Wire, doc, large, listed, reason, seen, theirs, version};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tisync::connect::Session;
use tisync::connect::http::{Auth, Request, Response};
use tisync::model::{Change, FailureKind, Found, Item, PageEnd, Precondition, Verdict};
use xtask_backends::{KINTO, Running};

const TOKEN: &str = "ann:s3cret";

/// The server that all tests of this file share; each has a bucket of its own.
fn url() -> String {
    static SERVER: OnceLock<Running> = OnceLock::new();
    let server = SERVER.get_or_init(|| KINTO.start().unwrap());
    format!("{}/v1", server.url())
}

fn bucket() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("b{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn options(bucket: &str) -> String {
    format!(r#"{{"bucket": "{bucket}"}}"#)
}

fn wire() -> Wire {
    wire_to(&bucket())
}

fn wire_to(bucket: &str) -> Wire {
    let wire = Wire::new("kinto", &url(), &options(bucket), TOKEN, "notes");
    assert_eq!(ask(&wire, "PUT", &format!("/buckets/{bucket}")).status, 201);
    make(&wire, bucket, "notes");
    wire
}

fn make(wire: &Wire, bucket: &str, collection: &str) {
    let path = format!("/buckets/{bucket}/collections/{collection}");
    assert_eq!(ask(wire, "PUT", &path).status, 201);
}

fn ask(wire: &Wire, method: &'static str, path: &str) -> Response {
    let request = Request::json(method, format!("{}{path}", url()));
    wire.send(request.with_auth(&Auth::Basic, &wire.session))
}

#[test]
fn every_verdict_is_told_apart() {
    let wire = wire();
    let first = wire.made(1, "n1", r#"{"title":"one"}"#);
    let second = version(&wire.write(wire.replace(2, "n1", r#"{"title":"two"}"#, &first)));
    assert_ne!(first, second);

    let late = wire.write(wire.replace(3, "n1", r#"{"title":"late"}"#, &first));
    assert_eq!(theirs(&late), r#"{"title":"two"}"#);
    let again = wire.write(wire.create(4, "n1", r#"{"title":"again"}"#));
    assert_eq!(theirs(&again), r#"{"title":"two"}"#);
    let late = wire.write(wire.delete(5, "n1", &first));
    assert_eq!(theirs(&late), r#"{"title":"two"}"#);

    version(&wire.write(wire.delete(6, "n1", &second)));
    let gone = wire.write(wire.replace(7, "n1", r#"{"title":"late"}"#, &second));
    assert_eq!(theirs(&gone), "gone");
    assert_eq!(theirs(&wire.write(wire.delete(8, "n1", &second))), "gone");
    wire.made(9, "n1", r#"{"title":"anew"}"#);

    // Whatever is there, without a precondition.
    let text = r#"{"title":"forced"}"#;
    let change = Change::Replace(doc(text));
    version(&wire.write(wire.item(10, "n1", change, Some(text), Precondition::None)));
    assert_eq!(seen(&wire.found("n1")), text);
}

#[test]
fn what_the_server_would_refuse_is_parked_and_costs_no_other() {
    let wire = wire();
    let batch = vec![
        wire.create(1, "ünï", "{}"),
        wire.create(2, "n2", r#"{"last_modified":1}"#),
        wire.create(3, "n3", r#"{"title":"fine"}"#),
    ];
    let verdicts = wire.push(batch).unwrap();
    assert_eq!(verdicts.len(), 3);
    assert!(reason(&verdicts[0].1).contains("ASCII letters"));
    assert!(reason(&verdicts[1].1).contains("name `last_modified` otherwise"));
    version(&verdicts[2].1);
}

#[test]
fn a_batch_beyond_what_the_server_takes_says_which_option_to_lower() {
    let wire = wire();
    let items = |count: u128| {
        (0..count)
            .map(|n| wire.create(n, &format!("n{n}"), "{}"))
            .collect()
    };
    assert_eq!(wire.push(items(25)).unwrap().len(), 25);
    let failure = wire.push(items(26)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::TooLarge);
    assert!(
        failure.not_sent && failure.message.contains("`batch_items`"),
        "{failure:?}"
    );
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
    assert_eq!((items.len(), pages), (7, 3));
    assert_eq!(listed(&items)[6], r#"n6={"n":6}"#);

    let Item::Upsert {
        version: Some(version),
        stamp: Some(stamp),
        ..
    } = &items[2]
    else {
        panic!("{:?}", items[2]);
    };
    assert_eq!(version.as_str(), stamp.ms.to_string());
    wire.write(wire.delete(20, "n2", version));
    wire.made(
        21,
        "n7",
        r#"{"deleted":false}"#.replace("deleted", "removed").as_str(),
    );
    let (items, end, _) = wire.walk(Some(place), 1);
    assert_eq!(listed(&items), ["-n2", r#"n7={"removed":false}"#]);
    let page = wire.pull(Some(end), 3).unwrap();
    assert_eq!(page.items, []);
    assert_eq!(page.end, PageEnd::Complete { total: None });
    assert!(page.server_time_ms.is_some());
    // A device that is new is told of no deletion.
    assert_eq!(wire.walk(None, 10).0.len(), 7);
}

#[test]
fn records_are_looked_up_and_only_a_tombstone_proves_that_one_is_gone() {
    let wire = wire();
    wire.made(1, "17", r#"{"title":"a number as an id"}"#);
    let gone = wire.made(2, "n2", "{}");
    wire.write(wire.delete(3, "n2", &gone));
    assert_eq!(seen(&wire.found("17")), r#"{"title":"a number as an id"}"#);
    assert_eq!(seen(&wire.found("n2")), "gone");
    assert_eq!(seen(&wire.found("never")), "unknown");
    assert_eq!(seen(&wire.found("ü,\"n2\"")), "unknown");
    // More ids than one address holds.
    let long: Vec<String> = (0..60_u128).map(|n| format!("{n:0>150}")).collect();
    wire.made(4, &long[0], "{}");
    wire.made(5, &long[59], "{}");
    let ids: Vec<&str> = long.iter().map(String::as_str).collect();
    assert_eq!(wire.fetch(&ids).unwrap().found.len(), 2);
}

#[test]
fn large_and_empty_documents_and_numbers_come_back_as_they_are() {
    let wire = wire();
    let large = large(150_000);
    let cases = [
        ("empty", "{}"),
        ("large", &large),
        (
            "edges",
            r#"{"a":1.0,"b":-0.0,"c":1e-7,"d":1.7976931348623157e308,"e":"\u2028ü","":{"x":[null,[]]},"n":12345678901234567890}"#,
        ),
    ];
    for (number, (id, text)) in cases.into_iter().enumerate() {
        let verdict = wire.write(wire.create(number as u128, id, text));
        assert!(
            matches!(verdict, Verdict::Accepted { image: None, .. }),
            "{id}: {verdict:?}"
        );
        assert_eq!(seen(&wire.found(id)), doc(text).canonical(), "{id}");
    }
}

#[test]
fn what_is_set_up_wrong_says_what_to_do() {
    let bucket = bucket();
    let wire = wire_to(&bucket);
    wire.probe().unwrap();
    let of = |bucket: &str, collection: &str, token: &str| {
        Wire::new("kinto", &url(), &options(bucket), token, collection)
    };
    let missing = of(&bucket, "missing", TOKEN);
    let failure = missing.pull(None, 10).unwrap_err();
    assert!(
        failure.message.contains("no collection `missing`"),
        "{failure:?}"
    );
    let failure = missing
        .push(vec![missing.create(1, "n1", "{}")])
        .unwrap_err();
    assert!(
        failure.not_sent && failure.message.contains("make it"),
        "{failure:?}"
    );

    let stranger = of(&bucket, "notes", "eve:other");
    let failure = stranger.pull(None, 10).unwrap_err();
    assert!(failure.message.contains("permission"), "{failure:?}");
    let refused = stranger.write(stranger.create(1, "n1", "{}"));
    assert!(reason(&refused).contains("permission"), "{refused:?}");
    let no_bucket = of("no-bucket", "notes", TOKEN);
    let failure = no_bucket.pull(None, 10).unwrap_err();
    assert!(failure.message.contains("no such bucket"), "{failure:?}");
    let failure = no_bucket
        .push(vec![no_bucket.create(1, "n1", "{}")])
        .unwrap_err();
    assert!(
        failure.message.contains("no bucket `no-bucket`"),
        "{failure:?}"
    );
    let mut nobody = of(&bucket, "notes", "");
    nobody.session = Session::anonymous();
    assert_eq!(
        nobody.pull(None, 10).unwrap_err().kind,
        FailureKind::Credentials
    );

    let elsewhere = Wire::new("kinto", &format!("{}/x/v1", url()), "{}", TOKEN, "notes");
    assert!(elsewhere.probe().is_err());
}

#[test]
fn a_batch_over_two_collections_has_a_verdict_each() {
    let wire = wire();
    let mut other = wire.create(2, "n2", "{}");
    other.collection = "missing".parse().unwrap();
    let verdicts = wire.push(vec![wire.create(1, "n1", "{}"), other]).unwrap();
    version(&verdicts[0].1);
    assert!(
        matches!(verdicts[1].1, Verdict::Deferred { .. }),
        "{verdicts:?}"
    );
}

#[test]
fn a_collection_that_goes_back_is_noticed() {
    let wire = wire();
    wire.made(1, "n1", "{}");
    let (_, place, _) = wire.walk(None, 10);
    let later = place.as_str().parse::<u64>().unwrap() + 60_000;
    let failure = wire
        .pull(Some(later.to_string().parse().unwrap()), 10)
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::ExpiredCheckpoint { epoch: None });
    assert!(matches!(wire.found("n1"), Found::Image(_)));
}

pub const CASE: Case = Case {
    kind: "kinto",
    token: TOKEN,
    place: || {
        let bucket = bucket();
        wire_to(&bucket);
        Place {
            url: url(),
            options: options(&bucket),
            server: None,
        }
    },
    tells_deletes: true,
    compares: true,
    policies: ALL_POLICIES,
    keeps_stamps: false,
};

/// A large outbox goes up in batches that the server takes.
#[test]
fn a_hundred_records_go_up_and_come_down() {
    let place = (CASE.place)();
    let devices = CASE.devices(&place, "merge");
    let (a, b) = (devices.open("a"), devices.open("b"));
    for number in 0..100 {
        put(&a, &format!("n{number}"), &format!(r#"{{"n":{number}}}"#));
    }
    sync(&a);
    delete(&a, "n7");
    sync(&a);
    sync(&b);
    assert_eq!(b.collection("notes").unwrap().count().unwrap(), 99);
    assert_eq!(text(&b, "n99"), r#"{"n":99}"#);
}
