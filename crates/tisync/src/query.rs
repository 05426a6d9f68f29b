//! Queries: filters, order and limit over one collection.
use crate::{Collection, Error, Record};
use std::cmp::Ordering;
use tisync_json::{Number, Path, Value, get};

/// A question about the records of one collection; made by [`Collection::query`].
#[derive(Clone, Debug)]
pub struct Query {
    collection: Collection,
    pub(crate) filters: Vec<(Path, Compare, Value)>,
    pub(crate) order: Option<Path>,
    pub(crate) descending: bool,
    pub(crate) limit: Option<usize>,
}

/// How a filter compares a field with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Is,
    /// Not equal, or absent.
    IsNot,
    /// Less.
    Below,
    /// Less or equal.
    AtMost,
    /// Greater.
    Above,
    /// Greater or equal.
    AtLeast,
}

impl Query {
    pub(crate) fn new(collection: Collection) -> Self {
        Query {
            collection,
            filters: Vec::new(),
            order: None,
            descending: false,
            limit: None,
        }
    }

    /// The collection that is asked.
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Keeps records whose field compares so with a value; all filters must hold.
    pub fn filter(
        mut self,
        field: &str,
        compare: Compare,
        value: impl IntoValue,
    ) -> Result<Self, Error> {
        self.filters
            .push((Path::parse(field)?, compare, value.into_value()?));
        Ok(self)
    }

    /// Keeps records whose field is equal to a value.
    pub fn is(self, field: &str, value: impl IntoValue) -> Result<Self, Error> {
        self.filter(field, Compare::Is, value)
    }

    /// Keeps records whose field is greater than or equal to a value.
    pub fn at_least(self, field: &str, value: impl IntoValue) -> Result<Self, Error> {
        self.filter(field, Compare::AtLeast, value)
    }

    /// Keeps records whose field is less than or equal to a value.
    pub fn at_most(self, field: &str, value: impl IntoValue) -> Result<Self, Error> {
        self.filter(field, Compare::AtMost, value)
    }

    /// Orders by a field instead of the id.
    pub fn order_by(mut self, field: &str) -> Result<Self, Error> {
        self.order = Some(Path::parse(field)?);
        Ok(self)
    }

    /// Orders from the greatest to the least.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// Stops after so many records.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The records.
    pub fn all(&self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        self.for_each(|record| {
            records.push(record);
            Ok(())
        })?;
        Ok(records)
    }

    /// Hands out the records one by one.
    pub fn for_each(&self, each: impl FnMut(Record) -> Result<(), Error>) -> Result<(), Error> {
        let readers = &self.collection.replica().shared().readers;
        readers.for_each(self, each)
    }

    /// How many there are.
    pub fn count(&self) -> Result<u64, Error> {
        let mut count = 0;
        self.for_each(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Whether all filters hold.
    pub(crate) fn keeps(&self, record: &Record) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let object = record.document.object();
        self.filters.iter().all(|(path, compare, wanted)| {
            let order = get(&object, path).and_then(|value| order(value, wanted));
            match compare {
                Compare::Is => order == Some(Ordering::Equal),
                Compare::IsNot => order != Some(Ordering::Equal),
                Compare::Below => order == Some(Ordering::Less),
                Compare::AtMost => order.is_some_and(Ordering::is_le),
                Compare::Above => order == Some(Ordering::Greater),
                Compare::AtLeast => order.is_some_and(Ordering::is_ge),
            }
        })
    }

    /// Orders and cuts an answer.
    pub(crate) fn arrange(&self, records: &mut Vec<Record>) {
        if let Some(path) = &self.order {
            records.sort_by_cached_key(|record| get(&record.document.object(), path).map(key));
        }
        if self.descending {
            records.reverse();
        }
        if let Some(limit) = self.limit {
            records.truncate(limit);
        }
    }
}

/// Compares values of one type; others have no order.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => (a == b).then_some(Ordering::Equal),
    }
}

/// Orders as SQLite does: absent, then numbers and truth values, then texts, then the rest.
fn key(value: &Value) -> (u8, Option<Number>, String) {
    match value {
        Value::Null => (0, None, String::new()),
        Value::Bool(value) => (1, Some(i64::from(*value).into()), String::new()),
        Value::Number(number) => (1, Some(number.clone()), String::new()),
        Value::String(text) => (2, None, text.clone()),
        value => (3, None, value.canonical()),
    }
}

/// Anything that a filter compares with.
pub trait IntoValue {
    /// Turns it into a JSON value.
    fn into_value(self) -> Result<Value, Error>;
}

impl IntoValue for Value {
    fn into_value(self) -> Result<Value, Error> {
        Ok(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Result<Value, Error> {
        Ok(Value::String(self.to_owned()))
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Result<Value, Error> {
        Ok(Value::Bool(self))
    }
}

impl IntoValue for i64 {
    fn into_value(self) -> Result<Value, Error> {
        Ok(Value::Number(self.into()))
    }
}

impl IntoValue for i32 {
    fn into_value(self) -> Result<Value, Error> {
        i64::from(self).into_value()
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Result<Value, Error> {
        Ok(Value::Number(self.try_into()?))
    }
}

/// The answer to SQL of the app's own.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}
