//! The declared collections, as this connection knows them.
use super::table::Table;
use super::{codec, data_version, layout};
use crate::driver::{Next, SqlDriver};
use std::sync::Arc;
use tisync_core::model::CollectionName;
use tisync_core::store::StoreError;
use tisync_json::tree::BTreeMap;

/// The declared collections, read again when another connection may have changed them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collections {
    tables: BTreeMap<CollectionName, Arc<Table>>,
    /// What they were read at; `None` when they must be read again.
    seen: Option<Seen>,
}

/// The counters by which SQLite tells what other connections did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    data_version: i64,
    schema_version: i64,
}

impl Collections {
    /// A declared collection.
    pub(crate) fn get(&self, collection: &CollectionName) -> Option<Arc<Table>> {
        self.tables.get(collection).cloned()
    }

    /// All declared collections, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// SQLite's counter of the commits of other connections, when it was seen last.
    pub(super) fn data_version(&self) -> Option<i64> {
        self.seen.map(|seen| seen.data_version)
    }

    /// Reads them again at the next `refresh`.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// Reads them again now.
    pub(super) fn read<D: SqlDriver>(&mut self, driver: &mut D) -> Result<(), StoreError> {
        self.tables = read_all(driver)?;
        Ok(())
    }

    /// Reads them again if another connection may have changed them, and tells whether one may have changed
    /// anything.
    pub(crate) fn refresh<D: SqlDriver>(&mut self, driver: &mut D) -> Result<bool, StoreError> {
        let data_version = data_version(driver)?;
        if self
            .seen
            .is_some_and(|seen| seen.data_version == data_version)
        {
            return Ok(false);
        }
        let schema_version = super::integer(driver, "PRAGMA schema_version", &[])?.unwrap_or(0);
        let seen = Seen {
            data_version,
            schema_version,
        };
        if self
            .seen
            .is_none_or(|seen| seen.schema_version != schema_version)
        {
            layout::check(driver)?;
            self.read(driver)?;
        }
        self.seen = Some(seen);
        Ok(true)
    }
}

fn read_all<D: SqlDriver>(
    driver: &mut D,
) -> Result<BTreeMap<CollectionName, Arc<Table>>, StoreError> {
    let mut tables = BTreeMap::new();
    let sql = "SELECT number, name, layout FROM tisync_collections";
    driver.query(sql, &[], &mut |row| {
        let name = codec::parsed(CollectionName::new(codec::text(row, 1)?))?;
        let layout = codec::from_json(codec::text(row, 2)?)?;
        let table = Table::new(codec::integer(row, 0)?, name.clone(), layout);
        tables.insert(name, Arc::new(table));
        Ok(Next::More)
    })?;
    Ok(tables)
}
