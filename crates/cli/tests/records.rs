//! Records on one device: write, read, find.
#![allow(clippy::unwrap_used)]
mod common;

use common::Device;
use serde_json::json;
use tempfile::TempDir;

fn device(folder: &TempDir) -> Device {
    let device = Device::bare(folder.path().join("device"));
    device
        .run(&["init", "--collection", "notes:merge"])
        .exits(0);
    device
}

#[test]
fn a_record_is_stored_changed_and_deleted() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    let ran = device.run(&["put", "notes", "n1", r#"{"title": "Milk", "price": 1.10}"#]);
    assert_eq!(ran.exits(0).out, "stored notes n1\n");
    // A number stays as it was written.
    let ran = device.run(&["get", "notes", "n1"]).exits(0);
    assert_eq!(ran.out, "{\n  \"price\": 1.10,\n  \"title\": \"Milk\"\n}\n");

    let patch = [
        "patch",
        "notes",
        "n1",
        "title=Bread",
        "done:=true",
        "--unset",
        "price",
    ];
    assert_eq!(device.run(&patch).exits(0).out, "changed notes n1\n");
    assert_eq!(
        device.document("notes", "n1"),
        r#"{"done":true,"title":"Bread"}"#
    );
    let again = device.run(&patch).exits(0);
    assert_eq!(again.out, "notes n1 is as it was: nothing to send\n");

    device.run(&["delete", "notes", "n1"]).exits(0);
    let ran = device.run(&["get", "notes", "n1"]).exits(1);
    assert!(
        ran.err
            .starts_with("error: expected the record n1 of notes"),
        "{ran:?}"
    );
}

#[test]
fn documents_come_from_arguments_files_and_the_input() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file("note.json", "{\"from\": \"file\"}\n");
    device.run(&["put", "notes", "a", "@note.json"]).exits(0);
    device
        .run_with(&["put", "notes", "b"], "{\"from\": \"input\"}")
        .exits(0);
    let made = device
        .run(&["insert", "notes", r#"{"from": "argument"}"#, "--json"])
        .exits(0);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(device.document("notes", "a"), r#"{"from":"file"}"#);
    assert_eq!(device.document("notes", "b"), r#"{"from":"input"}"#);
    assert_eq!(device.document("notes", &id), r#"{"from":"argument"}"#);
}

#[test]
fn queries_filter_order_limit_count_and_show_columns() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    for (id, title, stars) in [("a", "Milk", 2), ("b", "Bread", 5), ("c", "Eggs", 5)] {
        let document = json!({"title": title, "stars": stars}).to_string();
        device.run(&["put", "notes", id, &document]).exits(0);
    }
    let ids = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["query", "notes", "--json"];
        all.extend(arguments);
        let lines = device.run(&all).exits(0).lines();
        lines
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&[]), ["a", "b", "c"]);
    assert_eq!(ids(&["stars=5"]), ["b", "c"]);
    assert_eq!(ids(&["stars>=5", "title!=Eggs"]), ["b"]);
    assert_eq!(ids(&["stars<3"]), ["a"]);
    assert_eq!(ids(&["--order", "title"]), ["b", "c", "a"]);
    assert_eq!(ids(&["--order", "title", "--desc", "--limit", "1"]), ["a"]);
    assert_eq!(ids(&["title=nothing"]), [""; 0]);

    let count = device
        .run(&["query", "notes", "stars=5", "--count"])
        .exits(0);
    assert_eq!(count.out, "2\n");
    let table = device.run(&["query", "notes", "stars=5", "--columns", "title,stars"]);
    assert_eq!(
        table.exits(0).out,
        "id  title  stars\nb   Bread  5\nc   Eggs   5\n"
    );
}

#[test]
fn sql_sees_declared_columns() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    device.file(
        "tisync.toml",
        "replica = 'r.db'\n[collections.notes]\npolicy = 'merge'\ncolumns = { title = 'text', stars = 'integer' }\n",
    );
    device
        .run(&["put", "notes", "a", r#"{"title": "Milk", "stars": 2}"#])
        .exits(0);
    device
        .run(&["put", "notes", "b", r#"{"title": "Bread", "stars": 5}"#])
        .exits(0);
    let sql = "SELECT id, title, stars + 1 AS more FROM notes ORDER BY stars DESC";
    let ran = device.run(&["query", "--sql", sql]).exits(0);
    assert_eq!(ran.out, "id  title  more\nb   Bread  6\na   Milk   3\n");
    let ran = device.run(&["query", "--sql", sql, "--json"]).exits(0);
    assert_eq!(
        ran.lines()[0],
        json!({"id": "b", "title": "Bread", "more": 6})
    );

    device
        .run(&["query", "--sql", "DELETE FROM notes"])
        .exits(1);
    device.run(&["query", "--sql", "SELECT nonsense"]).exits(1);
    assert_eq!(
        device.document("notes", "a"),
        r#"{"stars":2,"title":"Milk"}"#
    );
}

#[test]
fn a_local_collection_says_that_it_has_no_connector() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    let status = device.run(&["status"]).exits(0);
    let held = status
        .out
        .lines()
        .find(|line| line.starts_with("held"))
        .unwrap();
    assert!(held.contains("1 entry, the oldest for "), "{held}");
    assert!(
        held.ends_with(": the collection has no connector"),
        "{held}"
    );
}

#[test]
fn why_tells_a_record_and_its_pending_change() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    let why = device.run(&["why", "notes", "n1"]).exits(0);
    assert!(why.out.contains("changes wait to be sent"), "{why:?}");
    assert!(why.out.contains("create, pending"), "{why:?}");
    device.run(&["why", "notes", "nobody"]).exits(1);
}
