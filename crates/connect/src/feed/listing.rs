//! Listings: complete walks, page by page.
use super::{FeedError, Next, read, write};
use crate::limits::LISTING_RESTARTS_MAX;
use serde::Serialize;
use tisync_core::model::{Checkpoint, PageEnd, Paging, RecordId};
use tisync_json::Deserialize;

/// A walk through everything that a backend lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// How it is paged.
    pub paging: Paging,
}

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingAsk {
    /// The first page.
    First,
    /// The page of a token that the backend gave.
    Cursor(String),
    /// The page after an id.
    After(RecordId),
    /// The page after so many rows.
    Skip(u64),
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct ListingPage<'a> {
    /// The rows' ids, in the order in which they came.
    pub ids: &'a [RecordId],
    /// The token of the next page, where the backend pages by one: none at the end.
    pub cursor: Option<&'a str>,
    /// Whether the backend says that no row follows.
    pub is_last: bool,
    /// How many rows there are in all, when it tells.
    pub total: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// The last row that was read.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    id: Option<RecordId>,
    /// Rows read so far.
    #[serde(rename = "n", default)]
    rows: u64,
    /// Whether the next page begins with the last row again, to see that nothing has shifted.
    #[serde(rename = "o", default)]
    overlaps: bool,
    /// How often this walk began again because rows had shifted.
    #[serde(rename = "a", default)]
    restarts: u32,
}

impl Listing {
    /// What to ask for at a checkpoint.
    pub fn ask(&self, checkpoint: Option<&Checkpoint>) -> ListingAsk {
        let place: Place = read(checkpoint);
        match self.paging {
            _ if place.rows == 0 && place.cursor.is_none() => ListingAsk::First,
            Paging::Single => ListingAsk::First,
            Paging::Cursor => place.cursor.map_or(ListingAsk::First, ListingAsk::Cursor),
            Paging::Keyset => place.id.map_or(ListingAsk::First, ListingAsk::After),
            Paging::Offset => ListingAsk::Skip(place.rows - u64::from(place.overlaps)),
        }
    }

    /// The place after a page.
    ///
    /// # Errors
    /// When the walk does not move on, or rows shift faster than they can be read.
    pub fn next(
        &self,
        checkpoint: Option<&Checkpoint>,
        page: &ListingPage<'_>,
    ) -> Result<Next, FeedError> {
        let place: Place = read(checkpoint);
        match self.paging {
            Paging::Single => complete(page, 0),
            Paging::Cursor => by_cursor(place, page),
            Paging::Keyset => by_key(place, page),
            Paging::Offset => by_offset(place, page),
        }
    }
}

fn by_cursor(place: Place, page: &ListingPage<'_>) -> Result<Next, FeedError> {
    match page.cursor {
        None => complete(page, 0),
        Some(cursor) if place.cursor.as_deref() == Some(cursor) => Err(FeedError::new(
            "no progress: the page names itself as the next one",
        )),
        Some(cursor) => more(
            &Place {
                cursor: Some(cursor.to_owned()),
                rows: place.rows + page.ids.len() as u64,
                ..place
            },
            page,
            0,
        ),
    }
}

fn by_key(place: Place, page: &ListingPage<'_>) -> Result<Next, FeedError> {
    match page.ids.last() {
        None => complete(page, 0),
        Some(_) if page.is_last => complete(page, 0),
        Some(last) if place.id.as_ref() == Some(last) => Err(FeedError::new(format!(
            "no progress: the page after {last} ends with {last}"
        ))),
        Some(last) => more(
            &Place {
                id: Some(last.clone()),
                rows: place.rows + page.ids.len() as u64,
                ..place
            },
            page,
            0,
        ),
    }
}

fn by_offset(place: Place, page: &ListingPage<'_>) -> Result<Next, FeedError> {
    let repeated = usize::from(place.overlaps);
    if place.overlaps && page.ids.first() != place.id.as_ref() {
        return again(place, page);
    }
    if !place.overlaps && place.rows > 0 && !page.ids.is_empty() {
        // Rows behind a page that held the repeated one only: rows came, or a page holds no more than one.
        return again(place, page);
    }
    let ids = &page.ids[repeated..];
    let rows = place.rows + ids.len() as u64;
    if page.is_last || page.total == Some(rows) {
        return complete(page, repeated);
    }
    match ids.last() {
        // Perhaps the server gives one row at a time: only an empty page proves the end.
        None if place.overlaps => more(
            &Place {
                overlaps: false,
                ..place
            },
            page,
            repeated,
        ),
        None => complete(page, repeated),
        Some(last) => more(
            &Place {
                id: Some(last.clone()),
                rows,
                overlaps: true,
                ..place
            },
            page,
            repeated,
        ),
    }
}

/// Rows before this place have gone or come: what was skipped over is found in a new walk.
fn again(place: Place, page: &ListingPage<'_>) -> Result<Next, FeedError> {
    if place.restarts >= LISTING_RESTARTS_MAX {
        return Err(FeedError::lost_place(format!(
            "rows shifted under the walk {LISTING_RESTARTS_MAX} times, or a page holds one row only: page by a key or a \
             cursor where the backend can"
        )));
    }
    let restarts = place.restarts + 1;
    let begin = Place {
        restarts,
        ..Place::default()
    };
    more(&begin, page, 0)
}

fn complete(page: &ListingPage<'_>, repeated: usize) -> Result<Next, FeedError> {
    Ok(Next {
        checkpoint: write(&Place::default())?,
        end: PageEnd::Complete { total: page.total },
        left: None,
        repeated,
    })
}

fn more(place: &Place, page: &ListingPage<'_>, repeated: usize) -> Result<Next, FeedError> {
    Ok(Next {
        checkpoint: write(place)?,
        end: PageEnd::More,
        left: page.total.map(|total| total.saturating_sub(place.rows)),
        repeated,
    })
}
