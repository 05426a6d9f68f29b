//! Digests: what a replica compares itself with.
use crate::harness::{Pair, create, delete, replace, version};
use serde_json::{Value, json};
use tisync_json::Document;
use tisync_protocol::Digest;

/// `a` at 4, `c` at 3, `b` deleted at 5.
fn two_records() -> Pair {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    server.accept(create(2, "b", json!({"n": 2})));
    server.accept(create(3, "c", json!({"n": 3})));
    server.accept(replace(4, "a", &version(1), json!({"n": 4})));
    server.accept(delete(5, "b", &version(2)));
    server
}

fn term(id: &str, number: u64) -> u64 {
    Digest::term(id, &version(number))
}

fn hash(sum: u64) -> String {
    format!("{sum:016x}")
}

fn digest(server: &mut Pair, body: Value) -> Value {
    server.ok("/v1/digest", body)
}

#[test]
fn digests_tell_what_is_held() {
    let mut server = two_records();
    let ranges =
        json!([{"collection": "todos", "after": "a"}, {"collection": "todos", "until": "b"}]);
    let answer = digest(
        &mut server,
        json!({"collections": ["todos", "notes"], "ranges": ranges}),
    );
    assert_eq!(answer["checkpoint"], version(5));
    assert_eq!(
        answer["digests"],
        json!([
            {"collection": "todos", "count": 2, "hash": hash(term("a", 4).wrapping_add(term("c", 3)))},
            {"collection": "notes", "count": 0, "hash": hash(0)},
            {"collection": "todos", "after": "a", "count": 1, "hash": hash(term("c", 3))},
            {"collection": "todos", "until": "b", "count": 1, "hash": hash(term("a", 4))},
        ])
    );
}

#[test]
fn a_digest_at_a_checkpoint_holds_until_something_of_its_collections_is_written() {
    let mut server = two_records();
    let mut note = create(6, "x", json!({}));
    note["collection"] = "notes".into();
    server.accept(note);
    let at = |server: &mut Pair, collection: &str, at: &str| {
        let answer = digest(server, json!({"collections": [collection], "at": at}));
        let digests = answer["digests"].as_array().unwrap().len();
        (digests, answer["checkpoint"].as_str().unwrap().to_owned())
    };
    // A commit in another collection says nothing about this one, and the other way round.
    assert_eq!(at(&mut server, "todos", &version(5)), (1, version(5)));
    assert_eq!(at(&mut server, "notes", &version(6)), (1, version(6)));
    assert_eq!(at(&mut server, "notes", &version(5)), (0, version(6)));
    assert_eq!(at(&mut server, "todos", &version(4)), (0, version(6)));
    // A place that this history does not have, and one in the middle of a first walk.
    for place in [
        "ffffffffffffffff.5",
        &version(7),
        "",
        "5",
        &format!("{}.6", version(6)),
    ] {
        assert_eq!(at(&mut server, "todos", place), (0, version(6)), "{place}");
    }
}

#[test]
fn few_records_are_listed() {
    let mut server = two_records();
    let listed = |server: &mut Pair, max: u64| {
        let answer = digest(
            server,
            json!({"collections": ["todos", "notes"], "list_max": max}),
        );
        (
            answer["digests"][0]["records"].clone(),
            answer["digests"][1]["records"].clone(),
        )
    };
    let both = json!([{"id": "a", "version": version(4)}, {"id": "c", "version": version(3)}]);
    assert_eq!(listed(&mut server, 2), (both, json!([])));
    assert_eq!(listed(&mut server, 1), (Value::Null, json!([])));
    assert_eq!(listed(&mut server, 0), (Value::Null, json!([])));
}

#[test]
fn a_listing_ends_at_the_server_s_limit() {
    let mut server = two_records();
    server.config.limits.fetch_max = 3;
    let ranges = json!([{"collection": "todos"}, {"collection": "todos"}, {"collection": "todos", "until": "a"}]);
    let answer = digest(&mut server, json!({"ranges": ranges, "list_max": 1000}));
    let lengths: Vec<_> = answer["digests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|digest| digest["records"].as_array().map(Vec::len))
        .collect();
    assert_eq!(lengths, [Some(2), None, Some(1)]);
}

#[test]
fn contents_count_when_they_are_asked_for() {
    let mut server = two_records();
    let answer = digest(
        &mut server,
        json!({"collections": ["todos"], "list_max": 2, "contents": true}),
    );
    let document = |text: &str| Document::parse(text).unwrap();
    let a = Digest::term_of_contents("a", &version(4), &document(r#"{"n":4.0}"#));
    let c = Digest::term_of_contents("c", &version(3), &document(r#"{"n":3}"#));
    assert_eq!(
        answer["digests"],
        json!([{
            "collection": "todos", "count": 2, "hash": hash(a.wrapping_add(c)),
            "records": [
                {"id": "a", "version": version(4), "hash": hash(a)},
                {"id": "c", "version": version(3), "hash": hash(c)},
            ],
        }])
    );
}
