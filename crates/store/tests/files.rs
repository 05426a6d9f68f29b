//! Files: what stays over a restart, what is refused, what two processes see of each other.
#![allow(clippy::unwrap_used)]
#[path = "fixtures/contents.rs"]
mod contents;

use std::fs;
use std::path::{Path, PathBuf};
use tisync_core::conformance::snapshot::snapshot;
use tisync_core::conformance::{
    commit, declare, entry, ids, insert, notes, put, record, see, stamp, tasks,
};
use tisync_core::memory::MemoryStore;
use tisync_core::model::Rid;
use tisync_core::store::{Durability, Op, Store, StoreErrorKind, Tx};
use tisync_store::{LAYOUT, Options, RusqliteDriver, SqlDriver, SqliteStore};

fn open(path: &Path) -> SqliteStore<RusqliteDriver> {
    SqliteStore::open(path, &Options::default()).unwrap()
}

fn refused(path: &Path) -> StoreErrorKind {
    SqliteStore::open(path, &Options::default())
        .unwrap_err()
        .kind
}

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("app.db")
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut memory = MemoryStore::new();
    for changes in contents::commits() {
        commit(&mut memory, changes.clone());
        commit(&mut open(&file(&dir)), changes);
    }
    let names = contents::names();
    assert_eq!(
        snapshot(&mut open(&file(&dir)), &names),
        snapshot(&mut memory, &names)
    );
}

/// The file that was made under a layout.
fn fixture(layout: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/v{layout}.db"))
}

#[test]
fn a_file_of_every_layout_still_opens() {
    for layout in 1..=LAYOUT {
        let fixture = fixture(layout);
        assert!(
            fixture.exists(),
            "{} is missing: run `cargo xtask fixture` and commit what it makes",
            fixture.display()
        );
        let dir = tempfile::tempdir().unwrap();
        fs::copy(fixture, file(&dir)).unwrap();
        let mut store = open(&file(&dir));
        store.check().unwrap();
        let mut memory = MemoryStore::new();
        for changes in contents::commits() {
            commit(&mut memory, changes);
        }
        let names = contents::names();
        assert_eq!(
            snapshot(&mut store, &names),
            snapshot(&mut memory, &names),
            "layout {layout}"
        );
        let rows = store
            .reader()
            .sql("SELECT id, title, rank FROM notes WHERE rank = 2", &[], 9)
            .unwrap();
        assert_eq!(rows.rows.len(), 2);
        // And can be written.
        commit(&mut store, vec![insert(record(9, "later"))]);
        assert_eq!(see(&mut store, |tx| tx.next_rid(&notes())), Rid(10));
        drop(store);
        assert_eq!(
            see(&mut open(&file(&dir)), |tx| tx.next_rid(&notes())),
            Rid(10)
        );
    }
}

#[test]
fn a_file_of_a_newer_layout_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    commit(
        &mut open(&file(&dir)),
        vec![declare(notes(), Vec::new()), insert(record(1, "a"))],
    );
    let mut driver = RusqliteDriver::open(&file(&dir)).unwrap();
    driver
        .batch(&format!(
            "PRAGMA user_version = {}; PRAGMA wal_checkpoint(TRUNCATE)",
            LAYOUT + 1
        ))
        .unwrap();
    drop(driver);
    let before = fs::read(file(&dir)).unwrap();
    assert_eq!(refused(&file(&dir)), StoreErrorKind::Newer);
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
}

#[test]
fn a_file_that_became_newer_meanwhile_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&file(&dir));
    commit(&mut store, vec![declare(notes(), Vec::new())]);
    let mut other = RusqliteDriver::open(&file(&dir)).unwrap();
    other
        .batch(&format!(
            "PRAGMA user_version = {}; CREATE TABLE later (x)",
            LAYOUT + 1
        ))
        .unwrap();
    assert_eq!(
        store.begin(Durability::Full).unwrap_err().kind,
        StoreErrorKind::Newer
    );
}

#[test]
fn a_database_of_something_else_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let mut driver = RusqliteDriver::open(&file(&dir)).unwrap();
    driver
        .batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
        .unwrap();
    drop(driver);
    let before = fs::read(file(&dir)).unwrap();
    assert_eq!(refused(&file(&dir)), StoreErrorKind::Misuse);
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_corrupt_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(file(&dir), "<html>no database</html>".repeat(400)).unwrap();
    let before = fs::read(file(&dir)).unwrap();
    assert_eq!(refused(&file(&dir)), StoreErrorKind::Corrupt);
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
}

