//! What administrators do to many objects at once.
use super::app::{App, text};
use serde_json::json;

#[test]
fn only_admins_may() {
    let (mut app, _) = App::with_user("joe");
    app.create(&json!({}));
    assert_eq!(app.fails("DELETE", "objects/todo/batch_delete", &[]).0, 403);
    assert_eq!(
        app.fails("POST", "objects/todo/batch_create", &[("json_array", "[]")])
            .0,
        403
    );
    assert_eq!(app.fails("DELETE", "users/batch_delete", &[]).0, 403);
    assert_eq!(
        app.fails("DELETE", "objects/todo/admin_drop_collection", &[])
            .0,
        400
    );
    app.session = None;
    assert_eq!(app.fails("DELETE", "objects/todo/batch_delete", &[]).0, 401);
    assert_eq!(app.ok("GET", "objects/todo/count", &[])["meta"]["count"], 1);
}

#[test]
fn objects_are_made_together() {
    let (mut app, joe) = App::with_user("joe");
    let list = app.ok("POST", "acls/create", &[("name", "private")]);
    let acl = text(&list["response"]["acls"][0]["id"]);
    app.sign_in_as_admin();
    let items = json!([{"title": "a"}, {"title": "b", "user_id": joe, "acl_id": acl, "due": "2011-11-02T17:07:37-0700"}]);
    let answer = app.ok(
        "POST",
        "objects/todo/batch_create",
        &[("json_array", &items.to_string())],
    );
    assert_eq!(
        answer["meta"]["message"],
        r#"{"ok"=>1, "n"=>2, "nInserted"=>2}"#
    );
    assert_eq!(app.titles(&[("order", "title")]), "a b");
    let b = app.ok(
        "GET",
        "objects/todo/query",
        &[("where", r#"{"title":"b"}"#)],
    );
    let b = &b["response"]["todo"][0];
    assert_eq!(
        (&b["user_id"], &b["acls"][0]["id"]),
        (&json!(joe), &json!(acl))
    );
    assert_eq!(b["due"], "2011-11-03T00:07:37+0000");
    app.session = None;
    assert_eq!(app.titles(&[]), "a", "the ACL holds from the beginning");
}

#[test]
fn a_part_that_fails_is_told() {
    let mut app = App::new();
    app.sign_in_as_admin();
    let items = json!([{"title": "a"}, 5, {"title": "b", "user_id": "nobody"}, {"title": "c"}]);
    let (status, answer) = {
        let request = app_request(&mut app, &items.to_string());
        (request.0, request.1)
    };
    assert_eq!((status, &answer["meta"]["code"]), (202, &json!(200)));
    let message = text(&answer["meta"]["message"]);
    assert!(
        message.starts_with(r#"{"ok"=>1, "n"=>2, "nInserted"=>2, "writeErrors"=>[{"index"=>1, "#),
        "{message}"
    );
    assert!(message.contains(r#"{"index"=>2, "#), "{message}");
    assert_eq!(app.titles(&[("order", "title")]), "a c");
}

/// A batch_create whose status of HTTP is not `meta.code`.
fn app_request(app: &mut App, items: &str) -> (u16, serde_json::Value) {
    let path = format!(
        "/v1/objects/todo/batch_create.json?key={}&_session_id={}",
        super::app::KEY,
        app.session.clone().unwrap()
    );
    let body = format!("json_array={}", super::app::encode(items));
    let response = app.send(&tisync_server::HttpRequest::new("POST", &path, body));
    (
        response.status,
        serde_json::from_slice(&response.body).unwrap(),
    )
}

#[test]
fn a_batch_has_a_limit() {
    let mut app = App::new();
    app.sign_in_as_admin();
    let many = json!(vec![json!({}); 101]).to_string();
    assert_eq!(
        app.fails(
            "POST",
            "objects/todo/batch_create",
            &[("json_array", &many)]
        ),
        (400, "100 objects batch create limit exceeded".to_owned())
    );
    for wrong in ["{}", "[", ""] {
        assert_eq!(
            app.fails(
                "POST",
                "objects/todo/batch_create",
                &[("json_array", wrong)]
            )
            .0,
            400
        );
    }
}

#[test]
fn a_batch_delete_takes_what_passes_its_filter() {
    let mut app = App::new();
    app.sign_in_as_admin();
    // More than one slice, with others between them.
    let hundred = json!(
        (0..100)
            .map(|n| json!({"n": n, "odd": n % 2 == 1}))
            .collect::<Vec<_>>()
    );
    for _ in 0..12 {
        app.ok(
            "POST",
            "objects/todo/batch_create",
            &[("json_array", &hundred.to_string())],
        );
    }
    let answer = app.ok(
        "DELETE",
        "objects/todo/batch_delete",
        &[("where", r#"{"odd":true}"#)],
    );
    assert_eq!(
        answer,
        json!({"meta": {"code": 200, "status": "ok", "method_name": "batchDelete"}})
    );
    assert_eq!(
        app.ok("GET", "objects/todo/count", &[])["meta"]["count"],
        600
    );
    assert_eq!(app.titles_of_odd(), 0);
    assert_eq!(
        app.fails("DELETE", "objects/todo/batch_delete", &[("where", "{")])
            .0,
        400
    );
    app.ok("DELETE", "objects/todo/batch_delete", &[]);
    assert_eq!(app.ok("GET", "objects/todo/count", &[])["meta"]["count"], 0);
}

impl App {
    fn titles_of_odd(&mut self) -> u64 {
        let count = self.ok("GET", "objects/todo/count", &[("where", r#"{"odd":true}"#)]);
        count["meta"]["count"].as_u64().unwrap()
    }
}

#[test]
fn a_class_is_dropped() {
    let mut app = App::new();
    app.sign_in_as_admin();
    app.create(&json!({}));
    app.ok("POST", "objects/other/create", &[("fields", "{}")]);
    let answer = app.ok("DELETE", "objects/todo/admin_drop_collection", &[]);
    assert_eq!(answer["meta"]["method_name"], "dropCollection");
    assert_eq!(app.ok("GET", "objects/todo/count", &[])["meta"]["count"], 0);
    assert_eq!(
        app.ok("GET", "objects/other/count", &[])["meta"]["count"],
        1
    );
}

#[test]
fn users_are_deleted_but_for_the_one_who_asks() {
    let mut app = App::new();
    for name in ["ann", "bob", "cat"] {
        app.sign_up(name);
    }
    app.sign_in_as_admin();
    app.ok(
        "DELETE",
        "users/batch_delete",
        &[("where", r#"{"username":{"$in":["ann","bob"]}}"#)],
    );
    assert_eq!(app.ok("GET", "users/count", &[])["meta"]["count"], 2);
    app.ok("DELETE", "users/batch_delete", &[]);
    let left = app.ok("GET", "users/query", &[]);
    assert_eq!(left["response"]["users"].as_array().unwrap().len(), 1);
    assert_eq!(left["response"]["users"][0]["username"], "boss");
    app.sign_up("ann");
}
