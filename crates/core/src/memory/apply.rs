//! Applies the changes of a commit: all or none.
use super::tables::{Cell, Rows, Tables};
use crate::model::{CollectionName, JournalId, JournalRow, JournalState, RecordId, Rid};
use crate::store::{Op, StoreError, StoreErrorKind, rules};

impl Tables {
    /// Applies the changes in order and returns the swaps that take them back; after an error nothing has
    /// changed.
    pub(super) fn apply(&mut self, changes: Vec<Op>) -> Result<Vec<Cell>, StoreError> {
        let mut undo = Vec::with_capacity(changes.len());
        let mut removed = Vec::new();
        let applied = changes
            .into_iter()
            .try_for_each(|op| self.apply_one(op, &mut undo, &mut removed))
            .and_then(|()| {
                removed
                    .iter()
                    .try_for_each(|(name, rid)| self.check_removed(name, *rid))
            });
        match applied {
            Ok(()) => Ok(undo),
            Err(error) => {
                self.undo(undo);
                Err(error)
            }
        }
    }

    fn apply_one(
        &mut self,
        op: Op,
        undo: &mut Vec<Cell>,
        removed: &mut Vec<(CollectionName, Rid)>,
    ) -> Result<(), StoreError> {
        rules::check(&op)?;
        let mut swap = |tables: &mut Tables, cell: Cell| undo.push(tables.swap(cell));
        match op {
            Op::Declare {
                collection,
                schema,
                migrating,
            } => {
                swap(self, Cell::Schema(collection, Some((schema, migrating))));
            }
            Op::Insert { collection, record } => {
                let rows = self.declared(&collection)?;
                if rows.records.contains_key(&record.rid) || rows.ids.contains_key(&record.id) {
                    return Err(rules::taken(&collection, &record));
                }
                swap(self, Cell::Record(collection, record.rid, Some(record)));
            }
            Op::Update { collection, record } => {
                let rows = self.declared(&collection)?;
                if !rows.records.contains_key(&record.rid) {
                    return Err(rules::not_there(&collection, record.rid));
                }
                if rows
                    .ids
                    .get(&record.id)
                    .is_some_and(|rid| *rid != record.rid)
                {
                    return Err(rules::taken(&collection, &record));
                }
                swap(self, Cell::Record(collection, record.rid, Some(record)));
            }
            Op::Head {
                collection,
                rid,
                version,
                state,
                stamp,
                schema,
                migrated,
            } => {
                let mut record = self
                    .declared(&collection)?
                    .records
                    .get(&rid)
                    .cloned()
                    .ok_or_else(|| rules::not_there(&collection, rid))?;
                record.version = version;
                record.state = state;
                record.stamp = stamp;
                record.schema = schema;
                record.migrated = migrated;
                rules::check_record(&record)?;
                swap(self, Cell::Record(collection, rid, Some(record)));
            }
            Op::Remove { collection, rid } => {
                let rows = self.declared(&collection)?;
                let aliases = rows.aliases_of(rid);
                let seen: Vec<u64> = rows
                    .seen
                    .iter()
                    .filter_map(|(pass, seen)| (*seen == rid).then_some(*pass))
                    .collect();
                for alias in aliases {
                    swap(self, Cell::Alias(collection.clone(), alias, None));
                }
                for pass in seen {
                    swap(self, Cell::Seen(collection.clone(), pass, rid, false));
                }
                swap(self, Cell::Dirty(collection.clone(), rid, None));
                swap(self, Cell::Suspicion((collection.clone(), rid), None));
                swap(self, Cell::Record(collection.clone(), rid, None));
                removed.push((collection, rid));
            }
            Op::Dirty {
                collection,
                rid,
                dirty,
            } => {
                let rows = self.declared(&collection)?;
                if dirty.is_some() && !rows.records.contains_key(&rid) {
                    return Err(rules::not_there(&collection, rid));
                }
                swap(self, Cell::Dirty(collection, rid, dirty));
            }
            Op::Alias {
                collection,
                alias,
                rid,
            } => {
                self.declared(&collection)?;
                swap(self, Cell::Alias(collection, alias, Some(rid)));
            }
            Op::Entry(entry) => {
                if self
                    .mutations
                    .get(&entry.id)
                    .is_some_and(|seq| *seq != entry.seq)
                {
                    return Err(misuse(format!("two entries under the key {}", entry.id)));
                }
                swap(self, Cell::Entry(entry.seq, Some(entry)));
            }
            Op::EntryState(entry) => {
                let mut stored = self
                    .entries
                    .get(&entry.seq)
                    .filter(|stored| stored.id == entry.id)
                    .cloned()
                    .ok_or_else(|| rules::no_entry(entry.id))?;
                stored.state = entry.state;
                stored.frozen = entry.frozen;
                swap(self, Cell::Entry(stored.seq, Some(Box::new(stored))));
            }
            Op::RemoveEntry(seq) => swap(self, Cell::Entry(seq, None)),
            Op::Conflict(conflict) => {
                let key = (conflict.collection.clone(), conflict.rid);
                swap(self, Cell::Conflict(key, Some(conflict)));
            }
            Op::RemoveConflict { collection, rid } => {
                swap(self, Cell::Conflict((collection, rid), None));
            }
            Op::Journal(row) => swap(self, Cell::Journal(row.id, Some(row))),
            Op::AmendJournal { carrier, change } => {
                let open = |row: &&JournalRow| {
                    row.mutation == Some(carrier) && row.state == JournalState::Decided
                };
                let rows: Vec<_> = self.journal.values().filter(open).cloned().collect();
                for mut row in rows {
                    change.apply(&mut row);
                    swap(self, Cell::Journal(row.id, Some(Box::new(row))));
                }
            }
            Op::MoveJournal {
                collection,
                from,
                to,
            } => {
                let rows = self.journal.values();
                let moved: Vec<JournalRow> = rows
                    .filter(|row| row.collection == collection && row.rid == from)
                    .map(|row| JournalRow {
                        rid: to,
                        ..row.clone()
                    })
                    .collect();
                for row in moved {
                    swap(self, Cell::Journal(row.id, Some(Box::new(row))));
                }
            }
            Op::PruneJournal {
                before_ms,
                bytes_max,
            } => {
                for id in self.prunable(before_ms, bytes_max) {
                    swap(self, Cell::Journal(id, None));
                }
            }
            Op::Feed { key, state } => swap(self, Cell::Feed(key, Some(state))),
            Op::Connector { name, state } => swap(self, Cell::Connector(name, Some(state))),
            Op::Seen {
                collection,
                pass,
                rids,
            } => {
                let rows = self.declared(&collection)?;
                let there: Vec<Rid> = rids
                    .into_iter()
                    .filter(|rid| rows.records.contains_key(rid))
                    .collect();
                for rid in there {
                    swap(self, Cell::Seen(collection.clone(), pass, rid, true));
                }
            }
            Op::ForgetPass { collection, pass } => {
                let marks = self.declared(&collection)?.seen.clone();
                for (_, rid) in marks.range((pass, Rid(i64::MIN))..=(pass, Rid(i64::MAX))) {
                    swap(self, Cell::Seen(collection.clone(), pass, *rid, false));
                }
            }
            Op::Suspect(suspicion) => {
                let key = (suspicion.collection.clone(), suspicion.rid);
                swap(self, Cell::Suspicion(key, Some(suspicion)));
            }
            Op::RemoveSuspicion { collection, rid } => {
                swap(self, Cell::Suspicion((collection, rid), None));
            }
            Op::Quarantine(mut row) => {
                if row.number == 0 {
                    row.number = self.quarantine.last_key_value().map_or(0, |(n, _)| *n) + 1;
                }
                swap(self, Cell::Quarantine(row.number, Some(row)));
            }
            Op::RemoveQuarantined(number) => swap(self, Cell::Quarantine(number, None)),
            Op::Meta { key, value } => swap(self, Cell::Meta(key, value)),
        }
        Ok(())
    }

