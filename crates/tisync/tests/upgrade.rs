//! App upgrades with a real server: full outboxes, mixed versions, apps that are too old.
#![allow(clippy::unwrap_used)]
mod common;

use common::{World, text};
use std::path::Path;
use tisync::model::{Blocker, EntryState};
use tisync::{CollectionOptions, Document, ErrorKind, Replica, ReplicaBuilder};

/// Schema 2 calls `title` a `name`; what is marked `stuck` cannot come along.
fn forward(from: u32, to: u32, document: &Document) -> Result<Document, String> {
    assert!(from < to);
    let mut object = document.object();
    if object.contains_key("stuck") {
        return Err("it is stuck".to_owned());
    }
    if let Some(title) = object.remove("title") {
        object.insert("name".to_owned(), title);
    }
    Ok(Document::from_object(&object))
}

fn app(world: &World, name: &str, schema: u32) -> ReplicaBuilder {
    let options = CollectionOptions::policy("merge").map(|options| {
        let options = options.schema(schema);
        match schema {
            1 => options,
            _ => options.migrate(forward),
        }
    });
    world.device(name).collection("notes", options)
}

fn put(replica: &Replica, id: &str, document: &str) {
    let notes = replica.collection("notes").unwrap();
    notes.put(id, document).unwrap();
}

fn sync(replica: &Replica) {
    let report = replica.blocking_sync().unwrap();
    assert!(report.is_synced(), "{report:?}");
}

