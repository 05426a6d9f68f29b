//! The connector `rest` against a real json-server.
use crate::cases::{Case, Place, WITHOUT_TIMES};
use crate::devices::{all, put, sync, text};
use crate::wire::{Wire, doc, large, listed, reason, seen, theirs};
use tisync::model::{Change, Item, PageEnd, Precondition, Verdict};
use tisync::{CollectionOptions, Replica};
use xtask_backends::{JSON_SERVER, Running};

const OPTIONS: &str = r#"{"paths": {"notes": "notes"}, "auth": "none", "page_items": 3, "slash_in_ids": true,
    "paging": {"by": "page", "page": "_page", "limit": "_limit"}, "total": {"header": "X-Total-Count"}}"#;

fn wire_with(server: &Running, options: &str) -> Wire {
    Wire::new("rest", &server.url(), options, "", "notes")
}

fn wire(server: &Running) -> Wire {
    wire_with(server, OPTIONS)
}

#[test]
fn every_verdict_is_told_apart() {
    let server = JSON_SERVER.start().unwrap();
    let wire = wire(&server);
    let made = wire.write(wire.create(1, "ü/1 ?", r#"{"title":"one"}"#));
    assert!(
        matches!(made, Verdict::Accepted { image: None, .. }),
        "{made:?}"
    );
    // This backend answers a second create with 500 and a page of HTML.
    let again = wire.write(wire.create(2, "ü/1 ?", r#"{"title":"again"}"#));
    assert_eq!(theirs(&again), r#"{"title":"one"}"#);
    let put = |number, id: &str| {
        let change = Change::Replace(doc(r#"{"title":"two"}"#));
        wire.write(wire.item(
            number,
            id,
            change,
            Some(r#"{"title":"two"}"#),
            Precondition::None,
        ))
    };
    assert!(matches!(put(3, "ü/1 ?"), Verdict::Accepted { .. }));
    assert_eq!(theirs(&put(4, "never")), "gone");
    assert_eq!(seen(&wire.found("ü/1 ?")), r#"{"title":"two"}"#);
    let delete =
        |number| wire.write(wire.item(number, "ü/1 ?", Change::Delete, None, Precondition::None));
    assert!(matches!(delete(5), Verdict::Accepted { .. }));
    assert_eq!(theirs(&delete(6)), "gone");
    assert_eq!(seen(&wire.found("ü/1 ?")), "gone");
    let own = wire.write(wire.create(7, "n7", r#"{"id":"other"}"#));
    assert!(reason(&own).contains("name the document's field otherwise"));
}

#[test]
fn every_dialect_of_paging_shows_every_row_once() {
    let server = JSON_SERVER.start().unwrap();
    let maker = wire(&server);
    for number in 0..8_u128 {
        maker.write(maker.create(
            number,
            &format!("n{number}"),
            &format!(r#"{{"n":{number}}}"#),
        ));
    }
    let dialects = [
        (r#"{"by": "page", "page": "_page", "limit": "_limit"}"#, ""),
        (
            r#"{"by": "page", "page": "_page", "limit": "_limit"}"#,
            r#", "total": {"header": "x-total-count"}"#,
        ),
        (
            r#"{"by": "offset", "skip": "_start", "limit": "_limit"}"#,
            "",
        ),
        (
            r#"{"by": "keyset", "after": "id_gte", "limit": "_limit"}"#,
            "",
        ),
        (
            r#"{"by": "link", "limit": "_limit"}"#,
            r#", "query": {"_page": "1"}"#,
        ),
        (r#"{"by": "single"}"#, ""),
    ];
    for (paging, more) in dialects {
        let options = format!(
            r#"{{"probe": "notes", "auth": "none", "page_items": 3, "paging": {paging}{more}}}"#
        );
        let wire = wire_with(&server, &options);
        if paging.contains("keyset") {
            // The rows of this backend's `_gte` begin with the last one again: it moves, but never ends.
            let page = wire.pull(None, 100).unwrap();
            assert_eq!((page.items.len(), page.end), (3, PageEnd::More));
            continue;
        }
        let (items, ..) = wire.walk(None, 100);
        let mut ids: Vec<_> = listed(&items);
        ids.dedup();
        assert_eq!(ids.len(), 8, "{paging}: {ids:?}");
    }
}

#[test]
fn large_and_empty_documents_come_back_as_they_are() {
    let server = JSON_SERVER.start().unwrap();
    let wire = wire(&server);
    let large = large(60_000);
    for (number, (id, text)) in [
        ("empty", "{}"),
        ("large", large.as_str()),
        ("edges", r#"{"a":1.5,"b":{"":[null]}}"#),
    ]
    .into_iter()
    .enumerate()
    {
        wire.write(wire.create(number as u128, id, text));
        assert_eq!(seen(&wire.found(id)), doc(text).canonical(), "{id}");
    }
}

#[test]
fn rows_with_numbers_as_ids_are_records_and_rows_without_are_kept_with_their_reason() {
    let server = JSON_SERVER.start().unwrap();
    let wire = wire_with(
        &server,
        &OPTIONS.replace(
            "\"page_items\": 3",
            "\"page_items\": 3, \"id_field\": \"key\"",
        ),
    );
    for body in [r#"{"key":7,"t":1}"#, r#"{"t":2}"#, r#"{"key":true}"#] {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let request =
            tisync::connect::http::Request::json("POST", format!("{}/notes", server.url()));
        assert_eq!(wire.send(request.with_body(&body)).status, 201);
    }
    let (items, ..) = wire.walk(None, 100);
    assert_eq!(items.len(), 3);
    assert!(matches!(&items[0], Item::Upsert { id, .. } if id.as_str() == "7"));
    assert!(
        matches!(&items[1], Item::Bad { id: None, reason, .. } if reason.contains("`id_field`"))
    );
    assert!(matches!(&items[2], Item::Bad { .. }));
}

#[test]
fn a_backend_that_makes_the_ids_is_asked_for_the_mark() {
    let server = JSON_SERVER.start().unwrap();
    let wire = wire_with(
        &server,
        r#"{"probe": "notes", "auth": "none", "ids": "server", "mark_field": "made_by"}"#,
    );
    let create = wire.create(77, "mine", r#"{"title":"x"}"#);
    let mark = create.id;
    let Verdict::Accepted {
        id: Some(id),
        image: None,
        ..
    } = wire.write(create)
    else {
        panic!()
    };
    let fetched = wire.marked(&[mark, tisync::model::MutationId(78)]);
    assert_eq!(
        fetched,
        [(mark, Some(id)), (tisync::model::MutationId(78), None)]
    );
    // The app never sees it.
    assert!(listed(&wire.walk(None, 10).0)[0].ends_with(r#"={"title":"x"}"#));
}

/// Nothing is compared, and a listing is all there is.
pub const CASE: Case = Case {
    kind: "rest",
    token: "",
    place: || {
        let server = JSON_SERVER.start().unwrap();
        Place {
            url: server.url(),
            options: OPTIONS.to_owned(),
            server: Some(server),
        }
    },
    tells_deletes: true,
    compares: false,
    policies: WITHOUT_TIMES,
    keeps_stamps: false,
};

#[test]
fn what_one_device_writes_the_other_reads() {
    let place = (CASE.place)();
    let devices = CASE.devices(&place, "merge");
    let (a, b) = (devices.open("a"), devices.open("b"));
    for number in 0..7 {
        put(&a, &format!("n{number}"), r#"{"title":"x"}"#);
    }
    sync(&a);
    sync(&b);
    assert_eq!(all(&a), all(&b));
    put(&b, "n3", r#"{"title":"edited"}"#);
    sync(&b);
    sync(&a);
    assert_eq!(text(&a, "n3"), r#"{"title":"edited"}"#);
}

#[test]
fn a_policy_that_needs_times_is_refused_where_the_backend_has_none() {
    let server = JSON_SERVER.start().unwrap();
    let wire = wire(&server);
    let folder = tempfile::tempdir().unwrap();
    let make = || {
        let mut setup = tisync::connect::connectors::Setup::at("http://127.0.0.1:9");
        setup.options = serde_json::from_str(OPTIONS).unwrap();
        tisync::connect::connectors::make("rest", &setup).unwrap()()
    };
    let opened = Replica::open(folder.path().join("a.db"))
        .connector("main", make)
        .collection("notes", CollectionOptions::policy("latest-timestamp-wins"))
        .open();
    let error = opened.err().unwrap().to_string();
    assert!(
        error.contains("expected a backend with timestamps"),
        "{error}"
    );
    wire.probe().unwrap();
}

#[test]
fn what_was_deleted_by_others_goes_after_a_look_at_each() {
    let place = (CASE.place)();
    let devices = CASE.devices(&place, "merge");
    let a = devices.open("a");
    for number in 0..5 {
        put(&a, &format!("n{number}"), r#"{"title":"x"}"#);
    }
    sync(&a);
    let wire = wire(place.server.as_ref().unwrap());
    wire.write(wire.item(9, "n2", Change::Delete, None, Precondition::None));
    sync(&a);
    assert_eq!(text(&a, "n2"), "-");
    assert_eq!(all(&a).len(), 4);
}
