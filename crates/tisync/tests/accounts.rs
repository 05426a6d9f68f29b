//! Whose file it is: accounts, credentials that expire, and logging out.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Access, World, text};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tisync::model::{Blocker, EntryState};
use tisync::{Credentials, ErrorKind, Pending, Replica, ReplicaBuilder, Token};

/// A provider whose token is the access's current one, and a count of how often it was asked after a refusal.
fn provider(access: &Access) -> (Credentials, Arc<AtomicUsize>) {
    let refreshed = Arc::new(AtomicUsize::new(0));
    let (current, count) = (access.clone(), refreshed.clone());
    // The first answer is remembered: a token that expires later.
    let stored = Mutex::new(access.token());
    let credentials = Credentials::from_fn(move |ask| {
        let mut stored = stored.lock().unwrap();
        if ask.refused {
            count.fetch_add(1, Ordering::SeqCst);
            *stored = current.token();
        }
        Ok(stored.as_str().into())
    });
    (credentials, refreshed)
}

fn device(world: &World, name: &str, credentials: Credentials) -> Replica {
    world
        .device(name)
        .credentials(credentials)
        .collection("notes", "merge")
        .open()
        .unwrap()
}

fn write(replica: &Replica, count: usize) {
    replica
        .bulk(|writes| {
            (0..count).try_for_each(|number| writes.put("notes", format!("n{number:05}"), "{}"))
        })
        .unwrap();
}

#[test]
fn credentials_that_expire_in_the_middle_of_a_batch_cost_one_refresh_and_no_write() {
    let (world, access) = World::with_access();
    let (credentials, refreshed) = provider(&access);
    let a = device(&world, "a", credentials);
    write(&a, 1_600);
    // The second of four batches is refused.
    access.expire_after(1);
    let report = a.blocking_sync().unwrap();
    assert!(report.is_synced(), "{report:?}");
    assert_eq!(report.traffic.pushed, 1_600);
    assert_eq!(refreshed.load(Ordering::SeqCst), 1);
    let (b, _) = provider(&access);
    let b = device(&world, "b", b);
    assert_eq!(b.blocking_sync().unwrap().traffic.pulled, 1_600);
}

#[tokio::test]
async fn an_exchange_and_a_listener_that_are_refused_together_refresh_once() {
    let (world, access) = World::with_access();
    let (credentials, refreshed) = provider(&access);
    let a = device(&world, "a", credentials);
    let mut events = a.events();
    a.start().unwrap();
    let wait = async {
        while !a.health().unwrap().connectors[0].listening {
            events.next().await.unwrap();
        }
        // From now on its token is refused, for whatever is sent.
        access.renew();
        write(&a, 1);
        a.credentials_changed("main").unwrap();
        a.credentials_changed("main").unwrap();
        while a.health().unwrap().outbox.total() > 0 {
            events.next().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .expect("the write did not go in time");
    let count = refreshed.load(Ordering::SeqCst);
    // One for the refusal or the first word of the app, and at most one more for its second.
    assert!((1..=2).contains(&count), "{count} refreshes");
}

#[test]
fn a_provider_without_a_better_token_is_asked_once_and_the_writes_wait() {
    let (world, access) = World::with_access();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let a = device(
        &world,
        "a",
        Credentials::from_fn(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok("stale".into())
        }),
    );
    write(&a, 3);
    for _ in 0..5 {
        assert!(a.blocking_sync().unwrap_err().is_credentials());
    }
    assert_eq!(
        asked.load(Ordering::SeqCst),
        2,
        "once, and once more after the refusal"
    );
    assert_eq!(access.refusals(), 1, "the server is left alone");
    let health = a.health().unwrap();
    assert_eq!(health.connectors[0].blocker, Some(Blocker::Credentials));
    assert_eq!(health.outbox.total(), 3);
}

#[test]
fn who_may_only_read_gets_each_write_back_and_the_queue_goes_on() {
    let (world, access) = World::with_access();
    let (credentials, refreshed) = provider(&access);
    let a = device(&world, "a", credentials);
    write(&a, 1);
    a.blocking_sync().unwrap();
    access.read_only(true);
    write(&a, 3);
    let report = a.blocking_sync().unwrap();
    assert!(report.needs_person());
    assert_eq!(report.health.outbox.parked, 2, "{report:?}");
    assert_eq!(
        report.health.connectors[0].blocker, None,
        "the queue is free"
    );
    assert_eq!(
        refreshed.load(Ordering::SeqCst),
        0,
        "new credentials would not help"
    );
    let parked = a.outbox().waiting().unwrap();
    assert!(matches!(parked[0].entry.state, EntryState::Parked { .. }));
    access.read_only(false);
    for entry in parked {
        a.outbox().retry(entry.entry.id).unwrap();
    }
    assert!(a.blocking_sync().unwrap().is_synced());
}

fn of(world: &World, account: &str) -> ReplicaBuilder {
    world
        .device("a")
        .account(account)
        .collection("notes", "merge")
}

#[test]
fn another_account_or_server_does_not_get_the_file() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    write(&a, 1);
    a.blocking_sync().unwrap();
    let ownership = a.ownership().unwrap();
    assert_eq!(ownership.account.unwrap().as_str(), "anna");
    assert_eq!(
        ownership.endpoints.into_values().collect::<Vec<_>>(),
        [world.server.url()]
    );
    drop(a);

    let error = of(&world, "ben").open().unwrap_err();
    assert!(error.is_wrong_account(), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("account anna") && message.contains("ben came"),
        "{message}"
    );

    let elsewhere = |moved: Option<&str>| {
        let mut builder = Replica::open(world.folder.path().join("a.db"))
            .server("http://elsewhere.test/")
            .account("anna")
            .collection("notes", "merge");
        if let Some(address) = moved {
            builder = builder.moved_from("main", address);
        }
        builder.open()
    };
    let error = elsewhere(None).unwrap_err();
    assert!(error.is_wrong_account(), "{error:?}");
    assert!(error.to_string().contains("moved_from"), "{error}");
    let moved = elsewhere(Some(&world.server.url())).unwrap();
    assert_eq!(text(&moved, "n00000"), "{}", "the records stay");
}

