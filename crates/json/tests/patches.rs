//! Patches: apply, diff and their sum.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{objects, patches};
use proptest::prelude::*;
use tisync_json::{Document, ErrorKind, Object, Patch, Path, Value, diff, get};

fn object(text: &str) -> Object {
    Document::parse(text).unwrap().object()
}

fn patch(text: &str) -> Patch {
    serde_json::from_str(text).unwrap()
}

fn applied(patch: &Patch, object: &Object) -> Object {
    let mut object = object.clone();
    patch.apply(&mut object);
    object
}

/// Whether applying `patch` makes no object on its way.
fn fits(patch: &Patch, object: &Object) -> bool {
    patch.set.keys().all(|path| {
        path.parents()
            .all(|parent| get(object, &parent).is_some_and(|value| value.as_object().is_some()))
    })
}

#[test]
fn apply_sets_and_unsets() {
    for (before, change, after) in [
        ("{}", r#"{"set":{"/a":1}}"#, r#"{"a":1}"#),
        ("{}", r#"{"set":{"/a/b":1}}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":5}"#, r#"{"set":{"/a/b":1}}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":[5]}"#, r#"{"set":{"/a/0":1}}"#, r#"{"a":{"0":1}}"#),
        (
            r#"{"a":{"c":2}}"#,
            r#"{"set":{"/a/b":1}}"#,
            r#"{"a":{"b":1,"c":2}}"#,
        ),
        (r#"{"a":1}"#, r#"{"unset":["/a"]}"#, "{}"),
        (r#"{"a":{"b":1}}"#, r#"{"unset":["/a/b"]}"#, r#"{"a":{}}"#),
        (r#"{"a":1}"#, r#"{"unset":["/a/b"]}"#, r#"{"a":1}"#),
        ("{}", r#"{"unset":["/a/b"]}"#, "{}"),
        (
            r#"{"":1,"a/b~":2}"#,
            r#"{"set":{"/":3},"unset":["/a~1b~0"]}"#,
            r#"{"":3}"#,
        ),
    ] {
        assert_eq!(
            applied(&patch(change), &object(before)),
            object(after),
            "{before} {change}"
        );
    }
}

#[test]
fn diff_is_the_smallest_by_leaves() {
    for (before, after, change) in [
        ("{}", "{}", "{}"),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, "{}"),
        ("{}", r#"{"a":{}}"#, r#"{"set":{"/a":{}}}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":{}}"#, r#"{"unset":["/a/b"]}"#),
        (
            r#"{"a":{}}"#,
            r#"{"a":{"b":{"c":1}}}"#,
            r#"{"set":{"/a/b":{"c":1}}}"#,
        ),
        (
            r#"{"a":{"b":1,"c":2}}"#,
            r#"{"a":{"b":1,"c":3}}"#,
            r#"{"set":{"/a/c":3}}"#,
        ),
        (
            r#"{"a":[1,2]}"#,
            r#"{"a":[1,3]}"#,
            r#"{"set":{"/a":[1,3]}}"#,
        ),
        (r#"{"a":null}"#, "{}", r#"{"unset":["/a"]}"#),
        ("{}", r#"{"a":null}"#, r#"{"set":{"/a":null}}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":2}"#, r#"{"set":{"/a":2}}"#),
        (
            r#"{"a":2}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"set":{"/a":{"b":1}}}"#,
        ),
    ] {
        let found = diff(&object(before), &object(after));
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            change,
            "{before} {after}"
        );
    }
}

#[test]
fn a_later_change_folds_into_an_earlier_one() {
    for (a, b, sum) in [
        (
            r#"{"set":{"/a":1}}"#,
            r#"{"set":{"/a":2}}"#,
            r#"{"set":{"/a":2}}"#,
        ),
        (
            r#"{"set":{"/a/b":1}}"#,
            r#"{"set":{"/a/c":2}}"#,
            r#"{"set":{"/a/b":1,"/a/c":2}}"#,
        ),
        (
            r#"{"set":{"/a/b":1,"/c":3}}"#,
            r#"{"set":{"/a":2}}"#,
            r#"{"set":{"/a":2,"/c":3}}"#,
        ),
        (
            r#"{"set":{"/a":1}}"#,
            r#"{"set":{"/a/b":2}}"#,
            r#"{"set":{"/a":{"b":2}}}"#,
        ),
        (
            r#"{"set":{"/a":{"c":1}}}"#,
            r#"{"set":{"/a/b":2}}"#,
            r#"{"set":{"/a":{"b":2,"c":1}}}"#,
        ),
        (
            r#"{"set":{"/a":{"b":1}}}"#,
            r#"{"unset":["/a/b"]}"#,
            r#"{"set":{"/a":{}}}"#,
        ),
        (
            r#"{"set":{"/a":1}}"#,
            r#"{"unset":["/a/b"]}"#,
            r#"{"set":{"/a":1}}"#,
        ),
        (
            r#"{"set":{"/a":1}}"#,
            r#"{"unset":["/a"]}"#,
            r#"{"unset":["/a"]}"#,
        ),
        (
            r#"{"set":{"/a/b":1}}"#,
            r#"{"unset":["/a"]}"#,
            r#"{"unset":["/a"]}"#,
        ),
        (
            r#"{"unset":["/a"]}"#,
            r#"{"set":{"/a":1}}"#,
            r#"{"set":{"/a":1}}"#,
        ),
        (
            r#"{"unset":["/a"]}"#,
            r#"{"set":{"/a/b/c":1}}"#,
            r#"{"set":{"/a":{"b":{"c":1}}}}"#,
        ),
        (
            r#"{"unset":["/a"]}"#,
            r#"{"unset":["/a/b"]}"#,
            r#"{"unset":["/a"]}"#,
        ),
        (
            r#"{"unset":["/a/b","/a/c"]}"#,
            r#"{"unset":["/a"]}"#,
            r#"{"unset":["/a"]}"#,
        ),
        (
            r#"{"unset":["/a/b"]}"#,
            r#"{"set":{"/a":1}}"#,
            r#"{"set":{"/a":1}}"#,
        ),
    ] {
        let mut found = patch(a);
        found.then(&patch(b));
        assert_eq!(serde_json::to_string(&found).unwrap(), sum, "{a} {b}");
    }
}

#[test]
fn the_one_exception_of_the_sum_is_as_documented() {
    let (a, b) = (
        patch(r#"{"set":{"/a/b":1}}"#),
        patch(r#"{"unset":["/a/b"]}"#),
    );
    let before = object(r#"{"a":5}"#);
    assert!(!fits(&a, &before));
    assert_eq!(applied(&b, &applied(&a, &before)), object(r#"{"a":{}}"#));
    let mut sum = a;
    sum.then(&b);
    assert_eq!(applied(&sum, &before), before);
}

#[test]
fn a_patch_round_trips_on_the_wire() {
    let text = r#"{"set":{"/a":1,"/b/c":12345678901234567890123},"unset":["/d"]}"#;
    assert_eq!(serde_json::to_string(&patch(text)).unwrap(), text);
    assert_eq!(serde_json::to_string(&Patch::default()).unwrap(), "{}");
    let bare = patch(r#"{"set":{"title":1}}"#);
    assert_eq!(bare.set.keys().next(), Some(&Path::key("title")));
}

#[test]
fn a_patch_that_says_two_things_of_one_place_is_refused() {
    for text in [
        r#"{"set":{"/a":1,"/a/b":2}}"#,
        r#"{"set":{"/a":1},"unset":["/a"]}"#,
        r#"{"set":{"/a/b/c":1},"unset":["/a"]}"#,
        r#"{"set":{"/a":1},"unset":["/a/b"]}"#,
        r#"{"unset":["/a","/a/b"]}"#,
        r#"{"unset":["/a","/a"]}"#,
        r#"{"set":{"/a":1,"/a":2}}"#,
        r#"{"set":{"/a":1,"a":2}}"#,
        r#"{"set":{"":1}}"#,
        r#"{"set":{"/a":{"b":1,"b":2}}}"#,
        r#"{"set":{"/a":1e999}}"#,
        r#"{"increment":{"/a":1}}"#,
        r#"{"unset":[1]}"#,
        r#"{"set":{"/a":1},"set":{"/b":1}}"#,
        "[]",
    ] {
        assert!(serde_json::from_str::<Patch>(text).is_err(), "{text}");
    }
    let mut separate = patch(r#"{"set":{"/a":1,"/a b":1,"/b":1},"unset":["/a!/x","/c/d"]}"#);
    separate.check().unwrap();
    separate.unset.insert(Path::parse("/a!").unwrap());
    assert_eq!(separate.check().unwrap_err().kind, ErrorKind::Path);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_diff_leads_from_one_to_the_other(a in objects(), b in objects()) {
        let change = diff(&a, &b);
        change.check().unwrap();
        prop_assert_eq!(applied(&change, &a), b.clone());
        prop_assert!(fits(&change, &a));
        prop_assert_eq!(change.is_empty(), a == b);
        prop_assert!(diff(&a, &a).is_empty());
        for (path, value) in &change.set {
            prop_assert_ne!(get(&a, path), Some(value));
        }
        for path in &change.unset {
            prop_assert!(get(&a, path).is_some());
        }
    }

    #[test]
    fn diffs_of_one_document_add_up(a in objects(), b in objects(), c in objects(), d in objects()) {
        let mut sum = diff(&a, &b);
        sum.then(&diff(&b, &c));
        sum.then(&diff(&c, &d));
        sum.check().unwrap();
        prop_assert_eq!(applied(&sum, &a), d);
    }

    #[test]
    fn a_sum_is_one_change_after_the_other(a in patches(), b in patches(), before in objects()) {
        let mut sum = a.clone();
        sum.then(&b);
        sum.check().unwrap();
        let undone = b.unset.iter().any(|path| a.set.keys().any(|set| path.is_prefix_of(set)));
        if fits(&a, &before) || !undone {
            prop_assert_eq!(applied(&sum, &before), applied(&b, &applied(&a, &before)));
        }
    }

    #[test]
    fn applying_twice_is_applying_once(a in patches(), before in objects()) {
        let once = applied(&a, &before);
        prop_assert_eq!(applied(&a, &once), once);
    }

    #[test]
    fn every_patch_round_trips(a in patches()) {
        let text = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<Patch>(&text).unwrap(), a);
    }

    #[test]
    fn set_fields_are_there_afterwards(a in patches(), before in objects()) {
        let after = applied(&a, &before);
        for (path, value) in &a.set {
            prop_assert_eq!(get(&after, path), Some(value));
        }
        for path in &a.unset {
            prop_assert_eq!(get(&after, path), None::<&Value>);
        }
    }
}
