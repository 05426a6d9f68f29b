//! What each field rule makes of which values.
use crate::support::{case, merge};
use tisync_core::model::{Fallback, FieldRule, Loser};

/// One field `a` under one rule, with the fallback `client`:
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
