//! Declares a collection: its tables, columns, indexes and view.
use super::table::{Layout, Table, quoted};
use super::{SqliteStore, SqliteTx, codec};
use crate::column::{self, Cell};
use crate::driver::{Next, SqlDriver, SqlValue};
use crate::limits::ROWS_PER_CALL;
use tisync_core::model::{CollectionName, Column, Schema};
use tisync_core::store::StoreError;

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn declare(
        &mut self,
        collection: &CollectionName,
        schema: &Schema,
        migrating: bool,
    ) -> Result<(), StoreError> {
        let before = self.table(collection);
        if before.as_ref().is_some_and(|table| {
            table.layout.schema == *schema && table.layout.migrating == migrating
        }) {
            return Ok(());
        }
        // Until the commit stands, what is kept in memory must not be trusted.
        self.store.collections.forget();
        let table = match before {
            Some(table) => self.change(&table, schema, migrating)?,
            None => self.create(collection, schema, migrating)?,
        };
        self.view(&table)?;
        let layout = tisync_json::write(&table.layout);
        self.driver().execute(
            "INSERT OR REPLACE INTO tisync_collections (number, name, layout) VALUES (?, ?, ?)",
            &[
                SqlValue::Integer(table.number),
                SqlValue::Text(collection.as_str()),
                SqlValue::Text(&layout),
            ],
        )?;
        let SqliteStore {
            driver,
            collections,
            ..
        } = &mut *self.store;
        collections.read(driver)
    }

    fn create(
        &mut self,
        collection: &CollectionName,
        schema: &Schema,
        migrating: bool,
    ) -> Result<Table, StoreError> {
        let sql = "SELECT max(number) FROM tisync_collections";
        let number = super::integer(self.driver(), sql, &[])?.unwrap_or(0) + 1;
        let mut layout = Layout {
            schema: schema.clone(),
            view: self.free_name(collection, number)?,
            migrating,
            ..Layout::default()
        };
        layout.names = schema
            .columns
            .iter()
            .map(|column| new_name(&mut layout.made, column))
            .collect();
        let columns: String = (layout.names.iter().zip(&schema.columns))
            .map(|(name, column)| format!("{} {}, ", quoted(name), column::sql_type(column.kind)))
            .collect();
        let table = Table::new(number, collection.clone(), layout);
        let Table {
            records,
            dirty,
            passes,
            ..
        } = &table;
        let sql = format!(
            "CREATE TABLE {records} (rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version TEXT, \
             state INTEGER NOT NULL, stamp TEXT, schema INTEGER NOT NULL, {columns}doc TEXT);
             CREATE INDEX {records}_deleted ON {records} (state) WHERE doc IS NULL;
             CREATE TABLE {dirty} (rid INTEGER PRIMARY KEY, kind INTEGER NOT NULL, base TEXT, remote TEXT);
             CREATE TABLE {passes} (pass INTEGER NOT NULL, rid INTEGER NOT NULL, \
             PRIMARY KEY (pass, rid)) WITHOUT ROWID;"
        );
        self.driver().batch(&sql)?;
        for (name, column) in table.layout.names.iter().zip(&schema.columns) {
            if column.indexed {
                self.index(&table, name)?;
            }
        }
        Ok(table)
    }

    /// Adds and fills the columns that are new, and makes or drops indexes.
    fn change(
        &mut self,
        before: &Table,
        schema: &Schema,
        migrating: bool,
    ) -> Result<Table, StoreError> {
        let mut layout = Layout {
            schema: schema.clone(),
            migrating,
            names: Vec::new(),
            ..before.layout.clone()
        };
        let known: Vec<(&Column, &String)> = before
            .layout
            .schema
            .columns
            .iter()
            .zip(&before.layout.names)
            .collect();
        let mut added = Vec::new();
        for column in &schema.columns {
            let same = |other: &Column| (&other.path, other.kind) == (&column.path, column.kind);
            let name = match known.iter().find(|(other, _)| same(other)) {
                Some((_, name)) if !layout.names.contains(name) => (*name).clone(),
                _ => {
                    let name = new_name(&mut layout.made, column);
                    let kind = column::sql_type(column.kind);
                    let sql = format!(
                        "ALTER TABLE {} ADD COLUMN {} {kind}",
                        before.records,
                        quoted(&name)
                    );
                    self.driver().batch(&sql)?;
                    added.push((name.clone(), column.clone()));
                    name
                }
            };
            layout.names.push(name);
        }
        let table = Table::new(before.number, before.name.clone(), layout);
        self.fill(&table, &added)?;
        let was_indexed = |name: &String| {
            known
                .iter()
                .any(|(column, of)| *of == name && column.indexed)
        };
        let indexed: Vec<&String> = (table.layout.names.iter().zip(&schema.columns))
            .filter_map(|(name, column)| column.indexed.then_some(name))
            .collect();
        for (_, name) in known
            .iter()
            .filter(|(_, name)| was_indexed(name) && !indexed.contains(name))
        {
            self.driver()
                .batch(&format!("DROP INDEX {}", index_name(&table, name)))?;
        }
        for name in indexed.into_iter().filter(|name| !was_indexed(name)) {
            self.index(&table, name)?;
        }
        Ok(table)
    }

    /// Fills new columns from the documents, a slice of rows at a time.
    fn fill(&mut self, table: &Table, added: &[(String, Column)]) -> Result<(), StoreError> {
        if added.is_empty() {
            return Ok(());
        }
        let sets: Vec<String> = added
            .iter()
            .map(|(name, _)| format!("{} = ?", quoted(name)))
            .collect();
        let update = format!(
            "UPDATE {} SET {} WHERE rid = ?",
            table.records,
            sets.join(", ")
        );
        let read = format!(
            "SELECT rid, doc FROM {} WHERE rid > ? AND doc IS NOT NULL ORDER BY rid LIMIT {ROWS_PER_CALL}",
            table.records
        );
        let columns: Vec<Column> = added.iter().map(|(_, column)| column.clone()).collect();
        let paths: Vec<_> = columns.iter().map(|column| column.path.clone()).collect();
        let mut last = i64::MIN;
        loop {
            let mut rows = Vec::new();
            self.driver()
                .query(&read, &[SqlValue::Integer(last)], &mut |row| {
                    let document = codec::document(row, 1)?;
                    rows.push((
                        codec::integer(row, 0)?,
                        Cell::all(&columns, &paths, document.as_ref()),
                    ));
                    Ok(Next::More)
                })?;
            let Some((rid, _)) = rows.last() else {
                return Ok(());
            };
            last = *rid;
            let values: Vec<_> = (rows.iter())
                .flat_map(|(rid, cells)| {
                    cells.iter().map(Cell::sql).chain([SqlValue::Integer(*rid)])
                })
                .collect();
            self.driver()
                .execute_many(&update, added.len() + 1, &values)?;
        }
    }

    fn index(&mut self, table: &Table, name: &str) -> Result<(), StoreError> {
        let sql = format!(
            "CREATE INDEX {} ON {} ({})",
            index_name(table, name),
            table.records,
            quoted(name)
        );
        self.driver().batch(&sql)
    }

    /// Shows visible records under the app's names.
    fn view(&mut self, table: &Table) -> Result<(), StoreError> {
        let view = quoted(&table.layout.view);
        let columns: String = (table.layout.names.iter().zip(&table.layout.schema.columns))
            .map(|(name, column)| format!(", {} AS {}", quoted(name), quoted(&column.name)))
            .collect();
        let sql = format!(
            "DROP VIEW IF EXISTS {view};
             CREATE VIEW {view} AS SELECT id{columns}, doc AS document FROM {} WHERE doc IS NOT NULL;",
            table.records
        );
        self.driver().batch(&sql)
    }

    /// A name for the view: the collection's, unless SQLite or another collection has it. SQLite does not tell
    /// upper from lower case.
    fn free_name(
        &mut self,
        collection: &CollectionName,
        number: i64,
    ) -> Result<String, StoreError> {
        let name = collection.as_str();
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("sqlite_") || lower.starts_with("tisync_") {
            return Ok(format!("collection_{name}"));
        }
        let sql = "SELECT 1 FROM sqlite_master WHERE lower(name) = ? LIMIT 1";
        let taken = super::integer(self.driver(), sql, &[SqlValue::Text(&lower)])?.is_some();
        Ok(if taken {
            format!("{name}_{number}")
        } else {
            name.to_owned()
        })
    }
}

/// The SQL name of a new column.
fn new_name(made: &mut u32, column: &Column) -> String {
    *made += 1;
    format!("f{made}_{}", column.name)
}

fn index_name(table: &Table, name: &str) -> String {
    quoted(&format!("{}_{name}", table.records))
}
