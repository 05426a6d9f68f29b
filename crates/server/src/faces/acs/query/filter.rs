//! `where`: what a record must be like.
use super::geo::Point;
use super::operand::{Operand, Operands};
use super::text::Search;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::limits::{
    CONDITIONS_MAX, REGEX_BYTES_MAX, REGEX_COMPILED_BYTES_MAX, VALUE_BYTES_MAX, VALUES_MAX,
    WHERE_BYTES_MAX,
};
use crate::faces::acs::params::Params;
use regex_lite::{Regex, RegexBuilder};
use tisync_json::{Object, Value};

/// A condition on a record's fields.
#[derive(Debug)]
pub(in crate::faces::acs) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    None(Vec<Filter>),
    /// All tests of one field.
    Field(String, Vec<Test>),
    /// Words somewhere in the record's texts.
    Text(Search),
}

/// A condition on one field.
#[derive(Debug)]
pub(in crate::faces::acs) enum Test {
    Equal(Operand),
    /// Compares with the operand: less, or equal, or both.
    Less(Operand, OrEqual),
    Greater(Operand, OrEqual),
    In(Operands),
    All(Vec<Operand>),
    Exists(bool),
    Matches(Regex),
    /// An item of an array fulfils all of these.
    Item(Vec<Test>),
    /// An item of an array is an object that fulfils this.
    ItemLike(Box<Filter>),
    /// Within so many radians of a place.
    Near(Point, Option<f64>),
    Not(Box<Test>),
    /// Holds for nothing.
    Never,
}

/// Whether equality counts too.
pub(in crate::faces::acs) type OrEqual = bool;

impl Filter {
    /// The filter that everything passes.
    pub(in crate::faces::acs) fn everything() -> Self {
        Filter::All(Vec::new())
    }

    /// Reads `where`; nothing asked is a filter that everything passes.
    pub(in crate::faces::acs) fn read(params: &Params) -> Result<Self, Fault> {
        if params
            .raw("where")
            .is_some_and(|text| text.len() > WHERE_BYTES_MAX)
        {
            return Err(bad(&format!("it has more than {WHERE_BYTES_MAX} bytes")));
        }
        let object = params.object("where")?.unwrap_or_default();
        Reader { conditions: 0 }.object(&object, Level::Top)
    }

    /// Whether it asks more of a field than whether it equals something: so that the answer would tell, bit
    /// by bit, what the field is.
    pub(in crate::faces::acs) fn probes(&self, field: &str) -> bool {
        match self {
            Filter::All(parts) | Filter::Any(parts) | Filter::None(parts) => {
                parts.iter().any(|part| part.probes(field))
            }
            Filter::Field(name, tests) => name == field && tests.iter().any(Test::probes),
            Filter::Text(_) => true,
        }
    }

    /// Whether it looks at a field.
    pub(in crate::faces::acs) fn mentions(&self, field: &str) -> bool {
        match self {
            Filter::All(parts) | Filter::Any(parts) | Filter::None(parts) => {
                parts.iter().any(|part| part.mentions(field))
            }
            Filter::Field(name, _) => name == field,
            Filter::Text(_) => false,
        }
    }

