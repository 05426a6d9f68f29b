//! Whether a record passes a filter. Rules are those of MongoDB, on which ACS stood.
use super::filter::{Filter, Test};
use super::geo::Point;
use super::operand::Operand;
use std::cmp::Ordering;
use tisync_json::{Object, Value};

impl Filter {
    pub(in crate::faces::acs) fn passes(&self, fields: &Object) -> bool {
        match self {
            Filter::All(parts) => parts.iter().all(|part| part.passes(fields)),
            Filter::Any(parts) => parts.iter().any(|part| part.passes(fields)),
            Filter::None(parts) => !parts.iter().any(|part| part.passes(fields)),
            Filter::Field(name, tests) => {
                let value = fields.get(name);
                tests.iter().all(|test| test.passes(value))
            }
            Filter::Text(search) => search.score(fields).is_some(),
        }
    }
}

impl Test {
    fn passes(&self, value: Option<&Value>) -> bool {
        match self {
            Test::Never => false,
            Test::Not(test) => !test.passes(value),
            Test::Exists(wanted) => value.is_some() == *wanted,
            Test::Equal(operand) => {
                operand.equals(value) || items(value).any(|item| operand.equals(Some(item)))
            }
            Test::In(operands) => {
                operands.contain(value) || items(value).any(|item| operands.contain(Some(item)))
            }
            Test::All(operands) => {
                let holds = |operand: &Operand| {
                    operand.equals(value) || items(value).any(|item| operand.equals(Some(item)))
                };
                !operands.is_empty() && operands.iter().all(holds)
            }
            Test::Less(operand, or_equal) => any(value, |value| {
                is(operand.compare(value), Ordering::Less, *or_equal)
            }),
            Test::Greater(operand, or_equal) => any(value, |value| {
                is(operand.compare(value), Ordering::Greater, *or_equal)
            }),
            Test::Matches(regex) => any(value, |value| {
                value.as_str().is_some_and(|text| regex.is_match(text))
            }),
            Test::Item(tests) => {
                items(value).any(|item| tests.iter().all(|test| test.passes(Some(item))))
            }
            Test::ItemLike(filter) => items(value)
                .filter_map(Value::as_object)
                .any(|item| filter.passes(item)),
            Test::Near(point, radians) => value
                .and_then(|value| point.nearest(value))
                .is_some_and(|distance| radians.is_none_or(|radians| distance <= radians)),
        }
    }
}

impl Point {
    /// The distance to the nearest place of a field, in radians: one place, or a list of them.
    pub(super) fn nearest(&self, value: &Value) -> Option<f64> {
        if let Some(place) = Point::of(value) {
            return Some(self.distance(place));
        }
        let places = value.as_array()?.iter().filter_map(Point::of);
        places
            .map(|place| self.distance(place))
            .min_by(f64::total_cmp)
    }
}

/// The items of an array; nothing of anything else.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flat_map(|items| items.iter())
}

/// Whether a test holds for the value or for one of its items.
fn any(value: Option<&Value>, test: impl Fn(&Value) -> bool) -> bool {
    value.is_some_and(&test) || items(value).any(test)
}

