//! The query language of ACS.
mod candidates;
mod filter;
mod geo;
mod matching;
mod operand;
mod order;
mod run;
mod select;
mod text;
mod window;

use candidates::Candidates;
pub(super) use filter::Filter;
pub(super) use geo::Point;
pub(super) use order::Order;
pub(super) use run::{Candidate, Found, Source, Walked, count, run, walk};
pub(super) use text::words;

use super::fault::Fault;
use super::params::Params;
use select::Select;
use tisync_json::Object;
use window::Window;

/// A query.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) order: Order,
    window: Window,
    select: Select,
}

impl Query {
    /// Reads the parameters of a query.
    pub(super) fn read(params: &Params) -> Result<Self, Fault> {
        let filter = Filter::read(params)?;
        let order = Order::read(params, &filter)?;
        Ok(Query {
            window: Window::read(params, &order)?,
            select: Select::read(params)?,
            filter,
            order,
        })
    }

    /// What `meta` says of everything that was found.
    pub(super) fn meta(&self, found: &Found) -> Object {
        self.window.meta(found.total)
    }

    /// Leaves out what is not to be shown.
    pub(super) fn select(&self, record: &mut Object) {
        self.select.apply(record);
    }
}
