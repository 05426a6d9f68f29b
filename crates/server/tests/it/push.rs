//! Preconditions and what each change does.
use crate::harness::*;
use serde_json::json;
use tisync_server::{Refusal, ServiceConfig};

#[test]
fn each_commit_takes_the_next_version() {
    let mut server = Pair::new();
    let verdicts = server.push(&[
        create(1, "a", json!({"n": 1})),
        create(2, "b", json!({"n": 2})),
    ]);
    assert_eq!(verdicts[0], json!({"accepted": {"version": version(1)}}));
    assert_eq!(verdicts[1], json!({"accepted": {"version": version(2)}}));
    assert_eq!(
        server.accept(replace(3, "a", &version(1), json!({"n": 3}))),
        version(3)
    );
}

#[test]
fn a_document_is_kept_as_the_text_that_came() {
    let mut server = Pair::new();
    let text = r#"{"z":1.0,"a":"\u0041","big":123456789012345678901234567890,"e":1e2}"#;
    let body = format!(
        r#"{{"mutations":[{{"id":"{}","collection":"todos","record":"a","base":"absent","change":{{"create":{text}}}}}]}}"#,
        id(1)
    );
    let request = |path, body: String| tisync_server::HttpRequest::new("POST", path, body);
    assert_eq!(server.send(&request("/v1/push", body)).status, 200);
    for (path, body) in [
        ("/v1/pull", r#"{"collections":["todos"]}"#),
        (
            "/v1/fetch",
            r#"{"wanted":[{"collection":"todos","id":"a"}]}"#,
        ),
    ] {
        let answer = String::from_utf8(server.send(&request(path, body.into())).body).unwrap();
        assert!(
            answer.contains(&format!(r#""doc":{text}"#)),
            "{path} → {answer}"
        );
    }
}

/// (base, change) against a record that is there at version 2, was deleted at version 3, or never was.
#[test]
fn preconditions() {
    let (held, gone) = (
        json!({"version": version(2)}),
        json!({"version": version(3)}),
    );
    let doc = json!({"n": 9});
    let (create, replace) = (json!({"create": doc}), json!({"replace": doc}));
    let patch = json!({"patch": {"set": {"/n": 9}}});
    let delete = json!("delete");
    let stale = json!({"version": version(1)});
    let foreign = json!({"version": "ffffffffffffffff.2"});
    let bare = json!({"version": "2"});
    let (absent, none) = (json!("absent"), json!("none"));
    // One letter for each of: there, deleted, never was. a(ccepted), p(resent conflict), g(one conflict).
    let table = [
        (&held, &replace, "agg"),
        (&held, &patch, "agg"),
        (&held, &delete, "agg"),
        (&stale, &replace, "pgg"),
        (&stale, &patch, "pgg"),
        (&stale, &delete, "pgg"),
        (&foreign, &replace, "pgg"),
        (&bare, &replace, "pgg"),
        (&gone, &replace, "pgg"),
        (&gone, &delete, "pgg"),
        (&absent, &create, "paa"),
        (&absent, &replace, "paa"),
        (&absent, &patch, "paa"),
        (&absent, &delete, "pgg"),
        (&none, &create, "aaa"),
        (&none, &replace, "aaa"),
        (&none, &patch, "agg"),
        (&none, &delete, "agg"),
    ];
    for (base, change, expected) in table {
        for (record, letter) in ["there", "deleted", "never"].iter().zip(expected.chars()) {
            let mut server = Pair::new();
            server.push(&[
                super::harness::create(1, "deleted", json!({"n": 0})),
                super::harness::create(2, "there", json!({"n": 0})),
                super::harness::delete(3, "deleted", &version(1)),
            ]);
            let verdict = server.push_one(mutation(4, record, base.clone(), change.clone()));
            let case = format!("{base} {change} on {record} → {verdict}");
            match letter {
                'a' => assert_eq!(verdict["accepted"]["version"], version(4), "{case}"),
                'p' => {
                    let present = &verdict["conflict"]["remote"]["present"];
                    assert_eq!(
                        (&present["version"], &present["doc"]),
                        (&json!(version(2)), &json!({"n": 0})),
                        "{case}"
                    );
                }
                _ => {
                    let gone = &verdict["conflict"]["remote"]["gone"];
                    let known = match *record {
                        "deleted" => json!(version(3)),
                        _ => json!(null),
                    };
                    assert!(gone.is_object() && gone["version"] == known, "{case}");
                }
            }
            if letter != 'a' {
                assert_eq!(server.ok("/v1/about", json!({}))["seq"], "3", "{case}");
            }
        }
    }
}

#[test]
fn a_patch_on_its_base_stores_the_document_that_it_carries() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1, "keep": true})));
    let carried = json!({"patch": {"set": {"/n": 2}, "doc": {"keep": true, "n": 2}}});
    let verdict = server.push_one(mutation(2, "a", json!({"version": version(1)}), carried));
    assert_eq!(verdict, json!({"accepted": {"version": version(2)}}));
    assert_eq!(
        server.fetch("a")["present"]["doc"],
        json!({"keep": true, "n": 2})
    );
}

