//! Files of every released layout: a device that wakes up under the present version finds everything that it
//! had, and goes on syncing with a server that wakes up as well.
#![allow(clippy::unwrap_used)]
mod common;
#[path = "fixtures/story.rs"]
#[allow(dead_code, reason = "what only `cargo xtask fixture` asks for")]
mod story;

use common::{Server, text};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tisync::model::{EntryState, Resolution};
use tisync::{Document, Replica};
use tisync_store::{Next, RusqliteDriver, SqlDriver, SqlValue};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// A copy to work on.
fn copy(fixture: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in std::fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// Where the server was when a file was made; those of layout 1 do not say.
fn address(file: &Path) -> Option<String> {
    let mut driver = RusqliteDriver::open(file).unwrap();
    let mut address = None;
    let sql = "SELECT value FROM tisync_meta WHERE key = 'endpoints'";
    driver
        .query(sql, &[], &mut |row| {
            let SqlValue::Text(text) = row.value(0)? else {
                panic!("the addresses are text");
            };
            // Behind its seal.
            let json = &text[text.find('{').unwrap()..];
            let endpoints = Document::parse(json).unwrap().object();
            address = endpoints["main"].as_str().map(str::to_owned);
            Ok(Next::More)
        })
        .unwrap();
    address
}

fn shown(replica: &Replica) -> Vec<String> {
    let notes = (1..=7).map(|number| text(replica, &format!("n{number}")));
    let tasks = ["t1", "t7"].map(|id| {
        let task = replica.collection("tasks").unwrap().get(id).unwrap();
        task.map_or_else(|| "-".to_owned(), |task| task.canonical())
    });
    notes.chain(tasks).collect()
}

#[test]
fn the_present_layouts_have_a_fixture() {
    let (store, server) = (tisync_store::LAYOUT, tisync_server::LAYOUT);
    let name = format!("replica-{store}-server-{server}");
    assert!(
        fixtures().iter().any(|path| path.ends_with(&name)),
        "{name} is missing: run `cargo xtask fixture` and commit what it makes"
    );
}

#[test]
fn everything_is_there_and_goes_on_syncing() {
    for fixture in fixtures() {
        let name = fixture.display();
        let folder = copy(&fixture);
        let server = Server::start(folder.path(), None, false);
        let file = folder.path().join(story::REPLICA);
        let mut device = story::device(&file, &server);
        if let Some(address) = address(&file) {
            device = device.moved_from("main", &address);
        }
        let replica = device.open().unwrap();
        let before = [
            "-",
            r#"{"stars":4.5,"title":"theirs"}"#,
            "-",
            r#"{"bad":true,"title":"behind it"}"#,
            r#"{"title":"answered to nobody"}"#,
            r#"{"title":"pending"}"#,
            r#"{"title":"together"}"#,
            r#"{"text":"ours"}"#,
            r#"{"text":"together"}"#,
        ];
        assert_eq!(shown(&replica), before, "{name}");
        let journal = replica.journal().list(None, 10).unwrap();
        assert_eq!(journal.len(), 1, "{name}: {journal:?}");
        let entries = replica.outbox().list(None, 100).unwrap();
        let parked = entries
            .iter()
            .find(|row| matches!(row.entry.state, EntryState::Parked { .. }))
            .unwrap();
        assert!(
            entries
                .iter()
                .any(|row| matches!(row.entry.state, EntryState::Unknown { .. })),
            "{name}: {entries:?}"
        );

        replica.blocking_sync().unwrap();
        replica.outbox().retry(parked.entry.id).unwrap();
        let conflicts = replica.conflicts();
        assert_eq!(conflicts.list(9).unwrap().len(), 1, "{name}");
        conflicts.resolve("tasks", "t1", Resolution::Ours).unwrap();
        replica.journal().undo(journal[0].id).unwrap();
        let report = replica.blocking_sync().unwrap();
        assert!(report.is_synced(), "{name}: {report:?}");

        let fresh = story::device(&folder.path().join("fresh.db"), &server)
            .open()
            .unwrap();
        assert!(fresh.blocking_sync().unwrap().is_synced());
        let mut after = before.map(str::to_owned);
        after[1] = text(&replica, "n2");
        assert!(after[1].contains(r#""title":"ours""#), "{}", after[1]);
        assert_eq!(shown(&fresh), after, "{name}");
        assert_eq!(shown(&replica), after, "{name}");
    }
}
