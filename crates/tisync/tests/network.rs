//! The network monitor against real sockets: a captive portal, nobody there, no such name, a network that comes and
//! goes, and a server that comes back.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tisync::model::{Blocker, Event, NetworkState, Reach};
use tisync::{ErrorKind, Events, Notice, Replica};

fn device(folder: &TempDir, url: &str) -> Replica {
    Replica::open(folder.path().join("a.db"))
        .server(url)
        .collection("notes", "merge")
        .network_monitor(false)
        .open()
        .unwrap()
}

/// Waits for the next change of the network's state; a hang ends the test.
async fn changed(events: &mut Events) -> NetworkState {
    let wait = async {
        loop {
            if let Notice::Event(Event::Network { state, .. }) = events.next().await.unwrap() {
                return state;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("the state did not change in time")
}

/// Counts connections and answers each request with the sign-in page of a network.
fn portal() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 8_192]);
            let page = "<!doctype html><title>Welcome to the hotel</title>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    (address, count)
}

#[test]
fn a_captive_portal_is_named_and_nothing_of_it_is_taken() {
    let folder = TempDir::new().unwrap();
    let (address, _) = portal();
    let a = device(&folder, &format!("http://{address}"));
    let notes = a.collection("notes").unwrap();
    notes.put("n1", r#"{"title": "Milk"}"#).unwrap();
    let error = a.blocking_sync().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThisProtocol, "{error}");
    let state = a.network_state().unwrap();
    assert_eq!(state.reach, Reach::CaptivePortal);
    let why = state.why.unwrap();
    assert!(
        why.contains("text/html") && why.contains("sign-in page"),
        "{why}"
    );
    let health = a.health().unwrap();
    assert_eq!(health.outbox.total(), 1);
    assert_eq!(health.connectors[0].blocker, Some(Blocker::Offline));
    assert_eq!(notes.count().unwrap(), 1);
}

#[test]
fn nobody_there_and_no_such_name_are_unreachable_and_say_why() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = format!("http://{free}");
    for (url, word) in [
        (refused.as_str(), "127.0.0.1"),
        ("http://tisync.invalid", "tisync.invalid"),
    ] {
        let folder = TempDir::new().unwrap();
        let a = device(&folder, url);
        a.collection("notes").unwrap().put("n1", "{}").unwrap();
        let error = a.blocking_sync().unwrap_err();
        assert!(error.is_offline(), "{error}");
        let state = a.network_state().unwrap();
        assert_eq!(state.reach, Reach::Unreachable, "{url}");
        assert!(state.why.as_ref().unwrap().contains(word), "{state:?}");
        // Another process that shows the status sees it in the file.
        drop(a);
        let a = device(&folder, url);
        assert_eq!(a.network_state().unwrap(), state);
        assert_eq!(
            a.health().unwrap().outbox.unknown,
            0,
            "it was certainly not sent"
        );
    }
}

#[tokio::test]
async fn a_signal_resumes_at_once_when_the_server_is_back() {
    let mut world = World::new();
    world.server.pause();
    let a = world
        .device("a")
        .collection("notes", "merge")
        .poll_ms("main", 3_600_000)
        .network_monitor(false)
        .open()
        .unwrap();
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    let mut events = a.events();
    a.start().unwrap();
    assert_eq!(changed(&mut events).await.reach, Reach::Unreachable);
    // Let the back-off grow, so that it cannot be what resumes.
    while a.health().unwrap().connectors[0].attempts < 4 {
        events.next().await.unwrap();
    }
    world.server.resume();
    let began = Instant::now();
    a.network(true).unwrap();
    let state = changed(&mut events).await;
    println!("online {} ms after the signal", began.elapsed().as_millis());
    assert_eq!((state.reach, state.why), (Reach::Online, None));
    while a.health().unwrap().outbox.total() > 0 {
        events.next().await.unwrap();
    }
}

#[tokio::test]
async fn probes_resume_by_themselves_when_the_server_is_back() {
    let mut world = World::new();
    world.server.pause();
    let a = world
        .device("a")
        .collection("notes", "merge")
        // No poll and no back-off of a push would come for an hour.
        .poll_ms("main", 2_000)
        .network_monitor(false)
        .open()
        .unwrap();
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    let mut events = a.events();
    a.start().unwrap();
    assert_eq!(changed(&mut events).await.reach, Reach::Unreachable);
    world.server.resume();
    let began = Instant::now();
    assert_eq!(changed(&mut events).await.reach, Reach::Online);
    println!("online {} ms after the server", began.elapsed().as_millis());
    while a.health().unwrap().outbox.total() > 0 {
        events.next().await.unwrap();
    }
}

#[tokio::test]
async fn a_network_that_flaps_causes_no_storm_and_reads_and_writes_go_on() {
    let folder = TempDir::new().unwrap();
    let (address, requests) = portal();
    let a = device(&folder, &format!("http://{address}"));
    let mut events = a.events();
    a.start().unwrap();
    assert_eq!(changed(&mut events).await.reach, Reach::CaptivePortal);
    let notes = a.collection("notes").unwrap();
    let began = Instant::now();
    let before = requests.load(Ordering::SeqCst);
    let mut slowest = Duration::ZERO;
    for round in 0..500 {
        a.network(round % 2 == 1).unwrap();
        let write = Instant::now();
        notes.put("n1", format!(r#"{{"round": {round}}}"#)).unwrap();
        assert!(notes.get("n1").unwrap().is_some());
        slowest = slowest.max(write.elapsed());
    }
    let elapsed = began.elapsed();
    let sent = requests.load(Ordering::SeqCst) - before;
    println!("500 signals in {elapsed:?}: {sent} requests; slowest write and read {slowest:?}");
    // One at once, one after each gap, and the probes that are due anyway.
    let most = 4 + elapsed.as_secs() as usize;
    assert!(sent <= most, "{sent} requests in {elapsed:?}");
}
