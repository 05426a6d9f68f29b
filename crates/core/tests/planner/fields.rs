//! Which rule a field gets, and what comes together in a record.
use crate::support::{case, merge, path, settled, stamps, told};
use tisync_core::model::{Fallback, FieldRule, Loser, Policy, Question, RemoteStamps, Rule};
use tisync_core::reconcile::{Plan, Situation};

#[test]
fn the_most_specific_rule_counts() {
    let policy = merge(
        &[
            ("/a", FieldRule::Server),
            ("/a/b", FieldRule::Client),
            ("/a/b/c/d", FieldRule::Counter),
        ],
        Some(Fallback::Latest),
    );
    let table = [
        // At its own path.
        (
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"a":3}"#,
            r#"{"a":3}"#,
            "/a server: theirs",
        ),
        // Below it, and a deeper rule of another field does not count.
        (
            r#"{"a":{"x":1}}"#,
            r#"{"a":{"x":2}}"#,
            r#"{"a":{"x":3}}"#,
            r#"{"a":{"x":3}}"#,
            "/a/x server: theirs",
        ),
        // The deeper of two.
        (
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"b":2}}"#,
            r#"{"a":{"b":3}}"#,
            r#"{"a":{"b":2}}"#,
            "/a/b client: ours",
        ),
        // A rule inside does not count where a whole object was replaced.
        (
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"b":2}}"#,
            r#"{}"#,
            r#"{}"#,
            "/a server: theirs",
        ),
        // Without any rule: the fallback.
        (
            r#"{"z":1}"#,
            r#"{"z":2}"#,
            r#"{"z":3}"#,
            r#"{"z":2}"#,
            "/z fallback latest: ours",
        ),
    ];
    for (base, ours, theirs, outcome, how) in table {
        let (came, _, by) = case(base, ours, theirs).settled(&policy);
        assert_eq!((came.as_str(), by), (outcome, format!("merge ({how})")));
    }
}

#[test]
fn objects_are_merged_inside_also_where_both_made_them() {
    let policy = Policy::of(Rule::Merge);
    let made = case(r#"{}"#, r#"{"m":{"x":1,"z":1}}"#, r#"{"m":{"y":2,"z":1}}"#);
    assert_eq!(made.situation(), Situation::Disjoint);
    let expected = (
        r#"{"m":{"x":1,"y":2,"z":1}}"#.to_owned(),
        Loser::None,
        "merge".to_owned(),
    );
    assert_eq!(made.settled(&policy), expected);
    let created = case("absent", r#"{"x":1,"z":1}"#, r#"{"y":2,"z":1}"#);
    assert_eq!(created.situation(), Situation::BothCreated);
    let expected = (
        r#"{"x":1,"y":2,"z":1}"#.to_owned(),
        Loser::None,
        "merge".to_owned(),
    );
    assert_eq!(created.settled(&policy), expected);
    // A whole object against a field in it: both changed, at the object.
    let prefix = case(
        r#"{"m":{"x":1,"y":1}}"#,
        r#"{"m":{"x":2,"y":1}}"#,
        r#"{"m":[]}"#,
    );
    assert_eq!(prefix.situation(), Situation::BothChanged);
    let (outcome, loser, by) = prefix.settled(&policy);
    assert_eq!(outcome, r#"{"m":{"x":2,"y":1}}"#);
    assert_eq!(
        (loser, by.as_str()),
        (Loser::Theirs, "merge (/m fallback latest: ours)")
    );
}

#[test]
fn each_side_may_lose_a_field() {
    let policy = merge(
        &[("/a", FieldRule::Client), ("/b", FieldRule::Server)],
        None,
    );
    let (outcome, loser, by) =
        case(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":2}"#, r#"{"a":3,"b":3}"#).settled(&policy);
    assert_eq!(outcome, r#"{"a":2,"b":3}"#);
    assert_eq!(loser, Loser::Both);
    assert_eq!(by, "merge (/a client: ours; /b server: theirs)");
}

#[test]
fn long_lists_of_fields_are_cut_in_the_journal_line() {
    let object = |n: u32| {
        let fields: Vec<String> = (0..30).map(|i| format!(r#""k{i}":{n}"#)).collect();
        format!("{{{}}}", fields.join(","))
    };
    let (_, _, by) = case(&object(1), &object(2), &object(3)).settled(&Policy::of(Rule::Merge));
    assert!(by.ends_with("; and 10 more)"), "{by}");
    assert_eq!(by.matches("fallback latest: ours").count(), 20);
}

#[test]
fn fields_that_ask() {
    let f = |name: &str| FieldRule::Function(name.to_owned());
    let policy = merge(
        &[("/a", f("f")), ("/b", FieldRule::Manual), ("/o", f("g"))],
        Some(Fallback::Server),
    );
    let question = |function: &str, field: &str| Question {
        function: function.to_owned(),
        field: Some(path(field)),
    };
    let asked = |base, ours, theirs| case(base, ours, theirs).plan(&policy);
    // Each doubly changed field is asked about, those inside an object one by one.
    let plan = asked(
        r#"{"a":1,"o":{"x":1,"y":1,"z":1}}"#,
        r#"{"a":2,"o":{"x":2,"y":2,"z":1}}"#,
        r#"{"a":3,"o":{"x":3,"y":3,"z":2}}"#,
    );
    assert_eq!(
        plan,
        Plan::Open(vec![
            question("f", "/a"),
            question("g", "/o/x"),
            question("g", "/o/y")
        ])
    );
    // A person decides before any function.
    let plan = asked(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":2}"#, r#"{"a":3,"b":3}"#);
    assert_eq!(plan, Plan::Open(Vec::new()));
    // Nobody is asked where only one side changed.
    let plan = asked(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":3}"#);
    assert_eq!(told(settled(plan)).0, r#"{"a":2,"b":3}"#);
    // A field without a rule, and one whose rule cannot work, ask a person if the fallback says so.
    let policy = merge(&[("/a", FieldRule::Counter)], Some(Fallback::Manual));
    for (ours, theirs) in [(r#"{"a":2}"#, r#"{"a":"x"}"#), (r#"{"z":2}"#, r#"{"z":3}"#)] {
        assert_eq!(
            case("{}", ours, theirs).plan(&policy),
            Plan::Open(Vec::new())
        );
    }
}

#[test]
fn two_sides_that_are_too_large_together_stand_alone() {
    let long = "x".repeat(600_000);
    let case = case(
        "{}",
        &format!(r#"{{"a":"{long}"}}"#),
        &format!(r#"{{"b":"{long}"}}"#),
    );
    let (_, loser, by) = case.settled(&Policy::of(Rule::Merge));
    assert_eq!(
        (loser, by.as_str()),
        (Loser::Theirs, "merge (too large: fallback latest)")
    );
    let fallback = |fallback| merge(&[], Some(fallback));
    let (_, loser, _) = case.settled(&fallback(Fallback::Server));
    assert_eq!(loser, Loser::Ours);
    assert_eq!(
        case.plan(&fallback(Fallback::Manual)),
        Plan::Open(Vec::new())
    );
    let none = case.clone().stamped_by(RemoteStamps::None).at(1, None);
    let (_, loser, by) = none.settled(&Policy::of(Rule::Merge));
    assert_eq!(
        (loser, by.as_str()),
        (Loser::Ours, "merge (too large: fallback server)")
    );
    assert_eq!(stamps(1).latest, none.our_stamps.latest);
}
