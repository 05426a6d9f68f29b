#![allow(clippy::unwrap_used)]
use super::*;
use crate::tree::BTreeMap;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::fmt::Debug;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maybe: Option<i64>,
    #[serde(default)]
    list: Vec<(u8, f64)>,
    #[serde(default)]
    numbered: BTreeMap<i32, bool>,
    #[serde(default)]
    named: BTreeMap<Kind, Choice>,
    unit: (),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    One,
    OtherOne,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Bare,
    Holds(Box<Choice>),
    Pair(u64, char),
    Fields {
        kind: Option<Kind>,
        wrapped: Wrapped,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: String,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Nothing,
    Number { value: i64 },
}

fn both<T: DeserializeOwned + Debug + PartialEq>(text: &str) -> Result<T, String> {
    let ours = read::<T>(text);
    let theirs = serde_json::from_str::<T>(text);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{text}");
            Ok(ours)
        }
        (Err(ours), Err(_)) => Err(ours.to_string()),
        (ours, theirs) => panic!("{text}\nours: {ours:?}\ntheirs: {theirs:?}"),
    }
}

fn round<T: Serialize + DeserializeOwned + Debug + PartialEq>(value: &T) {
    for text in [
        serde_json::to_string(value).unwrap(),
        serde_json::to_string_pretty(value).unwrap(),
    ] {
        assert_eq!(&both::<T>(&text).unwrap(), value);
        // A text that was cut off is never read as something else.
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(both::<T>(&text[..end]).is_err(), "{}", &text[..end]);
        }
    }
}

#[test]
fn types_are_read_as_they_are_printed() {
    let deep = Choice::Holds(Box::new(Choice::Holds(Box::new(Choice::Bare))));
    let fields = Choice::Fields {
        kind: Some(Kind::OtherOne),
        wrapped: Wrapped("ä\n\u{1F600}\"".to_owned()),
    };
    round(&Plain {
        text: "a\\b".to_owned(),
        maybe: Some(-3),
        list: vec![(1, 0.1), (255, 1e300)],
        numbered: [(-1, true), (7, false)].into(),
        named: [(Kind::One, deep.clone()), (Kind::OtherOne, fields.clone())].into(),
        unit: (),
    });
    round(&vec![
        deep,
        fields,
        Choice::Pair(u64::MAX, 'ß'),
        Choice::Bare,
    ]);
    round(&Flat {
        id: "x".to_owned(),
        rest: [("a".to_owned(), serde_json::json!([1, null, {"b": -2.5}]))].into(),
    });
    round(&vec![Tagged::Nothing, Tagged::Number { value: i64::MIN }]);
}

#[test]
fn errors_say_what_was_expected_what_came_and_where() {
    for (text, expected) in [
        (
            "",
            "expected an object, but the text ended at line 1 column 1",
        ),
        ("[1]", "expected an object, came `[` at line 1 column 1"),
        (
            "<html>",
            "expected an object, came `<`: this looks like HTML or XML, not JSON at line 1 column 1",
        ),
        (
            "{\"text\": 5}",
            "expected a string, came `5` at line 1 column 10",
        ),
        (
            "{\"text\": \"\",\n \"unit\": null,\n \"list\": [[1, 2, 3]]}",
            "expected `]`: the array has too many elements, came `,` at line 3 column 16",
        ),
        (
            "{\"text\": \"\", \"unit\": null} x",
            "expected the end of the text, came `x` at line 1 column 28",
        ),
        (
            "{\"text\": \"\"}",
            "missing field `unit` at line 1 column 13",
        ),
        (
            "{\"txt\": \"\"}",
            "unknown field `txt`, expected one of `text`, `maybe`, `list`, `numbered`, `named`, `unit` at line 1 column 8",
        ),
        (
            "{\"text\": \"\", \"text\": \"\"}",
            "duplicate field `text` at line 1 column 21",
        ),
        (
            "{\"maybe\": 99999999999999999999}",
            "invalid type: floating point `100000000000000000000.0`, expected i64 at line 1 column 31",
        ),
        (
            "{\"numbered\": {\"1x\": true}}",
            "expected a whole number in quotes, came another key at line 1 column 20",
        ),
        (
            "{\"named\": {\"one\": \"pair\"}}",
            "expected an object with the variant and what it holds, came its name alone at line 1 column 25",
        ),
        (
            "{\"named\": {\"two\": \"bare\"}}",
            "unknown variant `two`, expected `one` or `other_one` at line 1 column 18",
        ),
        (
            "{\"text\" 1}",
            "expected `:` after a key, came `1` at line 1 column 9",
        ),
        (
            "{\"text\": \"\",}",
            "expected a key in quotes, came `}` at line 1 column 13",
        ),
    ] {
        assert_eq!(both::<Plain>(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn values_are_skipped_at_any_depth() {
    let deep = format!("{}1{}", "[{\"a\":".repeat(100_000), "}]".repeat(100_000));
    let raw: &RawValue = read(&deep).unwrap();
    assert_eq!(raw.get(), deep);
    assert!(read::<&RawValue>(&deep[..deep.len() - 1]).is_err());
    // What recurses is bounded.
    assert!(read::<serde_json::Value>(&deep).is_err());
}

#[test]
fn the_text_of_a_value_is_as_it_came() {
    let text = r#" {"a" : [ {"id" : "\ud800", "n":1.0e+2 } , [ ] , { } , true,null ] } "#;
    let raw: BTreeMap<String, Vec<&RawValue>> = read(text).unwrap();
    let parts: Vec<&str> = raw["a"].iter().map(|raw| raw.get()).collect();
    assert_eq!(
        parts,
        [
            r#"{"id" : "\ud800", "n":1.0e+2 }"#,
            "[ ]",
            "{ }",
            "true",
            "null"
        ]
    );
    let owned: Box<RawValue> = read(text).unwrap();
    assert_eq!(owned.get(), text.trim());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e9..1e9).prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(".{0,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_as_serde_json_reads_it(value in any_json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(&both::<serde_json::Value>(&text).unwrap(), &value);
        prop_assert_eq!(read::<&RawValue>(&text).unwrap().get(), text.trim());
    }

    #[test]
    fn what_is_damaged_is_judged_as_serde_json_judges_it(
        value in any_json(),
        place: prop::sample::Index,
        put in prop_oneof![Just(""), Just(","), Just("}"), Just("]"), Just("\""), Just("1"), Just(" "), Just("\\"), Just(":")],
    ) {
        let mut characters: Vec<String> = value.to_string().chars().map(String::from).collect();
        let place = place.index(characters.len());
        characters[place] = put.to_owned();
        let text = characters.concat();
        let _ = both::<serde_json::Value>(&text);
        prop_assert_eq!(
            read::<&RawValue>(&text).map(RawValue::get).ok(),
            serde_json::from_str::<&RawValue>(&text).map(RawValue::get).ok()
        );
    }
}
