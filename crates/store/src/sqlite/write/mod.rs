//! The one write of a transaction: its changes, in order, runs of like ones in one call of the driver.
mod journal;
mod outbox;
mod records;
mod told;

use super::table::Table;
use super::{Known, SqliteTx, codec, seal};
use crate::driver::{SqlDriver, SqlValue};
use crate::limits::ROWS_PER_CALL;
use records::Side;
use std::sync::Arc;
use tisync_core::model::{CollectionName, Rid};
use tisync_core::store::{Op, StoreError, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn write(mut self, changes: Vec<Op>) -> Result<(), StoreError> {
        let applied = self.apply(&changes);
        let written = applied.and_then(|()| self.store.driver.commit());
        self.done = written.is_ok();
        if !self.done {
            // It may tell of what is now taken back.
            self.store.known = Known::default();
        }
        written
    }

    fn apply(&mut self, changes: &[Op]) -> Result<(), StoreError> {
        changes.iter().try_for_each(rules::check)?;
        let told = told::told(changes);
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let like = rest.iter().take_while(|op| is_like(first, op)).count();
            let (run, after) = rest.split_at(like.min(ROWS_PER_CALL));
            rest = after;
            match first {
                Op::Insert { collection, .. } => {
                    // A new record has a blank side row, which is only a flag: set at once, if it follows.
                    let blank = follows_blank(run, after);
                    self.insert(collection, run, blank)?;
                    if blank {
                        rest = &after[1..];
                    }
                }
                Op::Update { collection, .. } => self.update(collection, run)?,
                Op::Head {
                    collection, state, ..
                } => self.head(collection, *state, run)?,
                Op::RemoveEntry(_) => self.remove_entries(run)?,
                Op::EntryState(_) => self.entry_states(run)?,
                Op::AmendJournal { .. } => self.amend_journal(run)?,
                Op::Dirty { collection, .. } => self.dirty(collection, run, &told)?,
                Op::Entry(entry) => self.entry(entry, &told)?,
                _ => self.apply_one(first)?,
            }
        }
        for op in changes {
            if let Op::Remove { collection, rid } = op {
                self.check_removed(collection, *rid)?;
            }
        }
        Ok(())
    }

    fn apply_one(&mut self, op: &Op) -> Result<(), StoreError> {
        match op {
            Op::Declare {
                collection,
                schema,
                migrating,
            } => self.declare(collection, schema, *migrating),
            Op::Remove { collection, rid } => self.remove(collection, *rid),
            Op::Alias {
                collection,
                alias,
                rid,
            } => {
                self.declared(collection)?;
                self.run(
                    "INSERT OR REPLACE INTO tisync_aliases (collection, alias, rid) VALUES (?, ?, ?)",
                    &[name(collection), SqlValue::Text(alias.as_str()), key(*rid)],
                )
            }
            Op::Conflict(conflict) => self.run(
                "INSERT OR REPLACE INTO tisync_conflicts (collection, rid, body) VALUES (?, ?, ?)",
                &[
                    name(&conflict.collection),
                    key(conflict.rid),
                    SqlValue::Text(&tisync_json::write(conflict)),
                ],
            ),
            Op::RemoveConflict { collection, rid } => self.run(
                "DELETE FROM tisync_conflicts WHERE collection = ? AND rid = ?",
                &[name(collection), key(*rid)],
            ),
            Op::Journal(row) => self.journal_row_stored(row),
            Op::MoveJournal {
                collection,
                from,
                to,
            } => self.run(
                "UPDATE tisync_journal SET rid = ? WHERE collection = ? AND rid = ?",
                &[key(*to), name(collection), key(*from)],
            ),
            Op::PruneJournal {
                before_ms,
                bytes_max,
            } => self.prune(*before_ms, *bytes_max),
            Op::Feed { key, state } => self.run(
                "INSERT OR REPLACE INTO tisync_feeds (connector, feed, body) VALUES (?, ?, ?)",
                &[
                    SqlValue::Text(key.connector.as_str()),
                    SqlValue::Text(key.feed.as_str()),
                    SqlValue::Text(&tisync_json::write(state)),
                ],
            ),
            Op::Connector { name, state } => self.run(
                "INSERT OR REPLACE INTO tisync_connectors (name, body) VALUES (?, ?)",
                &[
                    SqlValue::Text(name.as_str()),
                    SqlValue::Text(&tisync_json::write(state)),
                ],
            ),
            Op::Seen {
                collection,
                pass,
                rids,
            } => {
                let table = self.declared(collection)?;
                let sql = format!(
                    "INSERT OR IGNORE INTO {} (pass, rid) SELECT ?, rid FROM {} WHERE rid = ?",
                    table.passes, table.records
                );
                let pass = codec::unsigned(*pass);
                let values: Vec<_> = rids.iter().flat_map(|rid| [pass, key(*rid)]).collect();
                self.driver().execute_many(&sql, 2, &values).map(|_| ())
            }
            Op::ForgetPass { collection, pass } => {
                let table = self.declared(collection)?;
                let sql = format!("DELETE FROM {} WHERE pass = ?", table.passes);
                self.run(&sql, &[codec::unsigned(*pass)])
            }
            Op::Suspect(suspicion) => self.run(
                "INSERT OR REPLACE INTO tisync_suspicions (collection, rid, body) VALUES (?, ?, ?)",
                &[
                    name(&suspicion.collection),
                    key(suspicion.rid),
                    SqlValue::Text(&tisync_json::write(suspicion)),
                ],
            ),
            Op::RemoveSuspicion { collection, rid } => self.run(
                "DELETE FROM tisync_suspicions WHERE collection = ? AND rid = ?",
                &[name(collection), key(*rid)],
            ),
            Op::Quarantine(row) => {
                let number = match row.number {
                    0 => {
                        let sql = "SELECT max(number) FROM tisync_quarantine";
                        super::integer(self.driver(), sql, &[])?.unwrap_or(0) + 1
                    }
                    number => number,
                };
                self.run(
                    "INSERT OR REPLACE INTO tisync_quarantine (number, body) VALUES (?, ?)",
                    &[
                        SqlValue::Integer(number),
                        SqlValue::Text(&tisync_json::write(row)),
                    ],
                )
            }
            Op::RemoveQuarantined(number) => self.run(
                "DELETE FROM tisync_quarantine WHERE number = ?",
                &[SqlValue::Integer(*number)],
            ),
            Op::Meta { key, value } => {
                self.store.known.other_stamp = None;
                match value {
                    Some(value) => self.run(
                        "INSERT OR REPLACE INTO tisync_meta (key, value) VALUES (?, ?)",
                        &[
                            SqlValue::Text(key),
                            SqlValue::Text(&seal::of_meta(key, value)),
                        ],
                    ),
                    None => self.run(
                        "DELETE FROM tisync_meta WHERE key = ?",
                        &[SqlValue::Text(key)],
                    ),
                }
            }
            // Taken by `apply`, as runs.
            Op::Insert { .. }
            | Op::Update { .. }
            | Op::Head { .. }
            | Op::Dirty { .. }
            | Op::EntryState(_)
            | Op::AmendJournal { .. }
            | Op::Entry(_)
            | Op::RemoveEntry(_) => Ok(()),
        }
    }

    pub(super) fn declared(&self, collection: &CollectionName) -> Result<Arc<Table>, StoreError> {
        self.table(collection)
            .ok_or_else(|| rules::not_declared(collection))
    }

    fn run(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<(), StoreError> {
        self.driver().execute(sql, values).map(|_| ())
    }
}

