//! Two devices and a server.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use tisync::model::{Image, Resolution};
use tisync::{CollectionOptions, Patch, Path, Replica, Value};

fn put(replica: &Replica, id: &str, document: &str) {
    replica
        .collection("notes")
        .unwrap()
        .put(id, document)
        .unwrap();
}

/// Both know `n1`, then both change it while offline; `a` syncs first.
fn both_change(world: &World, policy: &str) -> (Replica, Replica) {
    let (a, b) = (world.notes("a", policy), world.notes("b", policy));
    put(&a, "n1", r#"{"title": "Milk", "stars": 1}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    put(&a, "n1", r#"{"title": "Milk a", "stars": 1}"#);
    put(&b, "n1", r#"{"title": "Milk b", "stars": 2}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    a.blocking_sync().unwrap();
    (a, b)
}

#[test]
fn what_one_device_writes_the_other_reads() {
    let world = World::new();
    let (a, b) = (world.notes("a", "merge"), world.notes("b", "merge"));
    put(&a, "n1", r#"{"title": "Milk"}"#);

    let report = a.blocking_sync().unwrap();
    assert!(report.is_synced(), "{report:?}");
    assert_eq!(report.traffic.pushed, 1);

    let report = b.blocking_sync().unwrap();
    assert!(report.is_synced(), "{report:?}");
    assert_eq!(text(&b, "n1"), r#"{"title":"Milk"}"#);
    let record = b.collection("notes").unwrap().record("n1").unwrap();
    assert!(!record.unwrap().is_pending());
}

#[test]
fn the_server_wins_where_it_is_named() {
    let world = World::new();
    let (a, b) = both_change(&world, "server-wins");
    assert_eq!(text(&a, "n1"), r#"{"stars":1,"title":"Milk a"}"#);
    assert_eq!(text(&b, "n1"), text(&a, "n1"));
    let journal = b.journal().list(None, 10).unwrap();
    assert_eq!(journal.len(), 1, "{journal:?}");
    assert_eq!(journal[0].policy, "server-wins");
}

#[test]
fn the_client_wins_where_it_is_named() {
    let world = World::new();
    let (a, b) = both_change(&world, "client-wins");
    assert_eq!(text(&b, "n1"), r#"{"stars":2,"title":"Milk b"}"#);
    assert_eq!(text(&a, "n1"), text(&b, "n1"));
}

#[test]
fn undo_brings_the_loser_back_and_syncs() {
    let world = World::new();
    let (a, b) = both_change(&world, "server-wins");
    let row = b.journal().list(None, 1).unwrap().remove(0);
    assert_eq!(
        row.ours.document().unwrap().canonical(),
        r#"{"stars":2,"title":"Milk b"}"#
    );
    b.journal().undo(row.id).unwrap();
    assert!(b.blocking_sync().unwrap().is_synced());
    assert!(a.blocking_sync().unwrap().is_synced());
    assert_eq!(text(&a, "n1"), r#"{"stars":2,"title":"Milk b"}"#);
}

#[test]
fn a_person_decides_where_the_policy_is_manual() {
    let world = World::new();
    let (a, b) = both_change(&world, "manual");
    let report = b.blocking_sync().unwrap();
    assert!(!report.is_synced() && report.needs_person());

    let conflicts = b.conflicts().list(10).unwrap();
    assert_eq!(conflicts.len(), 1);
    let conflict = b.conflicts().get("notes", "n1").unwrap();
    assert_eq!(conflict, conflicts[0]);
    let stars = |image: &Image| image.document().unwrap().object()["stars"].clone();
    assert_eq!(stars(&conflict.base), Value::Number(1.into()));
    assert_eq!(stars(&conflict.ours), Value::Number(2.into()));
    assert_eq!(stars(&conflict.theirs), Value::Number(1.into()));

    b.conflicts()
        .resolve("notes", "n1", Resolution::Ours)
        .unwrap();
    assert!(b.blocking_sync().unwrap().is_synced());
    a.blocking_sync().unwrap();
    assert_eq!(text(&a, "n1"), r#"{"stars":2,"title":"Milk b"}"#);
    assert!(b.conflicts().get("notes", "n1").unwrap_err().is_not_found());
}

#[test]
fn merge_takes_each_field_from_the_side_that_changed_it() {
    let world = World::new();
    let options = || CollectionOptions::policy("merge")?.field("stars", "counter");
    let device = |name| {
        world
            .device(name)
            .collection("notes", options())
            .open()
            .unwrap()
    };
    let (a, b) = (device("a"), device("b"));
    put(&a, "n1", r#"{"title": "Milk", "stars": 1}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    put(&a, "n1", r#"{"title": "Milk a", "stars": 3}"#);
    put(&b, "n1", r#"{"title": "Milk", "stars": 6, "due": null}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    a.blocking_sync().unwrap();
    assert_eq!(text(&a, "n1"), r#"{"due":null,"stars":8,"title":"Milk a"}"#);
    assert_eq!(text(&b, "n1"), text(&a, "n1"));
}

#[test]
fn functions_of_the_app_decide_and_a_panic_falls_back() {
    let world = World::new();
    let longest = |name: &str| {
        world
            .device(name)
            .collection(
                "notes",
                CollectionOptions::policy("merge")
                    .and_then(|options| options.field("title", "function:longest"))
                    .and_then(|options| options.field("stars", "function:broken"))
                    .and_then(|options| options.fallback("server")),
            )
            .field_policy("longest", |field| {
                let ours = field.ours.clone().unwrap();
                let theirs = field.theirs.clone().unwrap();
                if ours.as_str().unwrap().len() > theirs.as_str().unwrap().len() {
                    ours
                } else {
                    theirs
                }
            })
            .field_policy("broken", |_| panic!("a bug in the app"))
            .open()
            .unwrap()
    };
    let (a, b) = (longest("a"), longest("b"));
    put(&a, "n1", r#"{"title": "Milk"}"#);
    put(&a, "n2", r#"{"stars": 1}"#);
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    put(&a, "n1", r#"{"title": "Milk a"}"#);
    put(&a, "n2", r#"{"stars": 2}"#);
    put(&b, "n1", r#"{"title": "Milk bbb"}"#);
    put(&b, "n2", r#"{"stars": 3}"#);
    a.blocking_sync().unwrap();
    assert!(b.blocking_sync().unwrap().is_synced());
    a.blocking_sync().unwrap();
    assert_eq!(text(&a, "n1"), r#"{"title":"Milk bbb"}"#);
    assert_eq!(text(&a, "n2"), r#"{"stars":2}"#);
}

#[test]
fn a_function_that_nobody_registered_is_refused() {
    let world = World::new();
    let error = world
        .device("a")
        .collection(
            "notes",
            CollectionOptions::policy("function:mine")
                .and_then(|options| options.fallback("server")),
        )
        .open()
        .unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().contains("\"mine\""), "{error}");
}

#[test]
fn a_group_arrives_whole() {
    let world = World::new();
    let (a, b) = (world.notes("a", "merge"), world.notes("b", "merge"));
    let written = a
        .group(|group| {
            group.put("notes", "x", r#"{"balance": 90}"#)?;
            group.put("notes", "y", r#"{"balance": 110}"#)
        })
        .unwrap();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0].group, written[1].group);
    assert!(written[0].group.is_some());
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    assert_eq!(text(&b, "x"), r#"{"balance":90}"#);
    assert_eq!(text(&b, "y"), r#"{"balance":110}"#);
}

#[test]
fn a_group_with_a_bad_write_changes_nothing() {
    let world = World::new();
    let a = world.notes("a", "merge");
    let error = a
        .group(|group| {
            group.put("notes", "x", r#"{"balance": 90}"#)?;
            group.delete("notes", "nobody")
        })
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(text(&a, "x"), "-");
}

#[test]
fn patches_and_deletes_travel() {
    let world = World::new();
    let (a, b) = (world.notes("a", "merge"), world.notes("b", "merge"));
    put(&a, "n1", r#"{"title": "Milk", "due": "today"}"#);
    put(&a, "n2", "{}");
    a.blocking_sync().unwrap();
    b.blocking_sync().unwrap();
    let notes = b.collection("notes").unwrap();
    let mut patch = Patch::default();
    patch
        .set
        .insert(Path::parse("/stars").unwrap(), Value::Number(5.into()));
    patch.unset.insert(Path::parse("/due").unwrap());
    notes.patch("n1", patch).unwrap();
    notes.delete("n2").unwrap();
    b.blocking_sync().unwrap();
    a.blocking_sync().unwrap();
    assert_eq!(text(&a, "n1"), r#"{"stars":5,"title":"Milk"}"#);
    assert_eq!(text(&a, "n2"), "-");
}