#[test]
fn damage_is_an_error_and_never_a_missing_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&file(&dir));
    let mut changes = vec![declare(notes(), Vec::new())];
    changes.extend((1..=400).map(|rid| insert(record(rid, &format!("n{rid:03}")))));
    commit(&mut store, changes);
    drop(store);
    let whole = fs::read(file(&dir)).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 10, "{pages}");
    let (mut noticed, mut harmless) = (0, 0);
    for page in 0..pages {
        let mut damaged = whole.clone();
        // The head of each page says what is on it. The first page begins with the head of the file.
        let at = page * 4096 + if page == 0 { 100 } else { 0 };
        damaged[at..at + 8].copy_from_slice(&[0xff; 8]);
        fs::write(file(&dir), damaged).unwrap();
        let checked = Options {
            check: true,
            ..Options::default()
        };
        match SqliteStore::open(&file(&dir), &checked) {
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
                noticed += 1;
            }
            Ok(_) => harmless += 1,
        }
        // Without the check, too, reading either fails or finds every record.
        if let Ok(mut store) = SqliteStore::open(&file(&dir), &Options::default())
            && let Ok(mut tx) = store.begin(Durability::Normal)
            && let Ok(rows) = tx.scan(&notes(), None, usize::MAX)
        {
            assert_eq!(rows.len(), 400, "page {page}");
        }
    }
    assert!(
        noticed >= pages - 1 && harmless <= 1,
        "{noticed} of {pages}"
    );
}

#[test]
fn a_row_that_was_never_written_so_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    commit(
        &mut open(&file(&dir)),
        vec![declare(notes(), Vec::new()), insert(record(1, "a"))],
    );
    for sql in [
        "UPDATE tisync_c1 SET doc = '{\"a\":'",
        "UPDATE tisync_c1 SET doc = '[]'",
        "UPDATE tisync_c1 SET doc = x'00'",
        "UPDATE tisync_c1 SET doc = '{}', state = 7",
        "UPDATE tisync_c1 SET state = 0, id = ''",
    ] {
        let mut driver = RusqliteDriver::open(&file(&dir)).unwrap();
        driver.batch(sql).unwrap();
        let mut store = open(&file(&dir));
        let error = store
            .begin(Durability::Normal)
            .unwrap()
            .scan(&notes(), None, 9)
            .unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{sql}");
    }
}

#[test]
fn two_stores_on_one_file_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(&file(&dir)), open(&file(&dir)));
    assert!(!other.has_changed_elsewhere().unwrap());
    commit(
        &mut one,
        vec![declare(notes(), Vec::new()), insert(record(1, "a"))],
    );
    assert!(other.has_changed_elsewhere().unwrap());
    assert_eq!(ids(&mut other), ["a"]);
    commit(
        &mut other,
        vec![insert(record(2, "b")), declare(tasks(), Vec::new())],
    );
    let task = Op::Insert {
        collection: tasks(),
        record: record(1, "t"),
    };
    commit(&mut one, vec![insert(record(3, "c")), task]);
    assert_eq!(ids(&mut other), ["a", "b", "c"]);
    assert_eq!(see(&mut other, |tx| tx.count(&tasks(), None)), (1, 0));
    // What a connection remembers for the next save does not outlive a commit of the other one.
    commit(&mut one, vec![put(entry(1, 1))]);
    assert_eq!(see(&mut one, |tx| tx.next_seq()), 2);
    commit(&mut other, vec![put(entry(2, 2)), put(entry(3, 2))]);
    assert_eq!(see(&mut one, |tx| tx.next_seq()), 4);
    assert_eq!(see(&mut one, |tx| tx.clock()), entry(3, 2).stamps.latest);
    let clock = Op::Meta {
        key: "clock".into(),
        value: Some(stamp(9_000).to_string()),
    };
    commit(&mut other, vec![Op::RemoveEntry(3), clock]);
    assert_eq!(see(&mut one, |tx| tx.next_seq()), 3);
    assert_eq!(see(&mut one, |tx| tx.clock()), stamp(9_000));
}

