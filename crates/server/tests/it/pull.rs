//! Pages of the feed.
use crate::harness::*;
use serde_json::{Value, json};
use tisync_server::service;

fn three_records() -> Pair {
    let mut server = Pair::new();
    server.push(&[
        create(1, "a", json!({"n": 1})),
        create(2, "b", json!({"n": 2})),
        create(3, "c", json!({"n": 3})),
    ]);
    server
}

#[test]
fn a_first_walk_is_complete_and_counts() {
    let mut server = three_records();
    let page = server.pull_all(None, 0).remove(0);
    assert_eq!(items(&page), ["todos/a@1", "todos/b@2", "todos/c@3"]);
    assert_eq!((&page["total"], &page["more"]), (&json!(3), &json!(false)));
    assert_eq!(page["checkpoint"], version(3));
    assert_eq!(
        (&page["epoch"], &page["server_time_ms"]),
        (&json!(EPOCH), &json!(NOW_MS))
    );
}

#[test]
fn an_empty_server_answers_with_a_checkpoint() {
    let mut server = Pair::new();
    let page = server.pull_all(None, 0).remove(0);
    assert_eq!(
        (items(&page).len(), &page["total"], &page["checkpoint"]),
        (0, &json!(0), &json!(version(0)))
    );
}

#[test]
fn nothing_new_is_one_tiny_answer() {
    let mut server = three_records();
    let request = json!({"collections": ["todos"], "checkpoint": version(3)}).to_string();
    let answer = server.send(&tisync_server::HttpRequest::new(
        "POST", "/v1/pull", request,
    ));
    assert!(
        answer.body.len() < 250,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

#[test]
fn the_feed_tells_changes_and_deletions_since() {
    let mut server = three_records();
    server.accept(replace(4, "a", &version(1), json!({"n": 4})));
    server.accept(delete(5, "b", &version(2)));
    let page = server.pull_all(Some(&version(3)), 0).remove(0);
    assert_eq!(items(&page), ["todos/a@4", "-todos/b@5"]);
    assert!(page["total"].is_null() && page["items"][1]["doc"].is_null());
}

#[test]
fn a_first_walk_has_no_deletions() {
    let mut server = three_records();
    server.accept(delete(4, "b", &version(2)));
    for limit in [0, 1, 2] {
        let pages = server.pull_all(None, limit);
        let all: Vec<String> = pages.iter().flat_map(items).collect();
        assert_eq!(all, ["todos/a@1", "todos/c@3"]);
        assert_eq!(pages.last().unwrap()["total"], 2);
        assert!(
            pages
                .iter()
                .rev()
                .skip(1)
                .all(|page| page["total"].is_null())
        );
    }
}

#[test]
fn what_changes_during_a_first_walk_comes_before_its_end() {
    let mut server = three_records();
    let first = server.ok("/v1/pull", json!({"collections": ["todos"], "limit": 1}));
    assert_eq!(
        (items(&first), &first["more"]),
        (vec!["todos/a@1".to_owned()], &json!(true))
    );
    server.accept(delete(4, "a", &version(1)));
    server.accept(replace(5, "b", &version(2), json!({"n": 5})));
    server.accept(create(6, "d", json!({})));
    let rest = server.pull_all(first["checkpoint"].as_str(), 0).remove(0);
    assert_eq!(
        items(&rest),
        ["todos/c@3", "-todos/a@4", "todos/b@5", "todos/d@6"]
    );
    assert_eq!(
        (&rest["total"], &rest["checkpoint"]),
        (&json!(3), &json!(version(6)))
    );
}

#[test]
fn a_snapshot_comes_in_the_order_of_ids() {
    let mut server = Pair::new();
    for (n, id) in ["z/1", "a.b", "é", "m"].iter().enumerate() {
        server.accept(create(n as u64 + 1, id, json!({})));
    }
    let mut note = create(5, "b", json!({}));
    note["collection"] = "notes".into();
    server.accept(note);
    server.accept(delete(6, "m", &version(4)));
    for limit in 0..=5 {
        let pages = server.snapshot(limit);
        let all: Vec<String> = pages.iter().flat_map(items).collect();
        assert_eq!(
            all,
            ["notes/b@5", "todos/a.b@2", "todos/z/1@1", "todos/é@3"],
            "{limit}"
        );
        let last = pages.last().unwrap();
        assert_eq!(
            (&last["total"], &last["checkpoint"]),
            (&json!(4), &json!(version(6)))
        );
        assert!(limit == 0 || pages.iter().all(|page| items(page).len() as u64 <= limit));
    }
}

#[test]
fn what_changes_during_a_snapshot_comes_behind_it_commit_by_commit() {
    let mut server = three_records();
    let request = json!({"collections": ["todos"], "snapshot": true, "limit": 1});
    let first = server.ok("/v1/pull", request);
    assert_eq!(items(&first), ["todos/a@1"]);
    server.accept(delete(4, "a", &version(1)));
    server.push(&[
        in_group("g", replace(5, "c", &version(3), json!({"n": 5}))),
        in_group("g", create(6, "d", json!({}))),
    ]);
    let pages = server.pull_all(first["checkpoint"].as_str(), 0);
    assert_eq!(items(&pages[0]), ["todos/b@2"]);
    assert_eq!(items(&pages[1]), ["-todos/a@4", "todos/c@5", "todos/d@5"]);
    assert_eq!(
        (&pages[1]["total"], &pages[1]["checkpoint"]),
        (&json!(3), &json!(version(5)))
    );
}

#[test]
fn a_snapshot_whose_tail_is_forgotten_has_expired() {
    let mut server = three_records();
    let request = json!({"collections": ["todos"], "snapshot": true, "limit": 1});
    let first = server.ok("/v1/pull", request);
    server.accept(delete(4, "a", &version(1)));
    server.now.wall_ms += server.config.tombstones_kept_ms + 1;
    server.change(|tx, now, config| service::prune(tx, now, config).unwrap());
    let request = json!({"collections": ["todos"], "checkpoint": first["checkpoint"]});
    assert_eq!(server.call("/v1/pull", &request).0, 410);
}

#[test]
fn a_page_never_cuts_a_commit() {
    for sizes in [
        vec![1, 3, 1, 2],
        vec![5, 1],
        vec![2, 2, 2],
        vec![1, 1, 1, 6],
    ] {
        for limit in 1..=8_u64 {
            let mut server = Pair::new();
            let mut n = 0;
            for (commit, size) in sizes.iter().enumerate() {
                let group: Vec<Value> = (0..*size)
                    .map(|_| {
                        n += 1;
                        in_group(&format!("g{commit}"), create(n, &n.to_string(), json!({})))
                    })
                    .collect();
                server.push(&group);
            }
            let pages = server.pull_all(Some(&version(0)), limit);
            let mut seen = 0;
            for page in &pages {
                let items = items(page);
                let commits: std::collections::BTreeSet<&str> = items
                    .iter()
                    .map(|item| item.rsplit('@').next().unwrap())
                    .collect();
                assert!(
                    items.len() as u64 <= limit || commits.len() == 1,
                    "{sizes:?} {limit} {items:?}"
                );
                let ends = page["checkpoint"]
                    .as_str()
                    .unwrap()
                    .rsplit('.')
                    .next()
                    .unwrap()
                    .parse::<usize>()
                    .unwrap();
                seen += items.len();
                assert_eq!(
                    seen,
                    sizes[..ends].iter().sum::<usize>(),
                    "{sizes:?} {limit}: a page ends inside commit {ends}"
                );
            }
            assert_eq!(seen, n as usize);
        }
    }
}

#[test]
fn a_page_is_bounded_by_bytes_too() {
    let mut server = Pair::new();
    for n in 1..=5 {
        server.accept(create(n, &n.to_string(), json!({"text": "x".repeat(300)})));
    }
    let request = json!({"collections": ["todos"], "bytes_max": 500});
    let page = server.ok("/v1/pull", request);
    assert_eq!((items(&page).len(), &page["more"]), (2, &json!(true)));
}

#[test]
fn a_feed_carries_all_its_collections_and_no_other() {
    let mut server = three_records();
    let mut note = create(4, "n", json!({}));
    note["collection"] = "notes".into();
    let mut secret = create(5, "s", json!({}));
    secret["collection"] = "secrets".into();
    server.push(&[note, secret]);
    let page = server.pull_all(Some(&version(2)), 0).remove(0);
    assert_eq!(items(&page), ["todos/c@3", "notes/n@4"]);
    assert_eq!(page["checkpoint"], version(5));
    let total = server.pull_all(None, 0).remove(0)["total"].clone();
    assert_eq!(total, 4);
}

#[test]
fn a_checkpoint_before_the_horizon_has_expired() {
    let mut server = three_records();
    server.config.tombstones_kept_ms = 1000;
    let walking = server.ok("/v1/pull", json!({"collections": ["todos"], "limit": 1}));
    server.accept(delete(4, "a", &version(1)));
    server.now.wall_ms += 1000;
    server.accept(create(5, "e", json!({})));
    let pruned = server.change(|tx, now, config| service::prune(tx, now, config).unwrap());
    assert_eq!(pruned.horizon, 4);
    let expired = [
        json!(version(0)),
        json!(version(3)),
        walking["checkpoint"].clone(),
    ];
    for checkpoint in expired {
        let (status, problem) = server.call(
            "/v1/pull",
            &json!({"collections": ["todos"], "checkpoint": checkpoint}),
        );
        assert_eq!(
            (status, &problem["type"]),
            (410, &json!("expired-checkpoint")),
            "{checkpoint}"
        );
        assert_eq!(
            (&problem["horizon"], &problem["epochs"]),
            (&json!("4"), &json!([[EPOCH, 0]]))
        );
    }
    assert_eq!(
        items(&server.pull_all(Some(&version(4)), 0)[0]),
        ["todos/e@5"]
    );
    // Not even the deletion's record is left, and whoever starts anew does not miss it.
    assert_eq!(server.fetch("a"), json!({"gone": {}}));
    assert_eq!(
        items(&server.pull_all(None, 0)[0]),
        ["todos/b@2", "todos/c@3", "todos/e@5"]
    );
}

#[test]
fn a_checkpoint_that_was_never_given_has_expired() {
    let mut server = three_records();
    let strange = [
        "",
        "x",
        ".",
        "ffffffffffffffff.3",
        &version(4),
        &format!("{EPOCH}.03"),
        &format!("{EPOCH}.1.2.3"),
        &format!("{EPOCH}.-1"),
        &format!("{EPOCH}.9.1"),
        &format!("{EPOCH}.99999999999999999999999"),
    ];
    for checkpoint in strange {
        let (status, problem) = server.call(
            "/v1/pull",
            &json!({"collections": ["todos"], "checkpoint": checkpoint}),
        );
        assert_eq!(
            (status, &problem["type"]),
            (410, &json!("expired-checkpoint")),
            "{checkpoint:?}"
        );
    }
}

#[test]
fn a_fetch_that_grows_too_large_says_that_there_is_more() {
    let mut server = Pair::new();
    server.config.limits.pull_bytes_max = 1000;
    let wanted: Vec<Value> = (1..=5)
        .map(|n| {
            server.accept(create(n, &n.to_string(), json!({"text": "x".repeat(600)})));
            json!({"collection": "todos", "id": n.to_string()})
        })
        .collect();
    let answer = server.ok("/v1/fetch", json!({ "wanted": wanted }));
    assert_eq!(
        (answer["found"].as_array().unwrap().len(), &answer["more"]),
        (2, &json!(true))
    );
}
