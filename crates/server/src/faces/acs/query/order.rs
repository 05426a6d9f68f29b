//! In which order records come.
use super::filter::Filter;
use super::geo::Point;
use crate::faces::acs::date::Date;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::limits::{ORDER_BYTES_MAX, ORDER_FIELDS_MAX};
use crate::faces::acs::params::{Params, split};
use std::cmp::Reverse;
use tisync_json::{Number, Object, Value};

/// The order of an answer. Nothing asked: the newest id first, which is the order of the store.
#[derive(Debug)]
pub(in crate::faces::acs) enum Order {
    Newest,
    /// The nearest place first.
    Near(String, Point),
    /// The record with most of the words first.
    Score,
    Fields(Vec<(String, Direction)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::faces::acs) enum Direction {
    Up,
    Down,
}

/// What a record is ordered by. Within one order, all keys have the same directions at the same places.
pub(in crate::faces::acs) type Key = Vec<Part>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::faces::acs) enum Part {
    Up(Rank),
    Down(Reverse<Rank>),
}

/// A value in the order of MongoDB: kinds as they are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::faces::acs) enum Rank {
    Nothing,
    Number(Number),
    Text(String),
    /// ACS does not order by what is inside a hash.
    Hash,
    Bool(bool),
    Date(Date),
}

impl Order {
    /// Reads `order`; a search for words has its own order, and so has a search near a place without one.
    pub(in crate::faces::acs) fn read(params: &Params, filter: &Filter) -> Result<Self, Fault> {
        if filter.search().is_some() {
            return Ok(Order::Score);
        }
        let mut fields = Vec::new();
        for name in split(params.text("order").unwrap_or_default()) {
            let (name, direction) = match name.strip_prefix('-') {
                Some(name) => (name, Direction::Down),
                None => (name.strip_prefix('+').unwrap_or(&name), Direction::Up),
            };
            fields.push((name.trim().to_owned(), direction));
        }
        if fields.len() > ORDER_FIELDS_MAX {
            return Err(Fault::bad(format!(
                "Invalid order parameter; at most {ORDER_FIELDS_MAX} fields are taken."
            )));
        }
        if !fields.is_empty() {
            return Ok(Order::Fields(fields));
        }
        Ok(filter.near().map_or(Order::Newest, |(name, point)| {
            Order::Near(name.to_owned(), point)
        }))
    }

    pub(in crate::faces::acs) fn mentions(&self, field: &str) -> bool {
        match self {
            Order::Fields(fields) => fields.iter().any(|(name, _)| name == field),
            Order::Near(name, _) => name == field,
            Order::Newest | Order::Score => false,
        }
    }

    /// The key of a record; records of equal keys come in the order in which they are met.
    pub(super) fn key(&self, fields: &Object, filter: &Filter) -> Key {
        match self {
            Order::Newest => Vec::new(),
            Order::Near(name, point) => {
                let distance = fields.get(name).and_then(|value| point.nearest(value));
                let distance = distance.and_then(|distance| Number::try_from(distance).ok());
                vec![Part::Up(distance.map_or(Rank::Nothing, Rank::Number))]
            }
            Order::Score => {
                let score = filter.search().and_then(|search| search.score(fields));
                let score = Number::from(score.unwrap_or(0) as u64);
                vec![Part::Down(Reverse(Rank::Number(score)))]
            }
            Order::Fields(names) => names
                .iter()
                .map(|(name, direction)| {
                    let value = fields.get(name);
                    match direction {
                        Direction::Up => Part::Up(Rank::of(value, Direction::Up)),
                        Direction::Down => Part::Down(Reverse(Rank::of(value, Direction::Down))),
                    }
                })
                .collect(),
        }
    }
}

impl Rank {
    /// An array counts as its least item, or its greatest where the greatest comes first.
    fn of(value: Option<&Value>, direction: Direction) -> Self {
        match value {
            None | Some(Value::Null) => Rank::Nothing,
            Some(Value::Bool(value)) => Rank::Bool(*value),
            Some(Value::Number(number)) => Rank::Number(number.clone()),
            Some(Value::Object(_)) => Rank::Hash,
            Some(Value::String(text)) => match Date::asked(text) {
                Some(date) => Rank::Date(date),
                None => Rank::Text(cut(text)),
            },
            Some(Value::Array(items)) => {
                let ranks = items.iter().map(|item| match item {
                    // One level only.
                    Value::Array(_) => Rank::Hash,
                    item => Rank::of(Some(item), direction),
                });
                let rank = match direction {
                    Direction::Up => ranks.min(),
                    Direction::Down => ranks.max(),
                };
                rank.unwrap_or(Rank::Nothing)
            }
        }
    }
}

/// The beginning of a text, as much as counts.
fn cut(text: &str) -> String {
    let mut end = text.len().min(ORDER_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(order: &str, records: &[&str]) -> Vec<usize> {
        let mut params = Params::default();
        params.add("order", order.to_owned()).unwrap();
        let filter = Filter::read(&params).unwrap();
        let order = Order::read(&params, &filter).unwrap();
        let mut keys: Vec<(Key, usize)> = records
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let value = Value::parse(text).unwrap();
                (order.key(value.as_object().unwrap(), &filter), index)
            })
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, index)| index).collect()
    }

    #[test]
    fn values_of_all_kinds_have_one_order() {
        let records = [
            r#"{"a":"2011-11-03T00:07:37+0000"}"#,
            r#"{"a":true}"#,
            r#"{"a":{"x":1}}"#,
            r#"{"a":"b"}"#,
            r#"{"a":2}"#,
            r#"{"a":1.5}"#,
            r#"{"a":null}"#,
        ];
        assert_eq!(ordered("a", &records), [6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(ordered("-a", &records), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn several_fields_have_their_own_directions() {
        let records = [
            r#"{"a":1,"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":0,"b":1}"#,
            r#"{"a":[9,-1]}"#,
        ];
        assert_eq!(ordered("a,-b", &records), [3, 2, 1, 0]);
        assert_eq!(ordered("-a , b", &records), [3, 0, 1, 2]);
        assert_eq!(ordered("", &records), [0, 1, 2, 3]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "é".repeat(600);
        assert_eq!(cut(&long).len(), 1_024);
        assert_eq!(cut(&format!("a{long}")).len(), 1_023);
    }
}