    /// The rows of the journal that [`Op::PruneJournal`] drops.
    fn prunable(&self, before_ms: u64, bytes_max: u64) -> Vec<JournalId> {
        let newest = self.journal.last_key_value().map(|(id, _)| *id);
        let mut prunable = Vec::new();
        let mut bytes = 0u64;
        for (id, row) in self.journal.iter().rev() {
            if row.state == JournalState::Decided {
                continue;
            }
            // What goes for its age takes no room from the others.
            let is_old = row.at_ms < before_ms && Some(*id) != newest;
            if !is_old {
                bytes = bytes.saturating_add(rules::journal_bytes(row));
            }
            if is_old || (bytes > bytes_max && Some(*id) != newest) {
                prunable.push(*id);
            }
        }
        prunable
    }

    /// A row that something refers to must stay as a tombstone: its key would be given out again.
    fn check_removed(&self, name: &CollectionName, rid: Rid) -> Result<(), StoreError> {
        let there = |rows: &Rows| rows.records.contains_key(&rid);
        if self.collections.get(name).is_some_and(there) {
            return Ok(());
        }
        let from = (name.clone(), rid, i64::MIN);
        let to = (name.clone(), rid, i64::MAX);
        let by = if self.chains.range(from..=to).next().is_some() {
            "an entry of the outbox"
        } else if self.conflicts.contains_key(&(name.clone(), rid)) {
            "an open conflict"
        } else if (self.journal.values()).any(|row| row.rid == rid && row.collection == *name) {
            "a row of the journal"
        } else {
            return Ok(());
        };
        Err(rules::still_referred(name, rid, by))
    }

    fn declared(&self, name: &CollectionName) -> Result<&Rows, StoreError> {
        self.collections
            .get(name)
            .ok_or_else(|| rules::not_declared(name))
    }
}

impl Rows {
    /// The former ids of a record, in order.
    pub(super) fn aliases_of(&self, rid: Rid) -> Vec<RecordId> {
        self.aliases
            .iter()
            .filter(|(_, of)| **of == rid)
            .map(|(alias, _)| alias.clone())
            .collect()
    }
}

fn misuse(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Misuse, message)
}
