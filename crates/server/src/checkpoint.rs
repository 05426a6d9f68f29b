//! A place in the feed.
use std::fmt;

/// `<epoch>.<seq>`, or `<epoch>.<start>.<seq>` during a first walk that began at version `start`.
///
/// A first walk sends live records only up to `start` and then follows the feed, deletions included,
/// until it has caught up; so what it sent is complete, whatever was written meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) epoch: String,
    pub(crate) start: Option<u64>,
    pub(crate) seq: u64,
}

impl Checkpoint {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let epoch = parts.next()?.to_owned();
        let numbers: Vec<u64> = parts
            .map(crate::store::parse_number)
            .collect::<Option<_>>()?;
        match numbers[..] {
            [seq] => Some(Checkpoint {
                epoch,
                start: None,
                seq,
            }),
            [start, seq] => Some(Checkpoint {
                epoch,
                start: Some(start),
                seq,
            }),
            _ => None,
        }
    }

    /// The first version whose deletions this place still needs.
    pub(crate) fn needs(&self) -> u64 {
        self.start.unwrap_or(0).max(self.seq)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            None => write!(f, "{}.{}", self.epoch, self.seq),
            Some(start) => write!(f, "{}.{}.{}", self.epoch, start, self.seq),
        }
    }
}
