//! Feeds, connectors and orders.
use super::{Kept, Work};
use crate::engine::memory::{Asked, Open};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::Tx;

impl<'a, T: Tx> Work<'a, T> {
    /// Where a feed stands.
    pub(in crate::engine) fn feed(&mut self, key: &FeedKey) -> Result<&FeedState, Error> {
        Ok(&self.kept_feed(key)?.now)
    }

    fn kept_feed(&mut self, key: &FeedKey) -> Result<&mut Kept<FeedState>, Error> {
        if !self.feeds.contains_key(key) {
            let state = self.tx.feed(key)?.unwrap_or_default();
            self.feeds.insert(key.clone(), Kept::new(state));
        }
        Ok(self
            .feeds
            .get_mut(key)
            .unwrap_or_else(|| unreachable!("just inserted")))
    }

    /// Changes where a feed stands.
    pub(in crate::engine) fn set_feed(
        &mut self,
        key: &FeedKey,
        change: impl FnOnce(&mut FeedState),
    ) -> Result<(), Error> {
        change(&mut self.kept_feed(key)?.now);
        Ok(())
    }

    /// Where a connector stands.
    pub(in crate::engine) fn connector(
        &mut self,
        name: &ConnectorName,
    ) -> Result<&ConnectorState, Error> {
        Ok(&self.kept_connector(name)?.now)
    }

    fn kept_connector(&mut self, name: &ConnectorName) -> Result<&mut Kept<ConnectorState>, Error> {
        if !self.connectors.contains_key(name) {
            let state = self.tx.connector(name)?.unwrap_or_default();
            self.connectors.insert(name.clone(), Kept::new(state));
        }
        Ok(self
            .connectors
            .get_mut(name)
            .unwrap_or_else(|| unreachable!("just inserted")))
    }

    /// Changes where a connector stands.
    pub(in crate::engine) fn set_connector(
        &mut self,
        name: &ConnectorName,
        change: impl FnOnce(&mut ConnectorState),
    ) -> Result<(), Error> {
        change(&mut self.kept_connector(name)?.now);
        Ok(())
    }

    /// The feed that carries a collection.
    pub(in crate::engine) fn feed_key(&self, collection: &CollectionName) -> Option<FeedKey> {
        let (connector, feed) = self.config.feed_of(collection)?;
        Some(FeedKey {
            connector: connector.clone(),
            feed: feed.clone(),
        })
    }

    /// The feeds of a connector.
    pub(in crate::engine) fn feeds_of(
        &self,
        connector: &ConnectorName,
    ) -> Vec<(FeedKey, &'a [CollectionName])> {
        let Some(config) = self.config.connectors.get(connector) else {
            return Vec::new();
        };
        config
            .feeds
            .iter()
            .map(|(feed, collections)| {
                (
                    FeedKey {
                        connector: connector.clone(),
                        feed: feed.clone(),
                    },
                    collections.as_slice(),
                )
            })
            .collect()
    }

    /// All collections of a connector.
    pub(in crate::engine) fn collections_of(
        &self,
        connector: &ConnectorName,
    ) -> Vec<CollectionName> {
        let Some(config) = self.config.connectors.get(connector) else {
            return Vec::new();
        };
        config.feeds.values().flatten().cloned().collect()
    }

    /// The generation of the lease that this engine holds; 0 without one.
    pub(in crate::engine) fn generation(&self) -> Generation {
        self.memory.generation.unwrap_or_default()
    }

    /// A deadline from now.
    pub(in crate::engine) fn after(&self, wait_ms: u64) -> Deadline {
        Deadline::after(&self.now, self.generation(), wait_ms)
    }

    /// Milliseconds until a deadline; 0 when it is due or there is none.
    pub(in crate::engine) fn remaining_ms(&self, deadline: Option<Deadline>) -> u64 {
        deadline.map_or(0, |deadline| {
            deadline.remaining_ms(&self.now, self.generation())
        })
    }

    /// Whether an answer was given in the history that a collection's feed tells of: only then are its images
    /// comparable with what is here. `epoch`: the one that the answer names; none for a backend without.
    pub(in crate::engine) fn is_heard(
        &mut self,
        collection: &CollectionName,
        epoch: Option<&Epoch>,
    ) -> Result<bool, Error> {
        let (Some(key), Some(named)) = (self.feed_key(collection), epoch) else {
            return Ok(true);
        };
        let feed = self.feed(&key)?;
        Ok(match &feed.epoch {
            Some(known) => known.epoch == *named,
            // Before the first page nothing was told; after it, a feed without epochs never tells.
            None => feed.last_ok_ms.is_some(),
        })
    }

    /// Notes that a history was named that a collection's feed has not told of, and lets the feed ask now.
    pub(in crate::engine) fn set_unheard(
        &mut self,
        collection: &CollectionName,
    ) -> Result<(), Error> {
        let Some(key) = self.feed_key(collection) else {
            return Ok(());
        };
        self.set_feed(&key, |feed| {
            feed.unheard = true;
            if feed.attempts == 0 {
                feed.next = None;
            }
        })
    }

    /// Whether nothing of a collection can be judged before the next page of its feed.
    pub(in crate::engine) fn is_unheard(
        &mut self,
        collection: &CollectionName,
    ) -> Result<bool, Error> {
        match self.feed_key(collection) {
            Some(key) => Ok(self.feed(&key)?.unheard),
            None => Ok(false),
        }
    }

    /// Whether the server has lost a version of a collection's records, as far as the history of its feed tells.
    pub(in crate::engine) fn is_lost(
        &mut self,
        collection: &CollectionName,
        version: Option<&Version>,
    ) -> Result<bool, Error> {
        let Some(key) = self.feed_key(collection) else {
            return Ok(false);
        };
        let is_ordered = self.is_ordered(collection);
        let feed = self.feed(&key)?;
        let (Some(epoch), Some(version)) = (&feed.epoch, version) else {
            return Ok(false);
        };
        // An epoch that the history does not name is a lost one, unless we know of one that it cannot name yet.
        let is_known = epoch.names(version) || !feed.unheard;
        Ok(is_ordered && is_known && epoch.has_lost(version))
    }

    /// Whether a version is older than another, where versions tell.
    pub(in crate::engine) fn is_older(
        &self,
        collection: &CollectionName,
        a: Option<&Version>,
        b: Option<&Version>,
    ) -> bool {
        matches!((a, b), (Some(a), Some(b)) if a.is_before(b)) && self.is_ordered(collection)
    }

    pub(in crate::engine) fn is_ordered(&self, collection: &CollectionName) -> bool {
        self.config
            .collection(collection)
            .is_some_and(|config| config.capability.versions == Versions::Ordered)
    }

    /// Hands out an order.
    pub(in crate::engine) fn order(
        &mut self,
        connector: &ConnectorName,
        request: RequestId,
        asked: Asked,
        task: Task,
    ) -> Result<(), Error> {
        let open = Open {
            connector: connector.clone(),
            asked,
            revision: self.connector(connector)?.revision,
            stale: false,
            deadline_ms: self.now.monotonic_ms + limits::REQUEST_DEADLINE_MS,
        };
        self.memory.open.insert(request, open);
        self.outputs.push(Output::Order(Order {
            request,
            generation: self.generation(),
            connector: connector.clone(),
            task,
        }));
        Ok(())
    }
}
