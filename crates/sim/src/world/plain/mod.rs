//! A backend that knows nothing of sync, and the connector that speaks to it: what they can do is drawn by the seed.
mod connector;
mod query;
mod rows;
mod server;
mod words;
mod write;

pub(super) use connector::PlainConnector;
pub(super) use server::{Asked, Books, Plain};
pub(crate) use words::as_kept;
pub(super) use words::{INSTANT, NOTHING, REVISION};