#[test]
fn credentials_of_another_account_send_nothing() {
    let (world, access) = World::with_access();
    let token = access.token();
    let of = |account: &'static str| {
        let token = token.clone();
        Credentials::from_fn(move |_| Ok(Token::new(token.as_str()).of_account(account)))
    };
    let a = device(&world, "a", of("anna"));
    write(&a, 1);
    assert!(a.blocking_sync().unwrap().is_synced());
    assert_eq!(a.ownership().unwrap().account.unwrap().as_str(), "anna");
    drop(a);

    let before = access.requests();
    let a = device(&world, "a", of("ben"));
    write(&a, 2);
    for _ in 0..2 {
        let error = a.blocking_sync().unwrap_err();
        assert!(error.is_wrong_account(), "{error:?}");
        assert!(
            error.to_string().contains("belongs to the account anna"),
            "{error}"
        );
    }
    assert_eq!(access.requests(), before, "not a byte went out");
    drop(a);
    let a = device(&world, "a", of("anna"));
    assert!(a.blocking_sync().unwrap().is_synced());
}

#[test]
fn logging_out_with_pending_writes_needs_a_choice() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    a.logout(None).unwrap();
    a.login().unwrap();
    write(&a, 3);
    let error = a.logout(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pending);
    assert!(error.to_string().contains("3 writes"), "{error}");
    assert!(
        a.ownership().unwrap().logged_out_ms.is_none(),
        "nothing has happened"
    );

    let done = a.logout(Some(Pending::Keep)).unwrap();
    assert_eq!((done.kept, done.exported, done.discarded), (3, 0, 0));
    let error = a.blocking_sync().unwrap_err();
    assert!(
        error.is_credentials() && error.to_string().contains("log in"),
        "{error}"
    );
    drop(a);
    // A new process, and the background, do not log in by themselves.
    let a = of(&world, "anna").open().unwrap();
    a.start().unwrap();
    assert!(a.blocking_sync().unwrap_err().is_credentials());
    assert_eq!(a.collection("notes").unwrap().count().unwrap(), 3);
    a.login().unwrap();
    let report = a.blocking_sync().unwrap();
    assert!(report.is_synced());
    assert_eq!(a.traffic().pushed, 3);
}

