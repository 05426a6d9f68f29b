//! What is written is what `serde_json` writes.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tisync_json::{Document, Object, Value, write, write_to};

#[derive(Clone, Debug, Serialize)]
struct Plain {
    text: String,
    small: (u8, i8, u16, i16),
    numbers: (u32, i32, u64, i64),
    flag: bool,
    letter: char,
    list: Vec<Option<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<Box<Plain>>,
    choices: Vec<Choice>,
    unit: (),
    wrapped: Wrapped,
    marker: Marker,
}

#[derive(Clone, Debug, Serialize)]
struct Wrapped(BTreeMap<String, Choice>);

#[derive(Clone, Debug, Serialize)]
struct Marker;

#[derive(Clone, Debug, Serialize)]
struct Two(u8, String);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Bare,
    HoldsOne(u8),
    Pair(u64, String),
    Fields { one: u8, other_one: Option<String> },
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
enum Tagged {
    Number { value: i64 },
}

#[derive(Clone, Debug, Serialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Choice>,
}

fn same<T: Serialize + ?Sized>(value: &T) {
    assert_eq!(write(value), serde_json::to_string(value).unwrap());
}

fn choices() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Bare),
        any::<u8>().prop_map(Choice::HoldsOne),
        (any::<u64>(), any::<String>()).prop_map(|(one, two)| Choice::Pair(one, two)),
        (any::<u8>(), any::<Option<String>>())
            .prop_map(|(one, other_one)| Choice::Fields { one, other_one }),
    ]
}

fn plain() -> impl Strategy<Value = Plain> {
    let parts = (
        any::<(u8, i8, u16, i16)>(),
        any::<(u32, i32, u64, i64)>(),
        any::<(String, bool, char)>(),
        any::<Vec<Option<u8>>>(),
        proptest::collection::vec(choices(), 0..4),
        proptest::collection::btree_map(any::<String>(), choices(), 0..4),
    );
    parts.prop_map(
        |(small, numbers, (text, flag, letter), list, choices, map)| Plain {
            text,
            small,
            numbers,
            flag,
            letter,
            list,
            maybe: None,
            choices,
            unit: (),
            wrapped: Wrapped(map),
            marker: Marker,
        },
    )
}

proptest! {
    #[test]
    fn types_are_written_as_serde_json_writes_them(mut value in plain(), held in plain()) {
        same(&value);
        value.maybe = Some(Box::new(held));
        same(&value);
        same(&[&value, &value]);
    }

    #[test]
    fn texts_are_written_as_serde_json_writes_them(text: String) {
        same(&text);
        same(&BTreeMap::from([(&text, 1)]));
    }
}

#[test]
fn all_forms_are_written_as_serde_json_writes_them() {
    for code in 0..0x300u32 {
        same(&char::from_u32(code));
    }
    same(&Two(1, "x".to_owned()));
    same(&Tagged::Number { value: i64::MIN });
    same(&Flat {
        id: 1,
        rest: [("a".to_owned(), Choice::HoldsOne(2))].into(),
    });
    same(&Vec::<u8>::new());
    same(&BTreeMap::<u8, u8>::new());
    same(&f64::NAN);
    same(&f64::INFINITY);
    same(&Some(Some(1.5)));
    same("text");
    same(&format_args!("{}-{}", 1, "\""));
    same(&serde_json::json!({"a": [1, null, {"b": -2.5}]}));
}

#[test]
fn keys_are_quoted() {
    same(&BTreeMap::from([(1u8, "a"), (2, "b")]));
    same(&BTreeMap::from([(-1i64, "a")]));
    same(&BTreeMap::from([(true, ())]));
    same(&BTreeMap::from([('"', ())]));
    same(&BTreeMap::from([(Choice::Bare, ())]));
    let nested = BTreeMap::from([(1u8, BTreeMap::from([(2u8, vec![3u8])]))]);
    same(&nested);
    assert_eq!(write(&nested), r#"{"1":{"2":[3]}}"#);
}

#[test]
fn texts_of_values_are_written_as_they_are() {
    let text = r#"{"b": 1.50, "a":[ ]}"#;
    let raw = RawValue::from_string(text.to_owned()).unwrap();
    same(&raw);
    same(&[&raw, &raw]);
    assert_eq!(write(&raw), text);
    let document = Document::parse(text).unwrap();
    same(&BTreeMap::from([("d", (&document, "x"))]));
    let value: Value = tisync_json::read("[1e400,12345678901234567890123]").unwrap_or(Value::Null);
    same(&value);
    let object: Object = tisync_json::read(text).unwrap();
    same(&object);
}

#[test]
fn doubles_are_written_as_ecmascript_prints_them() {
    let mut text = "[".to_owned();
    write_to(&(1.0, -0.5, 1e21, 1e-7, 0.1f32), &mut text);
    assert_eq!(text, "[[1,-0.5,1e+21,1e-7,0.10000000149011612]");
}

#[test]
#[should_panic(expected = "expected a value with a form in JSON")]
fn a_key_of_several_parts_is_a_mistake_of_the_program() {
    write(&BTreeMap::from([((1, 2), 3)]));
}
