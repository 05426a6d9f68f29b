//! Several real processes on one replica: who dies, who is stopped, and who only writes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, unreachable_pub)]
mod child;
#[path = "../common/mod.rs"]
mod common;
mod syncs;
mod watches;
mod writes;

use common::World;
use std::collections::BTreeMap;
use std::time::Duration;
use tisync::{Replica, Watch};

/// What is waited for must come within this; on a machine that does nothing else it takes milliseconds.
const IN_TIME: Duration = Duration::from_secs(60);

/// Reads answers until one is as it should be; a hang ends the test.
#[track_caller]
fn until<T>(watch: &mut Watch<T>, reached: impl Fn(&T) -> bool) -> T {
    loop {
        let answer = watch.blocking_next_within(IN_TIME);
        let answer = answer.expect("an answer in time").unwrap();
        if reached(&answer) {
            return answer;
        }
    }
}

/// The records that another device pulls: ids with their documents, and the number of the server's versions.
fn arrived(world: &World) -> (BTreeMap<String, String>, u64) {
    let other = world.notes("other", "merge");
    assert!(other.blocking_sync().unwrap().is_synced());
    let records = notes(&other);
    let versions = records.iter().map(|(.., version)| *version);
    let last = versions.max().unwrap_or(0);
    let records = records.into_iter().map(|(id, text, _)| (id, text));
    (records.collect(), last)
}

fn notes(replica: &Replica) -> Vec<(String, String, u64)> {
    let records = replica.collection("notes").unwrap().query().all().unwrap();
    let all = records.into_iter().map(|record| {
        let version = record.version.unwrap();
        (
            record.id.to_string(),
            record.document.canonical(),
            version.ordinal().unwrap().1,
        )
    });
    all.collect()
}
