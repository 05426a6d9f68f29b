//! Custom objects.
use super::app::{App, text};
use serde_json::json;

#[test]
fn an_object_is_shown_as_acs_showed_it() {
    let (mut app, joe) = App::with_user("joe");
    let answer = app.ok(
        "POST",
        "objects/Car/create",
        &[
            ("fields", r#"{"make":"nissan","year":2005,"used":false,"purchased_at":"2011-11-02 17:07:37 -0700","coordinates":[-122.1,37.1],"nested":{"x":[1,{"y":null}]},"id":"mine","user":{"id":"x"}}"#),
            ("tags", "fast,red"),
        ],
    );
    assert_eq!(
        answer["meta"],
        json!({"code": 200, "status": "ok", "method_name": "createObject"})
    );
    let object = &answer["response"]["Car"][0];
    let id = text(&object["id"]);
    let (user, now) = (object["user"].clone(), "2023-11-14T22:13:20+0000");
    assert_eq!(user["username"], "joe");
    assert_eq!(
        *object,
        json!({
            "id": id, "created_at": now, "updated_at": now, "user_id": joe, "user": user,
            "make": "nissan", "year": 2005, "used": false, "purchased_at": "2011-11-03T00:07:37+0000",
            "coordinates": [[-122.1, 37.1]], "nested": {"x": [1, {"y": null}]}, "tags": ["fast", "red"],
        })
    );
    let shown = app.ok("GET", "objects/Car/show", &[("id", &id)]);
    assert_eq!(shown["meta"]["method_name"], "showObjects");
    assert_eq!(shown["response"]["Car"][0], *object);
    let flat = app.ok(
        "GET",
        "objects/Car/show",
        &[("id", &id), ("response_json_depth", "1")],
    );
    assert_eq!(flat["response"]["Car"][0]["user_id"], joe.as_str());
    assert!(flat["response"]["Car"][0].get("user").is_none());
}

#[test]
fn an_update_is_merged_at_the_top() {
    let (mut app, _) = App::with_user("joe");
    let id = text(&app.create(&json!({"a": 1, "b": {"x": 1}, "c": 3}))["id"]);
    app.wait(2_000);
    let answer = app.ok(
        "PUT",
        "objects/todo/update",
        &[
            ("id", &id),
            (
                "fields",
                r#"{"a":null,"b":{"y":2},"updated_at":"x","user_id":"x"}"#,
            ),
        ],
    );
    assert_eq!(answer["meta"]["method_name"], "updateCustomObject");
    let object = &answer["response"]["todo"][0];
    assert_eq!((&object["b"], &object["c"]), (&json!({"y": 2}), &json!(3)));
    assert!(object.get("a").is_none());
    assert_eq!(object["created_at"], "2023-11-14T22:13:20+0000");
    assert_eq!(object["updated_at"], "2023-11-14T22:13:22+0000");
    let shown = app.ok("GET", "objects/todo/show", &[("id", &id)]);
    assert_eq!(shown["response"]["todo"][0], *object);
    // Nothing new still moves the time.
    app.wait(1_000);
    let answer = app.ok(
        "PUT",
        "objects/todo/update",
        &[("id", &id), ("fields", "{}")],
    );
    assert_eq!(
        answer["response"]["todo"][0]["updated_at"],
        "2023-11-14T22:13:23+0000"
    );
}

#[test]
fn tags_are_replaced() {
    let (mut app, _) = App::with_user("joe");
    let id = text(&app.create(&json!({"tags": "a,b"}))["id"]);
    let mut update = |params: &[(&str, &str)]| {
        let mut all = vec![("id", id.as_str())];
        all.extend(params);
        let answer = app.ok("PUT", "objects/todo/update", &all);
        answer["response"]["todo"][0].get("tags").cloned()
    };
    assert_eq!(update(&[("fields", "{}")]), Some(json!(["a", "b"])));
    assert_eq!(
        update(&[("fields", "{}"), ("tags", "c,c,d e")]),
        Some(json!(["c", "d e"]))
    );
    assert_eq!(
        update(&[("fields", r#"{"tags":["f"]}"#)]),
        Some(json!(["f"]))
    );
    assert_eq!(update(&[("fields", "{}"), ("tags", "")]), None);
}

#[test]
fn counting_up_is_one_step() {
    let (mut app, _) = App::with_user("joe");
    let id = text(&app.create(&json!({"n": 1}))["id"]);
    let answer = app.ok(
        "PUT",
        "objects/todo/update",
        &[
            ("id", &id),
            ("fields", r#"{"n":{"$inc":10},"pet":"shark"}"#),
        ],
    );
    assert_eq!(answer["response"]["todo"][0]["n"], 11);
    assert_eq!(
        app.fails(
            "PUT",
            "objects/todo/update",
            &[
                ("id", &id),
                ("fields", r#"{"n":{"$inc":1},"m":{"$inc":1}}"#)
            ]
        ),
        (
            400,
            "$inc operation only support to increase one field once.".to_owned()
        )
    );
}

#[test]
fn what_is_missing_is_named() {
    let (mut app, _) = App::with_user("joe");
    let id = text(&app.create(&json!({"a": 1}))["id"]);
    let gone = "5457657cdda0954dfe000016";
    let both = format!("{id},{gone}");
    let no_such = (
        400,
        format!("One or more invalid object id(s): [\"{gone}\"]"),
    );
    for (verb, call) in [("GET", "show"), ("DELETE", "delete")] {
        let path = format!("objects/todo/{call}");
        assert_eq!(app.fails(verb, &path, &[("id", gone)]), no_such);
        assert_eq!(app.fails(verb, &path, &[("ids", &both)]), no_such);
        assert_eq!(app.fails(verb, &path, &[]).0, 400);
    }
    let update = [("id", gone), ("fields", "{}")];
    assert_eq!(app.fails("PUT", "objects/todo/update", &update), no_such);
    assert_eq!(
        app.fails("PUT", "objects/todo/update", &[("id", &id)]).0,
        400
    );
    assert_eq!(app.fails("POST", "objects/todo/create", &[]).0, 400);
    // One bad id kept the good one.
    app.ok("GET", "objects/todo/show", &[("id", &id)]);
}

#[test]
fn a_deleted_object_is_gone() {
    let (mut app, _) = App::with_user("joe");
    let ids: Vec<String> = (0..3)
        .map(|n| text(&app.create(&json!({"n": n}))["id"]))
        .collect();
    let answer = app.ok("DELETE", "objects/todo/delete", &[("id", &ids[0])]);
    assert_eq!(
        answer,
        json!({"meta": {"code": 200, "status": "ok", "method_name": "deleteObjects"}})
    );
    assert_eq!(
        app.fails("DELETE", "objects/todo/delete", &[("id", &ids[0])])
            .0,
        400
    );
    let rest = json!([ids[1], ids[2]]).to_string();
    app.ok("DELETE", "objects/todo/delete", &[("ids", &rest)]);
    assert_eq!(
        app.ok("GET", "objects/todo/query", &[])["response"],
        json!({"todo": []})
    );
}

#[test]
fn a_class_that_never_was_is_empty() {
    let mut app = App::new();
    let answer = app.ok("GET", "objects/never/query", &[("count", "1")]);
    assert_eq!(
        (&answer["response"], &answer["meta"]["count"]),
        (&json!({"never": []}), &json!(0))
    );
    let count = app.ok("GET", "objects/never/count", &[]);
    assert_eq!(
        count["meta"],
        json!({"code": 200, "status": "ok", "method_name": "objectsCount", "count": 0})
    );
    assert!(count.get("response").is_none());
}

#[test]
fn ids_grow_with_time_even_when_the_clock_does_not() {
    let (mut app, _) = App::with_user("joe");
    let mut last = String::new();
    for step in [0, 0, 0, 5_000, 0] {
        app.wait(step);
        let id = text(&app.create(&json!({}))["id"]);
        assert!(id > last, "{id} after {last}");
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        last = id;
    }
    app.server.now.wall_ms -= 3_600_000;
    for _ in 0..3 {
        let id = text(&app.create(&json!({}))["id"]);
        assert!(id > last, "{id} after {last}, though the clock went back");
        last = id;
    }
}

#[test]
fn files_are_refused_and_not_dropped() {
    let (mut app, _) = App::with_user("joe");
    for name in ["photo", "photo_id", "file"] {
        let params = [("fields", "{}"), (name, "x")];
        let (code, message) = app.fails("POST", "objects/todo/create", &params);
        assert_eq!(code, 400);
        assert!(
            message.starts_with("This server keeps no photos or files"),
            "{message}"
        );
    }
    app.ok(
        "POST",
        "objects/todo/create",
        &[("fields", "{}"), ("photo", "")],
    );
}
