//! What is in the file besides the collections, and its version.
mod sealing;

use super::steps;
use crate::driver::SqlDriver;
use tisync_core::store::{StoreError, StoreErrorKind};

/// Marks a file of ours: `TiSy`.
pub(crate) const APPLICATION_ID: i64 = 0x5469_5379;

/// The number of the layout of a replica's file. It goes up with every change of the tables, and `step` says
/// how an older file gets there; `cargo xtask fixture` makes the file of each layout that later ones must open.
pub const VERSION: i64 = 2;

/// The tables besides those of the collections.
///
/// * `tisync_outbox` is written by every local save, so it carries no index that a new pending entry would
///   have to enter, save the one by record. Entries that are not pending, and members of groups, have an index
///   of their own. `late` marks the entries whose stamp does not follow the order of `seq`: the latest stamp is
///   that of the last entry that is not late, or the latest of the late ones, which have an index.
///   `body` is the entry as it was last written whole, with its record's id; what has become of it since is in
///   `state` and `stands`, so that handing an entry out does not write it again. Both are sealed, as are
///   the side rows of the collections and the meta table: see `seal`.
/// * In the journal `state` and `mutation` count, not what `body` says of them, for the same reason.
/// * Former ids, conflicts and suspicions go by (collection, rid).
/// * The index by time of the journal answers what `prune` and `clock` ask without reading the rows.
pub(super) const TABLES: &str = "
CREATE TABLE tisync_collections (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, layout TEXT NOT NULL);
CREATE TABLE tisync_outbox (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, collection TEXT NOT NULL, rid INTEGER NOT NULL,
  state INTEGER NOT NULL, stamp TEXT NOT NULL, late INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  member TEXT, body TEXT NOT NULL, stands TEXT);
CREATE INDEX tisync_outbox_record ON tisync_outbox (collection, rid);
CREATE INDEX tisync_outbox_out ON tisync_outbox (state, id) WHERE state <> 0;
CREATE INDEX tisync_outbox_late ON tisync_outbox (stamp) WHERE late = 1;
CREATE INDEX tisync_outbox_group ON tisync_outbox (member) WHERE member IS NOT NULL;
CREATE TABLE tisync_aliases (
  collection TEXT NOT NULL, alias TEXT NOT NULL, rid INTEGER NOT NULL,
  PRIMARY KEY (collection, alias)) WITHOUT ROWID;
CREATE INDEX tisync_aliases_record ON tisync_aliases (collection, rid);
CREATE TABLE tisync_conflicts (
  collection TEXT NOT NULL, rid INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (collection, rid));
CREATE TABLE tisync_journal (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, collection TEXT NOT NULL, rid INTEGER NOT NULL,
  state INTEGER NOT NULL, mutation TEXT, bytes INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX tisync_journal_record ON tisync_journal (collection, rid);
CREATE INDEX tisync_journal_mutation ON tisync_journal (mutation) WHERE mutation IS NOT NULL;
CREATE INDEX tisync_journal_time ON tisync_journal (at_ms, state, bytes);
CREATE TABLE tisync_feeds (
  connector TEXT NOT NULL, feed TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (connector, feed));
CREATE TABLE tisync_connectors (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE tisync_suspicions (
  collection TEXT NOT NULL, rid INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (collection, rid));
CREATE TABLE tisync_quarantine (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE tisync_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Empty,
    /// The tables of an older layout.
    Older(i64),
    /// The tables of this layout.
    Present,
}

/// Looks what a file holds; refuses what is not ours, and what is newer.
pub(super) fn look<D: SqlDriver>(driver: &mut D) -> Result<Found, StoreError> {
    let application = super::integer(driver, "PRAGMA application_id", &[])?.unwrap_or(0);
    let version = super::integer(driver, "PRAGMA user_version", &[])?.unwrap_or(0);
    if application == APPLICATION_ID {
        return match version {
            VERSION => Ok(Found::Present),
            older if (1..VERSION).contains(&older) => Ok(Found::Older(older)),
            newer if newer > VERSION => Err(StoreError::new(
                StoreErrorKind::Newer,
                format!(
                    "the file has layout {newer}, this program knows up to {VERSION}: it was left as it is; update the app"
                ),
            )),
            other => Err(super::codec::corrupt(format!(
                "the file has layout {other}, expected 1 to {VERSION}"
            ))),
        };
    }
    let tables = super::integer(driver, "SELECT count(*) FROM sqlite_master", &[])?.unwrap_or(0);
    if application == 0 && tables == 0 {
        return Ok(Found::Empty);
    }
    Err(StoreError::new(
        StoreErrorKind::Misuse,
        "the file is a database of something else: it was left as it is; choose another path",
    ))
}

/// Refuses a file that is not of this layout any more: one that another process has brought to a newer one.
pub(super) fn check<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    match look(driver)? {
        Found::Present => Ok(()),
        Found::Older(older) => Err(StoreError::new(
            StoreErrorKind::Misuse,
            format!(
                "the file has layout {older}, expected {VERSION}: open it as a replica first, which brings it forward"
            ),
        )),
        Found::Empty => Err(super::codec::corrupt(
            "the file has no tables, expected those of a replica".to_owned(),
        )),
    }
}

/// Brings a file to this layout: makes the tables of an empty one, and takes an older one forward step by step.
/// The caller has begun the transaction in which all of it happens.
pub(super) fn bring_forward<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    // Another process may have been faster.
    match look(driver)? {
        Found::Present => return Ok(()),
        Found::Empty => driver.batch(TABLES)?,
        Found::Older(older) => (older..VERSION).try_for_each(|from| step(driver, from))?,
    }
    driver.batch(&format!(
        "PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}"
    ))
}

/// The step from one layout to the next.
fn step<D: SqlDriver>(driver: &mut D, from: i64) -> Result<(), StoreError> {
    match from {
        1 => {
            steps::schemas(driver)?;
            sealing::seal_all(driver)
        }
        _ => Err(super::codec::corrupt(format!(
            "there is no step from layout {from}"
        ))),
    }
}
