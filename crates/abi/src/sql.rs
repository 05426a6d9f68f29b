//! The host's database behind the store's seam: one crossing for a statement with all its rows.
//!
//! A request is `operation u8 · statement u32 · text (u32 length, UTF-8; empty once it is known) · width u32 · runs
//! u32 · values`, a reply `0 · …` or `1 · kind u8 · message`. Numbers are little-endian; a value is its tag, then
//! what it holds. `docs/ABI.md` has the whole of it.
use crate::host::{Call, Host};
use std::rc::Rc;
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::tree::BTreeMap;
use tisync_store::{Next, SqlConsole, SqlDriver, SqlRow, SqlValue};

/// Statements whose numbers the host may keep; beyond, all are forgotten and come with their texts again.
const STATEMENTS_MAX: usize = 256;

const BATCH: u8 = 0;
const EXECUTE: u8 = 1;
const QUERY: u8 = 2;
const READ_ONLY: u8 = 3;
const FORGET: u8 = 4;

/// The statement number of texts that are used once.
const ONCE: u32 = 0;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;

/// A connection of the host's.
///
/// A host's own tests may run the specification of stores over it: `tisync_core::conformance`.
pub struct HostDriver {
    host: Rc<dyn Host>,
    statements: BTreeMap<String, u32>,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl HostDriver {
    /// A connection that asks this host.
    pub fn new(host: Rc<dyn Host>) -> Self {
        HostDriver {
            host,
            statements: BTreeMap::new(),
            request: Vec::new(),
            reply: Vec::new(),
        }
    }

    /// Sends a request and gives back the reply behind its status; `rows` are the values of all runs.
    fn send(
        &mut self,
        operation: u8,
        sql: &str,
        width: usize,
        runs: usize,
        values: &[SqlValue<'_>],
    ) -> Result<Reader<'_>, StoreError> {
        let is_kept = matches!(operation, EXECUTE | QUERY);
        if is_kept && self.statements.len() == STATEMENTS_MAX && !self.statements.contains_key(sql)
        {
            self.statements.clear();
            self.send(FORGET, "", 0, 0, &[])?;
        }
        self.request.clear();
        self.request.push(operation);
        let known = self.statements.get(sql).filter(|_| is_kept);
        match known {
            Some(number) => {
                put(&mut self.request, *number);
                put(&mut self.request, 0);
            }
            None => {
                let number = match is_kept {
                    true => self.statements.len() as u32 + 1,
                    false => ONCE,
                };
                put(&mut self.request, number);
                put_text(&mut self.request, sql);
                if is_kept {
                    self.statements.insert(sql.to_owned(), number);
                }
            }
        }
        put(&mut self.request, width as u32);
        put(&mut self.request, runs as u32);
        for value in values {
            put_value(&mut self.request, value);
        }
        let asked = self.host.ask(Call::Sql, &self.request, &mut self.reply);
        asked.map_err(|error| StoreError::new(StoreErrorKind::Io, error.to_string()))?;
        let mut reader = Reader(&self.reply);
        match reader.byte()? {
            0 => Ok(reader),
            _ => {
                let kind = kind(reader.byte()?);
                let message = String::from_utf8_lossy(reader.0).into_owned();
                Err(StoreError::new(kind, message))
            }
        }
    }
}

impl SqlDriver for HostDriver {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.send(BATCH, sql, 0, 1, &[]).map(drop)
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError> {
        let mut reply = self.send(EXECUTE, sql, values.len(), 1, values)?;
        reply.number().map(u64::from)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        self.send(QUERY, sql, values.len(), 1, values)?
            .rows(&mut |_, found| row(found))
    }

    fn execute_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
    ) -> Result<u64, StoreError> {
        let runs = values.len() / width.max(1);
        if runs == 0 {
            return Ok(0);
        }
        let mut reply = self.send(EXECUTE, sql, width, runs, values)?;
        reply.number().map(u64::from)
    }