fn is(found: Option<Ordering>, wanted: Ordering, or_equal: bool) -> bool {
    found.is_some_and(|found| found == wanted || (or_equal && found == Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::acs::params::Params;

    fn read(filter: &str) -> Result<Filter, String> {
        let mut params = Params::default();
        params.add("where", filter.to_owned()).unwrap();
        Filter::read(&params).map_err(|fault| fault.message)
    }

    fn passes(filter: &str, fields: &str) -> bool {
        let fields = Value::parse(fields).unwrap();
        read(filter).unwrap().passes(fields.as_object().unwrap())
    }

    #[test]
    fn each_operator_finds_what_it_should() {
        let fields = r#"{"n":5,"s":"abc","b":true,"none":null,"list":[1,2,{"a":1,"b":2}],
            "due":"2011-11-03T00:07:37+0000","iso":"2011-11-03T00:07:37.000Z","hash":{"x":1}}"#;
        let yes = [
            "{}",
            r#"{"n":5}"#,
            r#"{"n":5.0,"s":"abc"}"#,
            r#"{"n":{"$gt":4,"$lt":6}}"#,
            r#"{"n":{"$gte":5,"$lte":5}}"#,
            r#"{"n":{"$ne":4}}"#,
            r#"{"missing":{"$ne":4}}"#,
            r#"{"n":{"$in":[4,5]}}"#,
            r#"{"n":{"$nin":[4,6]}}"#,
            r#"{"missing":{"$nin":[4]}}"#,
            r#"{"s":{"$regex":"^a.*c$"}}"#,
            r#"{"s":{"$gt":"abb"}}"#,
            r#"{"b":true}"#,
            r#"{"none":null}"#,
            r#"{"missing":null}"#,
            r#"{"missing":{"$in":[null]}}"#,
            r#"{"none":{"$exists":true},"missing":{"$exists":false}}"#,
            r#"{"n":{"$exists":"1"}}"#,
            r#"{"list":1}"#,
            r#"{"list":{"$in":[7,2]}}"#,
            r#"{"list":{"$all":[1,2]}}"#,
            r#"{"list":{"$gt":1}}"#,
            r#"{"list":{"$elemMatch":{"$gt":1,"$lt":3}}}"#,
            r#"{"list":{"$elemMatch":{"a":1,"b":{"$gt":1}}}}"#,
            r#"{"hash":{"x":1}}"#,
            r#"{"$or":[{"n":4},{"s":"abc"}]}"#,
            r#"{"$nor":[{"n":4},{"s":"x"}]}"#,
            r#"{"$and":[{"n":5},{"$or":[{"s":"abc"}]}]}"#,
            r#"{"due":"2011-11-02 17:07:37 -0700"}"#,
            r#"{"due":{"$gte":"2011-11-03T00:07:37.000Z"}}"#,
            r#"{"due":{"$lt":"2011-11-03T00:07:37.001Z"}}"#,
            r#"{"due":{"$in":["2011-11-03T00:07:37"]}}"#,
            r#"{"iso":"2011-11-03T00:07:37.000Z"}"#,
            r#"{"iso":{"$gt":"2011-11-03T00:07:36+0000"}}"#,
        ];
        for filter in yes {
            assert!(passes(filter, fields), "{filter}");
        }
        let no = [
            r#"{"n":"5"}"#,
            r#"{"n":{"$gt":5}}"#,
            r#"{"n":{"$gt":"a"}}"#,
            r#"{"n":{"$lt":6,"$gt":5}}"#,
            r#"{"s":{"$regex":"^b"}}"#,
            r#"{"n":{"$regex":"^5"}}"#,
            r#"{"list":{"$all":[1,3]}}"#,
            r#"{"list":{"$all":[]}}"#,
            r#"{"list":{"$elemMatch":{"$gt":2}}}"#,
            r#"{"list":{"$elemMatch":{"a":1,"b":1}}}"#,
            r#"{"list":{"$ne":1}}"#,
            r#"{"list":{"$nin":[2]}}"#,
            r#"{"hash.x":1}"#,
            r#"{"hash":{"x":2}}"#,
            r#"{"$or":[{"n":4},{"s":"x"}]}"#,
            r#"{"$nor":[{"n":4},{"s":"abc"}]}"#,
            r#"{"due":{"$gt":"2011-11-03T00:07:37"}}"#,
            r#"{"due":{"$gt":"aaa"}}"#,
            r#"{"none":{"$ne":null}}"#,
        ];
        for filter in no {
            assert!(!passes(filter, fields), "{filter}");
        }
    }

    #[test]
    fn places_are_found_by_their_distance() {
        let fields = r#"{"coordinates":[[-122.1,37.1],[10,50]]}"#;
        let near = |place: &str, radians: &str| {
            let filter =
                format!(r#"{{"coordinates":{{"$nearSphere":{place},"$maxDistance":{radians}}}}}"#);
            passes(&filter, fields)
        };
        assert!(near("[-122.1,37.15]", "0.00126"));
        assert!(!near("[-122.1,37.2]", "0.00126"));
        assert!(near("[10,50]", "0"));
        assert!(passes(r#"{"coordinates":{"$nearSphere":[0,0]}}"#, fields));
        assert!(!passes(r#"{"coordinates":{"$nearSphere":[0,0]}}"#, "{}"));
    }

    #[test]
    fn a_text_of_a_kilobyte_matches_nothing() {
        let text = "x".repeat(1_024);
        let fields = format!(r#"{{"s":"{text}"}}"#);
        assert!(!passes(&format!(r#"{{"s":"{text}"}}"#), &fields));
        assert!(!passes(
            &format!(r#"{{"s":{{"$in":["{text}"]}}}}"#),
            &fields
        ));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let deep = format!("{}1{}", r#"{"$and":["#.repeat(40), "]}".repeat(40));
        let many = format!(r#"{{"$or":[{}]}}"#, vec![r#"{"a":1}"#; 300].join(","));
        let values = format!(r#"{{"a":{{"$in":[{}]}}}}"#, vec!["1"; 1_001].join(","));
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000));
        for filter in [
            "{",
            "[]",
            "1",
            r#"{"a":1,"a":2}"#,
            r#"{"$where":"sleep(1000)"}"#,
            r#"{"a":{"$size":1}}"#,
            r#"{"a":{"$gt":1,"b":2}}"#,
            r#"{"$or":{}}"#,
            r#"{"$or":[]}"#,
            r#"{"$or":[1]}"#,
            r#"{"a":{"$in":1}}"#,
            r#"{"a":{"$regex":"b"}}"#,
            r#"{"a":{"$regex":"^.*b"}}"#,
            r#"{"a":{"$regex":"^b("}}"#,
            r#"{"a":{"$regex":"^b","$options":"i"}}"#,
            r#"{"a":{"$regex":"^a{1000}{1000}"}}"#,
            r#"{"a":{"$nearSphere":[1]}}"#,
            r#"{"a":{"$nearSphere":[1,2],"$maxDistance":"x"}}"#,
            r#"{"$or":[{"$text":{"$search":"a"}}]}"#,
            r#"{"a":{"$elemMatch":1}}"#,
            &deep,
            &many,
            &values,
            &long,
        ] {
            let cut: String = filter.chars().take(60).collect();
            assert!(read(filter).is_err(), "{cut}");
        }
        assert_eq!(
            read(r#"{"a":{"$regex":".*"}}"#).unwrap_err(),
            "This regex query is not supported, regex expression should start with ^letter or ^digit."
        );
    }
}