#[test]
fn a_patch_without_a_document_is_answered_with_what_came_of_it() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1, "keep": true, "drop": 0})));
    let patch =
        json!({"patch": {"set": {"/n": 2, "/deep/er": [1]}, "unset": ["/drop", "/missing"]}});
    let verdict = server.push_one(mutation(2, "a", json!({"version": version(1)}), patch));
    let result = json!({"deep": {"er": [1]}, "keep": true, "n": 2});
    assert_eq!(verdict["accepted"]["doc"], result);
    assert_eq!(server.fetch("a")["present"]["doc"], result);
}

#[test]
fn a_patch_without_a_precondition_changes_what_is_there() {
    let mut server = Pair::new();
    server.accept(create(1, "a", json!({"n": 1, "theirs": true})));
    let patch = |document| json!({"patch": {"set": {"/n": 2}, "doc": document}});
    let verdict = server.push_one(mutation(2, "a", json!("none"), patch(json!({"n": 2}))));
    assert_eq!(verdict["accepted"]["doc"], json!({"n": 2, "theirs": true}));
    // The same document in other words is what the client has: nothing to send back.
    let verdict = server.push_one(mutation(
        3,
        "a",
        json!("none"),
        patch(json!({"theirs": true, "n": 2.0})),
    ));
    assert_eq!(verdict, json!({"accepted": {"version": version(3)}}));
}

#[test]
fn what_is_wrong_with_one_mutation_rejects_only_that_one() {
    let deep = (0..70).fold(json!(1), |inner, _| json!({ "d": inner }));
    let (path, value) = ("/d".repeat(60), json!([[[[[[1]]]]]]));
    let bad = [
        ("bad-name", json!({"collection": "no space"})),
        ("bad-name", json!({"record": ""})),
        ("bad-name", json!({"record": "line\nbreak"})),
        ("bad-name", json!({"record": "x".repeat(201)})),
        ("bad-name", json!({"group": ""})),
        ("bad-stamp", json!({"stamp": "yesterday"})),
        (
            "bad-stamp",
            json!({"stamps": {"/n": "018BCFE568000001-000000a1"}}),
        ),
        (
            "bad-patch",
            json!({"base": "none", "record": "there", "change": {"patch": {"set": {"/a": 1, "/a/b": 2}}}}),
        ),
        (
            "bad-document",
            json!({"base": "none", "record": "there", "change": {"patch": {"set": {path: value}}}}),
        ),
        ("bad-mutation", json!({"change": {"create": deep}})),
        ("bad-mutation", json!({"change": {"create": [1]}})),
        ("bad-mutation", json!({"change": {"teleport": {}}})),
        ("bad-mutation", json!({"base": {"etag": "x"}})),
        (
            "too-large",
            json!({"change": {"create": {"text": "x".repeat(2000)}}}),
        ),
    ];
    for (code, part) in bad {
        let mut server = Pair::new();
        server.config.limits.document_bytes_max = 1000;
        server.accept(create(9, "there", json!({"n": 1})));
        let mut wrong = create(2, "b", json!({"n": 2}));
        for (name, value) in part.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let verdicts = server.push(&[
            create(1, "a", json!({})),
            wrong.clone(),
            create(3, "c", json!({})),
        ]);
        let case = format!("{wrong} → {}", verdicts[1]);
        assert_eq!(verdicts[1]["rejected"]["code"], code, "{case}");
        assert!(
            verdicts[1]["rejected"]["reason"].as_str().unwrap().len() > 20,
            "{case}"
        );
        assert_eq!(
            (
                &verdicts[0]["accepted"]["version"],
                &verdicts[2]["accepted"]["version"]
            ),
            (&json!(version(2)), &json!(version(3))),
            "{case}"
        );
    }
}

#[test]
fn the_rules_of_the_application_are_asked() {
    let mut server = Pair::new();
    server.config = ServiceConfig {
        validate: Some(std::sync::Arc::new(
            |mutation: &tisync_protocol::Mutation| match mutation.record.as_str() {
                "no" => Err(Refusal::rejected("read-only", "head office sets it")),
                "later" => Err(Refusal::Deferred { after_ms: 250 }),
                "foreign" => Err(Refusal::OutOfScope),
                _ => Ok(()),
            },
        )),
        ..ServiceConfig::default()
    };
    let verdicts = server.push(
        &["no", "later", "foreign", "yes"]
            .map(|record| create(record.len() as u64, record, json!({}))),
    );
    assert_eq!(
        verdicts[0],
        json!({"rejected": {"code": "read-only", "reason": "head office sets it"}})
    );
    assert_eq!(verdicts[1], json!({"deferred": {"after_ms": 250}}));
    assert_eq!(verdicts[2], json!("out-of-scope"));
    assert_eq!(verdicts[3], json!({"accepted": {"version": version(1)}}));
}
