//! Queries: filters, order and limit over one collection.
use crate::watch::{Answer, Watch};
use crate::{Collection, Error, Record, Replica};
use tisync_core::model::CollectionName;
use tisync_json::{Path, Value};
use tisync_store::{Filter, Order, Topic, VisibleRow};

/// A question about the records of one collection; made by [`Collection::query`].
///
/// Conditions on declared columns and on `id` use SQL and its indexes, the others are looked at after reading;
/// the answer is the same.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let replica = tisync::Replica::open(dir.path().join("a.db")).collection("notes", "merge").open()?;
/// # let notes = replica.collection("notes")?;
/// notes.put("a", r#"{"title": "Milk", "stars": 2}"#)?;
/// notes.put("b", r#"{"title": "Bread", "stars": 5}"#)?;
/// let best = notes.query().at_least("stars", 3)?.order_by("title")?.limit(10).all()?;
/// assert_eq!(best.len(), 1);
/// assert_eq!(best[0].id.as_str(), "b");
/// # Ok::<(), tisync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    collection: Collection,
    query: tisync_store::Query,
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
            query: tisync_store::Query::default(),
        }
    }

    /// The collection that is asked.
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Keeps records that a filter finds; all filters of a query must hold.
    pub fn matching(mut self, filter: Filter) -> Self {
        self.query.filter = match std::mem::take(&mut self.query.filter) {
            Filter::All => filter,
            Filter::And(mut filters) => {
                filters.push(filter);
                Filter::And(filters)
            }
            other => other.and(filter),
        };
        self
    }

    /// Keeps records whose field compares so with a value.
    pub fn filter(
        self,
        field: &str,
        compare: Compare,
        value: impl Into<Value>,
    ) -> Result<Self, Error> {
        let (path, value) = (Path::parse(field)?, value.into());
        Ok(self.matching(match compare {
            Compare::Is => Filter::Eq(path, value),
            Compare::IsNot => Filter::Ne(path, value),
            Compare::Below => Filter::Lt(path, value),
            Compare::AtMost => Filter::Le(path, value),
            Compare::Above => Filter::Gt(path, value),
            Compare::AtLeast => Filter::Ge(path, value),
        }))
    }

    /// Keeps records whose field is equal to a value.
    pub fn is(self, field: &str, value: impl Into<Value>) -> Result<Self, Error> {
        self.filter(field, Compare::Is, value)
    }

    /// Keeps records whose field is greater than or equal to a value.
    pub fn at_least(self, field: &str, value: impl Into<Value>) -> Result<Self, Error> {
        self.filter(field, Compare::AtLeast, value)
    }

    /// Keeps records whose field is less than or equal to a value.
    pub fn at_most(self, field: &str, value: impl Into<Value>) -> Result<Self, Error> {
        self.filter(field, Compare::AtMost, value)
    }

    /// Orders by a field, then by those given later, then by the id.
    pub fn order_by(mut self, field: &str) -> Result<Self, Error> {
        self.query = self.query.order(Order::ascending(Path::parse(field)?));
        Ok(self)
    }

    /// Orders by a field from the greatest to the least.
    pub fn order_by_descending(mut self, field: &str) -> Result<Self, Error> {
        self.query = self.query.order(Order::descending(Path::parse(field)?));
        Ok(self)
    }

    /// Stops after so many records.
    pub fn limit(mut self, limit: usize) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Passes over the first records.
    pub fn offset(mut self, offset: usize) -> Self {
        self.query.offset = offset;
        self
    }

    /// Goes on after a record of a former answer: the next page.
    pub fn after(mut self, last: &Record) -> Self {
        self.query.after = Some((last.id.clone(), last.document.clone()));
        self
    }

    /// The records.
    pub fn all(&self) -> Result<Vec<Record>, Error> {
        self.all_as(Record::read)
    }

    /// What `make` makes of the records.
    pub(crate) fn all_as<D>(
        &self,
        make: impl FnMut(VisibleRow<'_>) -> Result<Record<D>, Error>,
    ) -> Result<Vec<Record<D>>, Error> {
        let readers = &self.collection.replica().shared().readers;
        readers.all(self.collection.name(), &self.query, make)
    }

    /// The first record.
    pub fn first(&self) -> Result<Option<Record>, Error> {
        Ok(self.clone().limit(1).all()?.pop())
    }

    /// Hands out the records one by one; memory stays flat where the order is by declared columns or the id.
    pub fn for_each(&self, each: impl FnMut(Record) -> Result<(), Error>) -> Result<(), Error> {
        let readers = &self.collection.replica().shared().readers;
        readers.for_each(self.collection.name(), &self.query, each)
    }

    /// Follows the records: see [`Watch`].
    pub fn watch(&self) -> Watch<Vec<Record>> {
        self.watch_as(Ok)
    }

    /// Follows the records in another form.
    pub(crate) fn watch_as<T: 'static>(
        &self,
        form: impl Fn(Vec<Record>) -> Result<Vec<Record<T>>, Error> + Send + 'static,
    ) -> Watch<Vec<Record<T>>> {
        let (name, query) = (self.collection.name().clone(), self.query.clone());
        let topic = Topic::Collection(name.clone());
        Watch::new(self.collection.replica(), topic, move |replica| {
            Answer::new(found(replica, &name, &query)?).map(&form)
        })
    }

    /// Follows how many there are, limit and offset left out.
    pub fn watch_count(&self) -> Watch<u64> {
        let (name, query) = (self.collection.name().clone(), self.query.clone());
        let topic = Topic::Collection(name.clone());
        Watch::new(self.collection.replica(), topic, move |replica| {
            Ok(Answer::new(replica.shared().readers.count(&name, &query)?))
        })
    }

    /// How many there are, limit and offset left out.
    pub fn count(&self) -> Result<u64, Error> {
        let readers = &self.collection.replica().shared().readers;
        readers.count(self.collection.name(), &self.query)
    }
}

fn found(
    replica: &Replica,
    collection: &CollectionName,
    query: &tisync_store::Query,
) -> Result<Vec<Record>, Error> {
    let readers = &replica.shared().readers;
    readers.all(collection, query, Record::read)
}