    fn query_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(usize, &dyn SqlRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let runs = values.len() / width.max(1);
        if runs == 0 {
            return Ok(());
        }
        self.send(QUERY, sql, width, runs, values)?
            .rows(&mut |run, found| row(run, found).map(|()| Next::More))
    }
}

impl SqlConsole for HostDriver {
    fn read_only(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        columns: &mut dyn FnMut(&[&str]),
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let begins = |word: &str| {
            let start = sql.trim_start().get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        if !begins("select") && !begins("with") {
            return Err(StoreError::new(
                StoreErrorKind::Misuse,
                "expected one SELECT, came another statement: use the collection's methods to write",
            ));
        }
        // Hosts cannot tell what a statement would do; SQLite refuses what would write.
        self.batch("PRAGMA query_only=1")?;
        let answered = self
            .send(READ_ONLY, sql, values.len(), 1, values)
            .and_then(|mut reply| {
                let names = (0..reply.number()?).map(|_| reply.text());
                columns(&names.collect::<Result<Vec<_>, _>>()?);
                reply.rows(&mut |_, found| row(found))
            });
        self.batch("PRAGMA query_only=0")?;
        answered
    }
}

/// A row of a reply.
struct Row<'a>(&'a [SqlValue<'a>]);

impl SqlRow for Row<'_> {
    fn value(&self, column: usize) -> Result<SqlValue<'_>, StoreError> {
        self.0
            .get(column)
            .copied()
            .ok_or_else(|| broken("a column more"))
    }
}

/// Reads a reply.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self
            .0
            .split_at_checked(bytes)
            .ok_or_else(|| broken("more bytes"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Result<u32, StoreError> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn long(&mut self) -> Result<u64, StoreError> {
        let low = self.number()?;
        let high = self.number()?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn text(&mut self) -> Result<&'a str, StoreError> {
        let bytes = self.number()? as usize;
        std::str::from_utf8(self.take(bytes)?).map_err(|_| broken("text in UTF-8"))
    }

    fn value(&mut self) -> Result<SqlValue<'a>, StoreError> {
        Ok(match self.byte()? {
            NULL => SqlValue::Null,
            INTEGER => SqlValue::Integer(self.long()? as i64),
            REAL => SqlValue::Real(f64::from_bits(self.long()?)),
            TEXT => SqlValue::Text(self.text()?),
            _ => return Err(broken("a value's tag from 0 to 3")),
        })
    }

    /// Reads `runs u32`, and of each run `rows u32 · columns u32 · values`.
    fn rows(
        &mut self,
        take: &mut dyn FnMut(usize, &dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let mut values = Vec::new();
        for run in 0..self.number()? as usize {
            let rows = self.number()?;
            let columns = self.number()?;
            for _ in 0..rows {
                values.clear();
                for _ in 0..columns {
                    values.push(self.value()?);
                }
                if take(run, &Row(&values))? == Next::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u32);
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &SqlValue<'_>) {
    match value {
        SqlValue::Null => out.push(NULL),
        SqlValue::Integer(value) => {
            out.push(INTEGER);
            out.extend_from_slice(&value.to_le_bytes());
        }
        SqlValue::Real(value) => {
            out.push(REAL);
            out.extend_from_slice(&value.to_le_bytes());
        }
        SqlValue::Text(text) => {
            out.push(TEXT);
            put_text(out, text);
        }
    }
}

/// The kind of an error that the host tells of.
fn kind(code: u8) -> StoreErrorKind {
    match code {
        0 => StoreErrorKind::Busy,
        1 => StoreErrorKind::Full,
        3 => StoreErrorKind::Corrupt,
        4 => StoreErrorKind::Misuse,
        _ => StoreErrorKind::Io,
    }
}

fn broken(expected: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Io,
        format!(
            "expected {expected} in the host's reply to a statement, but it is not there: a bug of the host"
        ),
    )
}
