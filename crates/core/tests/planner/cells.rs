//! Every cell: all presences, rules, delete rules, fallbacks and times, against the reference.
use crate::reference::{Who, reference};
use crate::support::{Case, image, stamps};
use tisync_core::model::{
    DeleteRule, Fallback, Image, Policy, Question, RemoteStamps, Rule, Stamp,
};
use tisync_core::reconcile::{Plan, Situation};
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object};

/// When they wrote, we having written at 5,000, what the backend says of it, and who is later then.
const TIMES: [(Option<u64>, RemoteStamps, Option<Who>); 8] = {
    use RemoteStamps::{Arrival, Fields, None as Never, Record};
    let second = Arrival { precision_ms: 1000 };
    [
        (Some(4_999), Record, Some(Who::Ours)),
        (Some(5_000), Record, Some(Who::Theirs)),
        (Some(5_001), Fields, Some(Who::Theirs)),
        (None, Record, None),
        (Some(4_999), second, Some(Who::Ours)),
        (Some(5_999), second, Some(Who::Theirs)),
        (Some(5_000), Arrival { precision_ms: 0 }, Some(Who::Theirs)),
        (Some(4_999), Never, None),
    ]
};

const FALLBACKS: [Option<Fallback>; 5] = [
    None,
    Some(Fallback::Client),
    Some(Fallback::Server),
    Some(Fallback::Latest),
    Some(Fallback::Manual),
];

const DELETES: [Option<DeleteRule>; 7] = [
    None,
    Some(DeleteRule::EditWins),
    Some(DeleteRule::DeleteWins),
    Some(DeleteRule::ClientWins),
    Some(DeleteRule::ServerWins),
    Some(DeleteRule::LatestTimestampWins),
    Some(DeleteRule::Manual),
];

fn rules() -> [Rule; 6] {
    [
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::LatestTimestampWins,
        Rule::Merge,
        Rule::Manual,
        Rule::Function("f".to_owned()),
    ]
}

/// Checks one cell and says what was found.
fn check(case: &Case, policy: &Policy, later: Option<Who>) -> Situation {
    let objects =
        [&case.base, &case.ours, &case.theirs].map(|image| image.document().map(Document::object));
    let expected = reference(objects.each_ref().map(Option::as_ref), policy, later);
    match (case.plan(policy), expected) {
        (Plan::Settled(decision), Ok((outcome, loser))) => {
            let came = decision.outcome.document().map(Document::object);
            assert_eq!(
                (came, decision.loser),
                (outcome, loser),
                "{case:?} {policy:?}"
            );
            assert!(!decision.by.is_empty());
        }
        (Plan::Open(asked), Err("person")) => assert_eq!(asked, [], "{case:?} {policy:?}"),
        (Plan::Open(asked), Err(function)) => {
            let whole = Question {
                function: "f".to_owned(),
                field: None,
            };
            assert_eq!(
                (asked, function),
                (vec![whole], "function"),
                "{case:?} {policy:?}"
            );
        }
        (plan, expected) => panic!("{case:?} {policy:?}: expected {expected:?}, came {plan:?}"),
    }
    case.situation()
}

fn cell(
    images: [&Image; 3],
    (theirs_ms, from, _): &(Option<u64>, RemoteStamps, Option<Who>),
) -> Case {
    let [base, ours, theirs] = images.map(Image::clone);
    Case {
        base,
        ours,
        theirs,
        our_stamps: stamps(5_000),
        their_stamp: theirs_ms.map(Stamp::at),
        their_stamps: None,
        stamps: *from,
        server_fields: Vec::new(),
        equality: tisync_core::model::Equality::default(),
    }
}

fn triples(images: &[Image]) -> impl Iterator<Item = [&Image; 3]> {
    images.iter().flat_map(move |base| {
        images
            .iter()
            .flat_map(move |ours| images.iter().map(move |theirs| [base, ours, theirs]))
    })
}

