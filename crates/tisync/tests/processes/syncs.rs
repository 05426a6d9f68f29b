//! The process that syncs dies, or is stopped.
use super::child::{Process, Role};
use super::common::World;
use super::{IN_TIME, arrived, until};
use std::time::{Duration, Instant};
use tisync::model::{Blocker, Health};
use tisync::{LeaseState, Replica, limits};
use tisync_core::store::{Durability, Store};
use tisync_store::{Options, SqliteStore};

fn put(replica: &Replica, id: &str) {
    replica.collection("notes").unwrap().put(id, "{}").unwrap();
}

fn waits_for_another(health: &Health) -> bool {
    let mut blockers = health.blockers.iter();
    blockers.any(|one| one.blocker == Blocker::LeaseElsewhere)
}

fn is_sent(health: &Health) -> bool {
    health.outbox.total() == 0
}

#[test]
fn when_the_process_that_syncs_is_killed_another_takes_over_by_itself() {
    let world = World::new();
    let mut holder = Process::start(&world, Role::Syncs);
    assert_eq!(holder.says(), "leased");
    let here = world.notes("a", "merge");
    here.start().unwrap();
    put(&here, "n1");
    let mut health = here.watch_health();
    until(&mut health, is_sent);
    assert!(matches!(here.lease(), LeaseState::Elsewhere(Some(who)) if who.pid == holder.pid()));

    holder.kill();
    put(&here, "n2");
    until(&mut health, is_sent);
    assert_eq!(here.lease(), LeaseState::Held);
    assert_eq!(here.traffic().pushed, 1);
    let (records, versions) = arrived(&world);
    assert_eq!((records.len(), versions), (2, 2));
}

#[test]
fn while_the_process_that_syncs_is_stopped_the_others_write_and_say_who_it_is() {
    let world = World::new();
    let mut holder = Process::start(&world, Role::Syncs);
    assert_eq!(holder.says(), "leased");
    {
        // Not in the middle of a commit of its own: that is the next test.
        let file = world.folder.path().join("a.db");
        let mut store = SqliteStore::open(&file, &Options::default()).unwrap();
        let _ours = store.begin(Durability::Full).unwrap();
        holder.signal("STOP");
    }

    let here = world.notes("a", "merge");
    here.start().unwrap();
    let writes = 20;
    for number in 0..writes {
        put(&here, &format!("n{number}"));
    }
    assert_eq!(here.collection("notes").unwrap().count().unwrap(), writes);
    let mut health = here.watch_health();
    let waiting = until(&mut health, waits_for_another);
    assert_eq!(waiting.outbox.pending, writes);
    assert!(waiting.oldest_pending_ms.is_some());
    let blocker = &waiting.blockers[0];
    assert_eq!(blocker.entries, writes);
    assert_eq!(Some(blocker.oldest_ms), waiting.oldest_pending_ms);
    let LeaseState::Elsewhere(Some(who)) = here.lease() else {
        panic!("the lease is {:?}", here.lease());
    };
    assert_eq!(who.pid, holder.pid());
    assert!(who.since_ms <= blocker.oldest_ms, "it was there before");
    let error = here.blocking_sync().unwrap_err();
    assert!(error.is_lease_elsewhere(), "{error}");
    if cfg!(target_os = "linux") {
        assert!(who.is_stopped());
        let to_do = format!("when it goes on (kill -CONT {})", holder.pid());
        assert!(error.to_string().contains(&to_do), "{error}");
    }

    holder.signal("CONT");
    until(&mut health, is_sent);
    assert!(!who.is_stopped());
    assert_eq!(here.traffic().pushed, 0, "the holder has sent it");
    let (records, versions) = arrived(&world);
    assert_eq!((records.len() as u64, versions), (writes, writes));
    holder.end();
}

#[test]
fn a_process_that_is_stopped_in_the_middle_of_a_commit_holds_up_writes_only() {
    let world = World::new();
    let here = world.notes("a", "merge");
    put(&here, "n1");
    let mut stuck = Process::start(&world, Role::Commits);
    assert_eq!(stuck.says(), "in the middle");
    stuck.signal("STOP");

    // All of this would never return if it waited for that process.
    let other = world.notes("a", "merge");
    for replica in [&here, &other] {
        let notes = replica.collection("notes").unwrap();
        assert_eq!(notes.get("n1").unwrap().unwrap().text(), "{}");
        assert_eq!(notes.query().all().unwrap().len(), 1);
        assert_eq!(replica.health().unwrap().outbox.pending, 1);
        assert_eq!(replica.plan(10).unwrap().len(), 1);
        assert!(replica.why("notes", "n1").unwrap().waits.is_some());
        assert_eq!(replica.outbox().list(None, 10).unwrap().len(), 1);
        assert!(replica.conflicts().list(10).unwrap().is_empty());
        assert!(replica.ownership().unwrap().account.is_none());
    }
    // Many threads wait together, not one after the other.
    let began = Instant::now();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let notes = other.collection("notes").unwrap();
            std::thread::spawn(move || notes.put("n2", "{}").unwrap_err())
        })
        .collect();
    let errors = writers.into_iter().map(|writer| writer.join().unwrap());
    let error = errors.last().unwrap();
    println!("after {:?}: {error}", began.elapsed());
    assert!(began.elapsed() < 3 * Duration::from_millis(limits::BUSY_MS_MAX));
    assert_eq!(error.kind(), tisync::ErrorKind::Busy);
    assert!(error.is_temporary());
    let message = error.to_string();
    if cfg!(target_os = "linux") {
        let pid = stuck.pid();
        for wanted in [
            format!("process {pid}, which is stopped,"),
            format!("kill -CONT {pid}"),
        ] {
            assert!(message.contains(&wanted), "{message}");
        }
    }

    stuck.signal("CONT");
    stuck.tell("go on");
    assert_eq!(stuck.says(), "done");
    put(&other, "n2");
    put(&here, "n3");
    let began = Instant::now();
    assert!(here.blocking_sync().unwrap().is_synced());
    assert!(began.elapsed() < IN_TIME);
    let (records, versions) = arrived(&world);
    assert_eq!((records.len(), versions), (3, 3));
    stuck.end();
}
