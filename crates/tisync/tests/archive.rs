//! Export and import of whole replicas.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use tisync::{Archived, ErrorKind, Replica, ReplicaBuilder};

fn put(replica: &Replica, id: &str, document: &str) {
    let notes = replica.collection("notes").unwrap();
    notes.put(id, document).unwrap();
}

fn device(world: &World, name: &str) -> ReplicaBuilder {
    world.device(name).collection("notes", "manual")
}

fn file(world: &World, name: &str) -> PathBuf {
    world.folder.path().join(name)
}

/// A replica with an open conflict, pending writes of every kind, and a journal.
fn lived_in(world: &World) -> Replica {
    let (a, b) = (
        device(world, "a").open().unwrap(),
        world.notes("b", "server-wins"),
    );
    for id in ["same", "open", "gone"] {
        put(&a, id, r#"{"n": 1.0}"#);
    }
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    put(&a, "open", r#"{"n": 2}"#);
    put(&b, "open", r#"{"n": 3}"#);
    b.blocking_sync().unwrap();
    a.blocking_sync().unwrap();
    put(&a, "new", r#"{"n": 4}"#);
    a.collection("notes").unwrap().delete("gone").unwrap();
    put(&a, "same", r#"{"n": 5}"#);
    a
}

/// All that an app is shown of a replica.
fn shown(replica: &Replica) -> String {
    let records = replica.collection("notes").unwrap().query().all().unwrap();
    let outbox: Vec<String> = replica
        .outbox()
        .list(None, 100)
        .unwrap()
        .into_iter()
        .map(|entry| format!("{:?}", entry.entry))
        .collect();
    let conflicts = replica.conflicts().list(100).unwrap();
    let journal = replica.journal().list(None, 100).unwrap();
    format!("{records:?}\n{outbox:?}\n{conflicts:?}\n{journal:?}")
}

#[test]
fn a_replica_goes_on_from_its_archive_and_so_does_the_original() {
    let world = World::new();
    let a = lived_in(&world);
    let archive = file(&world, "a.archive");
    let archived = a.export(&archive, |_| {}).unwrap();
    let expected = Archived {
        records: 4,
        entries: 4,
        decisions: 0,
    };
    assert_eq!(archived, expected);
    let copy = device(&world, "copy").import(&archive, |_| {}).unwrap();
    assert_eq!(shown(&copy), shown(&a));

    // What both of them have pending reaches the server once: the keys are the same.
    copy.blocking_sync().unwrap();
    a.blocking_sync().unwrap();
    let b = world.notes("c", "server-wins");
    b.blocking_sync().unwrap();
    assert_eq!(text(&b, "same"), r#"{"n":5}"#);
    assert_eq!(text(&b, "new"), r#"{"n":4}"#);
    assert_eq!(b.collection("notes").unwrap().get("gone").unwrap(), None);
    for replica in [&a, &copy] {
        let journal = replica.journal().list(None, 100).unwrap();
        assert!(journal.is_empty(), "nothing was in conflict: {journal:?}");
        assert_eq!(replica.conflicts().list(100).unwrap().len(), 1);
        assert_eq!(text(replica, "new"), r#"{"n":4}"#);
    }
}

#[test]
fn an_export_that_was_broken_off_goes_on() {
    let world = World::new();
    let a = lived_in(&world);
    let whole = file(&world, "whole");
    a.export(&whole, |_| {}).unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    for (there, kept) in [
        (bytes.len() / 2, true),
        (bytes.len() / 2, false),
        (bytes.len(), true),
    ] {
        let mut part = bytes[..there].to_vec();
        if !kept {
            // The file is of another moment.
            part[there / 2] ^= 1;
            part.extend_from_slice(&bytes);
        }
        let other = file(&world, &format!("other-{there}-{kept}"));
        std::fs::write(
            other.with_file_name(format!("other-{there}-{kept}.partial")),
            part,
        )
        .unwrap();
        a.export(&other, |_| {}).unwrap();
        assert!(std::fs::read(&other).unwrap() == bytes, "{there} {kept}");
    }
}

#[test]
fn an_import_that_was_broken_off_goes_on() {
    let world = World::new();
    let a = device(&world, "a").open().unwrap();
    a.bulk(|writes| (0..12_000).try_for_each(|n| writes.put("notes", format!("n{n:05}"), "{}")))
        .unwrap();
    let archive = file(&world, "archive");
    a.export(&archive, |_| {}).unwrap();
    let broken = catch_unwind(AssertUnwindSafe(|| {
        device(&world, "copy").import(&archive, |_| panic!("the app ends here"))
    }));
    assert!(broken.is_err());
    assert!(!world.folder.path().join("copy.db").exists());

    let (mut pages, mut last) = (0, 0);
    let copy = device(&world, "copy")
        .import(&archive, |progress| {
            pages += 1;
            last = progress.done;
        })
        .unwrap();
    // 24,000 records and entries and their sides are eight pages; the first is there.
    let lines = std::fs::read_to_string(&archive).unwrap().lines().count();
    assert_eq!(pages, lines.div_ceil(5_000) - 1);
    assert!(last > 0);
    assert_eq!(shown(&copy), shown(&a));
    assert_eq!(
        copy.collection("notes").unwrap().query().count().unwrap(),
        12_000
    );
}

#[test]
fn an_unfinished_file_that_cannot_be_judged_stays() {
    let world = World::new();
    let archive = file(&world, "archive");
    lived_in(&world).export(&archive, |_| {}).unwrap();
    let unfinished = file(&world, "copy.db.importing");
    drop(device(&world, "copy").import(&archive, |_| {}).unwrap());
    std::fs::rename(file(&world, "copy.db"), &unfinished).unwrap();
    // The number of its layout, where SQLite's header has it: made by a newer program.
    let mut bytes = std::fs::read(&unfinished).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&unfinished, &bytes).unwrap();
    refused(&world, &archive, ErrorKind::Newer, "update the app");
    assert!(std::fs::read(&unfinished).unwrap() == bytes);
    // What is damaged is made anew: all of it is in the archive.
    std::fs::write(&unfinished, "no database").unwrap();
    device(&world, "copy").import(&archive, |_| {}).unwrap();
}

fn refused(world: &World, archive: &Path, expected: ErrorKind, words: &str) {
    let error = device(world, "copy").import(archive, |_| {}).unwrap_err();
    assert_eq!(error.kind(), expected, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(!world.folder.path().join("copy.db").exists());
}

#[test]
fn what_is_not_a_whole_archive_is_refused_and_makes_no_file() {
    let world = World::new();
    let a = lived_in(&world);
    let archive = file(&world, "archive");
    a.export(&archive, |_| {}).unwrap();
    let good = std::fs::read_to_string(&archive).unwrap();
    let bad = file(&world, "bad");
    let with = |text: &str, words: &str| {
        std::fs::write(&bad, text).unwrap();
        refused(&world, &bad, ErrorKind::Invalid, words);
    };
    with("", "the file is empty");
    with("{\"title\": 1}\n", "the head of an archive");
    let cut = good.rfind("{\"end\"").unwrap();
    with(&good[..cut], "it was cut off");
    with(&good[..cut / 2], "it was cut off");
    with(&good.replacen("same", "sane", 1), "changed or damaged");
    let newer = good.replacen("\"archive\":1", "\"archive\":2", 1);
    std::fs::write(&bad, newer).unwrap();
    refused(&world, &bad, ErrorKind::Newer, "update this app");

    // A file that is there is not written over, neither by an import nor by an export.
    assert_eq!(
        a.export(&archive, |_| {}).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    let error = device(&world, "a").import(&archive, |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn an_archive_of_another_backend_makes_no_file() {
    let (world, other) = (World::new(), World::new());
    let a = lived_in(&world);
    let archive = file(&world, "archive");
    a.export(&archive, |_| {}).unwrap();
    refused(&other, &archive, ErrorKind::WrongAccount, "another");
    // It can be imported where it belongs.
    device(&world, "copy").import(&archive, |_| {}).unwrap();
}
