//! Requests that are refused as a whole.
use crate::harness::*;
use serde_json::json;
use tisync_server::HttpRequest;

#[test]
fn what_is_not_a_request_gets_a_problem_document() {
    let deep = format!(
        r#"{{"mutations":{}{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let deep_document = format!(
        r#"{{"mutations":[{{"id":"{}","collection":"a","record":"b","base":"none","change":{{"create":{}1{}}}}}]}}"#,
        id(1),
        r#"{"d":"#.repeat(100_000),
        "}".repeat(100_000)
    );
    let twice =
        json!({"mutations": [create(1, "a", json!({})), create(1, "b", json!({}))]}).to_string();
    let table = [
        ("POST", "/v1/pull", "", 400, "bad-json"),
        ("POST", "/v1/pull", "<html>", 400, "bad-json"),
        (
            "POST",
            "/v1/pull",
            r#"{"collections":["a"]"#,
            400,
            "bad-json",
        ),
        ("POST", "/v1/pull", "[]", 422, "bad-request"),
        ("POST", "/v1/pull", "{}", 422, "bad-request"),
        (
            "POST",
            "/v1/pull",
            r#"{"collections":[]}"#,
            422,
            "bad-request",
        ),
        (
            "POST",
            "/v1/pull",
            r#"{"collections":["a b"]}"#,
            422,
            "bad-request",
        ),
        (
            "POST",
            "/v1/pull",
            r#"{"collections":["a"],"limit":-1}"#,
            422,
            "bad-request",
        ),
        ("POST", "/v1/push", "{}", 422, "bad-request"),
        (
            "POST",
            "/v1/push",
            r#"{"mutations":[{}]}"#,
            422,
            "bad-request",
        ),
        (
            "POST",
            "/v1/push",
            r#"{"mutations":[{"id":"short"}]}"#,
            422,
            "bad-request",
        ),
        ("POST", "/v1/push", &twice, 422, "bad-request"),
        ("POST", "/v1/push", &deep, 422, "bad-request"),
        (
            "POST",
            "/v1/fetch",
            r#"{"wanted":[{"collection":"a","id":""}]}"#,
            422,
            "bad-request",
        ),
        (
            "POST",
            "/v1/fetch",
            r#"{"marks":["x"]}"#,
            422,
            "bad-request",
        ),
        (
            "POST",
            "/v1/digest",
            r#"{"collections":["-"]}"#,
            422,
            "bad-request",
        ),
        ("POST", "/v1/nothing", "{}", 404, "not-found"),
        ("POST", "/", "{}", 404, "not-found"),
        ("GET", "/v1/pull", "", 405, "bad-method"),
        ("DELETE", "/v1/about", "", 405, "bad-method"),
    ];
    for (method, path, body, status, kind) in table {
        let mut server = Pair::new();
        let answer = server.send(&HttpRequest::new(method, path, body));
        let cut: String = body.chars().take(80).collect();
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (answer.status, &problem["type"]),
            (status, &json!(kind)),
            "{method} {path} {cut} → {problem}"
        );
        assert_eq!(problem["status"], status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert!(problem["detail"].as_str().unwrap().len() > 10 && answer.cause.is_none());
        assert_eq!(server.ok("/v1/about", json!({}))["seq"], "0");
    }
    // A document nested too deeply is one bad mutation, and no stack runs out.
    let answer = Pair::new().send(&HttpRequest::new("POST", "/v1/push", deep_document));
    assert!(
        String::from_utf8(answer.body)
            .unwrap()
            .contains("bad-mutation")
    );
}

#[test]
fn too_much_at_once_names_the_limit() {
    let mut server = Pair::new();
    server.config.limits.push_mutations_max = 2;
    server.config.limits.push_bytes_max = 1000;
    server.config.limits.fetch_max = 3;
    let three = json!({"mutations": [create(1, "a", json!({})), create(2, "b", json!({})), create(3, "c", json!({}))]});
    let long = json!({"mutations": [create(1, "a", json!({"text": "x".repeat(1000)}))]});
    let four = json!({"marks": [id(1), id(2), id(3), id(4)]});
    for (path, body, limit) in [
        ("/v1/push", three, 2),
        ("/v1/push", long, 1000),
        ("/v1/fetch", four, 3),
    ] {
        let (status, problem) = server.call(path, &body);
        assert_eq!(
            (status, &problem["type"], &problem["limit"]),
            (413, &json!("too-large"), &json!(limit))
        );
    }
    assert_eq!(server.ok("/v1/about", json!({}))["seq"], "0");
}

#[test]
fn a_token_lets_in_who_carries_it() {
    let mut server = Pair::new();
    server.config.token = Some("open sesame".into());
    let mut about = HttpRequest::new("GET", "/v1/about", "");
    for (header, status) in [
        ("", 401),
        ("Bearer", 401),
        ("Bearer open", 401),
        ("Bearer open sesame!", 401),
        ("Basic open sesame", 401),
        ("Bearer open sesame", 200),
        ("bearer open sesame", 200),
    ] {
        about.headers = vec![("Authorization".into(), header.into())];
        let answer = server.send(&about);
        assert_eq!(answer.status, status, "{header:?}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(!String::from_utf8(answer.body).unwrap().contains("sesame"));
    }
    assert!(!format!("{:?}", server.config).contains("sesame"));
}

#[test]
fn unknown_fields_are_ignored() {
    let mut server = Pair::new();
    let mut newer = create(1, "a", json!({}));
    newer["since_version_9"] = json!({"x": [1]});
    server.accept(newer);
    let page = server.ok(
        "/v1/pull",
        json!({"collections": ["todos"], "shape": "round"}),
    );
    assert_eq!(items(&page), ["todos/a@1"]);
}
