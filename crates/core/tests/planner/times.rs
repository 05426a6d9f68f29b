//! Who wrote later.
use crate::support::{case, merge, path};
use tisync_core::model::{FieldRule, Policy, RemoteStamps, Rule, Stamp, Stamps};

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
