//! A server that was restored from a backup.
use crate::harness::*;
use serde_json::json;
use tisync_server::{ServerNow, service};

/// A server that lost its versions 3 and 4.
fn restored() -> Pair {
    let mut server = Pair::new();
    server.push(&[
        create(1, "a", json!({"n": 1})),
        create(2, "b", json!({"n": 2})),
    ]);
    let backup = server.store.clone();
    server.push(&[
        replace(3, "a", &version(1), json!({"n": 3})),
        create(4, "c", json!({})),
    ]);
    server.store = backup;
    server.now = ServerNow {
        wall_ms: NOW_MS + 1,
        entropy: [0xe2; 32],
    };
    server.change(|tx, now, _| service::new_epoch(tx, now).unwrap());
    server
}

const SECOND: &str = "e2e2e2e2e2e2e2e2";

#[test]
fn every_answer_names_the_new_epoch() {
    let mut server = restored();
    for (path, body) in [
        ("/v1/about", json!({})),
        ("/v1/pull", json!({"collections": ["todos"]})),
        ("/v1/push", json!({"mutations": []})),
        ("/v1/fetch", json!({})),
        ("/v1/digest", json!({})),
    ] {
        assert_eq!(server.ok(path, body)["epoch"], SECOND, "{path}");
    }
    assert_eq!(
        server.ok("/v1/about", json!({}))["epochs"],
        json!([[EPOCH, 0], [SECOND, 2]])
    );
}

#[test]
fn a_checkpoint_of_the_old_epoch_has_expired() {
    let mut server = restored();
    for checkpoint in [version(2), version(4)] {
        let (status, problem) = server.call(
            "/v1/pull",
            &json!({"collections": ["todos"], "checkpoint": checkpoint}),
        );
        assert_eq!(
            (status, &problem["epochs"]),
            (410, &json!([[EPOCH, 0], [SECOND, 2]]))
        );
    }
}

#[test]
fn what_survived_keeps_its_version_and_what_was_lost_fits_nothing() {
    let mut server = restored();
    // A version that the lost history gave to the same record, and that will be given again by number.
    assert!(server.push_one(replace(5, "a", &version(3), json!({"n": 5})))["conflict"].is_object());
    let verdict = server.accept(replace(6, "a", &version(1), json!({"n": 6})));
    assert_eq!(verdict, format!("{SECOND}.3"));
    assert!(server.push_one(replace(7, "a", &version(3), json!({"n": 7})))["conflict"].is_object());
    assert_eq!(
        server.accept(replace(8, "a", &verdict, json!({"n": 8}))),
        format!("{SECOND}.4")
    );
    assert_eq!(
        server.accept(replace(9, "b", &version(2), json!({"n": 9}))),
        format!("{SECOND}.5")
    );
}

#[test]
fn a_mutation_of_the_lost_history_can_be_offered_again() {
    let mut server = restored();
    assert_eq!(
        server.push_one(create(4, "c", json!({})))["accepted"]["version"],
        format!("{SECOND}.3")
    );
    // The receipt of what survived is there as well.
    assert_eq!(
        server.push_one(create(1, "a", json!({"n": 1})))["accepted"]["version"],
        version(1)
    );
}

#[test]
fn a_store_that_went_back_without_a_word_is_noticed() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({})));
    let backup = server.store.clone();
    server.accept(create(2, "b", json!({})));
    server.store = backup;
    let (status, _) = server.call(
        "/v1/pull",
        &json!({"collections": ["todos"], "checkpoint": version(2)}),
    );
    assert_eq!(status, 410);
}
