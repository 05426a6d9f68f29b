//! The fields of a query, read from documents, and the conditions on them.
use super::{Filter, Order};
use std::cmp::Ordering;
use tisync_core::model::{Column, ColumnKind, RecordId};
use tisync_json::{Document, Number, Path, Value};

/// Reads the fields of a query in one pass over a document.
pub(crate) struct Fields {
    paths: Vec<Path>,
    kinds: Vec<Option<ColumnKind>>,
}

/// The fields of one record, in the order of the paths.
pub(crate) struct Read<'a> {
    id: &'a RecordId,
    values: Vec<Value>,
}

/// Whether a path is the record's id.
pub(super) fn is_id(path: &Path) -> bool {
    path.keys() == ["id"]
}

impl Fields {
    /// The fields that conditions and order name.
    pub(crate) fn of<'q>(
        filters: impl IntoIterator<Item = &'q Filter>,
        order: &[Order],
        columns: &[Column],
    ) -> Self {
        let mut paths: Vec<Path> = order.iter().map(|order| order.path.clone()).collect();
        for filter in filters {
            collect(filter, &mut paths);
        }
        paths.retain(|path| !is_id(path));
        paths.sort();
        paths.dedup();
        let kind = |path: &Path| {
            columns
                .iter()
                .find(|column| column.path == *path)
                .map(|column| column.kind)
        };
        Fields {
            kinds: paths.iter().map(kind).collect(),
            paths,
        }
    }

    pub(crate) fn read<'a>(&self, id: &'a RecordId, document: &Document) -> Read<'a> {
        let values = match self.paths.is_empty() {
            true => Vec::new(),
            false => document
                .fields(&self.paths)
                .into_iter()
                .zip(&self.kinds)
                .map(|(value, kind)| held(*kind, value.unwrap_or(Value::Null)))
                .collect(),
        };
        Read { id, values }
    }

    /// Whether all conditions hold for a document.
    pub(crate) fn hold(&self, filters: &[&Filter], id: &RecordId, document: &Document) -> bool {
        if filters.is_empty() {
            return true;
        }
        let read = self.read(id, document);
        filters.iter().all(|filter| self.holds(filter, &read))
    }

    fn holds(&self, filter: &Filter, read: &Read<'_>) -> bool {
        let less = |path: &Path, value: &Value, wanted: &[Ordering]| {
            self.ordering(path, value, read)
                .is_some_and(|ordering| wanted.contains(&ordering))
        };
        match filter {
            Filter::All => true,
            Filter::Eq(path, value) => self.equals(path, value, read),
            Filter::Ne(path, value) => !self.equals(path, value, read),
            Filter::Lt(path, value) => less(path, value, &[Ordering::Less]),
            Filter::Le(path, value) => less(path, value, &[Ordering::Less, Ordering::Equal]),
            Filter::Gt(path, value) => less(path, value, &[Ordering::Greater]),
            Filter::Ge(path, value) => less(path, value, &[Ordering::Greater, Ordering::Equal]),
            Filter::In(path, values) => values.iter().any(|value| self.equals(path, value, read)),
            Filter::Prefix(path, prefix) => match self.value(path, read) {
                Ok(value) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
                Err(id) => id.starts_with(prefix),
            },
            Filter::IsNull(path) => self.equals(path, &Value::Null, read),
            Filter::And(filters) => filters.iter().all(|filter| self.holds(filter, read)),
            Filter::Or(filters) => filters.iter().any(|filter| self.holds(filter, read)),
            Filter::Not(filter) => !self.holds(filter, read),
        }
    }

    /// The record's place in the order.
    pub(crate) fn keys(&self, order: &[Order], read: &Read<'_>) -> Vec<Value> {
        let key = |order: &Order| match self.value(&order.path, read) {
            Ok(value) => value.clone(),
            Err(id) => Value::from(id),
        };
        order.iter().map(key).collect()
    }

    /// The field's value, or the id.
    fn value<'r>(&self, path: &Path, read: &'r Read<'_>) -> Result<&'r Value, &'r str> {
        match self.paths.binary_search(path) {
            Ok(index) => Ok(&read.values[index]),
            Err(_) => Err(read.id.as_str()),
        }
    }

    fn equals(&self, path: &Path, value: &Value, read: &Read<'_>) -> bool {
        match self.value(path, read) {
            Ok(field) => field == value,
            Err(id) => value.as_str() == Some(id),
        }
    }

    fn ordering(&self, path: &Path, value: &Value, read: &Read<'_>) -> Option<Ordering> {
        match (self.value(path, read), value) {
            (Ok(Value::Number(a)), Value::Number(b)) => Some(a.cmp(b)),
            (Ok(Value::String(a)), Value::String(b)) => Some(a.cmp(b)),
            (Ok(Value::Bool(a)), Value::Bool(b)) => Some(a.cmp(b)),
            (Err(id), Value::String(b)) => Some(id.cmp(b)),
            _ => None,
        }
    }
}

/// Compares two places of an order; equal only for the same record.
pub(crate) fn compare(
    order: &[Order],
    (a, a_id): (&[Value], &RecordId),
    (b, b_id): (&[Value], &RecordId),
) -> Ordering {
    for (order, (a, b)) in order.iter().zip(a.iter().zip(b)) {
        let ordering = if order.descending { b.cmp(a) } else { a.cmp(b) };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    a_id.cmp(b_id)
}

/// What a query sees of a field: for a declared one, what its column holds.
pub(super) fn held(kind: Option<ColumnKind>, value: Value) -> Value {
    match (kind, value) {
        (None, value) => value,
        (Some(ColumnKind::Text), value @ Value::String(_))
        | (Some(ColumnKind::Boolean), value @ Value::Bool(_)) => value,
        (Some(ColumnKind::Integer), Value::Number(number)) => {
            number.as_i64().map_or(Value::Null, Value::from)
        }
        (Some(ColumnKind::Real), Value::Number(number)) => {
            Number::try_from(number.as_f64()).map_or(Value::Null, Value::Number)
        }
        _ => Value::Null,
    }
}

fn collect(filter: &Filter, paths: &mut Vec<Path>) {
    match filter {
        Filter::All => {}
        Filter::Eq(path, _)
        | Filter::Ne(path, _)
        | Filter::Lt(path, _)
        | Filter::Le(path, _)
        | Filter::Gt(path, _)
        | Filter::Ge(path, _)
        | Filter::In(path, _)
        | Filter::Prefix(path, _)
        | Filter::IsNull(path) => paths.push(path.clone()),
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().for_each(|filter| collect(filter, paths));
        }
        Filter::Not(filter) => collect(filter, paths),
    }
}
