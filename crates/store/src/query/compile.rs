//! The part of a query that SQL can answer. Names are ours and quoted, values are only ever bound.
use super::fields::{held, is_id};
use super::{Filter, Order, Query};
use crate::column::Cell;
use crate::limits::{FILTER_DEPTH_MAX, FILTER_VALUES_MAX};
use crate::sqlite::{Table, quoted};
use tisync_core::model::{ColumnKind, RecordId};
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::{Number, Path, Value};

/// How a query runs.
pub(crate) struct Plan<'q> {
    /// The condition in SQL.
    pub(crate) condition: String,
    /// Its values.
    pub(crate) values: Vec<Cell>,
    /// What must be looked at after reading.
    pub(crate) rest: Vec<&'q Filter>,
    /// The order in SQL; `None` when it must be made after reading.
    pub(crate) order: Option<String>,
    /// Whether all of it is wanted, and in no other order than by id.
    pub(crate) is_whole: bool,
}

/// Divides a query between SQL and reading.
pub(crate) fn plan<'q>(query: &'q Query, table: &Table) -> Result<Plan<'q>, StoreError> {
    let mut plan = Plan {
        condition: "doc IS NOT NULL".to_owned(),
        values: Vec::new(),
        rest: Vec::new(),
        order: None,
        is_whole: query.order.is_empty()
            && query.limit.is_none()
            && query.offset == 0
            && query.after.is_none(),
    };
    if depth(&query.filter) > FILTER_DEPTH_MAX {
        return Err(StoreError::new(
            StoreErrorKind::Misuse,
            format!("expected a filter of at most {FILTER_DEPTH_MAX} levels, came a deeper one"),
        ));
    }
    plan.add(&query.filter, table);
    let columns: Option<Vec<_>> = (query.order.iter())
        .map(|order| Some((order, column(&order.path, table)?)))
        .collect();
    if let Some(columns) = columns {
        let mut order: String = (columns.iter())
            .map(|(order, (name, _))| {
                format!("{name}{}, ", if order.descending { " DESC" } else { "" })
            })
            .collect();
        // The whole answer of a filter is read by the filter's own index, or by a scan, and then sorted: SQLite
        // would else walk the index of ids and fetch every row of the collection from a random place.
        let sorts = plan.is_whole && !plan.values.is_empty();
        order.push_str(if sorts { "+id" } else { "id" });
        plan.order = Some(order);
        if let Some((id, document)) = &query.after {
            let mut condition = Condition::default();
            let keys = columns.iter().map(|(order, (name, kind))| {
                let value = match is_id(&order.path) {
                    true => Some(Value::from(id.as_str())),
                    false => document
                        .fields(std::slice::from_ref(&order.path))
                        .pop()
                        .flatten(),
                };
                (*order, name.as_str(), Cell::of(*kind, value))
            });
            condition.after(&keys.collect::<Vec<_>>(), id);
            plan.push(condition);
        }
    }
    Ok(plan)
}

impl<'q> Plan<'q> {
    fn add(&mut self, filter: &'q Filter, table: &Table) {
        if let Filter::And(filters) = filter {
            filters.iter().for_each(|filter| self.add(filter, table));
            return;
        }
        let mut condition = Condition::default();
        match condition.add(filter, table) {
            Some(()) if self.values.len() + condition.values.len() <= FILTER_VALUES_MAX => {
                self.push(condition)
            }
            _ => self.rest.push(filter),
        }
    }

    fn push(&mut self, condition: Condition) {
        self.condition.push_str(" AND ");
        self.condition.push_str(&condition.sql);
        self.values.extend(condition.values);
    }
}

#[derive(Default)]
struct Condition {
    sql: String,
    values: Vec<Cell>,
}

impl Condition {
    /// Appends a condition that is always 0 or 1; `None` if SQL cannot say it.
    fn add(&mut self, filter: &Filter, table: &Table) -> Option<()> {
        match filter {
            Filter::All => self.sql.push('1'),
            Filter::Eq(path, value) => self.equals(&column(path, table)?, value)?,
            Filter::IsNull(path) => self.equals(&column(path, table)?, &Value::Null)?,
            Filter::Ne(path, value) => {
                self.sql.push_str("NOT ");
                self.equals(&column(path, table)?, value)?;
            }
            Filter::Lt(path, value) => self.compare(&column(path, table)?, "<", value)?,
            Filter::Le(path, value) => self.compare(&column(path, table)?, "<=", value)?,
            Filter::Gt(path, value) => self.compare(&column(path, table)?, ">", value)?,
            Filter::Ge(path, value) => self.compare(&column(path, table)?, ">=", value)?,
            Filter::In(path, values) => {
                let column = column(path, table)?;
                self.list(" OR ", values, |this, value| this.equals(&column, value))?;
            }
            Filter::Prefix(path, prefix) => self.prefix(&column(path, table)?, prefix),
            Filter::And(filters) => {
                self.list(" AND ", filters, |this, filter| this.add(filter, table))?
            }
            Filter::Or(filters) => {
                self.list(" OR ", filters, |this, filter| this.add(filter, table))?
            }
            Filter::Not(filter) => {
                self.sql.push_str("NOT ");
                self.add(filter, table)?;
            }
        }
        Some(())
    }

