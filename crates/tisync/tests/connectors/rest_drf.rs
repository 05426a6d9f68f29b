//! The connector `rest` against a real Django REST framework.
use crate::cases::{ALL_POLICIES, Case, Place, WITHOUT_TIMES};
use crate::wire::{Wire, listed, reason, seen, theirs, version};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tisync::connect::http::Request;
use tisync::model::{
    Change, Checkpoint, FailureKind, Image, Item, PageEnd, Precondition, RecordId, Verdict,
};
use xtask_backends::{DJANGO_REST, Running};

/// The server that all tests of this file share; each has paths of its own.
fn url() -> String {
    static SERVER: OnceLock<Running> = OnceLock::new();
    SERVER.get_or_init(|| DJANGO_REST.start().unwrap()).url()
}

/// A path that no other test uses, with ids that the backend makes or that are ours.
fn path(kind: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    format!("{kind}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

const TOKEN: &str = "ann:s3cret";

/// How its pages and its changes are, with ids made by it or by us.
fn options(path: &str, more: &str) -> String {
    format!(
        r#"{{"paths": {{"notes": "{path}"}}, "trailing_slash": true, "auth": "basic", "rows": "results",
            "paging": {{"by": "page", "page": "page", "limit": "page_size"}}, "page_items": 4,
            "total": {{"field": "count"}}, "hide": ["updated_at"]{more}}}"#
    )
}

const CHANGES: &str = r#", "changes": {"field": "updated_at", "since": "updated_at__gte",
    "sort": {"ordering": "updated_at,id"}, "overlap_ms": 0}"#;
const SERVER_IDS: &str = r#", "ids": "server""#;

fn wire(kind: &str, more: &str) -> Wire {
    wire_to(&path(kind), more)
}

fn wire_to(path: &str, more: &str) -> Wire {
    Wire::new("rest", &url(), &options(path, more), TOKEN, "notes")
}

