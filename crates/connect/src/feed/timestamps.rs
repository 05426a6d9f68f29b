//! Feeds by timestamp: keyset on (time, id), with an overlap for what is committed late.
use super::{FeedError, Next, read, write};
use crate::limits::LISTING_RESTARTS_MAX;
use serde::Serialize;
use tisync_core::model::{Checkpoint, PageEnd, RecordId};
use tisync_json::Deserialize;

/// A feed of the rows that changed since a time.
///
/// Each walk begins `overlap_ms` before the latest time that the walk before has seen, so that a row is found
/// whose time was taken that much before it was committed. Within a walk no row comes twice and equal times at
/// the edge of a page lose none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The precision of the backend's times.
    pub precision_ms: u64,
    /// How far each walk reads back.
    pub overlap_ms: u64,
    /// What the backend can sort and compare by.
    pub order: Order,
}

/// What a backend can sort and compare by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `time > T or (time = T and id > I)`, sorted by time and id.
    TimeAndId,
    /// `time >= T` with rows to skip, sorted by time.
    Time,
}

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimesAsk {
    /// Which rows, sorted in the feed's order.
    pub since: Since,
    /// Of these, how many to leave out from the start.
    pub skip: u64,
}

/// Which rows are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// All of them.
    Beginning,
    /// Those of this time or later.
    Ms(u64),
    /// Those of this time, in the backend's own print, or later.
    Time(String),
    /// Those after this row.
    Row {
        /// Its time, in the backend's own print.
        time: String,
        /// Its id.
        id: RecordId,
    },
}

