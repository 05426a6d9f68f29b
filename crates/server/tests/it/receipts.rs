//! A mutation takes effect once, and its verdict is remembered.
use crate::harness::*;
use serde_json::json;
use tisync_server::service;

#[test]
fn a_repeat_gets_the_same_verdict_and_no_second_effect() {
    let mut server = Pair::new();
    let first = create(1, "a", json!({"n": 1}));
    let verdict = server.push_one(first.clone());
    // Also when the record has moved on.
    server.accept(replace(2, "a", &version(1), json!({"n": 2})));
    server.accept(delete(3, "a", &version(2)));
    assert_eq!(server.push_one(first), verdict);
    assert_eq!(server.fetch("a")["gone"]["version"], version(3));
    assert_eq!(server.ok("/v1/about", json!({}))["seq"], "3");
}

#[test]
fn a_repeat_gets_the_same_image() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1, "theirs": true})));
    let patch = mutation(2, "a", json!("none"), json!({"patch": {"set": {"/n": 2}}}));
    let verdict = server.push_one(patch.clone());
    assert_eq!(verdict["accepted"]["doc"], json!({"n": 2, "theirs": true}));
    server.accept(replace(3, "a", &version(2), json!({"n": 3})));
    assert_eq!(server.push_one(patch), verdict);
}

#[test]
fn a_rejection_is_final() {
    let mut server = Pair::new();
    let wrong = create(1, "", json!({}));
    let verdict = server.push_one(wrong.clone());
    assert_eq!(verdict["rejected"]["code"], "bad-name");
    assert_eq!(server.push_one(wrong), verdict);
    let marks = server.ok("/v1/fetch", json!({"marks": [id(1)]}));
    assert_eq!(
        marks["receipts"],
        json!([{"id": id(1), "verdict": verdict}])
    );
}

#[test]
fn a_conflict_is_computed_anew() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    let second = create(2, "a", json!({"n": 2}));
    assert!(server.push_one(second.clone())["conflict"].is_object());
    server.accept(delete(3, "a", &version(1)));
    assert_eq!(server.push_one(second)["accepted"]["version"], version(3));
}

#[test]
fn an_id_stands_for_one_content() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    let others = [
        create(1, "a", json!({"n": 2})),
        create(1, "b", json!({"n": 1})),
        replace(1, "a", &version(1), json!({"n": 1})),
        mutation(1, "a", json!("none"), json!({"create": {"n": 1}})),
        mutation(1, "a", json!("absent"), json!({"replace": {"n": 1}})),
    ];
    for other in others {
        assert_eq!(
            server.push_one(other.clone())["rejected"]["code"],
            "reused-id",
            "{other}"
        );
    }
    // The receipt of the first content stands.
    assert_eq!(
        server.push_one(create(1, "a", json!({"n": 1})))["accepted"]["version"],
        version(1)
    );
}

#[test]
fn patches_that_differ_in_one_part_are_not_one_content() {
    let patch = |set: serde_json::Value, unset: serde_json::Value| {
        mutation(
            1,
            "a",
            json!("none"),
            json!({"patch": {"set": set, "unset": unset}}),
        )
    };
    let patches = [
        patch(json!({"/a": 1}), json!([])),
        patch(json!({"/a": 2}), json!([])),
        patch(json!({"/b": 1}), json!([])),
        patch(json!({"/a": 1}), json!(["/b"])),
        patch(json!({}), json!(["/a"])),
    ];
    for (index, one) in patches.iter().enumerate() {
        for (other_index, other) in patches.iter().enumerate() {
            let mut server = Pair::new();
            server.accept(create(9, "a", json!({})));
            server.accept(one.clone());
            let verdict = server.push_one(other.clone());
            assert_eq!(
                verdict["accepted"].is_object(),
                index == other_index,
                "{one} {other} → {verdict}"
            );
        }
    }
}

#[test]
fn the_time_of_a_mutation_is_not_its_content() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    let mut repeat = create(1, "a", json!({"n": 1}));
    repeat["stamp"] = "018bcfe568000001-000000a1".into();
    assert_eq!(server.push_one(repeat)["accepted"]["version"], version(1));
}

#[test]
fn receipts_are_forgotten_after_their_time() {
    let mut server = Pair::new();
    server.config.receipts_kept_ms = 1000;
    server.accept(create(1, "a", json!({})));
    server.now.wall_ms += 999;
    server.accept(create(2, "b", json!({})));
    let pruned = |server: &mut Pair| {
        server
            .change(|tx, now, config| service::prune(tx, now, config).unwrap())
            .receipts
    };
    assert_eq!(pruned(&mut server), 0);
    server.now.wall_ms += 1;
    assert_eq!(pruned(&mut server), 1);
    let marks = server.ok("/v1/fetch", json!({"marks": [id(1), id(2), id(3)]}))["receipts"].clone();
    assert_eq!(marks[0], json!({"id": id(1)}));
    assert_eq!(marks[1]["verdict"]["accepted"]["version"], version(2));
    assert_eq!(marks[2], json!({"id": id(3)}));
}
