//! Types read the same, and with the same errors, whether `serde` or `tisync_json` derives their `Deserialize`.
#![allow(clippy::unwrap_used, dead_code)]

use std::fmt::Debug;
use tisync_json::Deserialize;

/// The same types twice.
macro_rules! twice {
    ($($item:item)*) => {
        mod ours {
            use super::{named, seven};
            use tisync_json::Deserialize;
            $($item)*
        }
        mod theirs {
            use super::{named, seven};
            use serde::Deserialize;
            $($item)*
        }
    };
}

fn seven() -> u32 {
    7
}

fn named() -> String {
    "by default".to_owned()
}

twice! {
    use serde_json::value::RawValue;
    use std::borrow::Cow;
    use std::collections::BTreeMap;
    use tisync_json::Object;

    #[derive(Debug, Deserialize)]
    pub(crate) struct Plain {
        text: String,
        number: u32,
        negative: i64,
        double: f64,
        flag: bool,
        list: Vec<u8>,
        map: BTreeMap<String, Kind>,
        maybe: Option<String>,
        kind: Kind,
        boxed: Box<Kind>,
        pair: (u8, String),
        r#type: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    pub(crate) struct Defaults {
        #[serde(default)]
        a_list: Vec<u8>,
        #[serde(default = "seven")]
        seven: u32,
        #[serde(default = "named", skip_serializing_if = "String::is_empty")]
        called: String,
        #[serde(rename = "other name")]
        renamed: Option<u8>,
        #[serde(default)]
        maybe: Option<Kind>,
        #[serde(default, with = "tisync_json::any")]
        options: Object,
    }

    #[derive(Debug, Deserialize)]
    #[serde(default)]
    pub(crate) struct Whole {
        one: u8,
        two: Kind,
        three: Option<u8>,
    }

    impl Default for Whole {
        fn default() -> Self {
            Self { one: 1, two: Kind::OtherOne, three: Some(3) }
        }
    }

    #[derive(Debug, Deserialize)]
    pub(crate) struct With {
        #[serde(with = "tisync_json::any")]
        options: Object,
        wrapped: Wrapped,
        small: Small,
        unit: (),
    }

    #[derive(Debug, Deserialize)]
    pub(crate) struct Wrapped(Vec<u8>);

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "u32")]
    pub(crate) struct Small(u8);

    impl TryFrom<u32> for Small {
        type Error = String;
        fn try_from(number: u32) -> Result<Self, String> {
            u8::try_from(number).map(Self).map_err(|_| format!("{number} is not small"))
        }
    }

    #[derive(Debug, Deserialize)]
    pub(crate) struct Borrowed<'a> {
        #[serde(borrow)]
        text: Cow<'a, str>,
        #[serde(borrow)]
        raw: &'a RawValue,
        #[serde(borrow, default)]
        rows: Vec<&'a RawValue>,
        #[serde(borrow)]
        maybe: Option<Cow<'a, str>>,
    }

    #[derive(Debug, Deserialize)]
    pub(crate) struct Generic<T> {
        held: T,
        many: Vec<T>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum Kind {
        One,
        OtherOne,
        #[serde(rename = "3")]
        Three,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    pub(crate) enum Choice {
        Bare,
        HoldsOne(Box<Choice>),
        Pair(u64, char),
        Fields {
            some_field: Option<Kind>,
            #[serde(default = "seven")]
            other: u32,
            wrapped: Wrapped,
        },
        OtherBare,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub(crate) enum Shout {
        LongName(u8),
    }
}

/// Both readers and both derives say the same of a text.
fn same<'a, O, T>(text: &'a str)
where
    O: Deserialize<'a> + Debug,
    T: Deserialize<'a> + Debug,
{
    fn told<V: Debug, E: ToString>(result: Result<V, E>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        }
    }
    let ours = told(tisync_json::read::<O>(text));
    assert_eq!(ours, told(tisync_json::read::<T>(text)), "{text}");
    let ours = told(serde_json::from_str::<O>(text));
    assert_eq!(ours, told(serde_json::from_str::<T>(text)), "{text}");
}

/// A text, each of its beginnings, and its object with each field missing, twice, and of each kind of value.
fn variants(entries: &[(&str, &str)]) -> Vec<String> {
    let written = |entries: &[(&str, &str)]| {
        let entries: Vec<String> = (entries.iter())
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        format!("{{{}}}", entries.join(","))
    };
    let whole = written(entries);
    let mut texts: Vec<String> = (0..=whole.len())
        .map(|end| whole[..end].to_owned())
        .collect();
    for place in 0..entries.len() {
        let mut changed = entries.to_vec();
        let (key, value) = changed.remove(place);
        texts.push(written(&changed));
        changed.push((key, value));
        texts.push(written(&changed));
        changed.push((key, value));
        texts.push(written(&changed));
        for other in [
            "null",
            "true",
            "5",
            "-5",
            "1.5",
            "\"x\"",
            "[]",
            "{}",
            "[1,2]",
            "{\"x\":1}",
        ] {
            let mut changed = entries.to_vec();
            changed[place].1 = other;
            texts.push(written(&changed));
        }
    }
    let mut more = entries.to_vec();
    more.push(("unknown", "[1,{}]"));
    texts.push(written(&more));
    texts.extend(["5", "null", "true", "\"x\"", "{}"].map(str::to_owned));
    texts
}

