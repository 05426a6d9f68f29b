//! Members of a group take effect together or not at all.
use crate::harness::*;
use serde_json::json;

#[test]
fn a_group_is_one_commit() {
    let mut server = Pair::new();
    let verdicts = server.push(&[
        in_group("g", create(1, "a", json!({}))),
        create(2, "between", json!({})),
        in_group("g", create(3, "b", json!({}))),
    ]);
    assert_eq!(verdicts[0]["accepted"]["version"], version(1));
    assert_eq!(verdicts[2]["accepted"]["version"], version(1));
    assert_eq!(verdicts[1]["accepted"]["version"], version(2));
    let page = server.pull_all(None, 0).remove(0);
    assert_eq!(items(&page), ["todos/a@1", "todos/b@1", "todos/between@2"]);
}

#[test]
fn a_conflict_returns_the_group() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    let group = [
        in_group("g", create(2, "new", json!({}))),
        in_group("g", replace(3, "a", &version(9), json!({"n": 2}))),
        in_group("g", create(4, "newer", json!({}))),
        create(5, "alone", json!({})),
    ];
    let verdicts = server.push(&group);
    assert_eq!(
        (&verdicts[0], &verdicts[2]),
        (&json!("returned"), &json!("returned"))
    );
    assert_eq!(
        verdicts[1]["conflict"]["remote"]["present"]["version"],
        version(1)
    );
    assert_eq!(verdicts[3]["accepted"]["version"], version(2));
    assert!(server.fetch("new")["gone"].is_object());
    // Nothing of it was final: the same group goes through once the conflict is gone.
    let verdicts = server.push(&[
        in_group("g", create(2, "new", json!({}))),
        in_group("g", replace(6, "a", &version(1), json!({"n": 2}))),
    ]);
    assert!(
        verdicts
            .iter()
            .all(|verdict| verdict["accepted"]["version"] == version(3)),
        "{verdicts:?}"
    );
}

#[test]
fn a_rejected_member_returns_the_others_every_time() {
    let mut server = Pair::new();
    let group = [
        in_group("g", create(1, "a", json!({}))),
        in_group("g", create(2, "", json!({}))),
    ];
    let verdicts = server.push(&group);
    assert_eq!(verdicts[0], "returned");
    assert_eq!(verdicts[1]["rejected"]["code"], "bad-name");
    assert_eq!(server.push(&group), verdicts);
    let unreadable = [
        in_group("h", create(3, "a", json!({}))),
        in_group("h", mutation(4, "b", json!("absent"), json!("teleport"))),
    ];
    let verdicts = server.push(&unreadable);
    assert_eq!(
        (&verdicts[0], &verdicts[1]["rejected"]["code"]),
        (&json!("returned"), &json!("bad-mutation"))
    );
}

#[test]
fn an_accepted_group_is_repeated_as_a_whole() {
    let mut server = Pair::new();
    let group = [
        in_group("g", create(1, "a", json!({}))),
        in_group("g", create(2, "b", json!({}))),
    ];
    let verdicts = server.push(&group);
    server.accept(delete(3, "a", &version(1)));
    assert_eq!(server.push(&group), verdicts);
    assert_eq!(server.ok("/v1/about", json!({}))["seq"], "2");
}

#[test]
fn nobody_joins_a_group_that_took_effect() {
    let mut server = Pair::new();
    server.accept(in_group("g", create(1, "a", json!({}))));
    let verdicts = server.push(&[
        in_group("g", create(1, "a", json!({}))),
        in_group("g", create(2, "b", json!({}))),
    ]);
    assert_eq!(verdicts[0]["accepted"]["version"], version(1));
    assert_eq!(verdicts[1]["rejected"]["code"], "group-changed");
    assert!(server.fetch("b")["gone"].is_object());
}

#[test]
fn the_name_of_a_group_means_nothing_beyond_its_push() {
    let mut server = Pair::new();
    server.accept(in_group("g", create(1, "a", json!({}))));
    assert_eq!(
        server.accept(in_group("g", create(2, "b", json!({})))),
        version(2)
    );
}

#[test]
fn members_see_what_earlier_members_wrote() {
    let mut server = Pair::new();
    let verdicts = server.push(&[
        in_group("g", create(1, "a", json!({"n": 1}))),
        in_group(
            "g",
            mutation(2, "a", json!("none"), json!({"patch": {"set": {"/m": 2}}})),
        ),
        in_group("g", create(3, "b", json!({}))),
        in_group("g", mutation(4, "b", json!("none"), json!("delete"))),
    ]);
    assert_eq!(
        verdicts[1]["accepted"],
        json!({"version": version(1), "doc": {"n": 1, "m": 2}})
    );
    assert_eq!(server.fetch("a")["present"]["doc"], json!({"n": 1, "m": 2}));
    assert_eq!(server.fetch("b")["gone"]["version"], version(1));
    // Each record is there once, so that its place in the feed is one.
    let page = server.pull_all(Some(&version(0)), 0).remove(0);
    assert_eq!(items(&page), ["todos/a@1", "-todos/b@1"]);
    let twice = [
        in_group("h", create(5, "c", json!({}))),
        in_group("h", create(6, "c", json!({}))),
    ];
    let verdicts = server.push(&twice);
    assert_eq!(verdicts[0], "returned");
    assert!(verdicts[1]["conflict"].is_object(), "{}", verdicts[1]);
}

#[test]
fn a_record_that_a_group_writes_twice_counts_once() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1})));
    let patch = |n: u64| {
        let change = json!({"patch": {"set": {"/n": n}}});
        in_group("g", mutation(n, "a", json!("none"), change))
    };
    server.push(&[patch(2), patch(3)]);
    let digest = server.ok("/v1/digest", json!({"collections": ["todos"]}))["digests"][0].clone();
    let term = tisync_protocol::Digest::term("a", &version(2));
    assert_eq!(
        digest,
        json!({"collection": "todos", "count": 1, "hash": format!("{term:016x}")})
    );
}
