//! When each field was changed.
use crate::harness::*;
use serde_json::{Value, json};

/// A stamp `ahead` ms after the server's clock.
fn at(ahead: i64, node: u32) -> String {
    tisync_protocol::Stamp {
        ms: NOW_MS.saturating_add_signed(ahead),
        counter: 0,
        node,
    }
    .to_string()
}

fn stamped(mut mutation: Value, stamp: &str, stamps: Value) -> Value {
    mutation["stamp"] = stamp.into();
    mutation["stamps"] = stamps;
    mutation
}

fn patch(n: u64, set: Value) -> Value {
    mutation(n, "a", json!("none"), json!({"patch": {"set": set}}))
}

#[test]
fn a_field_has_the_stamp_of_the_longest_path_that_leads_to_it() {
    let mut server = Pair::new();
    let (s1, s2, s3) = (at(1, 1), at(2, 2), at(3, 3));
    server.accept(stamped(create(1, "a", json!({"t": 1})), &s1, json!({})));
    let held = server.fetch("a");
    assert_eq!(
        (&held["present"]["stamp"], &held["present"]["stamps"]),
        (&json!(s1), &Value::Null)
    );
    server.accept(stamped(
        patch(2, json!({"/t": 2, "/at/city": "x", "/at/street": "y"})),
        &s2,
        json!({"/at": s3}),
    ));
    let held = server.fetch("a");
    assert_eq!(held["present"]["stamp"], s3);
    assert_eq!(
        held["present"]["stamps"],
        json!({"": s1, "/t": s2, "/at/city": s3, "/at/street": s3})
    );
    // A change of the whole object covers what was known of its fields.
    let s4 = at(4, 4);
    server.accept(stamped(patch(3, json!({"/at": 1})), &s4, json!({})));
    assert_eq!(
        server.fetch("a")["present"]["stamps"],
        json!({"": s1, "/t": s2, "/at": s4})
    );
    // The feed shows the same.
    let page = server.pull_all(None, 0).remove(0);
    assert_eq!(
        page["items"][0]["stamps"],
        json!({"": s1, "/t": s2, "/at": s4})
    );
    // A whole document makes them void.
    let s5 = at(5, 5);
    server.accept(stamped(
        mutation(4, "a", json!("none"), json!({"replace": {}})),
        &s5,
        json!({}),
    ));
    assert_eq!(server.fetch("a")["present"]["stamps"], Value::Null);
    assert_eq!(server.fetch("a")["present"]["stamp"], s5);
}

#[test]
fn a_deletion_has_a_stamp() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({})));
    let stamp = at(7, 7);
    server.accept(stamped(delete(2, "a", &version(1)), &stamp, json!({})));
    assert_eq!(
        server.fetch("a"),
        json!({"gone": {"version": version(2), "stamp": stamp}})
    );
    assert_eq!(
        server.pull_all(Some(&version(1)), 0)[0]["items"][0]["stamp"],
        stamp
    );
}

#[test]
fn a_mutation_without_a_stamp_gets_the_server_s_time() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({})));
    assert_eq!(server.fetch("a")["present"]["stamp"], at(0, 0));
}

#[test]
fn a_stamp_cannot_lie_far_ahead() {
    let mut server = Pair::new();
    server.accept(stamped(
        create(1, "a", json!({})),
        &at(60_000, 9),
        json!({}),
    ));
    assert_eq!(server.fetch("a")["present"]["stamp"], at(60_000, 9));
    server.accept(stamped(
        create(2, "b", json!({})),
        &at(60_001, 9),
        json!({"/x": "ffffffffffffffff-ffffffff"}),
    ));
    let held = server.fetch("b");
    assert_eq!(held["present"]["stamps"][""], at(60_000, 9));
    let bounded = tisync_protocol::Stamp {
        ms: NOW_MS + 60_000,
        counter: 0xffff,
        node: 0xffff_ffff,
    };
    assert_eq!(held["present"]["stamps"]["/x"], bounded.to_string());
}

#[test]
fn too_many_stamps_become_one() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({})));
    for n in 0..300 {
        server.accept(stamped(
            patch(n + 2, json!({format!("/f{n}"): n})),
            &at(n as i64, 1),
            json!({}),
        ));
    }
    let held = server.fetch("a");
    assert_eq!(held["present"]["stamp"], at(299, 1));
    assert!(held["present"]["stamps"].as_object().unwrap().len() < 100);
}
