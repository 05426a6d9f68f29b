//! Watches that were dropped leave nothing behind: no entry, no thread, no open replica. Alone in its process,
//! whose threads it counts.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use std::time::{Duration, Instant};

/// The threads of this process that look out for watches.
#[cfg(target_os = "linux")]
fn lookouts() -> usize {
    let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    names
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.trim() == "tisync-lookout")
        .count()
}

#[cfg(not(target_os = "linux"))]
fn lookouts() -> usize {
    0
}

fn until_none_looks_out() {
    let end = Instant::now() + Duration::from_secs(30);
    while lookouts() > 0 {
        assert!(
            Instant::now() < end,
            "a lookout goes on though nobody watches"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn dropped_watches_and_receivers_leave_nothing_behind() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let notes = a.collection("notes").unwrap();
    for round in 0..500 {
        let mut watch = notes.query().watch();
        let mut record = notes.watch_record("n1").unwrap();
        let (mut health, mut events) = (a.watch_health(), a.events());
        let conflicts = a.conflicts().watch(10);
        if round % 10 == 0 {
            watch.blocking_next().unwrap().unwrap();
            record.blocking_next().unwrap().unwrap();
            // One waits in another thread, and is dropped there.
            let thread = std::thread::spawn(move || {
                health.blocking_next().unwrap().unwrap();
                health.blocking_next_within(Duration::from_millis(1));
            });
            notes.put("n1", format!("{{\"n\": {round}}}")).unwrap();
            thread.join().unwrap();
        }
        assert!(events.try_next().is_none() || round % 10 == 0);
        drop((watch, record, events, conflicts));
    }
    assert_eq!(a.watchers(), 0);
    until_none_looks_out();

    // A new one finds a lookout again.
    let mut watch = notes.query().watch_count();
    assert_eq!(watch.blocking_next().unwrap().unwrap(), 1);
    notes.put("n2", "{}").unwrap();
    assert_eq!(watch.blocking_next().unwrap().unwrap(), 2);
    assert_eq!(a.watchers(), 1);
    drop((a, notes));
    assert!(watch.blocking_next().is_none());
    assert_eq!(lookouts(), 0, "a closed replica leaves no thread");
}
