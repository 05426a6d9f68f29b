//! Answers to open conflicts, failures, and undo.
use crate::support::{case, image, path, settled, text, told, value};
use tisync_core::model::{
    DeleteRule, Fallback, FieldRule, Loser, Policy, RemoteStamps, Resolution, Rule,
};
use tisync_core::reconcile::{Plan, undo};
use tisync_json::Document;

fn policy(rule: Rule, fallback: Option<Fallback>) -> Policy {
    Policy {
        fallback,
        ..Policy::of(rule)
    }
}

fn document(text: &str) -> Resolution {
    Resolution::Document(Document::parse(text).unwrap())
}

fn fields(values: &[(&str, &str)]) -> Resolution {
    Resolution::Fields(
        values
            .iter()
            .map(|(at, text)| (path(at), value(text)))
            .collect(),
    )
}

#[test]
fn a_person_answers() {
    let edits = case(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":3,"b":2}"#);
    let deleted = case(r#"{"a":1}"#, r#"{"a":2}"#, "gone");
    let unseen = case("absent", "absent", r#"{"a":1}"#);
    let we_deleted = case(r#"{"a":1}"#, "gone", r#"{"a":2}"#);
    let table = [
        (&edits, Resolution::Ours, r#"{"a":2,"b":1}"#, Loser::Theirs),
        (&edits, Resolution::Theirs, r#"{"a":3,"b":2}"#, Loser::Ours),
        (&edits, Resolution::Delete, "gone", Loser::Both),
        // Each side keeps what is in the document.
        (
            &edits,
            document(r#"{"a":2,"b":2}"#),
            r#"{"a":2,"b":2}"#,
            Loser::Theirs,
        ),
        (
            &edits,
            document(r#"{"a":9,"b":2}"#),
            r#"{"a":9,"b":2}"#,
            Loser::Both,
        ),
        (
            &edits,
            fields(&[("/a", "2")]),
            r#"{"a":2,"b":2}"#,
            Loser::Theirs,
        ),
        (
            &edits,
            fields(&[("/a", "3")]),
            r#"{"a":3,"b":2}"#,
            Loser::Ours,
        ),
        (
            &edits,
            fields(&[("/a", "5"), ("/n/m", "6")]),
            r#"{"a":5,"b":2,"n":{"m":6}}"#,
            Loser::Both,
        ),
        (&edits, fields(&[]), r#"{"a":2,"b":2}"#, Loser::Theirs),
        (&deleted, Resolution::Ours, r#"{"a":2}"#, Loser::Theirs),
        (&deleted, Resolution::Theirs, "gone", Loser::Ours),
        (&deleted, Resolution::Delete, "gone", Loser::Ours),
        (
            &deleted,
            fields(&[("/b", "1")]),
            r#"{"a":2,"b":1}"#,
            Loser::Theirs,
        ),
        // Who was not there has nothing to lose.
        (&unseen, document(r#"{"a":7}"#), r#"{"a":7}"#, Loser::Theirs),
        (&we_deleted, Resolution::Ours, "gone", Loser::Theirs),
        (&we_deleted, Resolution::Theirs, r#"{"a":2}"#, Loser::Ours),
        (
            &we_deleted,
            document(r#"{"a":7}"#),
            r#"{"a":7}"#,
            Loser::Both,
        ),
    ];
    for (case, resolution, outcome, loser) in table {
        let decision = case.resolve(&Policy::of(Rule::Manual), &resolution);
        let came = (text(&decision.outcome), decision.loser);
        assert_eq!(came, (outcome.to_owned(), loser), "{case:?} {resolution:?}");
        assert!(
            decision.by.contains("manual") || decision.by.contains("fallback"),
            "{}",
            decision.by
        );
    }
}

#[test]
fn answers_keep_their_server_fields() {
    let edits = case(
        r#"{"a":1,"rev":1}"#,
        r#"{"a":2,"rev":1}"#,
        r#"{"a":3,"rev":2}"#,
    )
    .server_fields(&["/rev"]);
    let manual = Policy::of(Rule::Manual);
    for (resolution, outcome) in [
        (Resolution::Ours, r#"{"a":2,"rev":2}"#),
        (document(r#"{"a":5,"rev":9}"#), r#"{"a":5,"rev":2}"#),
        (document(r#"{"a":3}"#), r#"{"a":3,"rev":2}"#),
        (fields(&[("/a", "6"), ("/rev", "7")]), r#"{"a":6,"rev":2}"#),
    ] {
        let decision = edits.resolve(&manual, &resolution);
        assert_eq!(text(&decision.outcome), outcome, "{resolution:?}");
    }
    // Neither does the value of an object that holds some, nor a value inside one.
    let theirs = r#"{"m":{"by":"y","x":3}}"#;
    let inside =
        case(r#"{"m":{"by":"y","x":1}}"#, r#"{"m":"mine"}"#, theirs).server_fields(&["/m/by"]);
    for (resolution, outcome) in [
        (
            fields(&[("/m", r#"{"by":"z","x":6}"#)]),
            r#"{"m":{"by":"y","x":6}}"#,
        ),
        (fields(&[("/m/by/z", "1")]), r#"{"m":"mine"}"#),
    ] {
        let decision = inside.resolve(&manual, &resolution);
        assert_eq!(text(&decision.outcome), outcome, "{resolution:?}");
    }
    // Also where the server has none yet.
    let edits = case("{}", r#"{"m":{"x":1}}"#, r#"{"m":{"x":3}}"#).server_fields(&["/m/by"]);
    let decision = edits.resolve(&manual, &fields(&[("/m", r#"{"by":"z","x":6}"#)]));
    assert_eq!(text(&decision.outcome), r#"{"m":{"x":6}}"#);
}

#[test]
fn a_function_answers() {
    let of_field = Policy {
        fields: [
            (path("/a"), FieldRule::Function("f".into())),
            (path("/n"), FieldRule::Counter),
        ]
        .into(),
        ..policy(Rule::Merge, Some(Fallback::Server))
    };
    let edits = case(
        r#"{"a":1,"n":1,"z":1}"#,
        r#"{"a":2,"n":2,"z":2}"#,
        r#"{"a":3,"n":4,"z":3}"#,
    );
    let decision = edits.resolve(&of_field, &fields(&[("/a", "[2,3]")]));
    assert_eq!(
        told(decision),
        (
            r#"{"a":[2,3],"n":5,"z":3}"#.to_owned(),
            Loser::Both,
            "merge (/n counter; /z fallback server: theirs; /a function f)".to_owned(),
        )
    );
    let of_record = policy(Rule::Function("f".into()), Some(Fallback::Server));
    let decision = edits.resolve(&of_record, &document(r#"{"a":2,"n":2,"z":2}"#));
    assert_eq!(decision.by, "function f");
    assert_eq!(decision.loser, Loser::Theirs);
    // A value for an object decides about everything in it.
    let inside = case(
        r#"{"o":{"x":1,"y":1}}"#,
        r#"{"o":{"x":2,"y":1}}"#,
        r#"{"o":{"x":3,"y":2}}"#,
    );
    let decision = inside.resolve(&of_record, &fields(&[("/o", r#"{"x":2}"#)]));
    assert_eq!(
        told(decision),
        (
            r#"{"o":{"x":2}}"#.to_owned(),
            Loser::Theirs,
            "merge (/o function f)".to_owned(),
        )
    );
}

#[test]
fn a_function_fails() {
    let failed = Resolution::Failed("threw".to_owned());
    let edits = case(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":3,"b":2}"#);
    let theirs_deleted = case(r#"{"a":1}"#, r#"{"a":2}"#, "gone");
    let ours_deleted = case(r#"{"a":1}"#, "gone", r#"{"a":3}"#);
    let f = |fallback| policy(Rule::Function("f".into()), Some(fallback));
    let table = [
        (&edits, Fallback::Client, r#"{"a":2,"b":1}"#, Loser::Theirs),
        (&edits, Fallback::Server, r#"{"a":3,"b":2}"#, Loser::Ours),
        (&edits, Fallback::Latest, r#"{"a":2,"b":1}"#, Loser::Theirs),
        (
            &theirs_deleted,
            Fallback::Client,
            r#"{"a":2}"#,
            Loser::Theirs,
        ),
        (&theirs_deleted, Fallback::Server, "gone", Loser::Ours),
        (
            &theirs_deleted,
            Fallback::Latest,
            r#"{"a":2}"#,
            Loser::Theirs,
        ),
        (&ours_deleted, Fallback::Client, "gone", Loser::Theirs),
        (&ours_deleted, Fallback::Server, r#"{"a":3}"#, Loser::Ours),
        (&ours_deleted, Fallback::Latest, "gone", Loser::Theirs),
    ];
    for (case, fallback, outcome, loser) in table {
        let decision = case.resolve(&f(fallback), &failed);
        assert_eq!(
            case.after_failure(&f(fallback)),
            Plan::Settled(decision.clone())
        );
        let (came, lost, by) = told(decision);
        assert_eq!(
            (came.as_str(), lost),
            (outcome, loser),
            "{case:?} {fallback:?}"
        );
        assert!(by.starts_with("fallback "), "{by}");
    }
    // Without a stamp of theirs, `latest` takes the server's edit, and an edit before a delete.
    for (case, outcome) in [
        (&edits, r#"{"a":3,"b":2}"#),
        (&theirs_deleted, r#"{"a":2}"#),
        (&ours_deleted, r#"{"a":3}"#),
    ] {
        let unstamped = case.clone().at(200, None);
        assert_eq!(
            text(&unstamped.resolve(&f(Fallback::Latest), &failed).outcome),
            outcome
        );
    }
}

#[test]
fn after_a_failure_a_person_may_have_to_decide() {
    let edits = case(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":2}"#, r#"{"a":3,"b":3}"#);
    let f = Rule::Function("f".into());
    let manual = policy(f.clone(), Some(Fallback::Manual));
    assert_eq!(edits.after_failure(&manual), Plan::Open(Vec::new()));
    assert_eq!(
        edits.after_failure(&Policy::of(Rule::Manual)),
        Plan::Open(Vec::new())
    );
    // `resolve` itself always decides.
    let failed = Resolution::Failed("late".into());
    let (_, loser, by) = told(edits.resolve(&manual, &failed));
    assert_eq!((loser, by.as_str()), (Loser::Theirs, "fallback latest"));
    let unstamped = edits.clone().stamped_by(RemoteStamps::None);
    assert_eq!(
        told(unstamped.resolve(&manual, &failed)).2,
        "fallback server"
    );
    // A field of a function falls back alone; the others merge.
    let of_field = Policy {
        fields: [
            (path("/a"), FieldRule::Function("f".into())),
            (path("/b"), FieldRule::Max),
        ]
        .into(),
        ..policy(Rule::Merge, Some(Fallback::Client))
    };
    let decision = settled(edits.after_failure(&of_field));
    assert_eq!(
        told(decision),
        (
            r#"{"a":2,"b":3}"#.to_owned(),
            Loser::Both,
            "merge (/a fallback client: ours; /b max: theirs)".to_owned(),
        )
    );
    // What is no conflict any more is planned as such, and so is a delete with a rule of its own.
    let over = case(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2}"#);
    assert_eq!(told(settled(over.after_failure(&manual))).1, Loser::None);
    let deletes = Policy {
        deletes: Some(DeleteRule::DeleteWins),
        ..policy(f, Some(Fallback::Client))
    };
    let gone = case(r#"{"a":1}"#, r#"{"a":2}"#, "gone");
    assert_eq!(told(gone.resolve(&deletes, &failed)).2, "delete-wins");
}

#[test]
fn undo_brings_the_loser_back() {
    let table = [
        // outcome, now, loser → what stands
        (r#"{"a":2}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":3}"#),
        (
            r#"{"a":2,"b":1}"#,
            r#"{"a":2,"b":5}"#,
            r#"{"a":3,"b":1}"#,
            r#"{"a":3,"b":5}"#,
        ),
        // Both changed: the loser wins.
        (r#"{"a":2}"#, r#"{"a":9}"#, r#"{"a":3}"#, r#"{"a":3}"#),
        // The loser had not got the field.
        (
            r#"{"a":2,"b":1}"#,
            r#"{"a":2,"b":1,"c":1}"#,
            r#"{"a":2}"#,
            r#"{"a":2,"c":1}"#,
        ),
        // A delete that lost, and an edit that lost against a delete.
        (r#"{"a":2}"#, r#"{"a":2}"#, "gone", "gone"),
        (r#"{"a":2}"#, r#"{"a":9}"#, "gone", "gone"),
        ("gone", "gone", r#"{"a":3}"#, r#"{"a":3}"#),
        ("gone", r#"{"a":1,"b":1}"#, r#"{"a":3}"#, r#"{"a":3,"b":1}"#),
        // Deleted since.
        (r#"{"a":2}"#, "gone", r#"{"a":3}"#, r#"{"a":3}"#),
        // Nothing to bring back.
        (r#"{"a":2}"#, "gone", r#"{"a":2.0}"#, "gone"),
        ("gone", r#"{"a":1}"#, "absent", r#"{"a":1}"#),
    ];
    for (outcome, now, loser, stands) in table {
        let came = undo(&image(outcome), &image(now), &image(loser));
        assert_eq!(text(&came), stands, "{outcome} {now} {loser}");
    }
}

#[test]
fn an_undo_that_would_be_too_large_shows_the_loser_alone() {
    let long = |key| image(&format!(r#"{{"{key}":"{}"}}"#, "x".repeat(600_000)));
    assert_eq!(undo(&image("{}"), &long("a"), &long("b")), long("b"));
}
