//! Addresses, bodies and keys, in all the forms that clients send.
use super::app::{App, KEY, encode};
use serde_json::{Value, json};
use tisync_server::faces::acs::OAuth;
use tisync_server::{HttpRequest, HttpResponse};

fn request(verb: &str, path: &str, content_type: &str, body: &str) -> HttpRequest {
    HttpRequest {
        headers: vec![("Content-Type".into(), content_type.into())],
        ..HttpRequest::new(verb, path, body)
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn json_of(response: &HttpResponse) -> Value {
    assert_eq!(
        response.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    serde_json::from_slice(&response.body).unwrap()
}

/// An app whose class `todo` has the objects `a` and `b`.
fn two() -> App {
    let (mut app, _) = App::with_user("joe");
    app.create(&json!({"title": "a"}));
    app.create(&json!({"title": "b"}));
    app
}

#[test]
fn parameters_come_in_the_address_or_in_any_body_for_every_verb() {
    let mut app = two();
    let filter = encode(r#"{"title":"a"}"#);
    let multipart = format!(
        "--X\r\nContent-Disposition: form-data; name=\"where\"\r\n\r\n{}\r\n--X--\r\n",
        r#"{"title":"a"}"#
    );
    let path = format!("/v1/objects/todo/query.json?key={KEY}");
    for request in [
        request("GET", &format!("{path}&where={filter}"), "", ""),
        request("GET", &path, FORM, &format!("where={filter}")),
        request("GET", &path, "multipart/form-data; boundary=X", &multipart),
        request(
            "GET",
            &path,
            "Multipart/Form-Data; boundary=\"X\"",
            &multipart,
        ),
    ] {
        let answer = json_of(&app.send(&request));
        assert_eq!(
            answer["response"]["todo"].as_array().unwrap().len(),
            1,
            "{request:?}"
        );
    }
    let session = app.session.clone().unwrap();
    let ids = app.ok("GET", "objects/todo/query", &[("order", "title")]);
    let id = |n: usize| {
        ids["response"]["todo"][n]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let path = format!("/v1/objects/todo/delete.json?key={KEY}&_session_id={session}");
    let multipart = format!(
        "--X\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{}\r\n--X--",
        id(1)
    );
    for request in [
        request(
            "DELETE",
            &path,
            FORM,
            &format!("classname=todo&id={}", id(0)),
        ),
        request(
            "DELETE",
            &path,
            "multipart/form-data; boundary=X",
            &multipart,
        ),
    ] {
        assert_eq!(app.send(&request).status, 200, "{request:?}");
    }
    assert_eq!(app.titles(&[]), "");
}

#[test]
fn a_form_is_decoded() {
    let mut app = two();
    let session = app.session.clone().unwrap();
    let path = format!("/v1/objects/todo/create.json?key={KEY}&_session_id={session}");
    let body = "fields=%7B%22title%22%3A%22a+b%2Bc%26d%3D%5C%22%C3%A9%5C%22%22%7D&tags=a%2Cb&flag=true&ti_analytics=%7B%7D";
    let answer = json_of(&app.send(&request("POST", &path, FORM, body)));
    assert_eq!(answer["response"]["todo"][0]["title"], r#"a b+c&d="é""#);
}

#[test]
fn a_verb_may_be_named_in_a_form() {
    let mut app = two();
    let session = app.session.clone().unwrap();
    let id = app.ok("GET", "objects/todo/query", &[])["response"]["todo"][0]["id"].clone();
    let path = format!("//v1/objects/todo/delete.json?key={KEY}&_session_id={session}");
    let body = format!("_method=delete&id={}", id.as_str().unwrap());
    assert_eq!(app.send(&request("POST", &path, FORM, &body)).status, 200);
    // Not in a request that a link can make.
    let path = format!("/v1/objects/todo/delete.json?key={KEY}&_method=DELETE");
    assert_eq!(app.send(&request("GET", &path, "", "")).status, 405);
}

#[test]
fn a_wrong_key_is_refused() {
    let mut app = App::new();
    for query in [
        "",
        "?key=",
        "?key=other",
        "?key=APPKEY1234",
        "?oauth_consumer_key=APPKEY123",
    ] {
        let response = app.send(&HttpRequest::new(
            "GET",
            &format!("/v1/users/query.json{query}"),
            "",
        ));
        let answer = json_of(&response);
        assert_eq!(
            (response.status, &answer["meta"]["code"]),
            (401, &json!(401))
        );
        assert_eq!(
            answer["meta"]["message"],
            "401 Unauthorized request. Please provide a valid App key or Oauth key."
        );
    }
    let in_the_body = request("GET", "/v1/users/query.json", FORM, &format!("key={KEY}"));
    assert_eq!(app.send(&in_the_body).status, 200);
}

#[test]
fn a_signed_request_needs_no_key() {
    let mut app = App::new();
    app.server.config.acs.as_mut().unwrap().oauth = Some(OAuth {
        key: "OAKEY".into(),
        secret: "OA&SECRET".into(),
    });
    // As acs-node 0.9.5 signs it.
    let header = r#"OAuth realm="",oauth_version="1.0",oauth_consumer_key="OAKEY",oauth_signature_method="HMAC-SHA1",oauth_nonce="LoiEZzcDHTVbCk2",oauth_timestamp="1795392509",oauth_signature="xiqeCDdWRphBic3MMdaw0Ygu%2BlM%3D""#;
    let mut signed = request(
        "GET",
        "/v1/objects/todo/query.json?_session_id=abc",
        FORM,
        "where=%7B%22a%20b%22%3A%22%C3%A9%2B~*%22%7D&suppress_response_codes=true",
    );
    signed.headers.push(("authorization".into(), header.into()));
    signed
        .headers
        .push(("Host".into(), "127.0.0.1:46003".into()));
    let answer = json_of(&app.send(&signed));
    assert_eq!(answer["meta"]["status"], "ok", "{answer}");
    signed.body.extend(b"&limit=1");
    let answer = json_of(&app.send(&signed));
    assert_eq!(
        (&answer["meta"]["code"], &answer["meta"]["message"]),
        (&json!(401), &json!("Invalid OAuth signature"))
    );
}

#[test]
fn codes_are_suppressed_on_request() {
    let mut app = App::new();
    for quiet in ["true", "1", "t"] {
        let path = format!("/v1/users/show/me.json?key={KEY}");
        let body = format!("suppress_response_codes={quiet}");
        let response = app.send(&request("GET", &path, FORM, &body));
        let answer = json_of(&response);
        assert_eq!(
            (
                response.status,
                &answer["meta"]["status"],
                &answer["meta"]["code"]
            ),
            (200, &json!("fail"), &json!(401))
        );
        assert_eq!(answer["meta"]["method_name"], "showMe");
    }
    let path = "/v1/users/show/me.json?suppress_response_codes=true";
    let response = app.send(&HttpRequest::new("GET", path, ""));
    assert_eq!(
        (response.status, json_of(&response)["meta"]["code"].clone()),
        (200, json!(401))
    );
}

#[test]
fn an_answer_is_indented_on_request() {
    let mut app = App::new();
    let plain = app.send(&HttpRequest::new(
        "GET",
        &format!("/v1/users/query.json?key={KEY}"),
        "",
    ));
    let pretty = app.send(&HttpRequest::new(
        "GET",
        &format!("/v1/users/query.json?key={KEY}&pretty_json=true"),
        "",
    ));
    assert_eq!(json_of(&plain), json_of(&pretty));
    assert!(!plain.body.contains(&b'\n') && pretty.body.contains(&b'\n'));
}

#[test]
fn what_acs_had_besides_is_refused_in_its_envelope() {
    let mut app = App::new();
    let (code, message) = app.fails("POST", "photos/create", &[]);
    assert_eq!(code, 400);
    assert_eq!(
        message,
        "This server has no photos: of ACS it serves users, objects, acls."
    );
    assert_eq!(app.fails("GET", "users/fly", &[]).0, 404);
    assert_eq!(app.fails("GET", "users/login", &[]).0, 405);
    assert_eq!(app.fails("GET", "objects/a b/query", &[]).0, 400);
}

#[test]
fn without_the_setting_there_is_no_such_face() {
    let mut app = App::new();
    app.server.config.acs = None;
    let response = app.send(&HttpRequest::new(
        "GET",
        &format!("/v1/users/query.json?key={KEY}"),
        "",
    ));
    assert_eq!(
        (response.status, response.header("content-type")),
        (404, Some("application/problem+json"))
    );
}