    fn list<T>(
        &mut self,
        between: &str,
        parts: &[T],
        mut add: impl FnMut(&mut Self, &T) -> Option<()>,
    ) -> Option<()> {
        // The neutral element, so that an empty list needs no rule of its own.
        self.sql
            .push_str(if between == " OR " { "(0" } else { "(1" });
        for part in parts {
            self.sql.push_str(between);
            add(self, part)?;
        }
        self.sql.push(')');
        Some(())
    }

    fn equals(&mut self, (name, kind): &(String, ColumnKind), value: &Value) -> Option<()> {
        match operand(*kind, value)? {
            _ if value.is_null() => self.sql.push_str(&format!("({name} IS NULL)")),
            Cell::Null => self.sql.push_str("(0)"),
            cell => {
                self.sql
                    .push_str(&format!("({name} IS NOT NULL AND {name} = ?)"));
                self.values.push(cell);
            }
        }
        Some(())
    }

    fn compare(
        &mut self,
        (name, kind): &(String, ColumnKind),
        sign: &str,
        value: &Value,
    ) -> Option<()> {
        match operand(*kind, value)? {
            Cell::Null => self.sql.push_str("(0)"),
            cell => {
                self.sql
                    .push_str(&format!("({name} IS NOT NULL AND {name} {sign} ?)"));
                self.values.push(cell);
            }
        }
        Some(())
    }

    fn prefix(&mut self, (name, kind): &(String, ColumnKind), prefix: &str) {
        if *kind != ColumnKind::Text {
            self.sql.push_str("(0)");
            return;
        }
        self.sql
            .push_str(&format!("({name} IS NOT NULL AND {name} >= ?"));
        self.values.push(Cell::Text(prefix.to_owned()));
        if let Some(end) = successor(prefix) {
            self.sql.push_str(&format!(" AND {name} < ?"));
            self.values.push(Cell::Text(end));
        }
        self.sql.push(')');
    }

    /// Comes after the keys and the id in the order: after the first key, or equal there and after the
    /// second, and so on.
    fn after(&mut self, keys: &[(&Order, &str, Cell)], id: &RecordId) {
        self.sql.push('(');
        for count in 0..=keys.len() {
            self.sql.push_str(if count == 0 { "(" } else { " OR (" });
            for (_, name, cell) in &keys[..count] {
                self.sql.push_str(&match cell {
                    Cell::Null => format!("{name} IS NULL AND "),
                    _ => format!("{name} = ? AND "),
                });
                self.push(cell);
            }
            match keys.get(count) {
                None => {
                    self.sql.push_str("id > ?)");
                    self.values.push(Cell::Text(id.as_str().to_owned()));
                }
                Some((order, name, cell)) => {
                    self.sql.push_str(&match (cell, order.descending) {
                        (Cell::Null, false) => format!("{name} IS NOT NULL)"),
                        (Cell::Null, true) => "0)".to_owned(),
                        (_, false) => format!("{name} > ?)"),
                        (_, true) => format!("({name} < ? OR {name} IS NULL))"),
                    });
                    self.push(cell);
                }
            }
        }
        self.sql.push(')');
    }

    fn push(&mut self, cell: &Cell) {
        if *cell != Cell::Null {
            self.values.push(cell.clone());
        }
    }
}

/// The SQL name and kind of a field, if it has a column.
fn column(path: &Path, table: &Table) -> Option<(String, ColumnKind)> {
    if is_id(path) {
        return Some(("id".to_owned(), ColumnKind::Text));
    }
    let columns = &table.layout.schema.columns;
    let index = columns.iter().position(|column| column.path == *path)?;
    Some((quoted(&table.layout.names[index]), columns[index].kind))
}

/// A value as a column of `kind` is compared with it; `Null` if it equals none and is in no order with any.
/// `None` if SQL has no such number.
fn operand(kind: ColumnKind, value: &Value) -> Option<Cell> {
    Some(match (kind, value) {
        (ColumnKind::Text | ColumnKind::Boolean, _) => {
            Cell::of(kind, Some(held(Some(kind), value.clone())))
        }
        (ColumnKind::Integer | ColumnKind::Real, Value::Number(number)) => match number.as_i64() {
            Some(integer) => Cell::Integer(integer),
            None => {
                let double = number.as_f64();
                let exact = Number::try_from(double).is_ok_and(|exact| exact == *number);
                Cell::Real(exact.then_some(double)?)
            }
        },
        _ => Cell::Null,
    })
}

/// The first text after all that begin with `prefix`.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The next character, over the gap of the surrogates.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn depth(filter: &Filter) -> usize {
    1 + match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().map(depth).max().unwrap_or(0),
        Filter::Not(filter) => depth(filter),
        _ => 0,
    }
}