fn whole(title: &str, stars: u32) -> String {
    format!(r#"{{"done":false,"stars":{stars},"tags":[],"title":"{title}"}}"#)
}

#[test]
fn every_verdict_with_ids_of_ours() {
    let wire = wire("tagged", "");
    let accepted = wire.write(wire.create(1, "ü 1", &whole("one", 1)));
    assert!(
        matches!(
            accepted,
            Verdict::Accepted {
                id: None,
                image: None,
                ..
            }
        ),
        "{accepted:?}"
    );
    // What the backend adds is shown.
    let filled = wire.write(wire.create(2, "n2", r#"{"title":"two"}"#));
    let Verdict::Accepted {
        image: Some(Image::Present(image)),
        ..
    } = filled
    else {
        panic!("{filled:?}");
    };
    assert!(image.text().contains(r#""stars":null"#), "{image:?}");

    let again = wire.write(wire.create(3, "ü 1", &whole("again", 1)));
    assert_eq!(theirs(&again), whole("one", 1));
    let wrong = r#"{"stars":"many"}"#;
    let refused = wire.write(wire.create(4, "n4", wrong));
    assert!(
        reason(&refused).contains("A valid integer is required"),
        "{refused:?}"
    );

    let gone = unconditional(&wire, 5, "never", &whole("x", 1));
    assert_eq!(theirs(&wire.write(gone)), "gone");
    let delete = wire.item(6, "ü 1", Change::Delete, None, Precondition::None);
    assert!(matches!(
        wire.write(delete.clone()),
        Verdict::Accepted { .. }
    ));
    assert_eq!(theirs(&wire.write(delete)), "gone");
    // `..` would name the collection itself.
    let refused = wire.write(wire.item(7, "..", Change::Delete, None, Precondition::None));
    assert!(reason(&refused).contains("another id"), "{refused:?}");
    // This backend takes an encoded slash for one: the record could never be read again.
    let refused = wire.write(wire.create(8, "a/b", &whole("x", 1)));
    assert!(reason(&refused).contains("`slash_in_ids`"), "{refused:?}");
    assert_eq!(seen(&wire.found("n2")), image.canonical());
    assert_eq!(seen(&wire.found("ü 1")), "gone");
    assert_eq!(seen(&wire.found("..")), "unknown");
}

fn unconditional(wire: &Wire, number: u128, id: &str, text: &str) -> tisync::model::PushItem {
    let change = Change::Replace(crate::wire::doc(text));
    wire.item(number, id, change, Some(text), Precondition::None)
}

#[test]
fn the_backend_makes_the_id() {
    let wire = wire("notes", SERVER_IDS);
    let made = |number| {
        let verdict = wire.write(wire.create(number, &format!("mine-{number}"), &whole("x", 1)));
        match verdict {
            Verdict::Accepted { id: Some(id), .. } => id,
            other => panic!("{other:?}"),
        }
    };
    let ids: Vec<RecordId> = (1..=9).map(made).collect();
    assert_eq!((ids[0].as_str(), ids[8].as_str()), ("1", "9"));
    let (items, _, pages) = wire.walk(None, 100);
    assert_eq!(items.len(), 9);
    assert!(pages >= 3, "{pages}");
    let mut edit = unconditional(&wire, 20, "3", &whole("edited", 2));
    edit.change = Change::Replace(crate::wire::doc(&whole("edited", 2)));
    assert!(matches!(
        wire.write(edit),
        Verdict::Accepted { id: None, .. }
    ));
    assert_eq!(seen(&wire.found("3")), whole("edited", 2));
}

/// Said to take ids of ours, it makes a record of each attempt: one is enough.
#[test]
fn a_backend_that_makes_the_ids_though_nobody_says_so_is_found_out() {
    let wire = wire("notes", "");
    let refused = wire.write(wire.create(1, "mine", &whole("x", 1)));
    let reason = reason(&refused);
    assert!(reason.contains("under the id 1,"), "{reason}");
    assert!(reason.contains(r#"`ids = "server"`"#), "{reason}");
    assert_eq!(wire.walk(None, 100).0.len(), 1);
}

#[test]
fn a_walk_by_number_of_page_misses_no_row_when_one_goes_meanwhile() {
    let wire = wire("tagged", r#", "query": {"ordering": "id"}"#);
    let sorted = |number: u128| format!("n{number:02}");
    for number in 0..10 {
        wire.write(wire.create(number, &sorted(number), &whole("x", 1)));
    }
    let first = wire.pull(None, 100).unwrap();
    assert_eq!(first.items.len(), 4);
    wire.write(wire.item(20, "n01", Change::Delete, None, Precondition::None));
    let (rest, ..) = wire.walk(first.checkpoint, 100);
    for number in [0, 2, 3, 4, 5, 6, 7, 8, 9] {
        let id = sorted(number);
        let seen = |items: &[Item]| {
            items
                .iter()
                .any(|item| matches!(item, Item::Upsert { id: of, .. } if of.as_str() == id))
        };
        assert!(seen(&first.items) || seen(&rest), "{id}");
    }
    // Everything in one walk, and the end is told by the count.
    let (items, _, _) = wire.walk(None, 100);
    assert_eq!(items.len(), 9);
}

#[test]
fn changes_since_a_time_come_with_microseconds_and_in_another_zone() {
    let wire = wire("tagged", CHANGES);
    for number in 0..6_u128 {
        wire.write(wire.create(number, &format!("n{number}"), &whole("x", 1)));
    }
    let (items, place, _) = wire.walk(None, 100);
    assert_eq!(items.len(), 6);
    let Item::Upsert {
        stamp: Some(stamp),
        document,
        ..
    } = &items[5]
    else {
        panic!("{items:?}");
    };
    assert!(!document.text().contains("updated_at"));
    wire.write(unconditional(&wire, 20, "n2", &whole("edited", 1)));
    let (items, place, _) = wire.walk(Some(place), 100);
    let later = listed(&items);
    assert_eq!(later.last().unwrap(), &format!("n2={}", whole("edited", 1)));
    let Some(Item::Upsert {
        stamp: Some(edited),
        ..
    }) = items.last()
    else {
        panic!()
    };
    assert!(edited > stamp);
    // Rows of the second in which the walk before began come again: the backend tells its clock in seconds.
    let (items, ..) = wire.walk(Some(place), 100);
    assert!(items.iter().all(|item| matches!(item, Item::Upsert { .. })));
}

#[test]
fn a_page_of_another_length_than_was_said_is_no_end() {
    let path = path("tagged");
    let maker = wire_to(&path, "");
    for number in 0..5_u128 {
        maker.write(maker.create(number, &format!("n{number}"), &whole("x", 1)));
    }
    // The backend puts three rows on a page when it is not asked.
    let options = format!(
        r#"{{"probe": "tagged", "paths": {{"notes": "{path}"}}, "trailing_slash": true, "rows": "results",
        "paging": {{"by": "page", "page": "page"}}, "page_items": 4}}"#
    );
    let capped = Wire::new("rest", &url(), &options, "", "notes");
    let failure = capped.pull(None, 100).unwrap_err();
    assert!(
        failure.message.contains("one of 3 came: set `page_items`"),
        "{failure:?}"
    );
    let right = options.replace("\"page_items\": 4", "\"page_items\": 3");
    let right = Wire::new("rest", &url(), &right, "", "notes");
    assert_eq!(right.walk(None, 100).0.len(), 5);
    // By the address of the next page.
    let options = format!(
        r#"{{"paths": {{"notes": "{path}"}}, "trailing_slash": true, "rows": "results",
        "paging": {{"by": "next", "field": "next", "limit": "page_size"}}, "page_items": 2}}"#
    );
    let next = Wire::new("rest", &url(), &options, "", "notes");
    let (items, _, pages) = next.walk(None, 100);
    assert_eq!((items.len(), pages), (5, 3));
}

#[test]
fn who_may_not_and_what_is_set_up_wrong_says_what_to_do() {
    let of = |path: &str, token: &str| {
        Wire::new("rest", &url(), &options(path, SERVER_IDS), token, "notes")
    };
    let wrong = of("private", "ann:wrong").pull(None, 10).unwrap_err();
    assert_eq!(wrong.kind, FailureKind::Credentials);
    assert!(
        !wrong.message.contains("wrong") && wrong.message.contains("`auth`"),
        "{wrong:?}"
    );
    let bob = of("private", "bob:s3cret");
    bob.pull(None, 10).unwrap();
    let refused = bob.write(bob.create(1, "x", "{}"));
    assert!(
        reason(&refused).contains("do not have permission"),
        "{refused:?}"
    );

    let nowhere = of("nowhere", TOKEN);
    let failure = nowhere.pull(None, 10).unwrap_err();
    assert!(failure.message.contains("`paths`") && failure.message.contains("trailing_slash"));
    let failure = nowhere
        .push(vec![nowhere.create(1, "x", "{}")])
        .unwrap_err();
    assert!(failure.not_sent, "{failure:?}");
    // A wrong path is no proof that a record is gone.
    assert_eq!(seen(&nowhere.found("1")), "unknown");
    of("notes", TOKEN).probe().unwrap();
    assert!(nowhere.probe().is_err());
    let about = of("notes", TOKEN).send(Request::json("GET", url()));
    assert_eq!(about.status, 200);
}

#[test]
fn the_place_of_a_walk_survives_a_page_that_is_asked_for_twice() {
    let wire = wire("tagged", "");
    for number in 0..6_u128 {
        wire.write(wire.create(number, &format!("n{number}"), &whole("x", 1)));
    }
    let first = wire.pull(None, 100).unwrap();
    let place: Option<Checkpoint> = first.checkpoint.clone();
    let second = wire.pull(place.clone(), 100).unwrap();
    assert_eq!(wire.pull(place, 100).unwrap().items, second.items);
    assert_eq!(second.end, PageEnd::Complete { total: Some(6) });
}

/// Any fields, `If-Match`, and changes since a time.
fn guarded() -> String {
    let more = r#", "version_field": "rev", "if_match": true"#;
    let options = options(&path("guarded"), &format!("{CHANGES}{more}"));
    options
        .replace(r#""page_items": 4"#, r#""page_items": 50"#)
        .replace(
            r#""hide": ["updated_at"]"#,
            r#""hide": ["updated_at", "rev"]"#,
        )
}

/// Any fields, and nothing to compare versions by.
fn loose() -> String {
    options(&path("loose"), "").replace(
        r#""hide": ["updated_at"]"#,
        r#""hide": ["updated_at", "rev"]"#,
    )
}

/// Versions are compared.
pub const GUARDED: Case = Case {
    kind: "rest",
    token: TOKEN,
    place: || Place {
        url: url(),
        options: guarded(),
        server: None,
    },
    tells_deletes: false,
    compares: true,
    policies: ALL_POLICIES,
    keeps_stamps: false,
};

/// Nothing is compared: each record is read right before it is written.
pub const LOOSE: Case = Case {
    place: || Place {
        url: url(),
        options: loose(),
        server: None,
    },
    compares: false,
    policies: WITHOUT_TIMES,
    ..GUARDED
};

#[test]
fn a_stale_version_is_refused_and_shows_what_is_there() {
    let wire = Wire::new("rest", &url(), &guarded(), TOKEN, "notes");
    let first = wire.made(1, "n1", r#"{"title":"one"}"#);
    let second = version(&wire.write(wire.replace(2, "n1", r#"{"title":"two"}"#, &first)));
    let late = wire.write(wire.replace(3, "n1", r#"{"title":"late"}"#, &first));
    assert_eq!(theirs(&late), r#"{"title":"two"}"#);
    assert_eq!(
        theirs(&wire.write(wire.delete(4, "n1", &first))),
        r#"{"title":"two"}"#
    );
    assert!(matches!(
        wire.write(wire.delete(5, "n1", &second)),
        Verdict::Accepted { .. }
    ));
    assert_eq!(theirs(&wire.write(wire.delete(6, "n1", &second))), "gone");
    let gone = wire.write(wire.replace(7, "n1", r#"{"title":"late"}"#, &second));
    assert_eq!(theirs(&gone), "gone");
}
