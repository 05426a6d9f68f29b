//! Documents: what they print, equality by meaning, single fields, and documents inside other JSON.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::values;
use proptest::prelude::*;
use tisync_json::limits::DEPTH_MAX;
use tisync_json::{Document, ErrorKind, Object, Path, Value, get, hash64};

fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

#[test]
fn the_text_is_kept_as_received() {
    let text = "{ \"b\" : 1.50,\n\t\"a\":\"\\u00e9\\/\" , \"\":{} }";
    assert_eq!(document(text).text(), text);
    assert_eq!(document(" \r\n{}\t").text(), "{}");
    assert_eq!(document(text).canonical(), r#"{"":{},"a":"é/","b":1.5}"#);
}

#[test]
fn a_printed_object_beyond_the_limits_can_still_be_read() {
    let deep = |value: Value| {
        (0..DEPTH_MAX).fold(value, |inner, _| {
            Value::Object(Object::from([("a".into(), inner)]))
        })
    };
    let object = deep(deep(1.into())).as_object().unwrap().clone();
    let error = Document::checked_from_object(&object).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooDeep);
    assert_eq!(Document::from_object(&object).object(), object);
    let fine = deep(1.into()).as_object().unwrap().clone();
    assert_eq!(Document::checked_from_object(&fine).unwrap().object(), fine);
}

#[test]
fn strings_print_as_json_stringify_prints_them() {
    let text: String = (0..=0x22u8)
        .chain([b'\\', b'/', 0x7f])
        .map(char::from)
        .collect();
    let printed = Value::from(text + "é\u{2028}😀").canonical();
    assert_eq!(
        printed,
        "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f !\\\"\\\\/\u{7f}é\u{2028}😀\""
    );
}

