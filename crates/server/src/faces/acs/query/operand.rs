//! What a query compares with, prepared once.
use super::filter::is_too_long;
use crate::faces::acs::date::Date;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use tisync_json::Value;

/// A value of `where`. A text that is a date equals every other text of that instant.
#[derive(Debug)]
pub(in crate::faces::acs) struct Operand {
    value: Value,
    date: Option<Date>,
}

/// Several values, of which one is enough.
#[derive(Debug)]
pub(in crate::faces::acs) struct Operands {
    values: BTreeSet<Value>,
    dates: BTreeSet<Date>,
}

impl Operand {
    /// None if nothing can match the value.
    pub(super) fn new(value: &Value) -> Option<Self> {
        if value.as_str().is_some_and(is_too_long) {
            return None;
        }
        Some(Operand {
            value: value.clone(),
            date: date(value),
        })
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether a field's value is this one; a field that is missing is null.
    pub(super) fn equals(&self, stored: Option<&Value>) -> bool {
        match stored {
            None => self.value.is_null(),
            Some(stored) => {
                *stored == self.value || (self.date.is_some() && date(stored) == self.date)
            }
        }
    }

    /// How a field's value compares with this one; none if they are of different kinds.
    pub(super) fn compare(&self, stored: &Value) -> Option<Ordering> {
        match (stored, &self.value) {
            (Value::Number(stored), Value::Number(asked)) => Some(stored.cmp(asked)),
            (Value::Bool(stored), Value::Bool(asked)) => Some(stored.cmp(asked)),
            (Value::String(stored_text), Value::String(asked)) => {
                match (date(stored), self.date) {
                    (Some(stored), Some(asked)) => Some(stored.cmp(&asked)),
                    (None, None) => Some(stored_text.cmp(asked)),
                    // A date is no text: neither is before the other.
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Operands {
    pub(super) fn new(values: &[Value]) -> Self {
        let values = values
            .iter()
            .filter(|value| !value.as_str().is_some_and(is_too_long));
        Operands {
            dates: values.clone().filter_map(date).collect(),
            values: values.cloned().collect(),
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    pub(super) fn contain(&self, stored: Option<&Value>) -> bool {
        match stored {
            None => self.values.contains(&Value::Null),
            Some(stored) => {
                self.values.contains(stored)
                    || (!self.dates.is_empty()
                        && date(stored).is_some_and(|date| self.dates.contains(&date)))
            }
        }
    }
}

fn date(value: &Value) -> Option<Date> {
    Date::asked(value.as_str()?)
}
