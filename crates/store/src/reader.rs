//! Answers the app: records, queries, SQL of its own, on a connection that never waits for sync.
use crate::driver::{Next, SqlConsole, SqlDriver, SqlRow, SqlValue};
use crate::query::{Fields, Plan, Query, Visible, VisibleRow, by_id, compare, plan};
use crate::sqlite::{Collections, Table, codec};
use serde::Serialize;
use std::sync::Arc;
use tisync_core::model::{CollectionName, RecordId};
use tisync_core::store::StoreError;
use tisync_json::{Document, Number, Value};

/// Reads what the app sees. Natively it has a connection of its own; hosts with one connection make it over
/// that of their store ([`crate::SqliteStore::reader`]).
///
/// ```no_run
/// use tisync_core::model::CollectionName;
/// use tisync_json::Path;
/// use tisync_store::{Filter, Query, Reader};
///
/// let notes = CollectionName::new("notes")?;
/// let mut reader = Reader::open(std::path::Path::new("app.db"))?;
/// let open = Query::new(Filter::eq(Path::key("done"), false)).limit(20);
/// for record in reader.query(&notes, &open)? {
///     println!("{} {}", record.id, record.document);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader<D> {
    driver: D,
    collections: Collections,
}

/// What SQL of the app's own found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more rows than were asked for.
    pub more: bool,
}

/// A query as one `SELECT`, for a host that reads rows faster itself than through a core without native code. Its columns
/// are the id, the document, the name of the state, and the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The statement.
    pub sql: String,
    /// What its question marks stand for: null, texts, and numbers that a double holds.
    pub values: Vec<Value>,
}

#[cfg(feature = "rusqlite")]
impl Reader<crate::RusqliteDriver> {
    /// Opens a file that a store has made.
    pub fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        Reader::open_with_cache(path, crate::limits::READER_CACHE_KIB)
    }

    /// Opens a file that a store has made, and keeps up to `cache_kib` KiB of its pages in memory.
    pub fn open_with_cache(path: &std::path::Path, cache_kib: u32) -> Result<Self, StoreError> {
        Reader::open_with_key(path, None, cache_kib)
    }

    /// The same, of an encrypted file if there is a key.
    ///
    /// # Errors
    /// `EncryptionKey` as for [`crate::SqliteStore::open_with_key`].
    pub fn open_with_key(
        path: &std::path::Path,
        key: Option<&crate::Key>,
        cache_kib: u32,
    ) -> Result<Self, StoreError> {
        let mut driver = crate::RusqliteDriver::open_reader_with_key(path, key)?;
        driver.batch(&format!("PRAGMA cache_size=-{cache_kib}"))?;
        Ok(Reader::with_driver(driver))
    }
}

impl<D: SqlDriver> Reader<D> {
    /// Takes over a connection to a file that a store has made.
    pub fn with_driver(driver: D) -> Self {
        Reader::with(driver, Collections::default())
    }

    pub(crate) fn with(driver: D, collections: Collections) -> Self {
        Reader {
            driver,
            collections,
        }
    }

