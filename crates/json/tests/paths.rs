//! Paths: JSON Pointers through objects.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::strings;
use proptest::prelude::*;
use tisync_json::limits::DEPTH_MAX;
use tisync_json::{ErrorKind, Path, Value, get};

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[test]
fn pointers_and_bare_names_are_read() {
    for (text, keys, printed) in [
        ("/a", &["a"][..], "/a"),
        ("/a/b", &["a", "b"], "/a/b"),
        ("/a~1b/~0c", &["a/b", "~c"], "/a~1b/~0c"),
        ("/~01", &["~1"], "/~01"),
        ("/", &[""], "/"),
        ("//", &["", ""], "//"),
        ("/a/", &["a", ""], "/a/"),
        ("title", &["title"], "/title"),
        ("a/b~c", &["a/b~c"], "/a~1b~0c"),
        ("/é \"", &["é \""], "/é \""),
    ] {
        assert_eq!(path(text).keys(), keys, "{text}");
        assert_eq!(path(text).to_string(), printed, "{text}");
    }
}

#[test]
fn what_is_not_a_path_is_refused_at_its_place() {
    for (text, kind, offset) in [
        ("", ErrorKind::Path, 0),
        ("/~", ErrorKind::Path, 1),
        ("/a/b~2c", ErrorKind::Path, 4),
        ("/~~0", ErrorKind::Path, 1),
        (
            &"/a".repeat(DEPTH_MAX + 1),
            ErrorKind::TooDeep,
            2 * DEPTH_MAX + 1,
        ),
    ] {
        let error = Path::parse(text).unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, offset), "{text}");
    }
    assert_eq!(path(&"/a".repeat(DEPTH_MAX)).keys().len(), DEPTH_MAX);
    assert!(serde_json::from_str::<Path>("\"\"").is_err());
    assert!(serde_json::from_str::<Path>("1").is_err());
}

#[test]
fn prefixes_are_by_keys_not_by_letters() {
    for (a, b, prefix, overlaps) in [
        ("/a", "/a", true, true),
        ("/a", "/a/b", true, true),
        ("/a/b", "/a", false, true),
        ("/a", "/ab", false, false),
        ("/a", "/a~1b", false, false),
        ("/a/b", "/a/c", false, false),
        ("/", "//a", true, true),
    ] {
        assert_eq!(path(a).is_prefix_of(&path(b)), prefix, "{a} {b}");
        assert_eq!(path(a).overlaps(&path(b)), overlaps, "{a} {b}");
    }
    let parents: Vec<String> = path("/a/b/c").parents().map(String::from).collect();
    assert_eq!(parents, ["/a", "/a/b"]);
}

#[test]
fn a_value_is_found_through_objects_only() {
    let value = Value::parse(r#"{"a":{"b":1,"":2},"c":[3],"d":null}"#).unwrap();
    let object = value.as_object().unwrap();
    for (at, found) in [
        ("/a/b", Some(Value::from(1))),
        ("/a/", Some(Value::from(2))),
        ("/d", Some(Value::Null)),
        ("/c/0", None),
        ("/d/e", None),
        ("/a/b/c", None),
        ("/e", None),
    ] {
        assert_eq!(get(object, &path(at)), found.as_ref(), "{at}");
    }
}

proptest! {
    #[test]
    fn every_path_survives_print_and_parse(keys in prop::collection::vec(strings(), 1..6)) {
        let mut keys = keys.iter();
        let first = Path::key(keys.next().unwrap());
        let path = keys.fold(first, |path, key| path.child(key));
        prop_assert_eq!(&Path::parse(&path.to_string()).unwrap(), &path);
        let wire = serde_json::to_string(&path).unwrap();
        prop_assert_eq!(serde_json::from_str::<Path>(&wire).unwrap(), path);
    }
}
