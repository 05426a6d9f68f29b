//! Policies that cannot be carried out are refused, with what to do.
use crate::support::path;
use tisync_core::model::{DeleteRule, Fallback, FieldRule, Policy, RemoteStamps, Rule};
use tisync_core::reconcile::check;

fn merge(at: &str, rule: FieldRule, fallback: Option<Fallback>) -> Policy {
    Policy {
        fields: [(path(at), rule)].into(),
        fallback,
        ..Policy::of(Rule::Merge)
    }
}

#[test]
fn field_rules_need_merge() {
    let mut policy = merge("/a", FieldRule::Client, None);
    assert_eq!(check(&policy, &RemoteStamps::Fields), Ok(()));
    policy.rule = Rule::ClientWins;
    let error = check(&policy, &RemoteStamps::Fields).unwrap_err();
    assert!(
        error.contains("/a") && error.contains("client-wins"),
        "{error}"
    );
}

#[test]
fn functions_need_a_name_and_a_fallback() {
    let stamps = RemoteStamps::None;
    let of_record = |name: &str, fallback| Policy {
        fallback,
        ..Policy::of(Rule::Function(name.to_owned()))
    };
    let of_field =
        |name: &str, fallback| merge("/a", FieldRule::Function(name.to_owned()), fallback);
    for fallback in [Fallback::Client, Fallback::Server, Fallback::Manual] {
        assert_eq!(check(&of_record("f", Some(fallback)), &stamps), Ok(()));
        assert_eq!(check(&of_field("f", Some(fallback)), &stamps), Ok(()));
    }
    for policy in [of_record("f", None), of_field("f", None)] {
        let error = check(&policy, &stamps).unwrap_err();
        assert!(error.contains("fallback"), "{error}");
    }
    let server = Some(Fallback::Server);
    for policy in [of_record("", server), of_field("", server)] {
        let error = check(&policy, &stamps).unwrap_err();
        assert!(error.contains("name of a function"), "{error}");
    }
}

#[test]
fn latest_needs_stamps() {
    let by_delete_rule = Policy {
        deletes: Some(DeleteRule::LatestTimestampWins),
        ..Policy::of(Rule::Merge)
    };
    let by_fallback = Policy {
        fallback: Some(Fallback::Latest),
        ..Policy::of(Rule::Merge)
    };
    let policies = [
        (Policy::of(Rule::LatestTimestampWins), "the rule"),
        (by_delete_rule, "the delete rule"),
        (merge("/a", FieldRule::Latest, None), "the field /a"),
        (by_fallback, "the fallback"),
    ];
    for (policy, place) in policies {
        let error = check(&policy, &RemoteStamps::None).unwrap_err();
        assert!(error.contains(place), "{error}");
        for stamps in [
            RemoteStamps::Fields,
            RemoteStamps::Record,
            RemoteStamps::Arrival { precision_ms: 1000 },
        ] {
            assert_eq!(check(&policy, &stamps), Ok(()));
        }
    }
    for rule in [
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::Merge,
        Rule::Manual,
    ] {
        assert_eq!(check(&Policy::of(rule), &RemoteStamps::None), Ok(()));
    }
}
