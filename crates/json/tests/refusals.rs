//! What is refused, why, and at which place.
#![allow(clippy::unwrap_used, missing_docs)]

use tisync_json::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX};
use tisync_json::{Document, ErrorKind, Value};

fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

#[track_caller]
fn refused(text: &str, kind: ErrorKind, offset: usize) {
    let shown = &text[..text.floor_char_boundary(60)];
    let error = Document::parse(text).unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (kind, offset),
        "{shown}: {error}"
    );
    if kind != ErrorKind::NotAnObject {
        assert_eq!(Value::parse(text).unwrap_err(), error, "{shown}");
    }
}

fn nested(depth: usize) -> String {
    format!(
        r#"{{"a":{}{}}}"#,
        "[".repeat(depth - 1),
        "]".repeat(depth - 1)
    )
}

#[test]
fn what_is_not_an_object_is_refused() {
    for (text, offset) in [("[]", 0), (" 1", 1), ("\"a\"", 0), ("null", 0), ("true", 0)] {
        refused(text, ErrorKind::NotAnObject, offset);
    }
}

#[test]
fn what_is_not_json_is_refused_at_its_place() {
    for (text, offset) in [
        ("", 0),
        ("  ", 2),
        ("{", 1),
        ("}", 0),
        ("{}{}", 2),
        ("{},", 2),
        ("{\"a\"}", 4),
        ("{\"a\":}", 5),
        ("{\"a\":1,}", 7),
        ("{,}", 1),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("{\"a\":1 \"b\":2}", 7),
        ("{\"a\":[1,]}", 8),
        ("{\"a\":[1 2]}", 8),
        ("{\"a\":[}", 6),
        ("{\"a\":tru}", 5),
        ("{\"a\":nulll}", 9),
        ("{\"a\":NaN}", 5),
        ("{\"a\":Infinity}", 5),
        ("{\"a\":-}", 6),
        ("{\"a\":01}", 6),
        ("{\"a\":1.}", 7),
        ("{\"a\":+1}", 5),
        ("{\"a\":\"x", 7),
        ("{\"a\":\"\\x41\"}", 6),
        ("{\"a\":\"\\u12G4\"}", 8),
        ("{\"a\":\"\\u12", 8),
        ("{\"a\":\"\\", 7),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\":\"0123456789\u{1}\"}", 16),
        ("{\"a\":\"\0\"}", 6),
        ("\u{feff}{}", 0),
        ("{/**/}", 1),
        ("{\"a\":1}\0", 7),
        ("{\u{a0}}", 1),
        ("<!doctype html><html>", 0),
    ] {
        refused(text, ErrorKind::Syntax, offset);
    }
}

#[test]
fn messages_say_what_came() {
    for (text, part) in [
        ("\u{feff}{}", "byte order mark"),
        ("<html>", "HTML"),
        ("{\"a\":", "text ended"),
        ("{\"a\":x}", "came `x`"),
        ("[1]", "came an array"),
    ] {
        let message = Document::parse(text).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_at_any_level() {
    refused(r#"{"a":1,"a":1}"#, ErrorKind::DuplicateKey, 7);
    refused(r#"{"a":1,"\u0061":1}"#, ErrorKind::DuplicateKey, 7);
    refused(r#"{"\u0061":1,"a":1}"#, ErrorKind::DuplicateKey, 12);
    refused(
        r#"{"x":[{"a":1,"b":2,"a":1}]}"#,
        ErrorKind::DuplicateKey,
        19,
    );
    refused(r#"{"":1,"":1}"#, ErrorKind::DuplicateKey, 6);
    refused(r#"{"/":1,"\/":1}"#, ErrorKind::DuplicateKey, 7);
    refused(r#"{"😀":1,"\ud83d\ude00":1}"#, ErrorKind::DuplicateKey, 10);
    document(r#"{"a":{"a":1},"b":{"a":1},"A":1,"é":1,"e\u0301":1}"#);
    // As many keys as it takes to leave the stack, and one of them again.
    for count in [15, 16, 17, 18, 200] {
        let keys: Vec<String> = (0..count).map(|n| format!(r#""key{n}":{n}"#)).collect();
        let all = keys.join(",");
        document(&format!("{{{all}}}"));
        for again in [&keys[0], &keys[count / 2], &keys[count - 1]] {
            refused(
                &format!("{{{all},{again}}}"),
                ErrorKind::DuplicateKey,
                all.len() + 2,
            );
        }
    }
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\uD800x"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"\ud800\ud800"}"#,
        r#"{"a":"\ud800\u0041"}"#,
        r#"{"a":"\ud800\n"}"#,
        r#"{"a":"\udc00\ud800"}"#,
    ] {
        refused(text, ErrorKind::LoneSurrogate, 6);
    }
    refused(r#"{"\udfff":1}"#, ErrorKind::LoneSurrogate, 2);
    let pair = document(r#"{"a":"\uD83D\ude00","b":"\udbff\udfff\u0000"}"#);
    assert_eq!(pair.field("a"), Some("😀".into()));
    assert_eq!(pair.field("b"), Some("\u{10ffff}\0".into()));
}

#[test]
fn numbers_beyond_a_double_are_refused() {
    refused(r#"{"a":1e999}"#, ErrorKind::NumberOverflow, 5);
    refused(r#"{"a":[-1.8e308]}"#, ErrorKind::NumberOverflow, 6);
    refused(
        &format!(r#"{{"a":{}.0}}"#, "9".repeat(309)),
        ErrorKind::NumberOverflow,
        5,
    );
    document(&format!(
        r#"{{"a":{},"b":1e-999,"c":{}.0}}"#,
        "9".repeat(5000),
        "9".repeat(308)
    ));
}

#[test]
fn depth_and_length_have_limits() {
    document(&nested(DEPTH_MAX));
    refused(
        &nested(DEPTH_MAX + 1),
        ErrorKind::TooDeep,
        5 + DEPTH_MAX - 1,
    );
    refused(&"[".repeat(100_000), ErrorKind::TooDeep, DEPTH_MAX);
    refused(
        &r#"{"a":"#.repeat(100_000),
        ErrorKind::TooDeep,
        5 * DEPTH_MAX,
    );
    // Depth is not a count: siblings do not add up.
    document(&format!(
        r#"{{"a":[{}[]],"b":[{}{{}}]}}"#,
        "[],".repeat(200),
        "{},".repeat(200)
    ));
    let long = |length| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    document(&long(DOCUMENT_BYTES_MAX));
    refused(
        &long(DOCUMENT_BYTES_MAX + 1),
        ErrorKind::TooLong,
        DOCUMENT_BYTES_MAX,
    );
}

#[test]
fn every_cut_of_a_document_is_refused() {
    let text = r#"{"a":[1.5e3,true,null,{"b":"x\u00e9\ud83d\ude00\n"}],"c":-12,"d":false}"#;
    document(text);
    for length in (0..text.len()).filter(|length| text.is_char_boundary(*length)) {
        let error = Document::parse(&text[..length]).unwrap_err();
        let half_pair = text[..length].ends_with("\\ud83d") || text[..length].contains("\\ud83d\\");
        let kind = match half_pair && error.kind == ErrorKind::LoneSurrogate {
            true => ErrorKind::LoneSurrogate,
            false => ErrorKind::Syntax,
        };
        assert_eq!(error.kind, kind, "{}", &text[..length]);
    }
}
