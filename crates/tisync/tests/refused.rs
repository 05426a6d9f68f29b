//! Writes that the server refuses: parked, never lost, settled by a person.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use tisync::Replica;
use tisync::model::{Blocker, EntryState, Event};
use tisync::{Notice, OutboxEntry};

/// A replica whose server refuses every note that is marked `bad`.
fn with_a_refused_note(world: &World) -> (Replica, OutboxEntry) {
    let a = world.notes("a", "merge");
    let notes = a.collection("notes").unwrap();
    notes.put("bad", r#"{"bad": true}"#).unwrap();
    notes.put("good", r#"{"bad": false}"#).unwrap();
    let report = a.blocking_sync().unwrap();
    assert!(report.needs_person(), "{report:?}");
    let mut waiting = a.outbox().waiting().unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    (a, waiting.remove(0))
}

#[test]
fn a_refused_write_is_parked_with_its_reason_and_stays_visible() {
    let world = World::strict();
    let (a, entry) = with_a_refused_note(&world);
    let EntryState::Parked { reason, .. } = &entry.entry.state else {
        panic!("{entry:?}");
    };
    assert!(reason.contains("no bad notes"), "{reason}");
    assert_eq!(entry.record.as_str(), "bad");
    assert_eq!(text(&a, "bad"), r#"{"bad":true}"#);
    let health = a.health().unwrap();
    assert_eq!((health.outbox.parked, health.outbox.total()), (1, 1));
    // A later edit of the record waits behind it; other records go on.
    a.collection("notes")
        .unwrap()
        .put("bad", r#"{"bad": true, "n": 1}"#)
        .unwrap();
    a.collection("notes").unwrap().put("more", "{}").unwrap();
    a.blocking_sync().unwrap();
    let health = a.health().unwrap();
    let [waiting] = &health.blockers[..] else {
        panic!("{health:?}");
    };
    assert_eq!(
        (waiting.blocker, waiting.entries),
        (Blocker::ParkedAncestor, 1)
    );
    assert!(waiting.oldest_ms >= entry.entry.created_ms);
}

#[test]
fn an_edit_of_a_parked_entry_is_sent() {
    let world = World::strict();
    let (a, entry) = with_a_refused_note(&world);
    a.outbox()
        .edit(entry.entry.id, r#"{"bad": false}"#)
        .unwrap();
    assert!(a.blocking_sync().unwrap().is_synced());
    assert_eq!(text(&a, "bad"), r#"{"bad":false}"#);
    let b = world.notes("b", "merge");
    b.blocking_sync().unwrap();
    assert_eq!(text(&b, "bad"), r#"{"bad":false}"#);
}

#[test]
fn a_retry_is_refused_again_and_tells_the_app() {
    let world = World::strict();
    let (a, entry) = with_a_refused_note(&world);
    let mut events = a.events();
    a.outbox().retry(entry.entry.id).unwrap();
    a.blocking_sync().unwrap();
    let notices: Vec<Notice> = std::iter::from_fn(|| events.try_next()).collect();
    let parked = notices.iter().any(
        |notice| matches!(notice, Notice::Event(Event::Parked { id, .. }) if id.as_str() == "bad"),
    );
    assert!(parked, "{notices:?}");
    assert_eq!(a.outbox().waiting().unwrap().len(), 1);
}

#[test]
fn a_discarded_entry_is_kept_by_the_journal() {
    let world = World::strict();
    let (a, entry) = with_a_refused_note(&world);
    a.outbox().discard(entry.entry.id).unwrap();
    assert_eq!(text(&a, "bad"), "-");
    assert!(a.outbox().get(entry.entry.id).unwrap_err().is_not_found());
    let rows = a.journal().of("notes", "bad", 10).unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        rows[0].ours.document().unwrap().canonical(),
        r#"{"bad":true}"#
    );
    assert!(a.blocking_sync().unwrap().is_synced());
}
