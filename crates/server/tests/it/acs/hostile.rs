//! What nobody should send, and somebody will.
use super::app::{App, KEY, text};
use proptest::prelude::*;
use serde_json::json;
use tisync_server::HttpRequest;

#[test]
fn a_body_over_the_limit_is_refused_in_the_envelope() {
    let (mut app, _) = App::with_user("joe");
    app.server.config.limits.push_bytes_max = 1_000;
    let body = format!("fields={}", "x".repeat(1_000));
    let path = format!("/v1/objects/todo/create.json?key={KEY}&suppress_response_codes=true");
    let response = app.send(&HttpRequest::new("POST", &path, body));
    let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        (response.status, &answer["meta"]["code"]),
        (200, &json!(413))
    );
    assert_eq!(answer["meta"]["status"], "fail");
}

#[test]
fn an_object_over_the_limit_is_refused() {
    let (mut app, _) = App::with_user("joe");
    app.server.config.limits.document_bytes_max = 2_000;
    let large = json!({"a": "x".repeat(2_000)}).to_string();
    assert_eq!(
        app.fails("POST", "objects/todo/create", &[("fields", &large)])
            .0,
        413
    );
    let id = text(&app.create(&json!({"a": 1}))["id"]);
    let update = [("id", id.as_str()), ("fields", &large)];
    assert_eq!(app.fails("PUT", "objects/todo/update", &update).0, 413);
    assert_eq!(
        app.fails("PUT", "users/update", &[("custom_fields", &large)])
            .0,
        413
    );
    let deep = format!("{}1{}", r#"{"a":"#.repeat(70), "}".repeat(70));
    assert_eq!(
        app.fails("POST", "objects/todo/create", &[("fields", &deep)])
            .0,
        400
    );
    let object = app.ok("GET", "objects/todo/show", &[("id", &id)]);
    assert_eq!(
        object["response"]["todo"][0]["a"], 1,
        "nothing of it was written"
    );
}

#[test]
fn fields_that_are_none_are_refused() {
    let (mut app, _) = App::with_user("joe");
    for fields in [
        "{",
        "[]",
        "1",
        "\"x\"",
        r#"{"a":1,"a":2}"#,
        r#"{"a":1e999}"#,
        r#"{"a":"\ud800"}"#,
    ] {
        let (code, message) = app.fails("POST", "objects/todo/create", &[("fields", fields)]);
        assert_eq!(code, 400);
        assert!(
            message.starts_with("Invalid fields parameter"),
            "{fields}: {message}"
        );
    }
    assert_eq!(
        app.fails("POST", "objects/todo/create", &[("fields", "null")])
            .0,
        400
    );
}

#[test]
fn queries_that_are_none_are_refused() {
    let mut app = App::new();
    for (name, value) in [
        ("where", "{"),
        ("where", r#"{"$where":"1"}"#),
        ("where", r#"{"a":{"$regex":".*"}}"#),
        ("skip", "5000"),
        ("skip", "18446744073709551616"),
        ("limit", "0"),
        ("limit", "1001"),
        ("page", "0"),
        ("page", "4294967296"),
        ("per_page", "99999"),
        ("sel", "[]"),
        ("response_json_depth", "9"),
    ] {
        let code = app.call("GET", "objects/todo/query", &[(name, value)]).0;
        assert_eq!(code, 400, "{name}={value}");
    }
    let deep = format!("{}{}", r#"{"$and":["#.repeat(2_000), "]}".repeat(2_000));
    assert_eq!(
        app.fails("GET", "objects/todo/query", &[("where", &deep)])
            .0,
        400
    );
    // The last page of all is only far away.
    let far = [("page", "4294967295"), ("per_page", "10000")];
    assert_eq!(app.titles(&far), "");
    assert_eq!(
        app.fails(
            "GET",
            "objects/todo/query",
            &[far[0], far[1], ("order", "n")]
        )
        .0,
        400
    );
}

#[test]
fn a_password_that_is_too_long_is_not_hashed() {
    let mut app = App::new();
    let long = "x".repeat(2_000);
    let params = [
        ("username", "joe"),
        ("password", long.as_str()),
        ("password_confirmation", &long),
    ];
    assert_eq!(app.fails("POST", "users/create", &params).0, 400);
    app.sign_up("joe");
    assert_eq!(
        app.fails(
            "POST",
            "users/login",
            &[("login", "joe"), ("password", &long)]
        )
        .0,
        401
    );
}

#[test]
fn nobody_makes_itself_an_admin_or_reads_hidden_records() {
    let (mut app, _) = App::with_user("joe");
    app.ok(
        "PUT",
        "users/update",
        &[("admin", "true"), ("custom_fields", r#"{"admin":true}"#)],
    );
    let me = app.ok("GET", "users/show/me", &[]);
    assert_eq!(me["response"]["users"][0]["admin"], "false");
    for class in ["acs:users", "acs%3Ausers", "rights:todo"] {
        assert_eq!(
            app.fails("GET", &format!("objects/{class}/query"), &[]).0,
            400
        );
    }
    for query in ["pull", "fetch", "digest"] {
        let body = json!({"collections": ["acs:users"], "wanted": [{"collection": "acs:users", "id": "x"}]});
        let (status, _) = app.server.call(&format!("/v1/{query}"), &body);
        assert_eq!(status, 422, "{query}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => r#"[{}\[\]",:$a-z0-9 ]{0,40}"#,
        1 => ".{0,20}",
        1 => Just(r#"{"$or":[{"a":{"$in":[1,null]}}]}"#.to_owned()),
        1 => Just("-1".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, the answer is an envelope, and no failure of the server.
    #[test]
    fn any_request_gets_an_envelope(
        verb in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("PATCH")],
        path in prop_oneof![
            Just("users/create"), Just("users/login"), Just("users/update"), Just("users/query"), Just("users/search"),
            Just("objects/todo/create"), Just("objects/todo/query"), Just("objects/todo/update"), Just("objects/todo/show"),
            Just("objects/todo/delete"), Just("objects/todo/batch_create"), Just("acls/create"), Just("acls/update"),
            Just("acls/check"), Just("photos/x"), Just("objects/%ff/query"), Just("objects//query"),
        ],
        params in proptest::collection::vec((
            prop_oneof![
                Just("where"), Just("fields"), Just("id"), Just("ids"), Just("order"), Just("sel"), Just("limit"), Just("skip"),
                Just("page"), Just("per_page"), Just("count"), Just("tags"), Just("custom_fields"), Just("json_array"),
                Just("username"), Just("login"), Just("password"), Just("password_confirmation"), Just("name"), Just("q"),
                Just("reader_ids"), Just("user_id"), Just("acl_id"), Just("acl_name"), Just("su_id"), Just("response_json_depth"),
            ],
            any_text(),
        ), 0..5),
        raw in proptest::collection::vec(any::<u8>(), 0..40),
        content_type in prop_oneof![
            Just("application/x-www-form-urlencoded"), Just("multipart/form-data; boundary=X"), Just("multipart"), Just("text/html"),
        ],
    ) {
        let (mut app, _) = App::with_user("joe");
        app.create(&json!({"title": "a", "n": 1}));
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, answer) = app.call(verb, path, &params);
        prop_assert!(status < 500, "{verb} {path} {params:?} → {answer}");
        let raw = HttpRequest {
            headers: vec![("content-type".into(), content_type.into())],
            ..HttpRequest::new(verb, &format!("/v1/{path}.json?key={KEY}"), raw)
        };
        let response = app.send(&raw);
        let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        prop_assert!(response.status < 500 && answer["meta"]["code"] == response.status, "{answer}");
    }
}