    /// The tests that every record must pass on one field.
    pub(super) fn tests_of<'a>(
        &'a self,
        field: &'a str,
    ) -> Box<dyn Iterator<Item = &'a Test> + 'a> {
        match self {
            Filter::All(parts) => Box::new(parts.iter().flat_map(move |part| part.tests_of(field))),
            Filter::Field(name, tests) if name == field => Box::new(tests.iter()),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The place that records are wanted near to.
    pub(super) fn near(&self) -> Option<(&str, Point)> {
        match self {
            Filter::All(parts) => parts.iter().find_map(Filter::near),
            Filter::Field(name, tests) => tests.iter().find_map(|test| match test {
                Test::Near(point, _) => Some((name.as_str(), *point)),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The words that records are searched for.
    pub(super) fn search(&self) -> Option<&Search> {
        match self {
            Filter::All(parts) => parts.iter().find_map(Filter::search),
            Filter::Text(search) => Some(search),
            _ => None,
        }
    }
}

impl Test {
    fn probes(&self) -> bool {
        match self {
            Test::Equal(_) | Test::In(_) | Test::Exists(_) | Test::Never => false,
            Test::Not(test) => test.probes(),
            _ => true,
        }
    }
}

/// Where an object of `where` stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Inside,
}

/// Reads `where`, counting its conditions. The parser has bounded the depth.
struct Reader {
    conditions: usize,
}

impl Reader {
    fn object(&mut self, object: &Object, level: Level) -> Result<Filter, Fault> {
        let mut parts = Vec::with_capacity(object.len());
        for (name, value) in object {
            self.count()?;
            parts.push(match name.as_str() {
                "$or" => Filter::Any(self.list(name, value, level)?),
                "$nor" => Filter::None(self.list(name, value, level)?),
                "$and" => Filter::All(self.list(name, value, level)?),
                "$text" if level == Level::Top => Filter::Text(Search::read(value)?),
                "$text" => return Err(bad("$text stands at its top only")),
                name if name.starts_with('$') => return Err(unknown(name)),
                name => Filter::Field(name.to_owned(), self.tests(value)?),
            });
        }
        Ok(Filter::All(parts))
    }

    fn list(&mut self, name: &str, value: &Value, level: Level) -> Result<Vec<Filter>, Fault> {
        let wrong = || {
            bad(&format!(
                "{name} takes a list of conditions: [{{…}}, {{…}}]"
            ))
        };
        let items = value.as_array().filter(|items| !items.is_empty());
        // What stands in `$and` must hold as what stands beside it.
        let level = if name == "$and" { level } else { Level::Inside };
        items
            .ok_or_else(wrong)?
            .iter()
            .map(|item| self.object(item.as_object().ok_or_else(wrong)?, level))
            .collect()
    }

    /// A field's tests: operators, or the value that it must equal.
    fn tests(&mut self, value: &Value) -> Result<Vec<Test>, Fault> {
        let operators = value
            .as_object()
            .filter(|object| object.keys().any(|name| name.starts_with('$')));
        let Some(operators) = operators else {
            return Ok(vec![equal(value)]);
        };
        let mut tests = Vec::with_capacity(operators.len());
        for (name, value) in operators {
            self.count()?;
            tests.push(match name.as_str() {
                "$maxDistance" if operators.contains_key("$nearSphere") => continue,
                "$nearSphere" => near(value, operators.get("$maxDistance"))?,
                _ => self.test(name, value)?,
            });
        }
        Ok(tests)
    }

    fn test(&mut self, name: &str, value: &Value) -> Result<Test, Fault> {
        let compare = |make: fn(Operand, OrEqual) -> Test, or_equal| {
            Operand::new(value).map_or(Test::Never, |operand| make(operand, or_equal))
        };
        Ok(match name {
            "$lt" => compare(Test::Less, false),
            "$lte" => compare(Test::Less, true),
            "$gt" => compare(Test::Greater, false),
            "$gte" => compare(Test::Greater, true),
            "$ne" => Test::Not(Box::new(equal(value))),
            "$in" => Test::In(Operands::new(values(name, value)?)),
            "$nin" => Test::Not(Box::new(Test::In(Operands::new(values(name, value)?)))),
            "$all" => {
                let operands: Option<Vec<_>> =
                    values(name, value)?.iter().map(Operand::new).collect();
                operands.map_or(Test::Never, Test::All)
            }
            "$exists" => Test::Exists(truth(value)),
            "$regex" => Test::Matches(regex(value)?),
            "$elemMatch" => self.item(value)?,
            name => return Err(unknown(name)),
        })
    }

    fn item(&mut self, value: &Value) -> Result<Test, Fault> {
        let Some(object) = value.as_object() else {
            return Err(bad("$elemMatch takes conditions: {…}"));
        };
        let operators = object
            .keys()
            .any(|name| name.starts_with('$') && !matches!(name.as_str(), "$and" | "$or" | "$nor"));
        Ok(if operators {
            Test::Item(self.tests(value)?)
        } else {
            Test::ItemLike(Box::new(self.object(object, Level::Inside)?))
        })
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(bad(&format!(
                "it has more than {CONDITIONS_MAX} conditions; use $in for many values of one field"
            )));
        }
        Ok(())
    }
}

fn equal(value: &Value) -> Test {
    Operand::new(value).map_or(Test::Never, Test::Equal)
}

fn values<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], Fault> {
    let values = value
        .as_array()
        .ok_or_else(|| bad(&format!("{name} takes a list of values: [1, 2]")))?;
    if values.len() > VALUES_MAX {
        return Err(bad(&format!("{name} takes at most {VALUES_MAX} values")));
    }
    Ok(values)
}

/// Clients write true as `true`, `1` or a text.
fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::String(text) => matches!(text.as_str(), "true" | "t" | "1"),
        Value::Null => false,
        other => other.as_f64() != Some(0.0),
    }
}

fn near(place: &Value, distance: Option<&Value>) -> Result<Test, Fault> {
    let point =
        Point::of(place).ok_or_else(|| bad("$nearSphere takes a place: [longitude, latitude]"))?;
    let distance = match distance {
        None => None,
        Some(radians) => Some(
            radians
                .as_f64()
                .filter(|radians| *radians >= 0.0)
                .ok_or_else(|| bad("$maxDistance takes a number of radians"))?,
        ),
    };
    Ok(Test::Near(point, distance))
}

/// ACS took only expressions that an index can answer; so an expression always begins with a fixed letter.
fn regex(value: &Value) -> Result<Regex, Fault> {
    let pattern = value
        .as_str()
        .ok_or_else(|| bad("$regex takes a text: \"^ab\""))?;
    let begins = pattern
        .strip_prefix('^')
        .is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    if !begins {
        return Err(Fault::bad(
            "This regex query is not supported, regex expression should start with ^letter or ^digit.",
        ));
    }
    if pattern.len() > REGEX_BYTES_MAX {
        return Err(bad(&format!(
            "$regex takes at most {REGEX_BYTES_MAX} bytes"
        )));
    }
    RegexBuilder::new(pattern)
        .size_limit(REGEX_COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| bad(&format!("the regular expression cannot be read: {error}")))
}

fn unknown(name: &str) -> Fault {
    bad(&format!("{name} is not supported"))
}

fn bad(why: &str) -> Fault {
    Fault::bad(format!("Invalid where parameter; {why}."))
}

/// A text of this many bytes or more matches nothing: ACS's index took no longer ones.
pub(super) fn is_too_long(text: &str) -> bool {
    text.len() >= VALUE_BYTES_MAX
}
