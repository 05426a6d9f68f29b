//! `docs/openapi.json` describes the routes and the types that there are.
use crate::harness::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tisync_protocol::Route;

fn description() -> Value {
    serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap()
}

#[test]
fn it_has_the_routes_of_the_server() {
    let description = description();
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served = Route::ALL.map(|route| format!("{} {}", route.method(), route.path()));
    assert_eq!(described, BTreeSet::from(served));
}

/// Checks the part of JSON Schema that the description uses.
fn check(description: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        return check(
            description,
            description
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{reference}")),
            value,
            at,
        );
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| match &choice["const"] {
            Value::Null => {
                let name = choice["required"][0].as_str().unwrap();
                value.get(name).is_some_and(|inner| {
                    check(
                        description,
                        &choice["properties"][name],
                        inner,
                        &format!("{at}/{name}"),
                    );
                    true
                })
            }
            constant => constant == value,
        });
        return assert!(fits, "{at}: {value} is none of {choices:?}");
    }
    match schema["type"].as_str() {
        Some("object") => {
            let object = value
                .as_object()
                .unwrap_or_else(|| panic!("{at}: {value} is no object"));
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    object.contains_key(required.as_str().unwrap()),
                    "{at}: {required} is missing in {value}"
                );
            }
            if let Some(properties) = schema["properties"].as_object() {
                for (name, inner) in object {
                    let inner_schema = properties
                        .get(name)
                        .unwrap_or_else(|| panic!("{at}: {name} is not described"));
                    check(description, inner_schema, inner, &format!("{at}/{name}"));
                }
            }
        }
        Some("array") => {
            for inner in value
                .as_array()
                .unwrap_or_else(|| panic!("{at}: {value} is no array"))
            {
                check(description, &schema["items"], inner, at);
            }
        }
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        Some("integer") => assert!(value.is_u64(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        _ => {}
    }
}

#[test]
fn requests_and_answers_fit_it() {
    let description = description();
    let mut server = Pair::new();
    let mut stamped = create(1, "a", json!({"n": 1}));
    stamped["stamp"] = "018bcfe568000001-000000a1".into();
    stamped["stamps"] = json!({"/n": "018bcfe568000001-000000a1"});
    let requests = [
        ("/v1/about", json!(null)),
        (
            "/v1/push",
            json!({"mutations": [
                stamped,
                create(2, "a", json!({})),
                create(3, "", json!({})),
                in_group("g", create(4, "", json!({}))),
                in_group("g", create(5, "c", json!({}))),
                mutation(6, "a", json!("none"), json!({"patch": {"set": {"/m": [1]}, "unset": ["/n"]}})),
                replace(7, "never", "x.1", json!({})),
                create(8, "b", json!({})),
                mutation(9, "b", json!("none"), json!("delete")),
            ]}),
        ),
        (
            "/v1/pull",
            json!({"collections": ["todos"], "limit": 10, "bytes_max": 1000}),
        ),
        (
            "/v1/pull",
            json!({"collections": ["todos"], "checkpoint": version(0)}),
        ),
        (
            "/v1/fetch",
            json!({"wanted": [{"collection": "todos", "id": "a"}, {"collection": "todos", "id": "b"}], "marks": [id(1), id(99)]}),
        ),
        (
            "/v1/digest",
            json!({"collections": ["todos"], "ranges": [{"collection": "todos", "after": "a", "until": "b"}]}),
        ),
        (
            "/v1/digest",
            json!({"collections": ["todos"], "at": version(2), "list_max": 5, "contents": true}),
        ),
        (
            "/v1/pull",
            json!({"collections": ["todos"], "checkpoint": "x.1"}),
        ),
    ];
    for (path, body) in requests {
        let (status, answer) = server.call(path, &body);
        let method = if path == "/v1/about" { "get" } else { "post" };
        let operation = &description["paths"][path][method];
        if !body.is_null() {
            check(
                &description,
                &operation["requestBody"]["content"]["application/json"]["schema"],
                &body,
                path,
            );
        }
        let (response, media) = match status {
            200 => (&operation["responses"]["200"], "application/json"),
            _ => (
                &description["components"]["responses"]["Problem"],
                "application/problem+json",
            ),
        };
        let schema = &response["content"][media]["schema"];
        assert!(schema.is_object(), "{path} {status}");
        check(&description, schema, &answer, path);
        assert!(
            status == 200
                || operation["responses"]["default"]["$ref"] == "#/components/responses/Problem"
        );
    }
}
