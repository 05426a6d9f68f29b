//! A place in the feed.
use crate::store::parse_number;
use std::fmt;

/// A place in the history of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: String,
    pub(crate) place: Place,
}

/// A first walk sends live records only up to `start` and then follows the feed, deletions included, until it has
/// caught up; so what it sent is complete, whatever was written meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `<epoch>.<seq>`: everything up to this version was sent.
    Feed(u64),
    /// `<epoch>.<start>.<seq>`: in a first walk that began at version `start`, everything up to `seq` was sent.
    Walk { start: u64, seq: u64 },
    /// `<epoch>.<start>.<collection>/<id>`: in a snapshot, everything up to this record was sent.
    Snapshot { start: u64, after: After },
}

/// The last record that was sent of a snapshot; empty names at its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) collection: String,
    pub(crate) id: String,
}

impl Checkpoint {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, place) = text.split_once('.')?;
        let place = match place.split_once('.') {
            None => Place::Feed(parse_number(place)?),
            Some((start, rest)) => {
                let start = parse_number(start)?;
                match rest.split_once('/') {
                    None => Place::Walk {
                        start,
                        seq: parse_number(rest)?,
                    },
                    Some((collection, id)) => Place::Snapshot {
                        start,
                        after: After {
                            collection: collection.to_owned(),
                            id: id.to_owned(),
                        },
                    },
                }
            }
        };
        Some(Checkpoint {
            epoch: epoch.to_owned(),
            place,
        })
    }
}

impl Place {
    /// The first version whose deletions this place still needs.
    pub(crate) fn needs(&self) -> u64 {
        match self {
            Place::Feed(seq) => *seq,
            Place::Walk { start, seq } => *start.max(seq),
            Place::Snapshot { start, .. } => *start,
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.epoch)?;
        match &self.place {
            Place::Feed(seq) => write!(f, "{seq}"),
            Place::Walk { start, seq } => write!(f, "{start}.{seq}"),
            Place::Snapshot { start, after } => {
                write!(f, "{start}.{}/{}", after.collection, after.id)
            }
        }
    }
}
