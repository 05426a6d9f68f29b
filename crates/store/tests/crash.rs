//! Crashes and errors at every statement: after each of them the store is as before a commit, or as after it.
#![allow(clippy::unwrap_used)]
#[path = "fixtures/contents.rs"]
mod contents;

use std::fs;
use std::path::Path;
use tisync_core::conformance::snapshot::snapshot;
use tisync_core::memory::MemoryStore;
use tisync_core::store::{Durability, Op, Store, StoreError, StoreErrorKind, Tx};
use tisync_store::{Next, Options, RusqliteDriver, SqlDriver, SqlRow, SqlValue, SqliteStore};

/// What happens at the statement that is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It fails, once.
    Fails(StoreErrorKind),
    /// It fails, and so does everything after it: the process is gone.
    Dies,
    /// The same, but the statement still took effect: the process died before it heard so.
    DiesAfter,
}

/// A driver that counts statements and fails at one of them.
struct Faulty {
    inner: RusqliteDriver,
    fault: Fault,
    /// Statements until the fault.
    left: Option<usize>,
    dead: bool,
}

impl Faulty {
    fn statement<T>(
        &mut self,
        run: impl FnOnce(&mut RusqliteDriver) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let gone = StoreError::new(StoreErrorKind::Io, "the process is gone");
        if self.dead {
            return Err(gone);
        }
        match self.left {
            Some(0) => {
                self.left = None;
                match self.fault {
                    Fault::Fails(kind) => return Err(StoreError::new(kind, "injected")),
                    Fault::Dies => {}
                    Fault::DiesAfter => drop(run(&mut self.inner)),
                }
                self.dead = true;
                Err(gone)
            }
            Some(left) => {
                self.left = Some(left - 1);
                run(&mut self.inner)
            }
            None => run(&mut self.inner),
        }
    }
}

// Only what every driver must have: calls with many rows become many statements, each of which can fail.
impl SqlDriver for Faulty {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.statement(|inner| inner.batch(sql))
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError> {
        self.statement(|inner| inner.execute(sql, values))
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        self.statement(|inner| inner.query(sql, values, row))
    }
}

fn faulty(
    path: &Path,
    fault: Fault,
    left: Option<usize>,
) -> Result<SqliteStore<Faulty>, StoreError> {
    let driver = Faulty {
        inner: RusqliteDriver::open(path)?,
        fault,
        left,
        dead: false,
    };
    SqliteStore::with_driver(driver, &Options::default())
}

fn open(path: &Path) -> SqliteStore<RusqliteDriver> {
    SqliteStore::open(path, &Options::default()).unwrap()
}

fn commit<D: SqlDriver>(store: &mut SqliteStore<D>, changes: Vec<Op>) -> Result<(), StoreError> {
    store.begin(Durability::Full)?.commit(changes)
}

/// The file as it stands, with its log, as a process that is gone leaves it.
fn leave(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        let _ = fs::remove_file(name(to));
        if Path::new(&name(from)).exists() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
    let _ = fs::remove_file(format!("{}-shm", to.display()));
}

/// What a store shows after each number of commits.
fn expected() -> Vec<String> {
    let mut memory = MemoryStore::new();
    let mut shown = vec![snapshot(&mut memory, &contents::names())];
    for changes in contents::commits() {
        tisync_core::conformance::commit(&mut memory, changes);
        shown.push(snapshot(&mut memory, &contents::names()));
    }
    shown
}

#[test]
fn an_error_at_any_statement_changes_nothing_and_can_be_repeated() {
    let names = contents::names();
    let expected = expected();
    for kind in [
        StoreErrorKind::Full,
        StoreErrorKind::Busy,
        StoreErrorKind::Io,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = faulty(&dir.path().join("app.db"), Fault::Fails(kind), None).unwrap();
        for (done, changes) in contents::commits().into_iter().enumerate() {
            for statement in 0.. {
                store.driver().left = Some(statement);
                let result = commit(&mut store, changes.clone());
                if store.driver().left.take().is_some() {
                    result.unwrap();
                    assert!(statement > 2, "the fault never came");
                    break;
                }
                assert_eq!(
                    result.unwrap_err().kind,
                    kind,
                    "statement {statement} of commit {done}"
                );
                assert_eq!(
                    snapshot(&mut store, &names),
                    expected[done],
                    "statement {statement} of commit {done}"
                );
            }
            assert_eq!(snapshot(&mut store, &names), expected[done + 1]);
        }
    }
}

#[test]
fn a_crash_at_any_statement_leaves_the_state_before_or_after() {
    let names = contents::names();
    let expected = expected();
    let (mut before, mut after) = (0, 0);
    for fault in [Fault::Dies, Fault::DiesAfter] {
        let dir = tempfile::tempdir().unwrap();
        let (good, used, left) = (
            dir.path().join("good.db"),
            dir.path().join("used.db"),
            dir.path().join("left.db"),
        );
        drop(open(&good));
        for (done, changes) in contents::commits().into_iter().enumerate() {
            for statement in 0.. {
                leave(&good, &used);
                let mut store = faulty(&used, fault, None).unwrap();
                store.driver().left = Some(statement);
                let result = commit(&mut store, changes.clone());
                // Taken while the connection is open: nothing is tidied up, as after a kill.
                leave(&used, &left);
                let shown = snapshot(&mut open(&left), &names);
                if result.is_ok() {
                    assert_eq!(
                        shown,
                        expected[done + 1],
                        "a commit that was answered is there"
                    );
                    break;
                }
                if shown == expected[done] {
                    before += 1;
                } else {
                    assert_eq!(
                        shown,
                        expected[done + 1],
                        "{fault:?} at statement {statement} of commit {done}"
                    );
                    assert_eq!(fault, Fault::DiesAfter);
                    after += 1;
                }
                // What was not answered is given again, whichever it was.
                if shown == expected[done] {
                    let mut again = open(&left);
                    commit(&mut again, changes.clone()).unwrap();
                    assert_eq!(snapshot(&mut again, &names), expected[done + 1]);
                }
            }
            commit(&mut open(&good), changes).unwrap();
        }
    }
    assert!(before > 100, "{before}");
    // The first commit only declares, which no read shows.
    let visible = expected
        .windows(2)
        .filter(|pair| pair[0] != pair[1])
        .count();
    assert_eq!(
        after, visible,
        "only the death after COMMIT leaves the new state"
    );
}

#[test]
fn a_crash_while_a_file_is_made_leaves_one_that_opens() {
    for fault in [
        Fault::Dies,
        Fault::DiesAfter,
        Fault::Fails(StoreErrorKind::Full),
    ] {
        for statement in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("app.db");
            let made = faulty(&path, fault, Some(statement));
            let finished = made.is_ok();
            drop(made);
            let mut store = open(&path);
            for changes in contents::commits() {
                commit(&mut store, changes).unwrap();
            }
            if finished {
                assert!(statement > 5, "the fault never came");
                break;
            }
        }
    }
}