/// When a row changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowTime {
    /// The time in the backend's own print: digits beyond a millisecond must not be lost.
    pub time: String,
    /// The same in milliseconds since 1970, rounded down.
    pub ms: u64,
    /// The row's id.
    pub id: RecordId,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct TimesPage<'a> {
    /// The rows, in the order in which they came.
    pub rows: &'a [RowTime],
    /// Whether the backend says that no row follows. An empty page says so too.
    pub is_last: bool,
    /// The backend's clock, when it tells: a time in its future does not move the next walk there.
    pub server_time_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    /// The latest time that counts as walked.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
    /// A time that the backend's clock had reached when this walk began.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    begun_ms: Option<u64>,
    /// The latest time of this walk.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    latest_ms: Option<u64>,
    /// The last row of this walk; none at its beginning.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    row: Option<Last>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Last {
    #[serde(rename = "t")]
    time: String,
    #[serde(rename = "m")]
    ms: u64,
    #[serde(rename = "i")]
    id: RecordId,
    /// Rows of this time that are known to be read (for `Order::Time`).
    #[serde(rename = "n", default)]
    read: u64,
    /// Whether the next page begins with this row again, to see that nothing has shifted.
    #[serde(rename = "o", default)]
    overlaps: bool,
    /// How often the rows of this time were read again because they had shifted.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    restarts: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Timestamps {
    /// What to ask for at a checkpoint.
    pub fn ask(&self, checkpoint: Option<&Checkpoint>) -> TimesAsk {
        let place: Place = read(checkpoint);
        match (place.row, place.until_ms) {
            (Some(row), _) if self.order == Order::TimeAndId => TimesAsk {
                since: Since::Row {
                    time: row.time,
                    id: row.id,
                },
                skip: 0,
            },
            (Some(row), _) => TimesAsk {
                skip: row.read - u64::from(row.overlaps),
                since: Since::Time(row.time),
            },
            (None, Some(until_ms)) => TimesAsk {
                since: Since::Ms(self.begin_ms(until_ms)),
                skip: 0,
            },
            (None, None) => TimesAsk {
                since: Since::Beginning,
                skip: 0,
            },
        }
    }

    /// The place after a page.
    ///
    /// # Errors
    /// When the page shows that the backend does not sort or filter as asked, or does not move on.
    pub fn next(
        &self,
        checkpoint: Option<&Checkpoint>,
        page: &TimesPage<'_>,
    ) -> Result<Next, FeedError> {
        let place: Place = read(checkpoint);
        self.check_order(&place, page.rows)?;
        let repeated = match &place.row {
            Some(last) if last.overlaps => match page.rows.first() {
                Some(first) if first.id == last.id && first.time == last.time => 1,
                // Rows of this time have gone, or come: it is read again from its start.
                _ => return self.again(place),
            },
            Some(last) if last.read > 0 && self.order == Order::Time && !page.rows.is_empty() => {
                // Rows behind a page that held the repeated one only: rows came, or a page holds no more than one.
                return self.again(place);
            }
            _ => 0,
        };
        let latest_ms = page
            .rows
            .iter()
            .map(|row| row.ms)
            .chain(place.latest_ms)
            .max();
        let place = Place {
            begun_ms: place
                .begun_ms
                .or(page.server_time_ms)
                .or(latest_ms.max(place.until_ms)),
            latest_ms,
            ..place
        };
        let rows = &page.rows[repeated..];
        let Some(last) = rows.last() else {
            if repeated > 0 && !page.is_last {
                // Perhaps the server gives one row at a time: only an empty page proves the end.
                return self.without_overlap(place);
            }
            return complete(&place, repeated);
        };
        if page.is_last {
            return complete(&place, repeated);
        }
        let of_last = rows
            .iter()
            .rev()
            .take_while(|row| row.time == last.time)
            .count() as u64;
        let before = match &place.row {
            Some(known) if known.time == last.time => known.read,
            _ => 0,
        };
        if let Some(known) = &place.row
            && self.order == Order::TimeAndId
            && known.time == last.time
            && known.id == last.id
        {
            return Err(stuck(&last.time));
        }
        let checkpoint = write(&Place {
            row: Some(Last {
                time: last.time.clone(),
                ms: last.ms,
                id: last.id.clone(),
                read: before + of_last,
                overlaps: self.order == Order::Time,
                restarts: 0,
            }),
            ..place
        })?;
        Ok(Next {
            checkpoint,
            end: PageEnd::More,
            left: None,
            repeated,
        })
    }

    /// Where a walk begins: everything of the tick that it begins in is read.
    fn begin_ms(&self, until_ms: u64) -> u64 {
        let begin_ms = until_ms.saturating_sub(self.overlap_ms);
        begin_ms - begin_ms % self.precision_ms.max(1)
    }

    fn check_order(&self, place: &Place, rows: &[RowTime]) -> Result<(), FeedError> {
        let from_ms = match (&place.row, place.until_ms) {
            (Some(row), _) => row.ms,
            (None, Some(until_ms)) => self.begin_ms(until_ms),
            (None, None) => 0,
        };
        let mut before_ms = from_ms;
        for row in rows {
            if row.ms < before_ms {
                return Err(FeedError::new(format!(
                    "rows of {before_ms} ms and later were expected, sorted by time, but one of {} ms came: the \
                     backend does not sort or filter by this field",
                    row.ms
                )));
            }
            before_ms = row.ms;
        }
        Ok(())
    }

    fn again(&self, mut place: Place) -> Result<Next, FeedError> {
        if let Some(row) = &mut place.row {
            row.read = 0;
            row.overlaps = false;
            row.restarts += 1;
            if row.restarts > LISTING_RESTARTS_MAX {
                return Err(FeedError::new(format!(
                    "rows of {} shifted under the walk {LISTING_RESTARTS_MAX} times, or a page holds one row only: \
                     sort by time and id where the backend can",
                    row.time
                )));
            }
        }
        more(&place)
    }

    fn without_overlap(&self, mut place: Place) -> Result<Next, FeedError> {
        if let Some(row) = &mut place.row {
            row.overlaps = false;
        }
        Ok(Next {
            repeated: 1,
            ..more(&place)?
        })
    }
}

/// The next walk begins before what the clock had reached when this one began: what was committed behind its place
/// meanwhile, with a time of its own before that, is found then. A time in the server's future moves nothing.
fn complete(place: &Place, repeated: usize) -> Result<Next, FeedError> {
    let walked_ms = place
        .latest_ms
        .zip(place.begun_ms)
        .map(|(latest_ms, begun_ms)| latest_ms.min(begun_ms));
    let checkpoint = write(&Place {
        until_ms: place.until_ms.max(walked_ms),
        ..Place::default()
    })?;
    Ok(Next {
        checkpoint,
        end: PageEnd::Complete { total: None },
        left: None,
        repeated,
    })
}

fn more(place: &Place) -> Result<Next, FeedError> {
    Ok(Next {
        checkpoint: write(place)?,
        end: PageEnd::More,
        left: None,
        repeated: 0,
    })
}

fn stuck(time: &str) -> FeedError {
    FeedError::new(format!(
        "no progress: the page after the row of {time} ends with the same row"
    ))
}
