//! Which records a query must look at.
use super::filter::{Filter, Test};
use std::collections::BTreeSet;
use tisync_json::Value;

/// The ids that can pass a filter: named one by one, or a stretch of them.
///
/// Clients page with `where={"_id": {"$lt": last}}`, and look records up with `{"_id": {"$in": […]}}`;
/// neither must cost a walk through all records.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::faces::acs) enum Candidates {
    /// In descending order.
    Ids(Vec<String>),
    /// From above to below, both included; none is open.
    Between {
        least: Option<String>,
        greatest: Option<String>,
    },
}

impl Candidates {
    pub(in crate::faces::acs) fn of(filter: &Filter) -> Self {
        let (mut least, mut greatest): (Option<String>, Option<String>) = (None, None);
        let mut named: Option<BTreeSet<String>> = None;
        let mut name = |ids: BTreeSet<String>| {
            named = Some(match named.take() {
                None => ids,
                Some(before) => before.intersection(&ids).cloned().collect(),
            });
        };
        for test in ["id", "_id"]
            .into_iter()
            .flat_map(|field| filter.tests_of(field))
        {
            match test {
                Test::Equal(operand) => name(text(operand.value()).into_iter().collect()),
                Test::In(operands) => name(operands.values().filter_map(text).collect()),
                Test::Less(operand, _) => {
                    let id = text(operand.value());
                    if id.is_some() && (greatest.is_none() || id < greatest) {
                        greatest = id;
                    }
                }
                Test::Greater(operand, _) => least = least.max(text(operand.value())),
                _ => {}
            }
        }
        match named {
            Some(ids) => Candidates::Ids(ids.into_iter().rev().collect()),
            None => Candidates::Between { least, greatest },
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::acs::params::Params;

    fn candidates(filter: &str) -> Candidates {
        let mut params = Params::default();
        params.add("where", filter.to_owned()).unwrap();
        Candidates::of(&Filter::read(&params).unwrap())
    }

    fn ids(ids: &[&str]) -> Candidates {
        Candidates::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    fn between(least: Option<&str>, greatest: Option<&str>) -> Candidates {
        Candidates::Between {
            least: least.map(str::to_owned),
            greatest: greatest.map(str::to_owned),
        }
    }

    #[test]
    fn what_names_ids_is_looked_up() {
        assert_eq!(candidates(r#"{"id":"a","n":1}"#), ids(&["a"]));
        assert_eq!(
            candidates(r#"{"_id":{"$in":["a","c","b"]}}"#),
            ids(&["c", "b", "a"])
        );
        assert_eq!(
            candidates(r#"{"$and":[{"_id":{"$in":["a","b"]}},{"id":"b"}]}"#),
            ids(&["b"])
        );
        assert_eq!(candidates(r#"{"_id":"a","id":"b"}"#), ids(&[]));
        assert_eq!(candidates(r#"{"_id":5}"#), ids(&[]));
    }

    #[test]
    fn ranges_of_ids_bound_the_walk() {
        assert_eq!(candidates("{}"), between(None, None));
        assert_eq!(
            candidates(r#"{"_id":{"$lt":"m"}}"#),
            between(None, Some("m"))
        );
        assert_eq!(
            candidates(r#"{"_id":{"$lte":"m","$gt":"b"},"id":{"$lt":"k","$gte":"c"}}"#),
            between(Some("c"), Some("k"))
        );
        assert_eq!(candidates(r#"{"_id":{"$ne":"m"}}"#), between(None, None));
        assert_eq!(
            candidates(r#"{"$or":[{"_id":{"$lt":"m"}},{"n":1}]}"#),
            between(None, None),
            "one of several is no bound"
        );
    }
}
