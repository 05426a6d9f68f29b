//! Another process is in the middle of a commit all the time.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use tisync_core::store::{Durability, Store};
use tisync_store::{Options, SqliteStore};

#[test]
fn commands_that_read_wait_for_nobody_and_the_others_say_for_whom() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    device
        .run(&["put", "notes", "n1", r#"{"title": "Milk"}"#])
        .exits(0);
    let file = device.folder.join("tisync.db");
    let mut store = SqliteStore::open(&file, &Options::default()).unwrap();
    let transaction = store.begin(Durability::Full).unwrap();

    // None of them would end if it waited.
    for reads in [
        &["status"][..],
        &["get", "notes", "n1"],
        &["query", "notes"],
        &["why", "notes", "n1"],
        &["plan"],
        &["outbox", "list"],
        &["conflicts", "list"],
        &["journal"],
        &["export", "notes", "-"],
    ] {
        let ran = device.run(reads).exits(0);
        assert!(!ran.out.is_empty() && ran.err.is_empty(), "{ran:?}");
    }
    let ran = device.run(&["put", "notes", "n2", "{}"]).exits(1);
    for expected in [
        "expected to write to",
        "tisync.db",
        "for at least 10 s",
        "reads go on, and nothing was changed",
    ] {
        assert!(ran.err.contains(expected), "{ran:?}");
    }
    if cfg!(target_os = "linux") {
        let this = format!("process {} has been", std::process::id());
        assert!(ran.err.contains(&this), "{ran:?}");
    }

    drop(transaction);
    device.run(&["put", "notes", "n2", "{}"]).exits(0);
    device.run(&["sync"]).exits(0);
}
