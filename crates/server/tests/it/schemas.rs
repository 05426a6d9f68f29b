//! Schemas: the number of the newest app that wrote a record, and apps that are too old to write.
use crate::harness::*;
use serde_json::{Value, json};
use tisync_server::ServiceConfig;

fn of_schema(schema: u32, mut mutation: Value) -> Value {
    mutation["schema"] = schema.into();
    mutation
}

fn demanding() -> Pair {
    let mut server = Pair::new();
    server.config = ServiceConfig {
        schemas_min: [("todos".to_owned(), 2)].into(),
        ..ServiceConfig::default()
    };
    server
}

/// What a pull, a snapshot and a fetch say of a record's schema.
fn schema(server: &mut Pair, id: &str) -> Value {
    let fetched = server.fetch(id)["present"]["schema"].clone();
    for pages in [server.pull_all(None, 0), server.snapshot(0)] {
        let items = pages[0]["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["id"] == id).unwrap();
        assert_eq!(fetched, item["schema"]);
    }
    fetched
}

#[test]
fn a_record_has_the_schema_of_the_newest_app_that_wrote_it() {
    let mut server = Pair::new();
    let first = server.accept(of_schema(1, create(1, "a", json!({"title": "a"}))));
    assert_eq!(schema(&mut server, "a"), 1);
    let patch = |n, base: &str, schema| {
        let change = json!({"patch": {"set": {"/n": n}}});
        of_schema(schema, mutation(n, "a", json!({ "version": base }), change))
    };
    let second = server.accept(patch(2, &first, 3));
    assert_eq!(schema(&mut server, "a"), 3);
    let third = server.accept(patch(3, &second, 1));
    assert_eq!(schema(&mut server, "a"), 3);
    let fourth = server.accept(of_schema(2, replace(4, "a", &third, json!({"title": "b"}))));
    assert_eq!(schema(&mut server, "a"), 3);
    // Created again, it is a new document.
    server.accept(of_schema(3, delete(5, "a", &fourth)));
    server.accept(of_schema(1, create(6, "a", json!({}))));
    assert_eq!(schema(&mut server, "a"), 1);
    server.accept(create(7, "b", json!({})));
    assert_eq!(schema(&mut server, "b"), Value::Null);
}

#[test]
fn the_document_of_an_answer_says_its_schema_also_from_the_receipt() {
    let mut server = Pair::new();
    let version = server.accept(of_schema(3, create(1, "a", json!({}))));
    let change = json!({"patch": {"set": {"/n": 1}}});
    let old = of_schema(1, mutation(2, "a", json!({ "version": version }), change));
    for _ in 0..2 {
        let verdict = server.push_one(old.clone());
        assert_eq!(verdict["accepted"]["doc"], json!({"n": 1}));
        assert_eq!(verdict["accepted"]["schema"], 3);
    }
}

#[test]
fn the_image_of_a_conflict_says_its_schema() {
    let mut server = Pair::new();
    server.accept(of_schema(4, create(1, "a", json!({}))));
    let verdict = server.push_one(create(2, "a", json!({"n": 1})));
    assert_eq!(verdict["conflict"]["remote"]["present"]["schema"], 4);
}

#[test]
fn what_is_too_old_is_outdated_and_the_rest_goes_on() {
    let mut server = demanding();
    let old = of_schema(1, create(1, "a", json!({})));
    let together = [
        in_group("g", of_schema(1, create(2, "b", json!({})))),
        in_group("g", of_schema(2, create(3, "c", json!({})))),
    ];
    let new = of_schema(2, create(4, "d", json!({})));
    let [first, second] = together;
    let verdicts = server.push(&[old.clone(), first, second, new]);
    assert_eq!(
        verdicts[..3],
        [json!("outdated"), json!("outdated"), json!("returned")]
    );
    assert_eq!(verdicts[3], json!({"accepted": {"version": version(1)}}));
    // Nothing is remembered of it: the app that was updated may send the same record anew.
    let renewed = of_schema(2, create(5, "a", json!({})));
    assert_eq!(server.accept(renewed), version(2));
    // Other collections are not concerned.
    let mut note = create(6, "n", json!({}));
    note["collection"] = "notes".into();
    server.accept(note);
}

#[test]
fn a_push_in_which_all_is_too_old_is_refused_as_a_whole() {
    let mut server = demanding();
    let old = |n, id| of_schema(1, create(n, id, json!({})));
    let body =
        json!({"mutations": [old(1, "a"), in_group("g", old(2, "b")), in_group("g", old(3, "c"))]});
    let (status, problem) = server.call("/v1/push", &body);
    assert_eq!(status, 426);
    assert_eq!(problem["type"], "upgrade-required");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("todos from schema 2 on; 1 came"),
        "{detail}"
    );
    assert_eq!(server.pull_all(None, 0)[0]["items"], json!([]));
    // Reading goes on.
    let (status, _) = server.call("/v1/push", &json!({"mutations": []}));
    assert_eq!(status, 200);
}

#[test]
fn what_took_effect_before_keeps_its_verdict() {
    let mut server = Pair::new();
    let old = of_schema(1, create(1, "a", json!({})));
    let accepted = server.push_one(old.clone());
    server.config = demanding().config;
    assert_eq!(server.push_one(old), accepted);
}