#[test]
fn a_full_outbox_comes_along() {
    let world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "shared", r#"{"title": "shared", "n": 1}"#);
    sync(&old);
    for number in 0..700 {
        put(&old, &format!("n{number}"), r#"{"title": "waits"}"#);
    }
    put(&old, "shared", r#"{"title": "changed", "n": 1}"#);
    drop(old);

    let new = app(&world, "a", 2).open().unwrap();
    assert_eq!(text(&new, "n699"), r#"{"name":"waits"}"#);
    assert_eq!(text(&new, "shared"), r#"{"n":1,"name":"changed"}"#);
    assert_eq!(new.health().unwrap().outbox.pending, 701);
    sync(&new);
    let fresh = app(&world, "b", 2).open().unwrap();
    sync(&fresh);
    assert_eq!(text(&fresh, "shared"), r#"{"n":1,"name":"changed"}"#);
    assert_eq!(fresh.collection("notes").unwrap().count().unwrap(), 701);
}

#[test]
fn apps_of_two_versions_share_a_server() {
    let world = World::new();
    let old = app(&world, "old", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a"}"#);
    put(&old, "b", r#"{"title": "b", "stuck": true}"#);
    sync(&old);
    // What an older app wrote comes forward on its way in; what cannot is kept apart.
    let new = app(&world, "new", 2).open().unwrap();
    let report = new.blocking_sync().unwrap();
    assert_eq!(text(&new, "a"), r#"{"name":"a"}"#);
    assert_eq!(
        (text(&new, "b").as_str(), report.health.quarantined),
        ("-", 1)
    );
    // A change goes up whole, in the new schema, and the older app sees it as it is.
    put(&new, "a", r#"{"name": "a", "n": 1}"#);
    new.blocking_sync().unwrap();
    sync(&old);
    assert_eq!(text(&old, "a"), r#"{"n":1,"name":"a"}"#);
    // What the older app changes in it keeps the rest.
    put(&old, "a", r#"{"n": 2, "name": "a", "title": "of old"}"#);
    sync(&old);
    new.blocking_sync().unwrap();
    assert_eq!(text(&new, "a"), r#"{"n":2,"name":"a","title":"of old"}"#);
    // Both change one record, each in its schema.
    put(&old, "c", r#"{"title": "c", "n": 1}"#);
    sync(&old);
    new.blocking_sync().unwrap();
    put(&old, "c", r#"{"title": "renamed", "n": 1}"#);
    put(&new, "c", r#"{"name": "c", "n": 2}"#);
    sync(&old);
    new.blocking_sync().unwrap();
    assert_eq!(text(&new, "c"), r#"{"n":2,"name":"renamed"}"#);
}

#[test]
fn an_app_that_is_too_old_reads_on_and_its_writes_wait() {
    let mut world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a"}"#);
    sync(&old);
    world.server.pause();
    world.server.schemas_min = vec![("notes".to_owned(), 2)];
    world.server.resume();
    put(&old, "a", r#"{"title": "waits"}"#);
    let error = old.blocking_sync().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpgradeRequired, "{error}");
    assert!(
        error.to_string().contains("notes from schema 2 on"),
        "{error}"
    );
    let health = old.health().unwrap();
    let blockers = health.blockers.iter().map(|held| held.blocker);
    assert!(
        blockers
            .clone()
            .any(|blocker| blocker == Blocker::UpgradeRequired),
        "{health:?}"
    );
    let new = app(&world, "b", 2).open().unwrap();
    sync(&new);
    put(&new, "b", r#"{"name": "of the new one"}"#);
    sync(&new);
    let _ = old.blocking_sync();
    assert_eq!(text(&old, "b"), r#"{"name":"of the new one"}"#);
    drop(old);
    // Upgraded, it sends what waited: what had been handed out under the old schema, too.
    let upgraded = app(&world, "a", 2).open().unwrap();
    sync(&upgraded);
    sync(&new);
    assert_eq!(text(&new, "a"), r#"{"name":"waits"}"#);
}

#[test]
fn what_cannot_come_along_is_parked_and_goes_when_the_app_can() {
    let world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a", "stuck": true}"#);
    put(&old, "b", r#"{"title": "b"}"#);
    drop(old);
    let new = app(&world, "a", 2).open().unwrap();
    let report = new.blocking_sync().unwrap();
    assert_eq!((report.health.outbox.parked, report.traffic.pushed), (1, 1));
    let parked = new.outbox().waiting().unwrap().remove(0);
    let EntryState::Parked { reason, .. } = &parked.entry.state else {
        panic!("{parked:?}");
    };
    assert_eq!(reason, "not migrated: it is stuck");
    let error = new.outbox().retry(parked.entry.id).unwrap_err();
    assert!(error.to_string().contains("it is stuck"), "{error}");
    drop(new);
    let better = CollectionOptions::policy("merge").map(|options| {
        options.schema(2).migrate(|from, to, document| {
            let mut object = document.object();
            object.remove("stuck");
            forward(from, to, &Document::from_object(&object))
        })
    });
    let better = world
        .device("a")
        .collection("notes", better)
        .open()
        .unwrap();
    sync(&better);
    assert_eq!(text(&better, "a"), r#"{"name":"a"}"#);
}

#[test]
fn a_function_that_panics_parks() {
    let world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a"}"#);
    drop(old);
    let options = CollectionOptions::policy("merge")
        .map(|options| options.schema(2).migrate(|_, _, _| panic!("out of range")));
    let new = world
        .device("a")
        .collection("notes", options)
        .open()
        .unwrap();
    assert_eq!(new.health().unwrap().outbox.parked, 1);
    assert_eq!(text(&new, "a"), r#"{"title":"a"}"#);
}

#[test]
fn an_app_without_a_function_is_refused_and_changes_nothing() {
    let world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a"}"#);
    drop(old);
    let options = || CollectionOptions::policy("merge").map(|options| options.schema(2));
    let error = world
        .device("a")
        .collection("notes", options())
        .open()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig);
    assert!(
        error.to_string().contains("migrate function for notes"),
        "{error}"
    );
    // Where there is nothing to bring along, none is needed.
    world
        .device("b")
        .collection("notes", options())
        .open()
        .unwrap();
    let old = app(&world, "a", 1).open().unwrap();
    assert_eq!(text(&old, "a"), r#"{"title":"a"}"#);
}

#[test]
fn an_older_app_is_refused_also_while_it_runs() {
    let world = World::new();
    let old = app(&world, "a", 1).open().unwrap();
    put(&old, "a", r#"{"title": "a"}"#);
    sync(&old);
    let new = app(&world, "a", 2).open().unwrap();
    let error = old.collection("notes").unwrap().put("b", "{}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Newer, "{error}");
    assert_eq!(old.blocking_sync().unwrap_err().kind(), ErrorKind::Newer);
    // It lets go of the lease, and the new one syncs.
    sync(&new);
    drop((old, new));
    let error = app(&world, "a", 1).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Newer);
    assert!(error.to_string().contains("schema 2 of notes"), "{error}");
}

#[test]
fn a_decision_of_an_older_schema_is_undone() {
    let world = World::new();
    let options = |schema: u32| {
        CollectionOptions::policy("server-wins")
            .map(|options| options.schema(schema).migrate(forward))
    };
    let device = |name: &str, schema: u32| {
        let device = world.device(name).collection("notes", options(schema));
        device.open().unwrap()
    };
    let (a, b) = (device("a", 1), device("b", 1));
    put(&a, "n", r#"{"title": "a"}"#);
    sync(&a);
    sync(&b);
    put(&a, "n", r#"{"title": "theirs"}"#);
    put(&b, "n", r#"{"title": "ours"}"#);
    sync(&a);
    sync(&b);
    drop(b);
    let b = device("b", 2);
    let row = b.journal().list(None, 9).unwrap().remove(0);
    assert_eq!(row.schema, 1);
    b.journal().undo(row.id).unwrap();
    assert_eq!(text(&b, "n"), r#"{"name":"ours"}"#);
    sync(&b);
}

#[test]
fn settings_declare_steps() {
    let folder = tempfile::tempdir().unwrap();
    let open = |notes: &str| {
        let text = format!(r#"{{"replica": "notes.db", "collections": {{"notes": {notes}}}}}"#);
        let settings: tisync::Settings = serde_json::from_str(&text).unwrap();
        settings.builder(Path::new(folder.path())).unwrap().open()
    };
    let old = open(r#"{"policy": "merge"}"#).unwrap();
    put(
        &old,
        "a",
        r#"{"title": "a", "at": {"old": 1, "new": 2}, "legacy": true}"#,
    );
    put(&old, "b", r#"{"name": "taken", "title": "b", "stars": 5}"#);
    drop(old);
    let new = open(
        r#"{"policy": "merge", "schema": 2, "migrations": [
            {"to": 2, "rename": {"/at/new": "when"}, "drop": ["legacy", "/at"]},
            {"to": 1, "rename": {"title": "name"}, "default": {"stars": 0, "tags": ["x"]}}
        ]}"#,
    )
    .unwrap();
    assert_eq!(
        text(&new, "a"),
        r#"{"name":"a","stars":0,"tags":["x"],"when":2}"#
    );
    assert_eq!(
        text(&new, "b"),
        r#"{"name":"taken","stars":5,"tags":["x"],"title":"b"}"#
    );
}
