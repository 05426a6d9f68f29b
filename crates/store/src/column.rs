//! Typed columns: what a declared field is in SQL.
use crate::driver::SqlValue;
use tisync_core::model::{Column, ColumnKind};
use tisync_json::{Document, Number, Path, Value};

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Cell {
    /// The value to bind.
    pub(crate) fn sql(&self) -> SqlValue<'_> {
        match self {
            Cell::Null => SqlValue::Null,
            Cell::Integer(value) => SqlValue::Integer(*value),
            Cell::Real(value) => SqlValue::Real(*value),
            Cell::Text(text) => SqlValue::Text(text),
        }
    }

    /// A value that the app binds in SQL of its own; arrays and objects as their text.
    pub(crate) fn bound(value: &Value) -> Cell {
        match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Integer(i64::from(*value)),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| finite(number), Cell::Integer),
            Value::String(text) => Cell::Text(text.clone()),
            Value::Array(_) | Value::Object(_) => Cell::Text(value.to_string()),
        }
    }

    /// What a column of `kind` holds for a field; a value that does not fit the kind counts as null.
    pub(crate) fn of(kind: ColumnKind, value: Option<Value>) -> Cell {
        match (kind, value) {
            (ColumnKind::Text, Some(Value::String(text))) => Cell::Text(text),
            (ColumnKind::Boolean, Some(Value::Bool(value))) => Cell::Integer(i64::from(value)),
            (ColumnKind::Integer, Some(Value::Number(number))) => {
                number.as_i64().map_or(Cell::Null, Cell::Integer)
            }
            (ColumnKind::Real, Some(Value::Number(number))) => finite(&number),
            _ => Cell::Null,
        }
    }

    /// The cells of a document's declared fields, in one pass over its text.
    pub(crate) fn all(
        columns: &[Column],
        paths: &[Path],
        document: Option<&Document>,
    ) -> Vec<Cell> {
        match document {
            Some(document) if !columns.is_empty() => columns
                .iter()
                .zip(document.fields(paths))
                .map(|(column, value)| Cell::of(column.kind, value))
                .collect(),
            _ => vec![Cell::Null; columns.len()],
        }
    }
}

/// A number as SQLite compares it: the nearest double.
fn finite(number: &Number) -> Cell {
    let double = number.as_f64();
    if double.is_finite() {
        Cell::Real(double)
    } else {
        Cell::Null
    }
}

/// The type name, whose affinity also turns text that a host bound into a number.
pub(crate) fn sql_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "TEXT",
        ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
        ColumnKind::Real => "REAL",
    }
}
