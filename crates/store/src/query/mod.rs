//! What an app asks of a collection: filters, order, limits.
//!
//! # What a comparison means
//!
//! * Only visible records are found: no tombstones, no records that are deleted here.
//! * The field `id` is the record's id; documents hold none.
//! * A declared field is what its column holds: a value of the column's kind (a `real` column reads every number
//!   as the nearest double), else null. An undeclared field is the value in the document; a missing one is null.
//! * `eq` holds for equal values as documents compare them (`1` = `1.0`), null included; `ne` is its contrary.
//! * `lt`, `le`, `gt` and `ge` hold between two numbers (by exact value), two texts (by their bytes) or two
//!   booleans (false first), and never otherwise.
//! * A condition holds or does not: there is no third way for null. So `not` is always the contrary.
//! * Order: null, false, true, numbers, texts, arrays, objects; `descending` turns it round. The id decides
//!   between equals, in ascending order.
//!
//! Conditions on declared fields and the id run in SQL and use their indexes; the others are looked at after
//! reading. The answer is the same.
mod compile;
mod fields;
mod row;

pub(crate) use compile::{Plan, plan};
pub(crate) use fields::{Fields, compare};
pub use row::VisibleRow;
pub(crate) use row::by_id;

use serde::Serialize;
use tisync_core::model::{RecordId, RecordState, Version};
use tisync_json::Deserialize;
use tisync_json::{Document, Path, Value};

/// What is asked of a collection. As JSON: `{"filter": {"eq": ["/done", false]}, "order": [{"path": "/due"}], "limit": 10}`.
///
/// ```
/// use tisync_json::Path;
/// use tisync_store::{Filter, Order, Query};
///
/// let done = Path::key("done");
/// let query = Query::new(Filter::eq(done, false).and(Filter::ge(Path::key("priority"), 3)))
///     .order(Order::descending(Path::key("priority")))
///     .limit(20);
/// assert_eq!(query.limit, Some(20));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Which records.
    pub filter: Filter,
    /// In which order.
    pub order: Vec<Order>,
    /// How many at most.
    pub limit: Option<usize>,
    /// How many to pass over first.
    pub offset: usize,
    /// Only those that come after this one in the order: its id and document, as a query gave them.
    pub after: Option<(RecordId, Document)>,
}

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// The field equals the value.
    Eq(Path, Value),
    /// The field does not equal the value.
    Ne(Path, Value),
    /// The field is less than the value.
    Lt(Path, Value),
    /// The field is at most the value.
    Le(Path, Value),
    /// The field is greater than the value.
    Gt(Path, Value),
    /// The field is at least the value.
    Ge(Path, Value),
    /// The field equals one of the values.
    In(Path, Vec<Value>),
    /// The field is a text that begins so.
    Prefix(Path, String),
    /// The field is null or missing.
    IsNull(Path),
    /// Every condition holds; none at all does.
    And(Vec<Filter>),
    /// Some condition holds; of none at all none does.
    Or(Vec<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
}

/// One field of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The field.
    pub path: Path,
    /// Whether the greatest comes first.
    #[serde(default)]
    pub descending: bool,
}

/// A record as the app sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visible {
    /// Its id.
    pub id: RecordId,
    /// Its document.
    pub document: Document,
    /// How it stands to the server.
    pub state: RecordState,
    /// The version of its base.
    pub version: Option<Version>,
}

impl Query {
    /// Asks for the records of a filter.
    pub fn new(filter: Filter) -> Self {
        Query {
            filter,
            ..Query::default()
        }
    }

    /// Adds a field to the order.
    pub fn order(mut self, order: Order) -> Self {
        self.order.push(order);
        self
    }

    /// Asks for `limit` records at most.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Passes over the first `offset` records.
    pub fn offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// Asks for what comes after `last`: the next page, in constant time where the order has an index.
    pub fn after(mut self, last: &Visible) -> Self {
        self.after = Some((last.id.clone(), last.document.clone()));
        self
    }
}

impl Filter {
    /// The field equals the value.
    pub fn eq(path: Path, value: impl Into<Value>) -> Self {
        Filter::Eq(path, value.into())
    }

    /// The field does not equal the value.
    pub fn ne(path: Path, value: impl Into<Value>) -> Self {
        Filter::Ne(path, value.into())
    }

    /// The field is less than the value.
    pub fn lt(path: Path, value: impl Into<Value>) -> Self {
        Filter::Lt(path, value.into())
    }

    /// The field is at most the value.
    pub fn le(path: Path, value: impl Into<Value>) -> Self {
        Filter::Le(path, value.into())
    }

    /// The field is greater than the value.
    pub fn gt(path: Path, value: impl Into<Value>) -> Self {
        Filter::Gt(path, value.into())
    }

    /// The field is at least the value.
    pub fn ge(path: Path, value: impl Into<Value>) -> Self {
        Filter::Ge(path, value.into())
    }

    /// Both conditions hold.
    pub fn and(self, other: Filter) -> Self {
        Filter::And(vec![self, other])
    }

    /// One of both conditions holds.
    pub fn or(self, other: Filter) -> Self {
        Filter::Or(vec![self, other])
    }

    /// The condition does not hold.
    pub fn negate(self) -> Self {
        Filter::Not(Box::new(self))
    }
}

impl Order {
    /// The least first.
    pub fn ascending(path: Path) -> Self {
        Order {
            path,
            descending: false,
        }
    }

    /// The greatest first.
    pub fn descending(path: Path) -> Self {
        Order {
            path,
            descending: true,
        }
    }
}
