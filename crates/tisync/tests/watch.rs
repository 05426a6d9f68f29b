//! Live queries and events: what runs again, when, and what stays behind.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};
use tisync::model::{Blocker, Event, Resolution};
use tisync::{LeaseState, Notice, Replica, Watch};

/// A watch must answer within this; on a machine that does nothing else it takes milliseconds.
const IN_TIME: Duration = Duration::from_secs(30);

/// The next answer; a hang ends the test.
#[track_caller]
fn next<T>(watch: &mut Watch<T>) -> T {
    let answer = watch.blocking_next_within(IN_TIME);
    answer.expect("an answer in time").unwrap()
}

/// Reads answers until one is as it should be.
#[track_caller]
fn until<T: std::fmt::Debug>(watch: &mut Watch<T>, reached: impl Fn(&T) -> bool) -> T {
    loop {
        let answer = next(watch);
        if reached(&answer) {
            return answer;
        }
    }
}

fn put(replica: &Replica, id: &str, text: &str) {
    replica.collection("notes").unwrap().put(id, text).unwrap();
}

#[test]
fn a_query_a_count_a_record_and_sql_are_followed() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let notes = a.collection("notes").unwrap();
    let mut done = notes.query().is("done", true).unwrap().watch();
    let mut count = notes.query().watch_count();
    let mut record = notes.watch_record("n1").unwrap();
    let mut sql = a.watch_sql("SELECT id FROM notes", &[]);
    assert!(next(&mut done).is_empty());
    assert_eq!(next(&mut count), 0);
    assert!(next(&mut record).is_none());
    assert!(next(&mut sql).rows.is_empty());

    put(&a, "n1", r#"{"done": true}"#);
    assert_eq!(next(&mut done)[0].id.as_str(), "n1");
    assert_eq!(next(&mut count), 1);
    assert!(next(&mut record).unwrap().is_pending());
    assert_eq!(next(&mut sql).rows.len(), 1);

    put(&a, "n2", r#"{"done": false}"#);
    assert_eq!(next(&mut count), 2);
    assert_eq!(next(&mut sql).rows.len(), 2);
    assert!(record.try_next().is_none(), "another record changed");
    // The query ran again, but the answer is the same.
    assert!(
        done.blocking_next_within(Duration::from_millis(200))
            .is_none()
    );
    assert_eq!(a.watchers(), 4);
}

#[test]
fn typed_records_are_followed() {
    #[derive(Serialize, Deserialize)]
    struct Note {
        title: String,
    }
    let world = World::new();
    let a = world.notes("a", "merge");
    let notes = a.typed::<Note>("notes").unwrap();
    let mut watch = notes.watch(&notes.query());
    assert!(next(&mut watch).is_empty());
    let title = "Milk".to_owned();
    notes.put("n1", &Note { title }).unwrap();
    assert_eq!(next(&mut watch)[0].document.title, "Milk");
}

#[test]
fn conflicts_are_followed_from_opening_over_edits_to_their_end() {
    let world = World::new();
    let (a, b) = (world.notes("a", "manual"), world.notes("b", "manual"));
    put(&a, "n1", r#"{"t": 0}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    let mut watch = b.conflicts().watch(10);
    assert!(next(&mut watch).is_empty());
    put(&a, "n1", r#"{"t": 1}"#);
    a.blocking_sync().unwrap();
    put(&b, "n1", r#"{"t": 2}"#);
    b.blocking_sync().unwrap();
    let ours = |text: &str| {
        let text = text.to_owned();
        move |found: &Vec<tisync::OpenConflict>| {
            found.len() == 1 && found[0].ours.document().unwrap().canonical() == text
        }
    };
    until(&mut watch, ours(r#"{"t":2}"#));
    put(&b, "n1", r#"{"t": 3}"#);
    until(&mut watch, ours(r#"{"t":3}"#));
    let resolved = b.conflicts().resolve("notes", "n1", Resolution::Theirs);
    resolved.unwrap();
    until(&mut watch, Vec::is_empty);
}

#[test]
fn the_health_is_followed_through_writes_syncs_and_changes_of_the_lease() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut watch = a.watch_health();
    assert_eq!(next(&mut watch).outbox.total(), 0);
    put(&a, "n1", "{}");
    until(&mut watch, |health| health.outbox.pending == 1);
    a.blocking_sync().unwrap();
    until(&mut watch, |health| health.is_synced());
    drop(a);
    assert!(watch.blocking_next().is_none(), "the replica was closed");

    let holder = world.notes("a", "merge");
    let other = world.notes("a", "merge");
    holder.blocking_sync().unwrap();
    put(&other, "n2", "{}");
    let mut watch = other.watch_health();
    let blocked = |blocker: Blocker| {
        move |health: &tisync::model::Health| {
            health.blockers.iter().any(|one| one.blocker == blocker)
        }
    };
    until(&mut watch, blocked(Blocker::LeaseElsewhere));
    drop(holder);
    until(&mut watch, blocked(Blocker::Stopped));
    assert_eq!(other.lease(), LeaseState::Free);
}

#[test]
fn a_storm_of_writes_gives_few_answers_and_the_last_is_true() {
    const WRITES: u64 = 400;
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut watch = a.collection("notes").unwrap().query().watch_count();
    let follower = std::thread::spawn(move || {
        let (began, mut answers) = (Instant::now(), 0);
        loop {
            answers += 1;
            if next(&mut watch) == WRITES {
                return (answers, began.elapsed());
            }
        }
    });
    for number in 0..WRITES {
        put(&a, &format!("n{number}"), "{}");
    }
    let (answers, time) = follower.join().unwrap();
    let most = time.as_millis() / 50 + 2;
    println!("{answers} answers to {WRITES} writes in {time:?}");
    assert!(answers <= most, "{answers} answers in {time:?}");
}

#[test]
fn only_other_processes_count_as_elsewhere() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut events = a.events();
    a.start().unwrap();
    // For as long as the lookout takes for several looks, this process writes, syncs and reads.
    let end = Instant::now() + Duration::from_millis(600);
    let mut number = 0;
    while Instant::now() < end {
        put(&a, &format!("n{number}"), "{}");
        a.blocking_sync().unwrap();
        number += 1;
        assert_eq!(a.collection("notes").unwrap().count().unwrap(), number);
    }
    a.stop().unwrap();
    while let Some(notice) = events.try_next() {
        assert_ne!(notice, Notice::Elsewhere);
    }
    // A second handle has a connection of its own, as another process would.
    put(&world.notes("a", "merge"), "other", "{}");
    while events.blocking_next().unwrap() != Notice::Elsewhere {}
}

/// An executor of the test's own: no timers, no reactor, no tokio.
fn run_alone<F: Future>(future: F) -> F::Output {
    struct Bell(Mutex<mpsc::Sender<()>>);
    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.lock().unwrap().send(());
        }
    }
    let (sender, rung) = mpsc::channel();
    let waker = Waker::from(Arc::new(Bell(Mutex::new(sender))));
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) =
            future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return output;
        }
        rung.recv_timeout(IN_TIME).expect("to be woken in time");
    }
}

#[test]
fn watches_work_in_any_runtime() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut watch = a.collection("notes").unwrap().query().watch_count();
    let mut events = a.events();
    let writer = a.clone();
    let thread = std::thread::spawn(move || {
        for number in 0..50 {
            put(&writer, &format!("n{number}"), "{}");
        }
    });
    run_alone(async {
        while watch.next().await.unwrap().unwrap() < 50 {}
        assert!(matches!(
            events.next().await,
            Some(Notice::Event(Event::Changed { .. }))
        ));
    });
    thread.join().unwrap();
}

#[test]
fn a_watch_does_not_keep_a_replica_open() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut watch = a.collection("notes").unwrap().query().watch();
    let mut events = a.events();
    next(&mut watch);
    let waits = std::thread::spawn(move || watch.blocking_next().is_none());
    a.blocking_sync().unwrap();
    drop(a);
    assert!(waits.join().unwrap());
    while events.blocking_next().is_some() {}
    // Its lease is free again.
    world.notes("a", "merge").blocking_sync().unwrap();
}

#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut watch = a.collection("notes").unwrap().query().watch_count();
    assert_eq!(next(&mut watch), 0);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        let mut wait = std::pin::pin!(watch.next());
        assert!(wait.as_mut().poll(&mut context).is_pending());
    }
    put(&a, "n1", "{}");
    assert_eq!(next(&mut watch), 1);
}