/// Whether `op` goes into one call of the driver with `first`.
fn is_like(first: &Op, op: &Op) -> bool {
    match (first, op) {
        (Op::Insert { collection: a, .. }, Op::Insert { collection: b, .. })
        | (Op::Update { collection: a, .. }, Op::Update { collection: b, .. }) => a == b,
        (
            Op::Head {
                collection: a,
                state: x,
                ..
            },
            Op::Head {
                collection: b,
                state: y,
                ..
            },
        ) => a == b && x == y,
        (
            Op::Dirty {
                collection: a,
                dirty: x,
                ..
            },
            Op::Dirty {
                collection: b,
                dirty: y,
                ..
            },
        ) => a == b && Side::of(x.as_ref()) == Side::of(y.as_ref()),
        (Op::AmendJournal { change: a, .. }, Op::AmendJournal { change: b, .. }) => {
            std::mem::discriminant(a) == std::mem::discriminant(b)
        }
        (Op::EntryState(_), Op::EntryState(_)) | (Op::RemoveEntry(_), Op::RemoveEntry(_)) => true,
        _ => std::ptr::eq(first, op),
    }
}

/// Whether the change after a run of inserts gives the last of them a blank side row.
fn follows_blank(run: &[Op], after: &[Op]) -> bool {
    match (run.last(), after.first()) {
        (
            Some(Op::Insert { collection, record }),
            Some(Op::Dirty {
                collection: of,
                rid,
                dirty: Some(dirty),
            }),
        ) => collection == of && record.rid == *rid && codec::is_blank(dirty),
        _ => false,
    }
}

fn name(collection: &CollectionName) -> SqlValue<'_> {
    SqlValue::Text(collection.as_str())
}

fn key(rid: Rid) -> SqlValue<'static> {
    SqlValue::Integer(rid.0)
}

fn text_or_null(text: Option<&str>) -> SqlValue<'_> {
    text.map_or(SqlValue::Null, SqlValue::Text)
}
