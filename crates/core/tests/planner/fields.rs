//! Rules of single fields, server fields, and times by field.
use crate::support::{Case, case, path, settled, stamps, told};
use tisync_core::model::{
    Fallback, FieldRule, Loser, Policy, Question, RemoteStamps, Rule, Stamp, Stamps,
};
use tisync_core::reconcile::{Plan, Situation};

fn merge(rules: &[(&str, FieldRule)], fallback: Option<Fallback>) -> Policy {
    Policy {
        fields: rules
            .iter()
            .map(|(at, rule)| (path(at), rule.clone()))
            .collect(),
        fallback,
        ..Policy::of(Rule::Merge)
    }
}

/// One field `a` under one rule, fallback `client`, or `server` where the table says so by the outcome:
/// `None` stands for a field that is not there.
fn one(
    rule: FieldRule,
    [base, ours, theirs]: [Option<&str>; 3],
) -> (Option<String>, Loser, String) {
    let document = |value: Option<&str>| value.map_or("{}".into(), |v| format!(r#"{{"a":{v}}}"#));
    let case = case(&document(base), &document(ours), &document(theirs));
    let (outcome, loser, by) = case.settled(&merge(&[("/a", rule)], Some(Fallback::Client)));
    let value = outcome
        .strip_prefix(r#"{"a":"#)
        .map(|rest| rest[..rest.len() - 1].to_owned());
    let by = by
        .strip_prefix("merge (/a ")
        .unwrap()
        .strip_suffix(')')
        .unwrap()
        .to_owned();
    (value, loser, by)
}

#[test]
fn values() {
    use FieldRule::{Client, Counter, Latest, Max, Min, Server, Set, Text};
    const FALLBACK: &str = "fallback client: ours";
    type Row<'a> = (
        FieldRule,
        [Option<&'a str>; 3],
        Option<&'a str>,
        Loser,
        &'a str,
    );
    let (none, ours, theirs) = (Loser::None, Loser::Ours, Loser::Theirs);
    let table: &[Row<'_>] = &[
        (
            Client,
            [Some("1"), Some("2"), Some("3")],
            Some("2"),
            theirs,
            "client: ours",
        ),
        (
            Client,
            [Some("1"), None, Some("3")],
            None,
            theirs,
            "client: ours",
        ),
        (
            Server,
            [Some("1"), Some("2"), Some("3")],
            Some("3"),
            ours,
            "server: theirs",
        ),
        (
            Server,
            [Some("1"), Some("2"), None],
            None,
            ours,
            "server: theirs",
        ),
        (
            Latest,
            [Some("1"), Some("2"), Some("3")],
            Some("2"),
            theirs,
            "latest: ours",
        ),
        (
            Counter,
            [Some("5"), Some("7"), Some("4")],
            Some("6"),
            none,
            "counter",
        ),
        (
            Counter,
            [None, Some("2"), Some("3")],
            Some("5"),
            none,
            "counter",
        ),
        (
            Counter,
            [Some("null"), Some("2"), Some("3")],
            Some("5"),
            none,
            "counter",
        ),
        (
            Counter,
            [Some("1"), Some("1.5"), Some("2")],
            Some("2.5"),
            none,
            "counter",
        ),
        (
            Counter,
            [
                Some("9007199254740993"),
                Some("9007199254740994"),
                Some("9007199254740995"),
            ],
            Some("9007199254740996"),
            none,
            "counter",
        ),
        (
            Counter,
            [Some("0"), Some("18446744073709551616"), Some("1")],
            Some("18446744073709551617"),
            none,
            "counter",
        ),
        (
            Counter,
            [Some("0"), Some("1.5e21"), Some("1")],
            Some("1500000000000000000001"),
            none,
            "counter",
        ),
        (
            Counter,
            [
                Some("0"),
                Some("170141183460469231731687303715884105727"),
                Some("1"),
            ],
            Some("170141183460469231731687303715884105727"),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some("0"), Some("1e300"), Some("-1")],
            Some("1e+300"),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some("0"), Some("1e300"), Some("1")],
            Some("1e+300"),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some("0.5"), Some("1.7e308"), Some("1.6e308")],
            Some("1.7e+308"),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some("1"), Some(r#""2""#), Some("3")],
            Some(r#""2""#),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some(r#""1""#), Some("2"), Some("3")],
            Some("2"),
            theirs,
            FALLBACK,
        ),
        (
            Counter,
            [Some("1"), None, Some("3")],
            None,
            theirs,
            FALLBACK,
        ),
        (
            Set,
            [Some("[1,2,3]"), Some("[1,3,9]"), Some("[5,2,1,3]")],
            Some("[1,3,5,9]"),
            none,
            "set",
        ),
        (
            Set,
            [Some("[3,1]"), Some("[1]"), Some("[3]")],
            Some("[]"),
            none,
            "set",
        ),
        (
            Set,
            [None, Some(r#"["b","a"]"#), Some(r#"["c","a"]"#)],
            Some(r#"["a","b","c"]"#),
            none,
            "set",
        ),
        (
            Set,
            [Some("[1]"), Some("[1.0,2,2]"), Some("[1,1,{\"k\":1}]")],
            Some("[1,2,{\"k\":1}]"),
            none,
            "set",
        ),
        (
            Set,
            [Some("[1,1,2]"), Some("[1,2,3]"), Some("[1,1,2,4]")],
            Some("[1,2,3,4]"),
            none,
            "set",
        ),
        (
            Set,
            [Some("[1]"), Some("[2]"), None],
            Some("[2]"),
            theirs,
            FALLBACK,
        ),
        (
            Set,
            [Some("7"), Some("[2]"), Some("[3]")],
            Some("[2]"),
            theirs,
            FALLBACK,
        ),
        (
            Max,
            [Some("1"), Some("2"), Some("3")],
            Some("3"),
            ours,
            "max: theirs",
        ),
        (
            Max,
            [None, Some(r#""b""#), Some(r#""a""#)],
            Some(r#""b""#),
            theirs,
            "max: ours",
        ),
        (
            Max,
            [None, Some("1"), Some(r#""a""#)],
            Some("1"),
            theirs,
            FALLBACK,
        ),
        (Max, [Some("1"), None, Some("3")], None, theirs, FALLBACK),
        (
            Min,
            [Some("1"), Some("2"), Some("3")],
            Some("2"),
            theirs,
            "min: ours",
        ),
        (
            Min,
            [Some("9"), Some("4"), Some("3")],
            Some("3"),
            ours,
            "min: theirs",
        ),
        (
            Text,
            [
                Some(r#""a\nb\nc\n""#),
                Some(r#""x\nb\nc\n""#),
                Some(r#""a\nb\nz\n""#),
            ],
            Some(r#""x\nb\nz\n""#),
            none,
            "text",
        ),
        (
            Text,
            [Some(r#""one two""#), Some(r#""one 2""#), Some(r#""1 two""#)],
            Some(r#""1 2""#),
            none,
            "text",
        ),
        (
            Text,
            [Some(r#""one""#), Some(r#""uno""#), Some(r#""eins""#)],
            Some(r#""uno""#),
            theirs,
            FALLBACK,
        ),
        (
            Text,
            [None, Some(r#""uno""#), Some(r#""eins""#)],
            Some(r#""uno""#),
            theirs,
            FALLBACK,
        ),
        (
            Text,
            [Some(r#""one""#), Some("1"), Some(r#""eins""#)],
            Some("1"),
            theirs,
            FALLBACK,
        ),
    ];
    for (rule, values, outcome, loser, how) in table {
        let expected = (outcome.map(str::to_owned), *loser, (*how).to_owned());
        assert_eq!(one(rule.clone(), *values), expected, "{rule:?} {values:?}");
    }
}

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
fn times_by_field() {
    let policy = merge(
        &[("/a", FieldRule::Latest), ("/b", FieldRule::Latest)],
        None,
    );
    let mut case = case(
        r#"{"a":1,"b":1,"c":1}"#,
        r#"{"a":2,"b":2,"c":2}"#,
        r#"{"a":3,"b":3,"c":3}"#,
    )
    .stamped_by(RemoteStamps::Fields);
    let at = |a, b, latest| Stamps {
        latest: Stamp::at(latest),
        fields: [(path("/a"), Stamp::at(a)), (path("/b"), Stamp::at(b))].into(),
    };
    case.our_stamps = at(10, 20, 30);
    case.their_stamps = Some(at(15, 15, 40));
    case.their_stamp = Some(Stamp::at(5));
    assert_eq!(case.settled(&policy).0, r#"{"a":3,"b":2,"c":3}"#);
    // Without stamps by field theirs is the record's.
    case.their_stamps = None;
    assert_eq!(case.settled(&policy).0, r#"{"a":2,"b":2,"c":2}"#);
    // Without any, the server's value stands.
    case.their_stamp = None;
    assert_eq!(case.settled(&policy).0, r#"{"a":3,"b":3,"c":3}"#);
}

#[test]
fn a_tie_goes_to_the_server_whatever_the_nodes_are() {
    let stamp = |ms, counter, node| Stamp { ms, counter, node };
    let table = [
        (
            stamp(7, 1, 9),
            stamp(7, 1, 1),
            RemoteStamps::Record,
            "theirs",
        ),
        (
            stamp(7, 1, 1),
            stamp(7, 1, 9),
            RemoteStamps::Record,
            "theirs",
        ),
        (stamp(7, 2, 1), stamp(7, 1, 9), RemoteStamps::Record, "ours"),
        (
            stamp(7, 1, 1),
            stamp(7, 2, 1),
            RemoteStamps::Fields,
            "theirs",
        ),
        (stamp(8, 0, 1), stamp(7, 9, 1), RemoteStamps::Fields, "ours"),
        (
            stamp(7, 9, 1),
            stamp(7, 0, 1),
            RemoteStamps::Arrival { precision_ms: 1 },
            "theirs",
        ),
        (
            stamp(1999, 9, 1),
            stamp(1000, 0, 1),
            RemoteStamps::Arrival { precision_ms: 1000 },
            "theirs",
        ),
        (
            stamp(2000, 0, 1),
            stamp(1999, 0, 1),
            RemoteStamps::Arrival { precision_ms: 1000 },
            "ours",
        ),
    ];
    for (ours, theirs, from, side) in table {
        let mut case = case(
            r#"{"side":""}"#,
            r#"{"side":"ours"}"#,
            r#"{"side":"theirs"}"#,
        )
        .stamped_by(from);
        case.our_stamps.latest = ours;
        case.their_stamp = Some(theirs);
        for rule in [Rule::LatestTimestampWins, Rule::Merge] {
            let outcome = case.settled(&Policy::of(rule)).0;
            assert_eq!(
                outcome,
                format!(r#"{{"side":"{side}"}}"#),
                "{ours:?} {theirs:?} {from:?}"
            );
        }
    }
}

#[test]
fn server_fields_are_never_ours() {
    let of = |base, ours, theirs| case(base, ours, theirs).server_fields(&["/rev", "/meta/by"]);
    let rules = [
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::LatestTimestampWins,
        Rule::Merge,
        Rule::Manual,
    ];
    type Row = (Case, Situation, &'static str);
    let table: [Row; 10] = [
        // Our values of them are no change.
        (
            of(
                r#"{"a":1,"rev":1}"#,
                r#"{"a":1,"rev":9}"#,
                r#"{"a":1,"rev":1}"#,
            ),
            Situation::Same,
            r#"{"a":1,"rev":1}"#,
        ),
        (
            of(r#"{"a":1,"rev":1}"#, r#"{"a":1}"#, r#"{"a":2,"rev":2}"#),
            Situation::TheirsOnly,
            r#"{"a":2,"rev":2}"#,
        ),
        (
            of(r#"{"a":1}"#, r#"{"a":1,"rev":9}"#, "gone"),
            Situation::TheirsOnly,
            "gone",
        ),
        // Theirs come along.
        (
            of(
                r#"{"a":1,"rev":1}"#,
                r#"{"a":1,"rev":1}"#,
                r#"{"a":1,"rev":2}"#,
            ),
            Situation::TheirsOnly,
            r#"{"a":1,"rev":2}"#,
        ),
        (
            of(
                r#"{"a":1,"rev":1}"#,
                r#"{"a":2,"rev":1}"#,
                r#"{"a":1,"rev":2}"#,
            ),
            Situation::Disjoint,
            r#"{"a":2,"rev":2}"#,
        ),
        (
            of(
                r#"{"a":1,"rev":1}"#,
                r#"{"a":2,"rev":7}"#,
                r#"{"a":1,"rev":1}"#,
            ),
            Situation::OursOnly,
            r#"{"a":2,"rev":1}"#,
        ),
        (
            of(r#"{"a":1,"rev":1}"#, "gone", r#"{"a":1,"rev":2}"#),
            Situation::Disjoint,
            "gone",
        ),
        (
            of(
                r#"{"a":1}"#,
                r#"{"a":2,"meta":{"by":"x"}}"#,
                r#"{"a":2,"meta":{"by":"y"}}"#,
            ),
            Situation::Identical,
            r#"{"a":2,"meta":{"by":"y"}}"#,
        ),
        // An object that only holds them says nothing.
        (
            of("{}", r#"{"a":1}"#, r#"{"meta":{"by":"y"}}"#),
            Situation::Disjoint,
            r#"{"a":1,"meta":{"by":"y"}}"#,
        ),
        // An object around them that we removed leaves only them.
        (
            of(
                r#"{"meta":{"by":"x","c":1}}"#,
                r#"{}"#,
                r#"{"meta":{"by":"y","c":1}}"#,
            ),
            Situation::Disjoint,
            r#"{"meta":{"by":"y"}}"#,
        ),
    ];
    for (case, situation, outcome) in table {
        assert_eq!(case.situation(), situation, "{case:?}");
        for rule in &rules {
            let (came, loser, _) = case.settled(&Policy::of(rule.clone()));
            assert_eq!(
                (came.as_str(), loser),
                (outcome, Loser::None),
                "{case:?} {rule:?}"
            );
        }
    }
}

#[test]
fn a_side_that_wins_whole_gets_their_server_fields() {
    let case = case(
        r#"{"a":1,"rev":1}"#,
        r#"{"a":2,"rev":1,"meta":"mine"}"#,
        r#"{"a":3,"rev":2,"meta":{"by":"y"}}"#,
    )
    .server_fields(&["/rev", "/meta/by"]);
    let (outcome, loser, _) = case.settled(&Policy::of(Rule::ClientWins));
    // What stands in the way of a server field stays.
    assert_eq!(outcome, r#"{"a":2,"meta":"mine","rev":2}"#);
    assert_eq!(loser, Loser::Theirs);
    let (outcome, loser, _) = case.settled(&Policy::of(Rule::ServerWins));
    assert_eq!(outcome, r#"{"a":3,"meta":{"by":"y"},"rev":2}"#);
    assert_eq!(loser, Loser::Ours);
}

#[test]
fn a_record_that_is_created_again_has_no_server_fields_yet() {
    let case = case(r#"{"a":1,"rev":1}"#, r#"{"a":2,"rev":1}"#, "gone").server_fields(&["/rev"]);
    let (outcome, loser, by) = case.settled(&Policy::of(Rule::Merge));
    assert_eq!(outcome, r#"{"a":2}"#);
    assert_eq!((loser, by.as_str()), (Loser::Theirs, "edit-wins"));
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
