//! Values: their order, and what Rust's own types become.
#![allow(clippy::unwrap_used, missing_docs)]

use std::cmp::Ordering;
use tisync_json::{Object, Value};

#[test]
fn values_have_one_order() {
    let sorted = [
        "null",
        "false",
        "true",
        "-1e300",
        "-2",
        "1",
        "1.5",
        "2",
        "1e300",
        r#""""#,
        r#""B""#,
        r#""a""#,
        r#""é""#,
        "[]",
        "[1]",
        "[1,2]",
        "[2]",
        "{}",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"b":0}"#,
    ]
    .map(|text| Value::parse(text).unwrap());
    for pair in sorted.windows(2) {
        assert_eq!(
            pair[0].cmp(&pair[1]),
            Ordering::Less,
            "{} {}",
            pair[0],
            pair[1]
        );
        assert_eq!(
            pair[1].cmp(&pair[0]),
            Ordering::Greater,
            "{} {}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn rust_values_become_json() {
    let pairs = [
        (Value::from(true), "true"),
        (Value::from(-1), "-1"),
        (Value::from(u64::MAX), "18446744073709551615"),
        (Value::try_from(0.5).unwrap(), "0.5"),
        (Value::from("x"), r#""x""#),
        (Value::from(vec!["x", "y"]), r#"["x","y"]"#),
        (Value::from(None::<i64>), "null"),
        (Value::from(Some(1i64)), "1"),
        (Value::object(), "{}"),
    ];
    for (value, text) in pairs {
        assert_eq!(value.to_string(), text);
    }
    let value = Value::parse(r#"[1, true, "x", 0.5, null]"#).unwrap();
    let items = value.as_array().unwrap();
    assert_eq!(items[0].as_i64(), Some(1));
    assert_eq!(items[1].as_bool(), Some(true));
    assert_eq!(items[2].as_str(), Some("x"));
    assert_eq!((items[3].as_f64(), items[3].as_i64()), (Some(0.5), None));
    assert!(items[4].is_null() && items[4].as_object().is_none());
}

#[test]
fn an_object_goes_through_formats_that_describe_themselves() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Settings {
        Of {
            #[serde(with = "tisync_json::any")]
            options: Object,
        },
    }
    let read = |options: &str| {
        let text = format!(r#"{{"kind":"Of","options":{options}}}"#);
        serde_json::from_str(&text).map(|Settings::Of { options }| options)
    };
    let all = r#"{"a":[null,true,-1,18446744073709551615,2.5],"b":{"c":"d"}}"#;
    let options = read(all).unwrap();
    assert_eq!(Value::Object(options.clone()).to_string(), all);
    let printed = serde_json::to_string(&Settings::Of { options }).unwrap();
    assert_eq!(printed, format!(r#"{{"kind":"Of","options":{all}}}"#));
    // Formats that describe themselves have no longer integers.
    let long = read(r#"{"a":18446744073709551617}"#).unwrap();
    assert_eq!(long["a"].to_string(), "18446744073709551616");
    let error = read("[]").unwrap_err().to_string();
    assert!(error.contains("expected a map"), "{error}");
}