    /// A record by its id, or by a former one.
    pub fn get(
        &mut self,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Option<Visible>, StoreError> {
        self.get_as(collection, id, |row| row.visible())
    }

    /// What `make` makes of a record, found by its id or by a former one.
    pub fn get_as<T>(
        &mut self,
        collection: &CollectionName,
        id: &RecordId,
        mut make: impl FnMut(VisibleRow<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        // The statement names no declared column, so that it holds whatever was declared since; only a
        // collection that is not known yet must be looked for.
        let table = match self.collections.get(collection) {
            Some(table) => table,
            None => match self.table(collection)? {
                Some(table) => table,
                None => return Ok(None),
            },
        };
        // Inside: nothing, for a record that is deleted.
        let mut found = None;
        let value = SqlValue::Text(id.as_str());
        self.driver
            .query(&table.visible_by_id, &[value], &mut |row| {
                found = Some(visible(row, Some(id))?.map(&mut make).transpose()?);
                Ok(Next::Stop)
            })?;
        if found.is_none() {
            let values = [SqlValue::Text(collection.as_str()), value];
            self.driver
                .query(&table.visible_by_alias, &values, &mut |row| {
                    found = Some(visible(row, None)?.map(&mut make).transpose()?);
                    Ok(Next::Stop)
                })?;
        }
        Ok(found.flatten())
    }

    /// The records that a query finds, in its order.
    pub fn query(
        &mut self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Vec<Visible>, StoreError> {
        self.query_as(collection, query, |row| row.visible(), |record| &record.id)
    }

    /// What `make` makes of the records that a query finds, in its order; `id` is the id of what was made.
    pub fn query_as<T>(
        &mut self,
        collection: &CollectionName,
        query: &Query,
        mut make: impl FnMut(VisibleRow<'_>) -> Result<T, StoreError>,
        id: impl Fn(&T) -> &RecordId,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut take = |row: VisibleRow<'_>| {
            found.push(make(row)?);
            Ok(Next::More)
        };
        let Some(table) = self.table(collection)? else {
            return Ok(found);
        };
        let plan = plan(query, &table)?;
        if !plan.is_whole {
            self.run(&table, query, &plan, &mut take)?;
            return Ok(found);
        }
        // All of it is wanted, and only by id: read as it lies in the file, it is put in order here.
        self.in_order(&table, query, &plan, None, &mut take)?;
        Ok(by_id(found, id))
    }

    /// The statement that answers a query, in its order, if SQL alone can.
    pub fn statement(
        &mut self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Option<Statement>, StoreError> {
        let Some(table) = self.table(collection)? else {
            return Ok(None);
        };
        let plan = plan(query, &table)?;
        let (Some(order), true) = (&plan.order, plan.rest.is_empty()) else {
            return Ok(None);
        };
        // As for the answer of a filter, a sort costs less than rows from all over the file.
        let order = if plan.is_whole { "+id" } else { order };
        let select = format!(
            "SELECT id, doc, {}, version FROM {}",
            codec::state_name()?,
            table.records
        );
        let (sql, values) = sql_of(&select, query, &plan, Some(order));
        let values: Option<Vec<_>> = values.into_iter().map(plain).collect();
        Ok(values.map(|values| Statement { sql, values }))
    }

    /// Hands each record that a query finds to `take`. Memory stays flat if the order is by declared fields.
    pub fn each(
        &mut self,
        collection: &CollectionName,
        query: &Query,
        take: &mut dyn FnMut(Visible) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let Some(table) = self.table(collection)? else {
            return Ok(());
        };
        let plan = plan(query, &table)?;
        self.run(&table, query, &plan, &mut |row| take(row.visible()?))
    }

    /// How many records a query finds, its limit and offset left out.
    pub fn count(&mut self, collection: &CollectionName, query: &Query) -> Result<u64, StoreError> {
        let Some(table) = self.table(collection)? else {
            return Ok(0);
        };
        let all = Query {
            limit: None,
            offset: 0,
            order: Vec::new(),
            ..query.clone()
        };
        // What comes after a record depends on the order.
        let all = if query.after.is_some() {
            Query {
                order: query.order.clone(),
                ..all
            }
        } else {
            all
        };
        let plan = plan(&all, &table)?;
        if plan.rest.is_empty() && plan.order.is_some() {
            let sql = format!(
                "SELECT count(*) FROM {} WHERE {}",
                table.records, plan.condition
            );
            let values: Vec<_> = plan.values.iter().map(|cell| cell.sql()).collect();
            let mut count = 0;
            self.driver.query(&sql, &values, &mut |row| {
                count = codec::integer(row, 0)? as u64;
                Ok(Next::Stop)
            })?;
            return Ok(count);
        }
        let mut count = 0;
        self.run(&table, &all, &plan, &mut |_| {
            count += 1;
            Ok(Next::More)
        })?;
        Ok(count)
    }

    /// A number that changes whenever another connection, of this process or another, commits.
    pub fn data_version(&mut self) -> Result<i64, StoreError> {
        crate::sqlite::data_version(&mut self.driver)
    }

    fn table(&mut self, collection: &CollectionName) -> Result<Option<Arc<Table>>, StoreError> {
        self.collections.refresh(&mut self.driver)?;
        Ok(self.collections.get(collection))
    }

    /// Answers in the query's order, a row at a time.
    fn run(
        &mut self,
        table: &Table,
        query: &Query,
        plan: &Plan<'_>,
        take: &mut dyn FnMut(VisibleRow<'_>) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        if let Some(order) = &plan.order {
            return self.in_order(table, query, plan, Some(order), take);
        }
        for record in self.sorted(table, query, plan)? {
            if take(VisibleRow::of(&record))? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Answers in an order of SQL, or as the rows come.
    fn in_order(
        &mut self,
        table: &Table,
        query: &Query,
        plan: &Plan<'_>,
        order: Option<&str>,
        take: &mut dyn FnMut(VisibleRow<'_>) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let (sql, values) = sql_of(&table.visible, query, plan, order);
        let mut offset = if plan.rest.is_empty() {
            0
        } else {
            query.offset
        };
        let mut limit = query.limit.unwrap_or(usize::MAX);
        let fields = Fields::of(plan.rest.iter().copied(), &[], &table.layout.schema.columns);
        if limit == 0 {
            return Ok(());
        }
        self.driver.query(&sql, &values, &mut |row| {
            let Some(row) = visible(row, None)? else {
                return Ok(Next::More);
            };
            if !plan.rest.is_empty() && !fields.hold(&plan.rest, &row.id, &row.document()?) {
                return Ok(Next::More);
            }
            if offset > 0 {
                offset -= 1;
                return Ok(Next::More);
            }
            limit -= 1;
            let next = take(row)?;
            Ok(if limit == 0 { Next::Stop } else { next })
        })
    }

    /// Answers in an order that SQL does not know: reads all, and keeps what can still be among the first.
    fn sorted(
        &mut self,
        table: &Table,
        query: &Query,
        plan: &Plan<'_>,
    ) -> Result<Vec<Visible>, StoreError> {
        let fields = Fields::of(
            plan.rest.iter().copied(),
            &query.order,
            &table.layout.schema.columns,
        );
        let keys = |id: &RecordId, document: &Document| {
            fields.keys(&query.order, &fields.read(id, document))
        };
        let after = query
            .after
            .as_ref()
            .map(|(id, document)| (keys(id, document), id));
        let wanted = query
            .limit
            .map_or(usize::MAX, |limit| limit.saturating_add(query.offset));
        let by_place = |a: &(Vec<Value>, Visible), b: &(Vec<Value>, Visible)| {
            compare(&query.order, (&a.0, &a.1.id), (&b.0, &b.1.id))
        };
        let mut found: Vec<(Vec<Value>, Visible)> = Vec::new();
        let sql = format!("{} WHERE {}", table.visible, plan.condition);
        let values: Vec<_> = plan.values.iter().map(|cell| cell.sql()).collect();
        self.driver.query(&sql, &values, &mut |row| {
            let Some(row) = visible(row, None)? else {
                return Ok(Next::More);
            };
            let record = row.visible()?;
            if !fields.hold(&plan.rest, &record.id, &record.document) {
                return Ok(Next::More);
            }
            let place = keys(&record.id, &record.document);
            let comes = after.as_ref().is_none_or(|(after, id)| {
                compare(&query.order, (&place, &record.id), (after, id)).is_gt()
            });
            if comes {
                found.push((place, record));
                // Twice what is wanted at most, so that memory follows the limit and not the collection.
                if found.len() / 2 > wanted {
                    found.sort_by(by_place);
                    found.truncate(wanted);
                }
            }
            Ok(Next::More)
        })?;
        found.sort_by(by_place);
        let found = found.into_iter().map(|(_, record)| record);
        Ok(found
            .skip(query.offset)
            .take(query.limit.unwrap_or(usize::MAX))
            .collect())
    }
}

impl<D: SqlConsole> Reader<D> {
    /// Runs one `SELECT` of the app's own over the views that carry the collections' names: the id, the
    /// declared columns, and the whole `document`. Nothing it says can change the file.
    pub fn sql(
        &mut self,
        sql: &str,
        values: &[Value],
        rows_max: usize,
    ) -> Result<SqlRows, StoreError> {
        let cells: Vec<_> = values.iter().map(crate::column::Cell::bound).collect();
        let values: Vec<_> = cells.iter().map(|cell| cell.sql()).collect();
        let mut found = SqlRows::default();
        // Shared by the two closures.
        let width = std::cell::Cell::new(0);
        let mut names = Vec::new();
        self.driver.read_only(
            sql,
            &values,
            &mut |columns| {
                names = columns.iter().map(|name| (*name).to_owned()).collect();
                width.set(columns.len());
            },
            &mut |row| {
                if found.rows.len() == rows_max {
                    found.more = true;
                    return Ok(Next::Stop);
                }
                let values = (0..width.get()).map(|column| row.value(column).map(owned));
                found.rows.push(values.collect::<Result<_, _>>()?);
                Ok(Next::More)
            },
        )?;
        found.columns = names;
        Ok(found)
    }
}

/// The statement of a plan, whose order SQL knows or nobody asks for, and its values; with limit and offset, unless rows
/// are to be looked at after reading.
fn sql_of<'p>(
    select: &str,
    query: &Query,
    plan: &'p Plan<'_>,
    order: Option<&str>,
) -> (String, Vec<SqlValue<'p>>) {
    let mut values: Vec<_> = plan.values.iter().map(|cell| cell.sql()).collect();
    let mut sql = format!("{select} WHERE {}", plan.condition);
    if let Some(order) = order {
        sql.push_str(" ORDER BY ");
        sql.push_str(order);
    }
    if plan.rest.is_empty() && (query.limit.is_some() || query.offset > 0) {
        sql.push_str(" LIMIT ? OFFSET ?");
        let limit = query.limit.unwrap_or(usize::MAX);
        values.extend([codec::limit(limit), codec::limit(query.offset)]);
    }
    (sql, values)
}

/// A value that is the same for a host whose numbers are doubles.
fn plain(value: SqlValue<'_>) -> Option<Value> {
    let exact = |value: i64| value.unsigned_abs() <= 1 << 53;
    match value {
        SqlValue::Integer(value) if !exact(value) => None,
        value => Some(owned(value)),
    }
}

fn owned(value: SqlValue<'_>) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(value) => value.into(),
        SqlValue::Real(value) => Number::try_from(value).map_or(Value::Null, Value::Number),
        SqlValue::Text(text) => text.into(),
    }
}

/// Reads the columns `id, doc, state, version`; `None` for a record that is deleted.
fn visible<'r>(
    row: &'r dyn SqlRow,
    wanted: Option<&RecordId>,
) -> Result<Option<VisibleRow<'r>>, StoreError> {
    let Some(text) = codec::text_or_null(row, 1)? else {
        return Ok(None);
    };
    let id = codec::text(row, 0)?;
    let id = match wanted {
        Some(wanted) if wanted.as_str() == id => wanted.clone(),
        _ => codec::parsed(RecordId::new(id))?,
    };
    let state = codec::state_of(codec::integer(row, 2)?)?;
    Ok(Some(VisibleRow::new(
        id,
        text,
        state,
        codec::version(row, 3)?,
    )))
}
