//! A backend that normalises: what only looks different is no change of theirs.
use super::support::case;
use tisync_core::model::{Equality, Loser, Policy, Rule};
use tisync_core::reconcile::{Plan, Situation};

const ALL: Equality = Equality {
    instants: true,
    absent_is_null: true,
    unordered: true,
};

#[test]
fn what_is_equal_to_the_backend_is_no_change() {
    for (base, theirs) in [
        (
            r#"{"at":"2024-01-01T10:00:00Z"}"#,
            r#"{"at":"2024-01-01T12:00:00.000+02:00"}"#,
        ),
        (r#"{"a":1,"b":null}"#, r#"{"a":1.0}"#),
        (r#"{"a":1}"#, r#"{"a":1,"o":null}"#),
        (r#"{"a":[1,2,{"x":null}]}"#, r#"{"a":[{},2,1]}"#),
        (
            r#"{"o":{"at":"2024-01-01T10:00:00Z"}}"#,
            r#"{"o":{"at":"2024-01-01T10:00:00.0Z","n":null}}"#,
        ),
    ] {
        let same = case(base, base, theirs).equal_by(ALL);
        assert_eq!(same.situation(), Situation::TheirsOnly, "{theirs}");
        let edited = base.replacen('{', r#"{"z":"ours","#, 1);
        let loser = |equality| {
            let case = case(base, &edited, theirs).equal_by(equality);
            match case.plan(&Policy::of(Rule::ServerWins)) {
                Plan::Settled(decision) => decision.loser,
                Plan::Open(_) => panic!("nothing is open"),
            }
        };
        assert_eq!(loser(ALL), Loser::None, "{theirs}");
        assert_eq!(loser(Equality::default()), Loser::Ours, "{theirs}");
    }
}

#[test]
fn a_merge_keeps_what_they_made_of_the_rest() {
    let policy = Policy::of(Rule::Merge);
    let base = r#"{"at":"2024-01-01T10:00:00Z","t":"x"}"#;
    let ours = r#"{"at":"2024-01-01T10:00:00Z","t":"ours"}"#;
    let theirs = r#"{"at":"2024-01-01T10:00:00.000Z","t":"x"}"#;
    let Plan::Settled(decision) = case(base, ours, theirs).equal_by(ALL).plan(&policy) else {
        panic!("nothing is open");
    };
    let outcome = decision
        .outcome
        .document()
        .map(|document| document.canonical());
    assert_eq!(
        outcome.as_deref(),
        Some(r#"{"at":"2024-01-01T10:00:00.000Z","t":"ours"}"#)
    );
}

#[test]
fn both_to_the_same_in_other_words_is_no_conflict() {
    let base = r#"{"at":"2024-01-01T10:00:00Z"}"#;
    let ours = r#"{"at":"2025-01-01T10:00:00Z"}"#;
    let theirs = r#"{"at":"2025-01-01T11:00:00+01:00"}"#;
    let both = case(base, ours, theirs).equal_by(ALL);
    assert_eq!(both.situation(), Situation::Identical);
    let other = case(base, ours, r#"{"at":"2025-01-01T11:00:01+01:00"}"#).equal_by(ALL);
    assert_eq!(other.situation(), Situation::BothChanged);
}
