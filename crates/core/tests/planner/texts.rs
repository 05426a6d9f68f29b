//! The rule `text`.
use crate::support::case;
use proptest::prelude::*;
use tisync_core::model::{Fallback, FieldRule, Loser, Policy, Rule};
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object, Value};

/// The merged text, if the edits do not overlap.
fn merge(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let policy = Policy {
        fields: [(crate::support::path("/t"), FieldRule::Text)].into(),
        fallback: Some(Fallback::Server),
        ..Policy::of(Rule::Merge)
    };
    let document = |text: &str| {
        let object: Object = BTreeMap::from([("t".to_owned(), Value::from(text))]);
        Document::from_object(&object).text().to_owned()
    };
    let case = case(&document(base), &document(ours), &document(theirs));
    let (outcome, loser, by) = case.settled(&policy);
    let text = Document::parse(&outcome).unwrap().field("t").unwrap();
    let merged = text.as_str().unwrap().to_owned();
    match by.as_str() {
        "merge (/t fallback server: theirs)" => {
            assert_eq!((merged.as_str(), loser), (theirs, Loser::Ours));
            None
        }
        _ => {
            assert_eq!(loser, Loser::None);
            Some(merged)
        }
    }
}

#[test]
fn lines_then_words() {
    let table = [
        // Different lines, with one between.
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", Some("A\nb\nC\n")),
        // Neighbouring lines: told apart by words.
        ("a\nb\n", "A\nb\n", "a\nB\n", Some("A\nB\n")),
        // One inserts, one deletes elsewhere.
        (
            "a\nb\nc\nd\n",
            "a\nnew\nb\nc\nd\n",
            "a\nb\nc\n",
            Some("a\nnew\nb\nc\n"),
        ),
        // Words of one line.
        (
            "Buy milk today",
            "Buy oat milk today",
            "Buy milk tomorrow",
            Some("Buy oat milk tomorrow"),
        ),
        (
            "call Ann, then Bob.",
            "call Anna, then Bob.",
            "call Ann, then Bob!",
            Some("call Anna, then Bob!"),
        ),
        (
            "größe und maß",
            "Größe und maß",
            "größe und Maß",
            Some("Größe und Maß"),
        ),
        // The same edit on both sides stands once, beside others.
        ("a b c", "x b c y", "x b c", Some("x b c y")),
        (
            "a\nb\nc\n",
            "a\nX\nc\nd\n",
            "z\na\nX\nc\n",
            Some("z\na\nX\nc\nd\n"),
        ),
        // Other characters stand alone.
        ("...", ",..", "..,", Some(",.,")),
        // One word, changed twice; two additions in one place; a delete around an edit.
        ("one", "uno", "eins", None),
        ("a\n", "a\nx\n", "a\ny\n", None),
        ("a b c", "c", "a B c", None),
        ("", "x", "y", None),
        // All of it gone, and an edit.
        ("a\nb\n", "", "a\nB\n", None),
        // No line end at the end.
        ("a\nb", "a\nb\nc", "A\nb", Some("A\nb\nc")),
        // A long way apart.
        (
            "1\n2\n3\n4\n5\n6\n7\n8\n",
            "1\n3\n4\n5\n6\n7\n8\n",
            "1\n2\n3\n4\n5\n6\n7\nneu\n8\n",
            Some("1\n3\n4\n5\n6\n7\nneu\n8\n"),
        ),
    ];
    for (base, ours, theirs, merged) in table {
        assert_eq!(
            merge(base, ours, theirs).as_deref(),
            merged,
            "{base:?} {ours:?} {theirs:?}"
        );
        assert_eq!(
            merge(base, theirs, ours).as_deref(),
            merged,
            "{base:?} {theirs:?} {ours:?}"
        );
    }
}

#[test]
fn texts_that_differ_everywhere_are_one_change() {
    let lines =
        |prefix: &str, n: usize| -> String { (0..n).map(|i| format!("{prefix}{i}\n")).collect() };
    // More differing lines than are followed one by one.
    let (base, ours) = (lines("a", 3000), lines("b", 3000));
    assert_eq!(merge(&base, &ours, &lines("c", 3000)), None);
    assert_eq!(
        merge(&base, &format!("top\n{base}"), &format!("{base}end\n")),
        Some(format!("top\n{base}end\n"))
    );
    assert_eq!(
        merge(
            &format!("{base}|\n"),
            &format!("{ours}|\n"),
            &format!("{base}|\nend\n")
        ),
        Some(format!("{ours}|\nend\n"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Edits of different lines, an unchanged one between them, are both kept.
    #[test]
    fn separate_edits_are_both_kept(
        head in prop::collection::vec("[a-c]{0,2}", 0..6), ours in prop::collection::vec("[x-y]{0,2}", 0..4),
        was_ours in prop::collection::vec("[a-c]{0,2}", 0..4), was_theirs in prop::collection::vec("[a-c]{0,2}", 0..4),
        theirs in prop::collection::vec("[x-y]{0,2}", 0..4), tail in prop::collection::vec("[a-c]{0,2}", 0..6),
    ) {
        let text = |a: &[String], b: &[String]| -> String {
            let fixed = vec!["=== fixed ===".to_owned()];
            [&head[..], a, &fixed, b, &tail].concat().iter().map(|line| format!("{line}\n")).collect()
        };
        let base = text(&was_ours, &was_theirs);
        let (left, right) = (text(&ours, &was_theirs), text(&was_ours, &theirs));
        if base == left || base == right || left == right {
            return Ok(()); // No conflict.
        }
        prop_assert_eq!(merge(&base, &left, &right), Some(text(&ours, &theirs)));
    }

    /// Swapping the sides changes nothing, and every word of the result stands in one of the texts.
    #[test]
    fn swapping_changes_nothing(
        base in "[ab \n]{0,12}", ours in "[abx \n]{0,12}", theirs in "[aby \n]{0,12}",
    ) {
        if base == ours || base == theirs || ours == theirs {
            return Ok(()); // No conflict.
        }
        let merged = merge(&base, &ours, &theirs);
        prop_assert_eq!(&merged, &merge(&base, &theirs, &ours));
        if let Some(merged) = merged {
            let count = |text: &str, letter| text.matches(letter).count();
            prop_assert_eq!(count(&merged, 'x'), count(&ours, 'x'));
            prop_assert_eq!(count(&merged, 'y'), count(&theirs, 'y'));
        }
    }

    /// Any texts at all.
    #[test]
    fn never_panics(base in any::<String>(), ours in any::<String>(), theirs in any::<String>()) {
        if base == ours || base == theirs || ours == theirs {
            return Ok(()); // No conflict.
        }
        merge(&base, &ours, &theirs);
    }
}
