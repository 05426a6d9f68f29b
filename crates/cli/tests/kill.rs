//! A syncing process is killed 200 times at random moments: no acknowledged write is lost, none takes effect
//! twice, and in the end both replicas are equal. Where encryption is built in, its file is encrypted.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, World};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;
use tisync::model::{MutationId, Written};
use tisync::{Patch, Path, Replica, Settings, Value};

const KILLS: u64 = 200;
/// Changes the moments of all kills.
const SEED: u64 = 20_261_123;
/// A kill comes at most so long after the process has begun to sync, at first.
const DELAY_US: u64 = 15_000;

#[test]
fn a_killed_process_loses_nothing_and_repeats_nothing() {
    let world = World::new();
    let victim = world.device("victim", &["notes:merge"]);
    let other = world.device("other", &["notes:merge"]);
    if cfg!(feature = "encryption") {
        encrypt(&victim);
    }
    let (a, b) = (open(&victim), open(&other));
    let mut chance = SEED;
    let mut mutations = BTreeSet::new();
    let mut writes = BTreeSet::new();
    let (mut cut_exchanges, mut delay_us) = (0, DELAY_US);

    for round in 0..KILLS {
        note(write(&a, "a", round), &mut mutations);
        writes.insert(format!("a{round}"));
        let mut child = spawn(&victim);
        if round % 4 != 0 {
            wait_until_it_syncs(&mut child);
        }
        // The process meets a write while it syncs.
        note(edit(&a, "a", round), &mut mutations);
        std::thread::sleep(Duration::from_micros(draw(&mut chance) % delay_us));
        child.kill().unwrap();
        child.wait().unwrap();

        let outbox = a.health().unwrap().outbox;
        cut_exchanges += u64::from(outbox.in_flight > 0);
        // Kills before the first exchange or after the last tell little: go where they cut one, on any machine.
        delay_us = match (outbox.in_flight, outbox.total()) {
            (0, 0) => (delay_us - delay_us / 8).max(1_000),
            (0, _) => (delay_us + delay_us / 8).min(2_000_000),
            _ => delay_us,
        };
        if round % 20 == 0 {
            note(write(&b, "b", round), &mut mutations);
            writes.insert(format!("b{round}"));
            b.blocking_sync().unwrap();
        }
    }
    println!("{cut_exchanges} of {KILLS} kills cut an exchange");
    assert!(cut_exchanges > 0, "no kill cut an exchange");

    for replica in [&a, &b, &a] {
        let report = replica.blocking_sync().unwrap();
        assert!(report.is_synced(), "{report:?}");
    }
    let (records_a, records_b) = (records(&a), records(&b));
    assert_eq!(records_a, records_b);
    // Nothing is lost: each write that returned can be seen, each edit too.
    for id in &writes {
        let (_, document, _) = records_a.iter().find(|(other, ..)| other == id).unwrap();
        assert!(document.contains("\"written\":true"), "{id} {document}");
        assert_eq!(
            document.contains("\"edited\":true"),
            id.starts_with('a'),
            "{id}"
        );
    }
    // Nothing took effect twice: the server gave out as many versions as there were mutations.
    let versions = records_a
        .iter()
        .map(|(.., version)| *version)
        .max()
        .unwrap();
    assert_eq!(versions, mutations.len() as u64);
}

/// Begins anew with an encrypted file.
fn encrypt(device: &Device) {
    std::fs::remove_file(device.folder.join("tisync.db")).unwrap();
    device.file("victim.key", &"07".repeat(32));
    let toml = device.read("tisync.toml");
    device.file("tisync.toml", &format!("key_file = \"victim.key\"\n{toml}"));
}

fn open(device: &Device) -> Replica {
    let settings: Settings = toml::from_str(&device.read("tisync.toml")).unwrap();
    settings.builder(&device.folder).unwrap().open().unwrap()
}

fn write(replica: &Replica, side: &str, round: u64) -> Written {
    let notes = replica.collection("notes").unwrap();
    notes
        .insert_as(format!("{side}{round}"), r#"{"written": true}"#)
        .unwrap()
}

fn edit(replica: &Replica, side: &str, round: u64) -> Written {
    let mut patch = Patch::default();
    patch.set.insert(Path::key("edited"), Value::Bool(true));
    let notes = replica.collection("notes").unwrap();
    notes.patch(format!("{side}{round}"), patch).unwrap()
}

/// A write that coalesced with one before it has that one's mutation.
fn note(written: Written, mutations: &mut BTreeSet<MutationId>) {
    mutations.insert(written.mutation.unwrap());
}

fn records(replica: &Replica) -> Vec<(String, String, u64)> {
    let records = replica.collection("notes").unwrap().query().all().unwrap();
    records
        .into_iter()
        .map(|record| {
            let version = record.version.unwrap();
            (
                record.id.to_string(),
                record.document.canonical(),
                version.ordinal().unwrap().1,
            )
        })
        .collect()
}

fn spawn(device: &Device) -> Child {
    device
        .command(&["sync", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until_it_syncs(child: &mut Child) {
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert!(line.starts_with("syncing"), "{line:?}");
}

/// The next number of a fixed sequence (SplitMix64).
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
