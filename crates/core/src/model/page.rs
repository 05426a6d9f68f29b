//! Pages of a feed.
use super::{Checkpoint, CollectionName, Epoch, RecordId, Stamp, Stamps, Version};
use serde::Serialize;
use std::ops::Range;
use tisync_json::Deserialize;
use tisync_json::Document;

/// One answer of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// What changed.
    pub items: Vec<Item>,
    /// The place after the last item.
    pub checkpoint: Option<Checkpoint>,
    /// Whether there is more.
    pub end: PageEnd,
    /// How many rows follow this page, where the backend tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// The server's history.
    pub epoch: Option<EpochInfo>,
    /// The server's clock.
    pub server_time_ms: Option<u64>,
}

impl Page {
    /// Everything there is, of a backend that lists it at once.
    pub fn whole(items: Vec<Item>) -> Self {
        Page {
            items,
            checkpoint: None,
            end: PageEnd::Complete { total: None },
            left: None,
            epoch: None,
            server_time_ms: None,
        }
    }

    /// Where the slice that begins at `from` ends: at its size, but never inside a commit of the server.
    pub fn slice(&self, from: usize, limit: Option<usize>) -> usize {
        let items = &self.items;
        let Some(limit) = limit else {
            return items.len();
        };
        let mut until = (from + limit.max(1)).min(items.len());
        while until < items.len()
            && items[until].version().is_some()
            && items[until].version() == items[until - 1].version()
        {
            until += 1;
        }
        until
    }

    /// As much of the page as the slice that begins at `from` needs: its items, and the one that follows. Where a page is
    /// large, giving all of it for each slice would cost more than the slice.
    pub fn part(&self, from: usize, limit: Option<usize>) -> Self {
        let until = (self.slice(from, limit) + 1).min(self.items.len());
        Page {
            items: self.items.get(from..until).unwrap_or_default().to_vec(),
            checkpoint: self.checkpoint.clone(),
            end: self.end.clone(),
            left: self.left,
            epoch: self.epoch.clone(),
            server_time_ms: self.server_time_ms,
        }
    }

    /// Lets go of what these items hold, once they are stored: to free all of a large page at its end would take longer
    /// than a slice. Nothing is left in their places that means anything.
    pub fn forget(&mut self, items: Range<usize>) {
        for item in self.items.get_mut(items).unwrap_or_default() {
            *item = Item::Bad {
                collection: None,
                id: None,
                text: String::new(),
                reason: String::new(),
            };
        }
    }
}

/// Whether a page is the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageEnd {
    /// There is more.
    More,
    /// The feed is at its end; a walk from the beginning has shown everything.
    Complete {
        /// The number of live records, where the backend tells.
        total: Option<u64>,
    },
}

/// The identity of a server's history, and the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochInfo {
    /// The current epoch.
    pub epoch: Epoch,
    /// All epochs, oldest first, each with the number at which it began (the restore point).
    #[serde(default)]
    pub history: Vec<(Epoch, u64)>,
}

impl EpochInfo {
    /// Whether the history names the epoch of `version`.
    pub fn names(&self, version: &Version) -> bool {
        let epochs = self.history.iter().map(|(epoch, _)| epoch);
        version.ordinal().is_some_and(|(name, _)| {
            epochs
                .chain([&self.epoch])
                .any(|epoch| epoch.as_str() == name)
        })
    }

    /// Whether `version` was given after the point from which the server was later restored: the server
    /// has lost it.
    pub fn has_lost(&self, version: &Version) -> bool {
        let Some((epoch, number)) = version.ordinal() else {
            return false;
        };
        let mut epochs = self
            .history
            .iter()
            .skip_while(|(other, _)| other.as_str() != epoch);
        match epochs.next() {
            Some(_) => epochs.any(|(_, start)| number > *start),
            None => epoch != self.epoch.as_str(),
        }
    }
}

/// One row of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The record is there.
    Upsert {
        /// Its collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
        /// Its document.
        document: Document,
        /// Its version.
        version: Option<Version>,
        /// Its stamp.
        stamp: Option<Stamp>,
        /// Stamps by field.
        stamps: Option<Stamps>,
        /// The number of the schema that the document has, where the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<u32>,
        /// Whether the document was brought to that schema here: the server's is of an older one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        migrated: bool,
    },
    /// The record was deleted.
    Tombstone {
        /// Its collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
        /// The version of the deletion.
        version: Option<Version>,
        /// When it was deleted.
        stamp: Option<Stamp>,
    },
    /// The record is no longer ours to see.
    OutOfScope {
        /// Its collection.
        collection: CollectionName,
        /// Its id.
        id: RecordId,
    },
    /// A row that is no record.
    Bad {
        /// Its collection, when that much is known.
        collection: Option<CollectionName>,
        /// The record's id, when that much is known: it is there, whatever it is.
        id: Option<RecordId>,
        /// The row's text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Item {
    /// The version that it tells of.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Item::Upsert { version, .. } | Item::Tombstone { version, .. } => version.as_ref(),
            Item::OutOfScope { .. } | Item::Bad { .. } => None,
        }
    }

    /// A record of a backend that tells no more than its document.
    pub fn upsert(collection: CollectionName, id: RecordId, document: Document) -> Self {
        Item::Upsert {
            collection,
            id,
            document,
            version: None,
            stamp: None,
            stamps: None,
            schema: None,
            migrated: false,
        }
    }
}
