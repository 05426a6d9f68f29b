//! What a host supplies: statements, rows, a transaction.
use tisync_core::store::StoreError;

/// A value that goes into a statement or comes out of a row. There are no blobs: not every host binds them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SqlValue<'a> {
    /// `NULL`
    Null,
    /// An integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text in UTF-8.
    Text(&'a str),
}

/// A row that a query stands on.
pub trait SqlRow {
    /// The value of a column, counted from 0.
    fn value(&self, column: usize) -> Result<SqlValue<'_>, StoreError>;
}

/// Whether a query goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Hand out the next row.
    More,
    /// Enough.
    Stop,
}

/// One connection to an SQLite database.
///
/// The store asks for nothing that an old or foreign SQLite lacks: no UPSERT, `RETURNING`, `WITH`, blobs or
/// JSON functions; every statement that gives rows begins with `SELECT` or `PRAGMA`; a value that is bound as
/// text is turned into a number by the affinity of its column.
///
/// A driver keeps prepared statements by their text. A call with many rows of values is one crossing on hosts
/// where crossings are dear. Errors carry the kind that says what to do: `Busy` for a lock held elsewhere,
/// `Full` for no room left, `Corrupt` for a damaged file, `Misuse` for a broken constraint or statement, else `Io`.
pub trait SqlDriver {
    /// Runs statements that take no values and give no rows.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;

    /// Runs one statement that gives no rows, and returns how many rows it changed.
    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError>;

    /// Runs one query and hands each row to `row`.
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError>;

    /// Runs one statement for each `width` values, and returns how many rows all of them changed.
    fn execute_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for row in values.chunks_exact(width) {
            changed += self.execute(sql, row)?;
        }
        Ok(changed)
    }

    /// Runs one query for each `width` values; `row` also gets the number of the run.
    fn query_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(usize, &dyn SqlRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (run, values) in values.chunks_exact(width).enumerate() {
            self.query(sql, values, &mut |found| {
                row(run, found)?;
                Ok(Next::More)
            })?;
        }
        Ok(())
    }

    /// Starts a writing transaction.
    fn begin(&mut self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE", &[]).map(|_| ())
    }

    /// Starts a transaction that only reads: it waits for no writer, and sees one moment.
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.execute("BEGIN", &[]).map(|_| ())
    }

    /// Ends the transaction; when it returns, the changes are as durable as `PRAGMA synchronous` says.
    fn commit(&mut self) -> Result<(), StoreError> {
        self.execute("COMMIT", &[]).map(|_| ())
    }

    /// Takes the transaction back.
    fn rollback(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK", &[]).map(|_| ())
    }
}

/// A connection that also answers SQL of the app's own, without letting it write.
pub trait SqlConsole: SqlDriver {
    /// Runs one statement of the caller that reads; `columns` gets the names first. A statement that could
    /// change anything, or several in one text, are refused as misuse.
    fn read_only(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        columns: &mut dyn FnMut(&[&str]),
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError>;
}

/// A borrowed connection is one too.
impl<D: SqlDriver> SqlDriver for &mut D {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        (**self).batch(sql)
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError> {
        (**self).execute(sql, values)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        (**self).query(sql, values, row)
    }

    fn execute_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
    ) -> Result<u64, StoreError> {
        (**self).execute_many(sql, width, values)
    }

    fn query_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(usize, &dyn SqlRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        (**self).query_many(sql, width, values, row)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        (**self).begin()
    }

    fn begin_reading(&mut self) -> Result<(), StoreError> {
        (**self).begin_reading()
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        (**self).commit()
    }

    fn rollback(&mut self) -> Result<(), StoreError> {
        (**self).rollback()
    }
}

impl<D: SqlConsole> SqlConsole for &mut D {
    fn read_only(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        columns: &mut dyn FnMut(&[&str]),
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        (**self).read_only(sql, values, columns, row)
    }
}
