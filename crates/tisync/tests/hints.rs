//! Hints: a change reaches a device that watches.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use std::time::{Duration, Instant};
use tisync::{Events, Replica};

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

fn listens(replica: &Replica) -> bool {
    let health = replica.health().unwrap();
    health.connectors[0].listening && health.is_synced()
}

/// A device that polls once an hour.
fn device(world: &World, name: &str) -> Replica {
    world
        .device(name)
        .collection("notes", "merge")
        .poll_ms("main", 3_600_000)
        .open()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_a_watching_device_without_a_poll() {
    let world = World::new();
    let (a, b) = (device(&world, "a"), device(&world, "b"));
    let (mut at_a, mut at_b) = (a.events(), b.events());
    a.start().unwrap();
    b.start().unwrap();
    until(&a, &mut at_a, listens).await;
    until(&b, &mut at_b, listens).await;
    let mut took = Vec::new();
    for number in 0..20 {
        let id = format!("n{number}");
        let began = Instant::now();
        a.collection("notes")
            .unwrap()
            .put(id.as_str(), "{}")
            .unwrap();
        until(&b, &mut at_b, |b| text(b, &id) != "-").await;
        took.push(began.elapsed());
    }
    took.sort();
    println!(
        "write to visible elsewhere: median {:?}, worst {:?}",
        took[10], took[19]
    );
    // Far from any poll; the machine may be busy.
    assert!(took[10] < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_server_it_listens_again_and_has_missed_nothing() {
    let mut world = World::new();
    let (a, b) = (device(&world, "a"), device(&world, "b"));
    let (mut at_a, mut at_b) = (a.events(), b.events());
    a.start().unwrap();
    b.start().unwrap();
    until(&b, &mut at_b, listens).await;
    world.server.pause();
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    until(&b, &mut at_b, |b| {
        !b.health().unwrap().connectors[0].listening
    })
    .await;
    world.server.resume();
    b.network(true).unwrap();
    a.network(true).unwrap();
    until(&a, &mut at_a, |a| a.health().unwrap().outbox.total() == 0).await;
    until(&b, &mut at_b, |b| text(b, "n1") != "-" && listens(b)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_do_without_and_tell_by_itself() {
    let world = World::new();
    let a = device(&world, "a");
    let b = world
        .device("b")
        .collection("notes", "merge")
        .poll_ms("main", 3_600_000)
        .hints("main", false)
        .open()
        .unwrap();
    let mut at_b = b.events();
    b.start().unwrap();
    until(&b, &mut at_b, |b| b.health().unwrap().is_synced()).await;
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    a.sync().await.unwrap();
    assert!(!b.health().unwrap().connectors[0].listening);
    assert_eq!(text(&b, "n1"), "-");
    b.hint("main").unwrap();
    until(&b, &mut at_b, |b| text(b, "n1") != "-").await;
}
