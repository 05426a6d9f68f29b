//! Beside the native protocol: both faces show one set of records.
use super::app::{App, KEY, text};
use crate::harness::{create, items, replace};
use serde_json::json;
use tisync_server::{HttpRequest, MemoryServerStore, ServerStore, SqliteServerStore};

fn an_object_goes_both_ways(mut app: App<impl ServerStore>) {
    let joe = app.sign_up("joe");
    let made =
        app.create(&json!({"title": "Milk", "tags": ["a"], "due": "2011-11-02 17:07:37 -0700"}));
    let id = text(&made["id"]);

    // A native client pulls it: the app's fields, and who made it when.
    let page = app.server.ok("/v1/pull", json!({"collections": ["todo"]}));
    assert_eq!(
        page["items"].as_array().unwrap().len(),
        1,
        "nothing hidden comes with it: {page}"
    );
    let item = &page["items"][0];
    assert_eq!(item["id"], id.as_str());
    assert_eq!(
        item["doc"],
        json!({"title": "Milk", "tags": ["a"], "due": "2011-11-03T00:07:37+0000",
               "user_id": joe, "created_at": "2023-11-14T22:13:20+0000"})
    );

    // It changes the record, on its version; the app sees the change.
    app.wait(5_000);
    let version = text(&item["version"]);
    let mut change = replace(1, &id, &version, json!({"title": "Bread", "user_id": joe}));
    change["collection"] = "todo".into();
    let accepted = app.server.push_one(change);
    assert!(accepted["accepted"]["version"].is_string(), "{accepted}");
    let shown = app.ok("GET", "objects/todo/show", &[("id", &id)]);
    let shown = &shown["response"]["todo"][0];
    assert_eq!(
        (&shown["title"], &shown["updated_at"]),
        (&json!("Bread"), &json!("2023-11-14T22:13:25+0000"))
    );
    assert_eq!(
        shown["created_at"], "2023-11-14T22:13:20+0000",
        "the id says it where the document does not"
    );

    // The app changes it; the native client's checkpoint leads to that, and its old version is refused.
    let checkpoint = text(&page["checkpoint"]);
    app.ok(
        "PUT",
        "objects/todo/update",
        &[("id", &id), ("fields", r#"{"title":"Oats"}"#)],
    );
    let mut stale = replace(2, &id, &version, json!({"title": "stale"}));
    stale["collection"] = "todo".into();
    let verdict = app.server.push_one(stale);
    assert_eq!(
        verdict["conflict"]["remote"]["present"]["doc"]["title"],
        "Oats"
    );
    let next = app.server.ok(
        "/v1/pull",
        json!({"collections": ["todo"], "checkpoint": checkpoint}),
    );
    assert_eq!(next["items"][0]["doc"]["title"], "Oats");

    // The app deletes it; the native client gets a tombstone.
    let checkpoint = text(&next["checkpoint"]);
    app.ok("DELETE", "objects/todo/delete", &[("id", &id)]);
    let last = app.server.ok(
        "/v1/pull",
        json!({"collections": ["todo"], "checkpoint": checkpoint}),
    );
    assert!(
        items(&last)[0].starts_with(&format!("-todo/{id}@")),
        "{last}"
    );
    let digest = app
        .server
        .ok("/v1/digest", json!({"collections": ["todo"]}));
    assert_eq!(digest["digests"][0]["count"], 0);
}

#[test]
fn an_object_goes_both_ways_in_memory() {
    an_object_goes_both_ways(App::over(MemoryServerStore::default()));
}

#[test]
fn an_object_goes_both_ways_in_a_file() {
    an_object_goes_both_ways(App::over(SqliteServerStore::in_memory().unwrap()));
}

#[test]
fn who_listens_hears_of_an_apps_changes() {
    let (mut app, _) = App::with_user("joe");
    let session = app.session.clone().unwrap();
    let mut changed = |verb: &str, path: &str, body: &str| {
        let path = format!("/v1/{path}.json?key={KEY}&_session_id={session}");
        let response = app.send(&HttpRequest::new(verb, &path, body));
        let told = response.changed.map(|changed| changed.collections);
        told.map(|classes| classes.into_iter().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(
        changed("POST", "objects/todo/create", "fields={}").as_deref(),
        Some("todo")
    );
    assert_eq!(changed("POST", "objects/todo/create", ""), None);
    assert_eq!(changed("GET", "objects/todo/query", ""), None);
    assert_eq!(
        changed("PUT", "users/update", "role=x"),
        None,
        "users are nobody else's"
    );
}

#[test]
fn what_a_native_client_makes_is_an_object() {
    let (mut app, joe) = App::with_user("joe");
    for (n, id, document) in [
        (1, "milk", json!({"title": "milk"})),
        (
            2,
            "bread",
            json!({"title": "bread", "user_id": joe, "created_at": "2020-01-01T00:00:00+0000"}),
        ),
    ] {
        let mut mutation = create(n, id, document);
        mutation["collection"] = "todo".into();
        app.server.accept(mutation);
    }
    assert_eq!(app.titles(&[("order", "title")]), "bread milk");
    let milk = app.ok("GET", "objects/todo/show", &[("id", "milk")]);
    let milk = &milk["response"]["todo"][0];
    assert_eq!(
        *milk,
        json!({"id": "milk", "title": "milk", "created_at": "2023-11-14T22:13:20+0000", "updated_at": "2023-11-14T22:13:20+0000"})
    );
    // Nobody owns it: administrators change it, and native clients.
    let update = |id: &'static str| [("id", id), ("fields", r#"{"n":1}"#)];
    assert_eq!(
        app.fails("PUT", "objects/todo/update", &update("milk")).0,
        401
    );
    // The other one names its owner.
    let bread = app.ok("PUT", "objects/todo/update", &update("bread"));
    let bread = &bread["response"]["todo"][0];
    assert_eq!(
        (&bread["user_id"], &bread["created_at"]),
        (&json!(joe), &json!("2020-01-01T00:00:00+0000"))
    );
}

#[test]
fn a_native_client_does_not_open_what_an_acl_protects() {
    let (mut app, joe) = App::with_user("joe");
    app.ok("POST", "acls/create", &[("name", "mine")]);
    let answer = app.ok(
        "POST",
        "objects/todo/create",
        &[("fields", r#"{"title":"t"}"#), ("acl_name", "mine")],
    );
    let id = text(&answer["response"]["todo"][0]["id"]);
    let found = app.server.ok(
        "/v1/fetch",
        json!({"wanted": [{"collection": "todo", "id": id}]}),
    );
    let found = &found["found"][0]["found"]["present"];
    assert!(found["doc"]["acl_id"].is_string(), "{found}");
    // It stores a whole document, without the fields that it does not know.
    let mut change = replace(1, &id, &text(&found["version"]), json!({"title": "t"}));
    change["collection"] = "todo".into();
    app.server.accept(change);
    app.session = None;
    assert_eq!(app.titles(&[]), "");
    assert_eq!(app.fails("GET", "objects/todo/show", &[("id", &id)]).0, 401);
    app.sign_in("joe", "pass");
    let shown = app.ok("GET", "objects/todo/show", &[("id", &id)]);
    assert_eq!(shown["response"]["todo"][0]["user_id"], joe.as_str());

    // Deleted by the app and brought back by an edit that was on its way, it is as protected as before.
    let found = app.server.ok(
        "/v1/fetch",
        json!({"wanted": [{"collection": "todo", "id": id}]}),
    );
    let acl = app.ok("GET", "acls/query", &[])["response"]["acls"][0]["id"].clone();
    assert!(
        found["found"][0]["found"]["present"]["doc"]
            .get("acl_id")
            .is_none()
    );
    app.ok("DELETE", "objects/todo/delete", &[("id", &id)]);
    let mut back = create(2, &id, json!({"title": "t", "user_id": joe, "acl_id": acl}));
    back["collection"] = "todo".into();
    app.server.accept(back);
    app.session = None;
    assert_eq!(app.titles(&[]), "");
}

#[test]
fn the_applications_rules_hold_for_both() {
    let (mut app, _) = App::with_user("joe");
    app.server.config.validate = Some(std::sync::Arc::new(
        |mutation: &tisync_protocol::Mutation| match mutation.collection.as_str() {
            "prices" => Err(tisync_server::Refusal::rejected(
                "read-only",
                "prices are set by head office",
            )),
            "secret" => Err(tisync_server::Refusal::OutOfScope),
            "later" => Err(tisync_server::Refusal::Deferred { after_ms: 100 }),
            _ => Ok(()),
        },
    ));
    let mut create = |class: &str| {
        app.fails(
            "POST",
            &format!("objects/{class}/create"),
            &[("fields", "{}")],
        )
    };
    assert_eq!(
        create("prices"),
        (400, "prices are set by head office".to_owned())
    );
    assert_eq!(create("secret").0, 403);
    assert_eq!(create("later").0, 503);
}
