//! Fields that only the server writes.
use crate::support::{Case, case};
use tisync_core::model::{Loser, Policy, Rule};
use tisync_core::reconcile::Situation;

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
fn a_record_that_is_created_again_has_no_server_fields_yet() {
    let case = case(r#"{"a":1,"rev":1}"#, r#"{"a":2,"rev":1}"#, "gone").server_fields(&["/rev"]);
    let (outcome, loser, by) = case.settled(&Policy::of(Rule::Merge));
    assert_eq!(outcome, r#"{"a":2}"#);
    assert_eq!((loser, by.as_str()), (Loser::Theirs, "edit-wins"));
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
