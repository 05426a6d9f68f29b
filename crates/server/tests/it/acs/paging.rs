//! Queries: filters, order, and the two dialects of paging.
use super::app::{App, text};
use serde_json::{Value, json};

/// An app with the objects `a` to `e`, one a second, `n` from 1 to 5.
fn five() -> App {
    let (mut app, _) = App::with_user("joe");
    for (index, title) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        app.create(&json!({"title": title, "n": index + 1, "odd": index % 2 == 0}));
        app.wait(1_000);
    }
    app
}

#[test]
fn the_newest_come_first_unless_an_order_is_asked() {
    let mut app = five();
    assert_eq!(app.titles(&[]), "e d c b a");
    assert_eq!(app.titles(&[("order", "n")]), "a b c d e");
    assert_eq!(app.titles(&[("order", "odd,-n")]), "d b e c a");
    assert_eq!(app.titles(&[("order", "created_at")]), "a b c d e");
    assert_eq!(app.titles(&[("order", "-_id")]), "e d c b a");
    assert_eq!(app.titles(&[("order", "missing")]), "e d c b a");
}

#[test]
fn filters_find_the_servers_fields_too() {
    let mut app = five();
    assert_eq!(
        app.titles(&[("where", r#"{"n":{"$gt":1,"$lt":4}}"#)]),
        "c b"
    );
    assert_eq!(
        app.titles(&[("where", r#"{"$or":[{"n":1},{"title":{"$regex":"^e"}}]}"#)]),
        "e a"
    );
    let since = r#"{"updated_at":{"$gte":"2023-11-14T22:13:22+0000"}}"#;
    assert_eq!(
        app.titles(&[("where", since), ("order", "updated_at")]),
        "c d e"
    );
    let before = r#"{"created_at":{"$lt":"2023-11-14T22:13:22.000Z"}}"#;
    assert_eq!(app.titles(&[("where", before)]), "b a");
    let me = text(&app.ok("GET", "users/show/me", &[])["response"]["users"][0]["id"]);
    assert_eq!(
        app.titles(&[("where", &json!({"user_id": me}).to_string())]),
        "e d c b a"
    );
    assert_eq!(app.titles(&[("where", r#"{"user_id":"x"}"#)]), "");
}

#[test]
fn pages_by_ranges_of_ids_meet_every_object_once() {
    let mut app = five();
    let mut seen = Vec::new();
    let mut filter = "{}".to_owned();
    loop {
        let answer = app.ok(
            "GET",
            "objects/todo/query",
            &[("where", &filter), ("limit", "2")],
        );
        let page = answer["response"]["todo"].as_array().unwrap().clone();
        let Some(last) = page.last() else {
            break;
        };
        filter = json!({"_id": {"$lt": last["id"]}}).to_string();
        seen.extend(page.iter().map(|object| text(&object["title"])));
    }
    assert_eq!(seen.join(" "), "e d c b a");
    let all = app.ok("GET", "objects/todo/query", &[("order", "n")]);
    let ids: Vec<&Value> = all["response"]["todo"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["id"])
        .collect();
    let some = json!({"_id": {"$in": [ids[0], ids[3], "nonsense"]}}).to_string();
    assert_eq!(app.titles(&[("where", &some)]), "d a");
    let between = json!({"id": {"$gt": ids[1], "$lte": ids[3]}}).to_string();
    assert_eq!(app.titles(&[("where", &between)]), "d c");
}

#[test]
fn both_dialects_page() {
    let mut app = five();
    assert_eq!(app.titles(&[("limit", "2"), ("skip", "1")]), "d c");
    assert_eq!(
        app.titles(&[("limit", "2"), ("skip", "4"), ("order", "n")]),
        "e"
    );
    assert_eq!(app.titles(&[("limit", "2"), ("skip", "9")]), "");
    assert_eq!(app.titles(&[("page", "2"), ("per_page", "2")]), "c b");
    assert_eq!(
        app.titles(&[("page", "3"), ("per_page", "2"), ("order", "-n")]),
        "a"
    );
    let answer = app.ok(
        "GET",
        "objects/todo/query",
        &[("page", "1"), ("per_page", "2")],
    );
    assert_eq!(
        answer["meta"],
        json!({"code": 200, "status": "ok", "method_name": "queryCustomObjects",
               "page": 1, "per_page": 2, "total_pages": 3, "total_results": 5})
    );
    let answer = app.ok(
        "GET",
        "objects/todo/query",
        &[("limit", "1"), ("count", "true")],
    );
    assert_eq!(answer["meta"]["count"], 5);
    assert!(answer["meta"].get("page").is_none());
    let some = [("where", r#"{"odd":true}"#)];
    assert_eq!(
        app.ok("GET", "objects/todo/count", &some)["meta"]["count"],
        3
    );
}

#[test]
fn above_five_thousand_a_count_is_a_text() {
    let (mut app, _) = App::with_user("joe");
    app.sign_in_as_admin();
    let hundred = json!((0..100).map(|n| json!({"n": n})).collect::<Vec<_>>()).to_string();
    for _ in 0..50 {
        app.ok(
            "POST",
            "objects/todo/batch_create",
            &[("json_array", &hundred)],
        );
    }
    let count = |app: &mut App| {
        let answer = app.ok(
            "GET",
            "objects/todo/query",
            &[("count", "1"), ("order", "n")],
        );
        answer["meta"]["count"].clone()
    };
    assert_eq!(count(&mut app), 5_000);
    app.create(&json!({"n": 100}));
    assert_eq!(count(&mut app), "5000+");
    let answer = app.ok(
        "GET",
        "objects/todo/query",
        &[("count", "1"), ("limit", "1000"), ("skip", "4999")],
    );
    assert_eq!(answer["response"]["todo"].as_array().unwrap().len(), 2);
    assert_eq!(answer["meta"]["count"], "5000+");
    let exact = app.ok(
        "GET",
        "objects/todo/query",
        &[("page", "1"), ("per_page", "1")],
    );
    assert_eq!(exact["meta"]["total_results"], 5_001);
    assert_eq!(
        app.ok("GET", "objects/todo/count", &[])["meta"]["count"],
        5_001
    );
}

#[test]
fn fields_are_chosen() {
    let mut app = five();
    let mut first = |params: &[(&str, &str)]| {
        app.ok("GET", "objects/todo/query", params)["response"]["todo"][0].clone()
    };
    let only = first(&[("order", "n"), ("sel", r#"{"all":["title","n"]}"#)]);
    assert_eq!(only, json!({"title": "a", "n": 1}));
    let without = first(&[("unsel", r#"{"all":["user","id","title"]}"#)]);
    let left: Vec<_> = without.as_object().unwrap().keys().cloned().collect();
    assert_eq!(left, ["created_at", "n", "odd", "updated_at", "user_id"]);
}

#[test]
fn the_nearest_come_first() {
    let (mut app, _) = App::with_user("joe");
    for (title, place) in [
        ("far", [10.0, 50.0]),
        ("near", [-122.1, 37.1]),
        ("nearer", [-122.0, 37.0]),
    ] {
        app.create(&json!({"title": title, "coordinates": place}));
    }
    app.create(&json!({"title": "nowhere"}));
    let near = |more: &str| format!(r#"{{"coordinates":{{"$nearSphere":[-122,37]{more}}}}}"#);
    assert_eq!(app.titles(&[("where", &near(""))]), "nearer near far");
    assert_eq!(
        app.titles(&[
            ("where", &near(r#","$maxDistance":0.01"#)),
            ("order", "title")
        ]),
        "near nearer"
    );
}

#[test]
fn words_are_searched() {
    let (mut app, _) = App::with_user("joe");
    for title in ["milk", "milk bread", "sour milk", "beer"] {
        app.create(&json!({"title": title}));
    }
    let search = |words: &str| json!({"$text": {"$search": words}}).to_string();
    assert_eq!(
        app.titles(&[("where", &search("bread MILK -sour"))]),
        "milk bread milk"
    );
    assert_eq!(
        app.titles(&[("where", &search("\"sour milk\"")), ("order", "title")]),
        "sour milk"
    );
}