#[test]
fn what_is_exported_comes_back_as_it_was() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    let notes = a.collection("notes").unwrap();
    notes
        .put("old", r#"{"title": "Milk", "stars": 1}"#)
        .unwrap();
    notes.put("gone", "{}").unwrap();
    a.blocking_sync().unwrap();
    let patch = r#"{"title": "Oat milk", "stars": 1}"#;
    notes.put("old", patch).unwrap();
    notes.delete("gone").unwrap();
    notes
        .put("new", r#"{"big": 12345678901234567890123}"#)
        .unwrap();
    let boat = world.folder.path().join("anna.lifeboat");
    let done = a.logout(Some(Pending::Export(boat.clone()))).unwrap();
    assert_eq!((done.kept, done.exported, done.discarded), (0, 3, 0));
    assert_eq!(text(&a, "old"), r#"{"stars":1,"title":"Milk"}"#);
    assert_eq!(
        (text(&a, "new"), text(&a, "gone")),
        ("-".into(), "{}".into())
    );
    assert_eq!(
        a.journal().list(None, 10).unwrap().len(),
        3,
        "nothing goes silently"
    );
    assert_mode_private(&boat);
    // A file that is there is never overwritten.
    a.login().unwrap();
    notes.put("other", "{}").unwrap();
    let error = a.logout(Some(Pending::Export(boat.clone()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(a.health().unwrap().outbox.total(), 1);

    let ben = world
        .device("b")
        .account("ben")
        .collection("notes", "merge")
        .open()
        .unwrap();
    assert!(ben.bring_back(&boat).unwrap_err().is_wrong_account());
    let other = world
        .device("c")
        .account("anna")
        .collection("notes", "merge")
        .open()
        .unwrap();
    assert_eq!(other.bring_back(&boat).unwrap().back, 3);
    assert_eq!(text(&other, "old"), r#"{"stars":1,"title":"Oat milk"}"#);
    assert_eq!(text(&other, "new"), r#"{"big":12345678901234567890123}"#);
    assert_eq!(a.bring_back(&boat).unwrap().back, 3);
    assert_eq!(
        a.bring_back(&boat).unwrap().already,
        3,
        "twice is as good as once"
    );
    assert_eq!(
        (text(&a, "gone"), a.health().unwrap().outbox.total()),
        ("-".into(), 4)
    );
}

fn assert_mode_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[test]
fn what_is_written_during_a_logout_is_saved_or_waits() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    write(&a, 1_200);
    // As another process does: it holds no lease.
    let other = of(&world, "anna").open().unwrap();
    let boat = world.folder.path().join("anna.lifeboat");
    let is_over = AtomicBool::new(false);
    let (done, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let notes = other.collection("notes").unwrap();
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                notes.put(format!("late{number}"), "{}").unwrap();
                notes
                    .put(format!("n{number:05}"), r#"{"late": true}"#)
                    .unwrap();
                number += 1;
            }
            number
        });
        let done = a.logout(Some(Pending::Export(boat.clone()))).unwrap();
        is_over.store(true, Ordering::SeqCst);
        (done, writer.join().unwrap())
    });
    assert_eq!(done.discarded, 0);
    let c = world
        .device("c")
        .account("anna")
        .collection("notes", "merge");
    let c = c.open().unwrap();
    let back = c.bring_back(&boat).unwrap();
    assert_eq!((back.back, back.is_complete()), (done.exported, true));
    for number in 0..written {
        let late = format!("late{number}");
        assert!(
            text(&a, &late) != text(&c, &late),
            "{late} is in one of them"
        );
        let changed = format!("n{number:05}");
        let is_here = text(&a, &changed).contains("late");
        assert!(
            is_here != text(&c, &changed).contains("late"),
            "{changed} is in one of them"
        );
    }
}

#[test]
fn what_is_discarded_is_in_the_journal_and_can_be_undone() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    write(&a, 1_200);
    let done = a.logout(Some(Pending::Discard)).unwrap();
    assert_eq!(done.discarded, 1_200);
    assert_eq!(a.health().unwrap().outbox.total(), 0);
    assert_eq!(a.collection("notes").unwrap().count().unwrap(), 0);
    let rows = a.journal().list(None, 2_000).unwrap();
    assert_eq!(rows.len(), 1_200);
    assert!(rows.iter().all(|row| row.policy == "discarded at logout"));
    a.login().unwrap();
    a.journal().undo(rows[0].id).unwrap();
    assert_eq!(a.blocking_sync().unwrap().traffic.pushed, 1);
}

#[test]
fn who_does_not_hold_the_lease_does_not_log_out() {
    let world = World::new();
    let a = of(&world, "anna").open().unwrap();
    a.blocking_sync().unwrap();
    let other = of(&world, "anna").open().unwrap();
    write(&other, 1);
    let error = other.logout(Some(Pending::Discard)).unwrap_err();
    assert!(error.is_lease_elsewhere(), "{error}");
    assert_eq!(other.health().unwrap().outbox.total(), 1);
}