#[test]
fn a_file_that_another_is_making_is_no_strange_one() {
    const OPENERS: usize = 6;
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let start = std::sync::Barrier::new(OPENERS);
        std::thread::scope(|scope| {
            for _ in 0..OPENERS {
                scope.spawn(|| {
                    start.wait();
                    loop {
                        match SqliteStore::open(&path, &Options::default()) {
                            Ok(mut store) => return drop(store.begin(Durability::Full).unwrap()),
                            Err(error) => assert_eq!(error.kind, StoreErrorKind::Busy, "{error}"),
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn a_store_is_told_of_commits_of_others_and_not_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(&file(&dir)), open(&file(&dir)));
    assert!(!one.has_changed_elsewhere().unwrap());
    commit(&mut one, vec![declare(notes(), Vec::new())]);
    commit(&mut one, vec![insert(record(1, "n1"))]);
    assert!(!one.had_changed_elsewhere());
    assert!(!one.has_changed_elsewhere().unwrap());
    commit(&mut other, vec![insert(record(2, "n2"))]);
    assert!(!one.had_changed_elsewhere(), "no transaction has looked");
    commit(&mut one, vec![insert(record(3, "n3"))]);
    assert!(one.had_changed_elsewhere());
    assert!(!one.has_changed_elsewhere().unwrap(), "told already");
    commit(&mut other, vec![insert(record(4, "n4"))]);
    assert!(one.has_changed_elsewhere().unwrap());
    assert!(!one.had_changed_elsewhere());
}

#[test]
fn a_reading_store_waits_for_no_writer_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(&file(&dir));
    commit(&mut writer, vec![declare(notes(), Vec::new())]);
    commit(&mut writer, vec![insert(record(1, "n1"))]);
    let mut reader = SqliteStore::open_reader(&file(&dir)).unwrap();
    let open = writer.begin(Durability::Full).unwrap();
    assert_eq!(see(&mut reader, |tx| tx.count(&notes(), None)).0, 1);
    drop(open);
    let tx = reader.begin(Durability::Full).unwrap();
    assert!(tx.commit(vec![insert(record(2, "n2"))]).is_err());
    assert_eq!(see(&mut reader, |tx| tx.count(&notes(), None)).0, 1);
    commit(&mut writer, vec![insert(record(2, "n2"))]);
    assert_eq!(see(&mut reader, |tx| tx.count(&notes(), None)).0, 2);
}

#[test]
fn a_writer_makes_another_wait_and_then_busy() {
    let dir = tempfile::tempdir().unwrap();
    let patient = Options {
        busy_ms: 20,
        ..Options::default()
    };
    let mut one = open(&file(&dir));
    let mut other = SqliteStore::open(&file(&dir), &patient).unwrap();
    commit(&mut one, vec![declare(notes(), Vec::new())]);
    let tx = one.begin(Durability::Full).unwrap();
    let error = other.begin(Durability::Full).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Busy);
    tx.commit(vec![insert(record(1, "a"))]).unwrap();
    commit(&mut other, vec![insert(record(2, "b"))]);
    assert_eq!(ids(&mut one), ["a", "b"]);
}

#[test]
fn a_full_disk_changes_nothing_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&file(&dir));
    commit(
        &mut store,
        vec![declare(notes(), Vec::new()), insert(record(1, "a"))],
    );
    let limit = |store: &mut SqliteStore<RusqliteDriver>, pages: u32| {
        let sql = format!("PRAGMA max_page_count={pages}");
        store
            .driver()
            .query(&sql, &[], &mut |_| Ok(tisync_store::Next::More))
            .unwrap();
    };
    limit(&mut store, 1);
    let page = || -> Vec<Op> {
        (2..=500)
            .map(|rid| insert(record(rid, &format!("n{rid}"))))
            .collect()
    };
    for _ in 0..2 {
        let tx = store.begin(Durability::Full).unwrap();
        let error = tx.commit(page()).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Full, "{error}");
        assert_eq!(ids(&mut store), ["a"]);
    }
    limit(&mut store, 1 << 20);
    commit(&mut store, page());
    assert_eq!(ids(&mut store).len(), 500);
    store.check().unwrap();
}

#[test]
fn the_log_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&file(&dir));
    commit(&mut store, vec![declare(notes(), Vec::new())]);
    let mut rid = 0;
    for _ in 0..30 {
        let inserts = (0..1_000).map(|_| {
            rid += 1;
            insert(record(
                rid,
                &format!(
                    "a rather long id that fills pages {:07}",
                    rid * 7919 % 1_000_003
                ),
            ))
        });
        let tx = store.begin(Durability::Normal).unwrap();
        tx.commit(inserts.collect()).unwrap();
    }
    let log = fs::metadata(dir.path().join("app.db-wal")).unwrap().len();
    assert!(log < 32 << 20, "{log}");
}

#[test]
fn an_old_sqlite_would_do() {
    // What DESIGN calls portable: nothing here may need more than the oldest SQLite of the supported hosts.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked = 0;
    for folder in ["", "sqlite", "sqlite/read", "sqlite/write", "query"] {
        let folder = source.join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            looked += 1;
            let text = fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code: String = code.collect::<Vec<_>>().join("\n");
            for word in [
                "ON CONFLICT",
                "RETURNING",
                "\"WITH ",
                "json_extract",
                "DROP COLUMN",
                "RENAME COLUMN",
                "BLOB",
            ] {
                assert!(!code.contains(word), "{word} in {}", path.display());
            }
        }
    }
    assert!(looked > 10, "{looked}");
}
