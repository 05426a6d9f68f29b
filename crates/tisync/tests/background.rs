//! Background sync, events, the lease, and a server that is not there.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use std::time::Duration;
use tisync::model::{Blocker, Event};
use tisync::{Events, LeaseState, Notice, Replica};

/// Waits until the events bring the replica to a state; a hang ends the test.
async fn until(replica: &Replica, events: &mut Events, reached: impl Fn(&Replica) -> bool) {
    let wait = async {
        while !reached(replica) {
            events.next().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("the replica did not get there in time");
}

fn blockers(replica: &Replica) -> Vec<(Blocker, u64)> {
    let blockers = replica.health().unwrap().blockers;
    blockers
        .into_iter()
        .map(|one| (one.blocker, one.entries))
        .collect()
}

fn is_sent(replica: &Replica) -> bool {
    replica.health().unwrap().outbox.total() == 0
}

#[tokio::test]
async fn background_sync_sends_what_is_written_and_pulls_what_changed() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let b = world
        .device("b")
        .collection("notes", "merge")
        .poll_ms("main", 50)
        .open()
        .unwrap();
    let (mut at_a, mut at_b) = (a.events(), b.events());
    a.start().unwrap();
    b.start().unwrap();
    a.collection("notes")
        .unwrap()
        .put("n1", r#"{"title": "Milk"}"#)
        .unwrap();
    until(&a, &mut at_a, is_sent).await;
    until(&b, &mut at_b, |b| text(b, "n1") != "-").await;
    assert_eq!(text(&b, "n1"), r#"{"title":"Milk"}"#);
}

#[tokio::test]
async fn the_server_may_be_away_and_come_back() {
    let mut world = World::new();
    let a = world.notes("a", "merge");
    world.server.pause();
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    let error = a.sync().await.unwrap_err();
    assert!(error.is_offline() && error.is_temporary(), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    let health = a.health().unwrap();
    assert_eq!(health.outbox.total(), 1);
    assert_eq!(health.connectors[0].blocker, Some(Blocker::Offline));
    assert!(health.oldest_pending_ms.is_some());

    let mut events = a.events();
    a.start().unwrap();
    world.server.resume();
    until(&a, &mut events, is_sent).await;
    assert!(a.sync().await.unwrap().is_synced());
}

#[test]
fn a_second_handle_on_the_file_writes_and_the_holder_sends() {
    let world = World::new();
    let holder = world.notes("a", "merge");
    holder.blocking_sync().unwrap();
    assert_eq!(holder.lease(), LeaseState::Held);

    let other = world.notes("a", "merge");
    let error = other.blocking_sync().unwrap_err();
    assert!(error.is_lease_elsewhere(), "{error:?}");
    let pid = std::process::id().to_string();
    assert!(error.to_string().contains(&pid), "{error}");
    assert!(matches!(other.lease(), LeaseState::Elsewhere(Some(_))));
    other.collection("notes").unwrap().put("n1", "{}").unwrap();
    assert_eq!(blockers(&other), [(Blocker::LeaseElsewhere, 1)]);

    assert_eq!(holder.blocking_sync().unwrap().traffic.pushed, 1);
    drop(holder);
    assert!(other.blocking_sync().unwrap().is_synced());
}

#[tokio::test]
async fn a_waiting_process_takes_over() {
    let world = World::new();
    let holder = world.notes("a", "merge");
    holder.sync().await.unwrap();
    let other = world.notes("a", "merge");
    let mut events = other.events();
    other.start().unwrap();
    other.collection("notes").unwrap().put("n1", "{}").unwrap();
    drop(holder);
    until(&other, &mut events, is_sent).await;
    assert_eq!(other.lease(), LeaseState::Held);
}

#[tokio::test]
async fn writes_through_another_connection_are_noticed() {
    let world = World::new();
    let holder = world.notes("a", "merge");
    let mut events = holder.events();
    holder.start().unwrap();
    holder.sync().await.unwrap();
    let other = world.notes("a", "merge");
    other.collection("notes").unwrap().put("n1", "{}").unwrap();
    until(&holder, &mut events, |holder| {
        holder.traffic().pushed == 1 && is_sent(holder)
    })
    .await;
}

#[tokio::test]
async fn stop_ends_background_sync_and_start_resumes_it() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let mut events = a.events();
    a.start().unwrap();
    a.sync().await.unwrap();
    assert!(a.is_running());
    a.stop().unwrap();
    assert!(!a.is_running());
    let before = a.traffic();
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    assert_eq!(blockers(&a), [(Blocker::Stopped, 1)]);
    assert_eq!(a.traffic(), before);
    a.start().unwrap();
    until(&a, &mut events, is_sent).await;
}

#[test]
fn events_tell_what_changed() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let notes = a.collection("notes").unwrap();
    let mut events = a.events();
    notes.put("n1", "{}").unwrap();
    let Some(Notice::Event(Event::Changed {
        collection,
        records,
        remote: false,
    })) = events.try_next()
    else {
        panic!("expected a change");
    };
    assert_eq!(collection.as_str(), "notes");
    assert_eq!(records[0].0.as_str(), "n1");
}

#[tokio::test]
async fn a_live_query_answers_again_after_a_change() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let notes = a.collection("notes").unwrap();
    let mut watch = notes.query().watch();
    assert!(watch.next().await.unwrap().unwrap().is_empty());
    notes.put("n1", "{}").unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().len(), 1);
}

#[test]
fn handles_go_between_threads() {
    let world = World::new();
    let a = world.notes("a", "merge");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let notes = a.collection("notes").unwrap();
            scope.spawn(move || {
                for number in 0..25 {
                    notes.put(format!("{thread}-{number}"), "{}").unwrap();
                }
            });
        }
    });
    assert_eq!(a.collection("notes").unwrap().count().unwrap(), 100);
    assert_eq!(a.blocking_sync().unwrap().traffic.pushed, 100);
}

#[test]
fn a_pull_tells_how_far_it_is() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let fill = |first: usize, count: usize| {
        a.bulk(|writes| {
            (first..first + count).try_for_each(|n| writes.put("notes", format!("n{n:05}"), "{}"))
        })
        .unwrap();
        a.blocking_sync().unwrap();
    };
    fill(0, 6_000);
    let b = world.notes("b", "merge");
    let mut events = b.events();
    let mut pulled = || {
        b.blocking_sync().unwrap();
        let told = std::iter::from_fn(|| events.try_next());
        let told: Vec<_> = told
            .filter_map(|notice| match notice {
                Notice::Progress(pull) => Some((pull.stored, pull.total, pull.complete)),
                _ => None,
            })
            .collect();
        told
    };
    let told = pulled();
    let is_going_on = |(stored, total, complete): &(u64, Option<u64>, bool)| {
        *stored < 6_000 && total.is_none() && !complete
    };
    let (last, before) = told.split_last().unwrap();
    assert!(
        !before.is_empty() && before.iter().all(is_going_on),
        "{told:?}"
    );
    assert!(before.is_sorted_by_key(|(stored, ..)| *stored), "{told:?}");
    assert_eq!(*last, (6_000, Some(6_000), true));
    // Nothing new is nothing to tell, and the next pull counts for itself.
    assert_eq!(pulled(), []);
    fill(6_000, 3);
    assert_eq!(pulled(), [(3, Some(3), true)]);
}