#[test]
fn every_presence_rule_delete_rule_fallback_and_time() {
    let images = [
        "absent",
        "gone",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"a":1,"b":1}"#,
        r#"{"a":3}"#,
    ]
    .map(image);
    let mut cells = 0;
    let mut found = BTreeMap::<Situation, usize>::new();
    for images in triples(&images) {
        for time in &TIMES {
            let case = cell(images, time);
            for rule in rules() {
                for (deletes, fallback) in DELETES
                    .iter()
                    .flat_map(|d| FALLBACKS.iter().map(move |f| (*d, *f)))
                {
                    let policy = Policy {
                        rule: rule.clone(),
                        deletes,
                        fields: BTreeMap::new(),
                        fallback,
                    };
                    let situation = check(&case, &policy, time.2);
                    *found.entry(situation).or_default() += 1;
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 216 * 8 * 6 * 7 * 5);
    assert_eq!(found.len(), 10, "every situation was met: {found:?}");
}

#[test]
fn every_document_of_two_keys() {
    let values = [None, Some("null"), Some("1"), Some(r#""x""#)];
    let mut images = vec![Image::Gone];
    for (a, b) in values
        .iter()
        .flat_map(|a| values.iter().map(move |b| (a, b)))
    {
        let fields = [("a", a), ("b", b)];
        let object: Object = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), crate::support::value((*value)?))))
            .collect();
        images.push(Image::Present(Document::from_object(&object)));
    }
    let policies: Vec<Policy> = rules()
        .into_iter()
        .map(Policy::of)
        .chain(FALLBACKS.iter().map(|fallback| Policy {
            fallback: *fallback,
            ..Policy::of(Rule::Merge)
        }))
        .collect();
    let mut cells = 0;
    for images in triples(&images) {
        for time in &TIMES[..2] {
            let case = cell(images, time);
            for policy in &policies {
                check(&case, policy, time.2);
                cells += 1;
            }
        }
    }
    assert!(cells > 4_096 * 4 * 2, "{cells}");
}

/// Which decisions are sent whole, and what they say decided.
#[test]
fn whole_and_by() {
    let edits = [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#];
    let ours_deleted = [r#"{"a":1}"#, "gone", r#"{"a":3}"#];
    let theirs_deleted = [r#"{"a":1}"#, r#"{"a":2}"#, "absent"];
    let only_ours = [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":1}"#];
    let delete = |deletes| Policy {
        deletes: Some(deletes),
        ..Policy::of(Rule::Merge)
    };
    let of = Policy::of;
    let table: [([&str; 3], Policy, &str, bool, &str); 14] = [
        (
            edits,
            of(Rule::ClientWins),
            r#"{"a":2}"#,
            true,
            "client-wins",
        ),
        (
            edits,
            of(Rule::ServerWins),
            r#"{"a":3}"#,
            true,
            "server-wins",
        ),
        (
            edits,
            of(Rule::LatestTimestampWins),
            r#"{"a":2}"#,
            true,
            "latest-timestamp-wins",
        ),
        (
            edits,
            of(Rule::Merge),
            r#"{"a":2}"#,
            false,
            "merge (/a fallback latest: ours)",
        ),
        (
            only_ours,
            of(Rule::ClientWins),
            r#"{"a":2}"#,
            false,
            "client-wins",
        ),
        (only_ours, of(Rule::Manual), r#"{"a":2}"#, false, "manual"),
        (
            only_ours,
            of(Rule::Function("f".into())),
            r#"{"a":2}"#,
            false,
            "function f",
        ),
        (
            theirs_deleted,
            of(Rule::Merge),
            r#"{"a":2}"#,
            true,
            "edit-wins",
        ),
        (
            theirs_deleted,
            of(Rule::ServerWins),
            "gone",
            false,
            "server-wins",
        ),
        (
            theirs_deleted,
            delete(DeleteRule::DeleteWins),
            "gone",
            false,
            "delete-wins",
        ),
        (
            ours_deleted,
            of(Rule::Merge),
            r#"{"a":3}"#,
            false,
            "edit-wins",
        ),
        (
            ours_deleted,
            of(Rule::ClientWins),
            "gone",
            false,
            "client-wins",
        ),
        (
            ours_deleted,
            delete(DeleteRule::DeleteWins),
            "gone",
            false,
            "delete-wins",
        ),
        (
            ours_deleted,
            of(Rule::LatestTimestampWins),
            "gone",
            false,
            "latest-timestamp-wins",
        ),
    ];
    for ([base, ours, theirs], policy, outcome, whole, by) in table {
        let case = crate::support::case(base, ours, theirs);
        let decision = crate::support::settled(case.plan(&policy));
        let came = (
            crate::support::text(&decision.outcome),
            decision.whole,
            decision.by,
        );
        assert_eq!(
            came,
            (outcome.to_owned(), whole, by.to_owned()),
            "{policy:?}"
        );
    }
}
