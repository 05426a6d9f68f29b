//! Cursor arithmetic: what to ask a backend for next, and what its page proves. Pure: no request is made here.
//!
//! A connector reads its place out of the checkpoint ([`Timestamps::ask`], [`Listing::ask`]), asks its backend
//! in the backend's own words, and gives the rows back ([`Timestamps::next`], [`Listing::next`]) for the place
//! to go on from. A walk ends by an explicit end only, never by a short page: servers cap what they are asked for.
mod listing;
mod timestamps;

pub use listing::{Listing, ListingAsk, ListingPage};
pub use timestamps::{Order, RowTime, Since, TimesAsk, TimesPage, Timestamps};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use tisync_core::model::{Checkpoint, Failure, FailureKind, PageEnd};

/// Where a walk stands after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The place to go on from.
    pub checkpoint: Checkpoint,
    /// Whether the walk is at its end.
    pub end: PageEnd,
    /// How many rows follow, where the backend tells.
    pub left: Option<u64>,
    /// Rows at the start of the page that the page before has brought already.
    pub repeated: usize,
}

/// Why a page cannot be used: the backend did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedError(Box<FeedErrorDetails>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FeedErrorDetails {
    message: String,
    /// Whether nothing but a walk from the beginning goes on.
    begins_again: bool,
}

impl FeedError {
    fn new(message: impl Into<String>) -> Self {
        FeedError(Box::new(FeedErrorDetails {
            message: message.into(),
            begins_again: false,
        }))
    }

    /// The place of a walk is worth nothing any more.
    fn lost_place(message: impl Into<String>) -> Self {
        FeedError(Box::new(FeedErrorDetails {
            message: message.into(),
            begins_again: true,
        }))
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for FeedError {}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        Failure::new(
            match error.0.begins_again {
                true => FailureKind::ExpiredCheckpoint { epoch: None },
                false => FailureKind::Retry { after_ms: None },
            },
            false,
            error.0.message,
        )
    }
}

/// Reads a place; a text that is none, such as one of an older version of the connector, begins anew.
fn read<T: DeserializeOwned + Default>(checkpoint: Option<&Checkpoint>) -> T {
    checkpoint
        .and_then(|text| tisync_json::read(text.as_str()).ok())
        .unwrap_or_default()
}

fn write(place: &impl Serialize) -> Result<Checkpoint, FeedError> {
    Checkpoint::new(tisync_json::write(place))
        .map_err(|error| FeedError::new(format!("the place in the feed cannot be kept: {error}")))
}