#[test]
fn keys_are_sorted_by_their_bytes() {
    // In UTF-16, as JavaScript sorts, the last two would stand the other way round.
    let found = document(r#"{"\ud83d\ude00":1,"\uffff":2,"b":3,"a":4,"":5,"B":6}"#).canonical();
    assert_eq!(
        found,
        "{\"\":5,\"B\":6,\"a\":4,\"b\":3,\"\u{ffff}\":2,\"😀\":1}"
    );
}

#[test]
fn sameness_is_by_value() {
    for (a, b, same) in [
        (r#"{"a":1,"b":2}"#, r#"{ "b":2.0, "a":1e0 }"#, true),
        (r#"{"a":-0.0}"#, r#"{"a":0}"#, true),
        (r#"{"a":1e21}"#, r#"{"a":1000000000000000000000}"#, true),
        (
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992.0}"#,
            false,
        ),
        (r#"{"a":null}"#, "{}", false),
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
        (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
        (r#"{"a":"é"}"#, r#"{"a":"e\u0301"}"#, false),
        (r#"{"a":""}"#, r#"{"a":null}"#, false),
    ] {
        let (a, b) = (document(a), document(b));
        assert_eq!(a.same(&b), same, "{a} {b}");
        assert_eq!(a.canonical() == b.canonical(), same, "{a} {b}");
        assert_eq!(a.hash() == b.hash(), same, "{a} {b}");
    }
}

#[test]
fn the_hash_is_xxh64() {
    for (text, hash) in [
        ("", 0xef46_db37_51d8_e999),
        ("a", 0xd24e_c4f1_a98c_6e5b),
        ("abc", 0x44bc_2cf5_ad77_0999),
        (
            "Nobody inspects the spammish repetition",
            0xfbce_a83c_8a37_8bf1,
        ),
    ] {
        assert_eq!(hash64(text.as_bytes()), hash, "{text}");
    }
    assert_eq!(document(r#"{ "a":1.0 }"#).hash(), hash64(br#"{"a":1}"#));
}

#[test]
fn fields_are_found_without_the_others() {
    let text =
        r#" {"a" : "x\"}" , "b":{"c":[1,{"d":"]"}],"e":{"f":2.50}}, "\u0067":null,"h":{"":true}} "#;
    let document = document(text);
    let paths = [
        "/a",
        "/b/c",
        "/b/e/f",
        "/g",
        "/h/",
        "/b",
        "/nope",
        "/a/b",
        "/b/e/nope",
        "/a",
    ];
    let paths = paths.map(|path| Path::parse(path).unwrap());
    let texts = document.texts(&paths);
    assert_eq!(
        texts,
        [
            Some(r#""x\"}""#),
            Some(r#"[1,{"d":"]"}]"#),
            Some("2.50"),
            Some("null"),
            Some("true"),
            Some(r#"{"c":[1,{"d":"]"}],"e":{"f":2.50}}"#),
            None,
            None,
            None,
            Some(r#""x\"}""#),
        ]
    );
    assert_eq!(document.field("g"), Some(Value::Null));
    assert_eq!(document.field("c"), None);
    assert_eq!(document.fields(&[]), []);
    assert_eq!(Document::empty().field("a"), None);
}

#[test]
fn a_document_is_embedded_in_place() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Row {
        id: String,
        doc: Document,
        value: Value,
    }
    let line = r#"{"id":"1","doc":{ "b": 1.50 , "n":12345678901234567890123},"value":{"a":12345678901234567890123}}"#;
    let row: Row = serde_json::from_str(line).unwrap();
    assert_eq!(
        row.doc.text(),
        r#"{ "b": 1.50 , "n":12345678901234567890123}"#
    );
    assert_eq!(serde_json::to_string(&row).unwrap(), line);
    let row: Row = serde_json::from_reader(line.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&row).unwrap(), line);
    for wrong in [
        r#"[1]"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1e999}"#,
        r#"{"a":"\ud800"}"#,
    ] {
        let line = format!(r#"{{"id":"1","doc":{wrong},"value":1}}"#);
        assert!(serde_json::from_str::<Row>(&line).is_err(), "{wrong}");
    }
    assert!(serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).is_err());
}

#[test]
fn a_buffered_document_is_an_error_and_not_another_document() {
    #[derive(serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Inside {
        Row { doc: Document },
    }
    #[derive(serde::Deserialize)]
    enum Outside {
        Row { doc: Document },
    }
    let inside = r#"{"kind":"Row","doc":{"n":12345678901234567890123}}"#;
    let inside = serde_json::from_str(inside).map(|Inside::Row { doc }| doc);
    assert!(inside.is_err(), "{inside:?}");
    let outside = r#"{"Row":{"doc":{"n":12345678901234567890123}}}"#;
    let Outside::Row { doc } = serde_json::from_str(outside).unwrap();
    assert_eq!(doc.text(), r#"{"n":12345678901234567890123}"#);
}

#[test]
fn a_document_never_breaks_a_line() {
    let text = "{\r\n \"a\": \"x\\ny\"\n}";
    let line = serde_json::to_string(&document(text)).unwrap();
    assert_eq!(line, "{   \"a\": \"x\\ny\" }");
    assert!(document(&line).same(&document(text)));
    for end in ["\n", "\r"] {
        let text = format!("{{{end}}}");
        assert_eq!(document(&text).line(), "{ }");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_value_survives_print_and_parse(value in values()) {
        for text in [value.to_string(), value.canonical()] {
            let back = Value::parse(&text).unwrap();
            prop_assert_eq!(&back, &value);
        }
        prop_assert_eq!(Value::parse(&value.to_string()).unwrap().to_string(), value.to_string());
        let wire = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&wire).unwrap(), value);
    }

    #[test]
    fn same_and_canonical_and_hash_agree(a in values(), b in values()) {
        let wrap = |value: &Value| Document::from_object(&Object::from([("a".into(), value.clone())]));
        let (x, y) = (wrap(&a), wrap(&b));
        prop_assert_eq!(x.same(&y), a == b);
        prop_assert_eq!(x.canonical() == y.canonical(), a == b);
        prop_assert_eq!(x.hash() == y.hash(), a == b);
        prop_assert_eq!(a == b, a.cmp(&b).is_eq());
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }

    #[test]
    fn found_fields_are_those_of_the_tree(value in values(), pretty in any::<bool>()) {
        let Some(object) = value.as_object() else { return Ok(()) };
        let mut document = Document::from_object(object);
        if pretty {
            let spaced = document.text().replace(":", " : ");
            // Only where no string holds a colon does that leave the value as it was.
            if let Ok(spaced) = Document::parse(&spaced) && spaced.same(&document) {
                document = spaced;
            }
        }
        let mut paths: Vec<Path> = object.keys().map(Path::key).collect();
        for (key, inner) in object {
            let inner = inner.as_object().into_iter().flat_map(|inner| inner.keys());
            paths.extend(inner.map(|inner| Path::key(key).child(inner)));
            paths.push(Path::key(key).child("nope"));
        }
        let expected: Vec<Option<Value>> = paths.iter().map(|path| get(object, path).cloned()).collect();
        prop_assert_eq!(document.fields(&paths), expected);
        for (key, value) in object {
            let found = document.field(key);
            prop_assert_eq!(found.as_ref(), Some(value));
        }
    }
}
