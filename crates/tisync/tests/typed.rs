//! Reads into types of the app's own: parsed once, straight from the file.
#![allow(clippy::unwrap_used, missing_docs)]
use serde::{Deserialize, Serialize};
use tisync::{ErrorKind, Replica, Typed};
use tisync_store::{RusqliteDriver, SqlDriver};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    title: String,
}

fn notes(dir: &tempfile::TempDir) -> Typed<Note> {
    Replica::open(dir.path().join("a.db"))
        .collection("notes", "merge")
        .open()
        .unwrap()
        .typed("notes")
        .unwrap()
}

#[test]
fn a_document_of_another_type_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let notes = notes(&dir);
    notes.untyped().put("a", r#"{"title": 1}"#).unwrap();
    let get = notes.get("a").unwrap_err();
    let all = notes.all(&notes.query()).unwrap_err();
    for error in [get, all] {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("Note"), "{error}");
    }
}

#[test]
fn a_damaged_document_is_damage_and_not_another_type() {
    let dir = tempfile::tempdir().unwrap();
    let notes = notes(&dir);
    notes.untyped().put("a", r#"{"title": "x"}"#).unwrap();
    let mut driver = RusqliteDriver::open(&dir.path().join("a.db")).unwrap();
    driver
        .batch(r#"UPDATE tisync_c1 SET doc = '{"title": "x'"#)
        .unwrap();
    let get = notes.get("a").unwrap_err();
    let all = notes.all(&notes.query()).unwrap_err();
    let untyped = notes.untyped().get("a").unwrap_err();
    for error in [get, all, untyped] {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn all_records_come_in_the_order_of_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let notes = notes(&dir);
    for id in ["b", "a2", "a10", "c", "a"] {
        notes.put(id, &Note { title: id.into() }).unwrap();
    }
    notes.delete("c").unwrap();
    let all = notes.all(&notes.query()).unwrap();
    let titles: Vec<&str> = all
        .iter()
        .map(|note| note.document.title.as_str())
        .collect();
    assert_eq!(titles, ["a", "a10", "a2", "b"]);
}
