//! Live queries: which watch runs when.
#![allow(clippy::unwrap_used)]
use tisync_core::model::{ChangeKind, CollectionName, Event, JournalId, RecordId};
use tisync_json::tree::BTreeSet;
use tisync_store::{Live, Topic, WatchId};

fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).unwrap()
}

fn changed(name: &str, ids: &[&str]) -> Event {
    let records = ids.iter().map(|text| (id(text), ChangeKind::Updated));
    Event::Changed {
        collection: collection(name),
        records: records.collect(),
        remote: true,
    }
}

fn opened() -> Event {
    Event::ConflictOpened {
        collection: collection("notes"),
        id: id("n1"),
    }
}

/// Begins a watch that has run its first time at 0.
fn watch(live: &mut Live, topic: Topic) -> WatchId {
    let id = live.watch(topic);
    run(live, id, 0, 0);
    id
}

fn run(live: &mut Live, id: WatchId, at_ms: u64, for_ms: u64) {
    assert!(live.is_due(id, at_ms));
    live.begin(id, at_ms);
    live.end(id, at_ms + for_ms);
}

#[test]
fn a_change_touches_what_shows_it_and_nothing_else() {
    let ids =
        |texts: &[&str]| -> BTreeSet<RecordId> { texts.iter().map(|text| id(text)).collect() };
    let notes = || Topic::Collection(collection("notes"));
    let n1 = || Topic::Record(collection("notes"), ids(&["n1", "local-1"]));
    let conflicts = || Topic::Conflicts(BTreeSet::from([(collection("notes"), id("n1"))]));
    let journalled = Event::Journalled {
        collection: collection("notes"),
        id: id("n1"),
        row: JournalId(1),
    };
    let cases = [
        (notes(), changed("notes", &["n9"]), true),
        (notes(), changed("tasks", &["n1"]), false),
        (notes(), opened(), false),
        (notes(), Event::Health, false),
        (n1(), changed("notes", &["n0", "n1"]), true),
        (n1(), changed("notes", &["local-1"]), true),
        (n1(), changed("notes", &["n2"]), false),
        (n1(), changed("tasks", &["n1"]), false),
        (conflicts(), opened(), true),
        (conflicts(), changed("notes", &["n1"]), true),
        (conflicts(), changed("notes", &["n2"]), false),
        (conflicts(), changed("tasks", &["n1"]), false),
        (conflicts(), journalled.clone(), false),
        (Topic::Health, Event::Health, true),
        (Topic::Health, changed("notes", &["n1"]), true),
        (Topic::Health, journalled, true),
        (Topic::Records, changed("tasks", &["n1"]), true),
        (Topic::Records, Event::Health, false),
    ];
    for (topic, event, touches) in cases {
        let mut live = Live::default();
        let watch = watch(&mut live, topic.clone());
        live.changed(&event);
        assert_eq!(live.is_due(watch, 1_000), touches, "{topic:?} {event:?}");
    }
}

#[test]
fn a_storm_of_changes_runs_a_watch_every_50_ms_and_once_after_the_last() {
    let mut live = Live::default();
    let watch = live.watch(Topic::Collection(collection("notes")));
    let mut ran = Vec::new();
    let last_change_ms = 1_015;
    for now_ms in 0..3_000 {
        if now_ms <= last_change_ms {
            live.changed(&changed("notes", &["n1"]));
        }
        if live.is_due(watch, now_ms) {
            run(&mut live, watch, now_ms, 0);
            ran.push(now_ms);
        }
    }
    let expected: Vec<u64> = (0..=21).map(|number| number * 50).collect();
    assert_eq!(ran, expected);
    assert_eq!(live.due_ms(watch), None);
}

#[test]
fn a_change_during_a_run_is_not_lost() {
    let mut live = Live::default();
    let watch = live.watch(Topic::Health);
    live.begin(watch, 0);
    live.changed(&Event::Health);
    assert!(!live.is_due(watch, 1_000), "it runs already");
    live.end(watch, 1_000);
    assert_eq!(live.due_ms(watch), Some(2_000));
}

#[test]
fn a_slow_watch_rests_for_as_long_as_it_ran() {
    let mut live = Live::default();
    let watch = live.watch(Topic::Health);
    run(&mut live, watch, 0, 700);
    live.changed(&Event::Health);
    assert!(!live.is_due(watch, 1_399));
    assert!(live.is_due(watch, 1_400));
}

#[test]
fn a_quiet_watch_shows_a_change_at_once() {
    let mut live = Live::default();
    let watch = watch(&mut live, Topic::Health);
    live.changed(&Event::Health);
    assert!(live.is_due(watch, 5_000));
}

#[test]
fn another_process_may_have_changed_anything() {
    let mut live = Live::default();
    let topics = [
        Topic::Collection(collection("notes")),
        Topic::Record(collection("notes"), BTreeSet::from([id("n1")])),
        Topic::Conflicts(BTreeSet::new()),
        Topic::Health,
        Topic::Records,
    ];
    let watches = topics.map(|topic| watch(&mut live, topic));
    live.changed_elsewhere();
    assert!(watches.iter().all(|watch| live.is_due(*watch, 50)));
}

#[test]
fn a_record_that_got_another_id_is_followed() {
    let mut live = Live::default();
    let ids = BTreeSet::from([id("local-1")]);
    let watch = watch(&mut live, Topic::Record(collection("notes"), ids));
    let ids = BTreeSet::from([id("local-1"), id("77")]);
    live.follow(watch, Topic::Record(collection("notes"), ids));
    live.changed(&changed("notes", &["77"]));
    assert!(live.is_due(watch, 50));
}

#[test]
fn a_closed_watch_leaves_nothing() {
    let mut live = Live::default();
    for _ in 0..1_000 {
        let watch = live.watch(Topic::Health);
        live.close(watch);
        live.end(watch, 1);
    }
    assert!(live.is_empty());
    assert_eq!(live.len(), 0);
}
