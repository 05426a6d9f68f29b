//! Looks for damage that no single read would find.
use super::{SqliteStore, codec, integer};
use crate::driver::{Next, SqlDriver, SqlValue};
use tisync_core::store::StoreError;

/// What is wrong with a file, in words, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part of the file.
    pub part: Part,
    /// What was found.
    pub what: String,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its pages and indexes.
    Pages,
    /// The pending writes.
    Outbox,
    /// The records, with the images that their pending writes start from.
    Records,
    /// The former ids of records.
    Aliases,
    /// Where the feeds stand.
    Checkpoints,
}

/// Faults of the pages that are told one by one.
const FAULTS_MAX: u32 = 20;
/// Entries that are looked at together.
const ENTRIES: usize = 500;

impl<D: SqlDriver> SqliteStore<D> {
    /// Looks at every page and every row of what a replica cannot pull again; `progress` is told each part as it
    /// begins. Takes about a second for each 100 MB, and waits for no writer.
    pub fn examine(&mut self, progress: &mut dyn FnMut(Part)) -> Result<Vec<Fault>, StoreError> {
        let mut faults = Vec::new();
        progress(Part::Pages);
        self.pages(&mut faults)?;
        if !faults.is_empty() {
            // What is read from here on would be said wrongly.
            return Ok(faults);
        }
        self.collections.refresh(&mut self.driver)?;
        progress(Part::Outbox);
        self.seals(&mut faults)?;
        let mut orphans =
            |part, from: &str, what: &str| self.orphans(&mut faults, part, from, what);
        orphans(
            Part::Outbox,
            "tisync_outbox",
            "pending writes belong to no record",
        )?;
        progress(Part::Records);
        let what = "open conflicts belong to no record";
        orphans(Part::Records, "tisync_conflicts", what)?;
        progress(Part::Aliases);
        orphans(
            Part::Aliases,
            "tisync_aliases",
            "former ids lead to no record",
        )?;
        self.sides(&mut faults)?;
        Ok(faults)
    }

    fn pages(&mut self, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
        let sql = format!("PRAGMA integrity_check({FAULTS_MAX})");
        self.driver.query(&sql, &[], &mut |row| {
            let what = codec::text(row, 0)?;
            if what != "ok" {
                faults.push(Fault {
                    part: Part::Pages,
                    what: what.to_owned(),
                });
            }
            Ok(Next::More)
        })
    }

    /// Opens every entry.
    fn seals(&mut self, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
        let sql = "SELECT body, stands, seq FROM tisync_outbox WHERE seq > ? ORDER BY seq LIMIT ?";
        let mut last = i64::MIN;
        loop {
            let before = last;
            let values = [SqlValue::Integer(last), codec::limit(ENTRIES)];
            self.driver.query(sql, &values, &mut |row| {
                last = codec::integer(row, 2)?;
                if let Err(error) = codec::entry(row) {
                    faults.push(Fault {
                        part: Part::Outbox,
                        what: format!("entry {last}: {error}"),
                    });
                }
                Ok(Next::More)
            })?;
            if last == before {
                return Ok(());
            }
        }
    }

    /// Counts the rows of a table whose records are not there.
    fn orphans(
        &mut self,
        faults: &mut Vec<Fault>,
        part: Part,
        from: &str,
        what: &str,
    ) -> Result<(), StoreError> {
        let all = format!("SELECT count(*) FROM {from}");
        let mut without = integer(&mut self.driver, &all, &[])?.unwrap_or(0);
        for table in self.collections.all() {
            let sql = format!(
                "SELECT count(*) FROM {from} AS o WHERE o.collection = ? AND EXISTS \
                 (SELECT 1 FROM {} AS c WHERE c.rid = o.rid)",
                table.records
            );
            let name = [SqlValue::Text(table.name.as_str())];
            without -= integer(&mut self.driver, &sql, &name)?.unwrap_or(0);
        }
        if without > 0 {
            let what = format!("{without} {what}");
            faults.push(Fault { part, what });
        }
        Ok(())
    }

    /// Looks at the images that pending writes start from.
    fn sides(&mut self, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
        for table in self.collections.all() {
            let sql = format!(
                "{} WHERE c.rid > ? AND d.rid IS NOT NULL ORDER BY c.rid LIMIT ?",
                table.select
            );
            let mut last = i64::MIN;
            loop {
                let before = last;
                let values = [SqlValue::Integer(last), codec::limit(ENTRIES)];
                self.driver.query(&sql, &values, &mut |row| {
                    last = codec::integer(row, 0)?;
                    if let Err(error) = codec::whole(row, None) {
                        faults.push(Fault {
                            part: Part::Records,
                            what: format!("{} {}: {error}", table.name, codec::text(row, 1)?),
                        });
                    }
                    Ok(Next::More)
                })?;
                if last == before {
                    break;
                }
            }
            let sql = format!(
                "SELECT count(*) FROM {} AS d WHERE NOT EXISTS (SELECT 1 FROM {} AS c WHERE c.rid = d.rid)",
                table.dirty, table.records
            );
            let count = integer(&mut self.driver, &sql, &[])?.unwrap_or(0);
            if count > 0 {
                faults.push(Fault {
                    part: Part::Records,
                    what: format!(
                        "{count} images of the server belong to no record of {}",
                        table.name
                    ),
                });
            }
        }
        Ok(())
    }
}
