//! The engine: one step is one transaction.
use crate::error::Error;
use crate::model::{CollectionName, Health, Input, Now, Output, Planned, RecordId, Why};
use crate::store::Store;

/// Decides what to store, send and show.
///
/// It keeps no durable fact in memory: only the configuration, the lease's generation and the requests that
/// are open.
#[derive(Clone, Debug, Default)]
pub struct Engine {}

impl Engine {
    /// An engine that expects `Configure` as its first input.
    pub fn new() -> Self {
        Engine::default()
    }

    /// Carries out one input in one transaction. On an error nothing has changed, in memory or in the store.
    pub fn step<S: Store>(
        &mut self,
        store: &mut S,
        now: Now,
        input: Input,
    ) -> Result<Vec<Output>, Error> {
        let _ = (store, now, input);
        todo!()
    }

    /// What waits, since when, and why.
    pub fn health<S: Store>(&self, store: &mut S, now: Now) -> Result<Health, Error> {
        let _ = (store, now);
        todo!()
    }

    /// What a sync would do, as far as this replica can know, without doing it.
    pub fn plan<S: Store>(&self, store: &mut S, limit: usize) -> Result<Vec<Planned>, Error> {
        let _ = (store, limit);
        todo!()
    }

    /// A record's history as far as this replica knows it.
    pub fn why<S: Store>(
        &self,
        store: &mut S,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Why, Error> {
        let _ = (store, collection, id);
        todo!()
    }
}