#[test]
fn structs_are_read_as_serde_reads_them() {
    for text in variants(&[
        ("text", "\"a\\n\""),
        ("number", "4294967295"),
        ("negative", "-3"),
        ("double", "1e300"),
        ("flag", "true"),
        ("list", "[1,2]"),
        ("map", "{\"a\":\"one\",\"b\":{\"other_one\":null}}"),
        ("maybe", "\"here\""),
        ("kind", "\"other_one\""),
        ("boxed", "\"3\""),
        ("pair", "[1,\"a\"]"),
        ("type", "\"t\""),
    ]) {
        same::<ours::Plain, theirs::Plain>(&text);
    }
    for text in variants(&[
        ("a-list", "[1]"),
        ("seven", "8"),
        ("called", "\"x\""),
        ("other name", "1"),
        ("maybe", "\"one\""),
        ("options", "{\"a\":[1,2.5]}"),
    ]) {
        same::<ours::Defaults, theirs::Defaults>(&text);
    }
    for text in variants(&[("one", "2"), ("two", "\"one\""), ("three", "4")]) {
        same::<ours::Whole, theirs::Whole>(&text);
    }
    for text in variants(&[
        ("options", "{\"a\":null}"),
        ("wrapped", "[1,2]"),
        ("small", "300"),
        ("unit", "null"),
    ]) {
        same::<ours::With, theirs::With>(&text);
    }
    for text in variants(&[
        ("text", "\"kept\""),
        ("raw", "{\"a\": [1 ]}"),
        ("rows", "[1, \"a\"]"),
        ("maybe", "\"owned\\t\""),
    ]) {
        same::<ours::Borrowed<'_>, theirs::Borrowed<'_>>(&text);
    }
    for text in variants(&[("held", "1"), ("many", "[2,3]")]) {
        same::<ours::Generic<u8>, theirs::Generic<u8>>(&text);
    }
}

#[test]
fn enums_are_read_as_serde_reads_them() {
    for text in [
        "\"bare\"",
        "\"other-bare\"",
        "{\"bare\":null}",
        "{\"bare\":1}",
        "\"holds-one\"",
        "{\"holds-one\":\"bare\"}",
        "{\"holds-one\":{\"pair\":[1,\"a\"]}}",
        "\"nothing\"",
        "{\"nothing\":1}",
        "{}",
        "5",
        "null",
        "{\"bare\":null,\"pair\":1}",
    ] {
        same::<ours::Choice, theirs::Choice>(text);
    }
    for text in variants(&[
        ("some_field", "\"one\""),
        ("other", "1"),
        ("wrapped", "[1]"),
    ]) {
        same::<ours::Choice, theirs::Choice>(&format!("{{\"fields\":{text}}}"));
    }
    // The one difference: what is expected of several unnamed fields is not told by the name of the variant.
    for text in ["{\"pair\":[1]}", "{\"pair\":5}", "{\"pair\":[1,\"a\",2]}"] {
        assert!(serde_json::from_str::<theirs::Choice>(text).is_err());
        let error = serde_json::from_str::<ours::Choice>(text).unwrap_err();
        assert!(error.is_data() || error.is_syntax(), "{error}");
        assert!(tisync_json::read::<ours::Choice>(text).is_err());
    }
    for text in ["{\"longname\":1}", "{\"longName\":1}", "\"longname\""] {
        same::<ours::Shout, theirs::Shout>(text);
    }
    for text in ["\"one\"", "\"3\"", "\"Three\"", "3", "{\"one\":null}"] {
        same::<ours::Kind, theirs::Kind>(text);
    }
}

#[test]
fn what_can_be_borrowed_is() {
    let text = "{\"text\":\"kept\",\"raw\":1,\"rows\":[],\"maybe\":null}";
    let read = tisync_json::read::<Texts<'_>>(text).unwrap();
    assert!(matches!(read.text, std::borrow::Cow::Borrowed("kept")));
    let read = tisync_json::read::<Texts<'_>>("{\"text\":\"a\\tb\"}").unwrap();
    assert_eq!(read.text, "a\tb");
}

#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

#[test]
fn sources_that_ask_for_the_names_of_fields_get_them() {
    #[derive(Debug, serde::Deserialize)]
    struct Outer {
        own: u8,
        #[serde(flatten)]
        ours: ours::Whole,
    }
    let text = "{\"own\":1,\"two\":\"3\",\"other\":null}";
    let read = serde_json::from_str::<Outer>(text).unwrap();
    assert_eq!(
        format!("{read:?}"),
        "Outer { own: 1, ours: Whole { one: 1, two: Three, three: Some(3) } }"
    );
    assert_eq!(
        format!("{read:?}"),
        format!("{:?}", tisync_json::read::<Outer>(text).unwrap())
    );
}

#[test]
fn an_array_of_no_elements_is_one() {
    same::<[u8; 0], [u8; 0]>("[]");
    same::<([u8; 0], [u8; 1]), ([u8; 0], [u8; 1])>("[[],[1]]");
    assert!(tisync_json::read::<[u8; 0]>("[1]").is_err());
    assert!(tisync_json::read::<[u8; 0]>("{}").is_err());
}
