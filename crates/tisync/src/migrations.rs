//! App upgrades: the app's functions that bring documents of an older schema forward.
use crate::Error;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tisync_connect::settings::{MigrationSettings, Steps};
use tisync_core::model::{CollectionName, Config, Migrate, MigrateAnswer};
use tisync_core::store::{Store, Tx};
use tisync_json::Document;
use tisync_store::lists::{self, Outdated};

/// Brings a document from one schema to another, or says why it cannot.
#[derive(Clone)]
pub(crate) struct MigrateFunction(Arc<Function>);

type Function = dyn Fn(u32, u32, &Document) -> Result<Document, String> + Send + Sync;

impl MigrateFunction {
    pub(crate) fn new(
        function: impl Fn(u32, u32, &Document) -> Result<Document, String> + Send + Sync + 'static,
    ) -> Self {
        MigrateFunction(Arc::new(function))
    }

    /// What a configuration says.
    pub(crate) fn of_settings(settings: &[MigrationSettings]) -> Result<Self, Error> {
        let steps = Steps::of(settings)?;
        Ok(MigrateFunction::new(move |from, to, document| {
            steps.forward(from, to, document)
        }))
    }
}

impl fmt::Debug for MigrateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MigrateFunction")
    }
}

/// The functions by collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Migrations {
    by_collection: BTreeMap<CollectionName, MigrateFunction>,
}

impl Migrations {
    pub(crate) fn add(&mut self, collection: CollectionName, function: MigrateFunction) {
        self.by_collection.insert(collection, function);
    }

    /// Refuses, before anything is changed, a collection whose documents are of an older schema and that has no
    /// function for them.
    pub(crate) fn check<T: Tx>(&self, tx: &mut T, config: &Config) -> Result<(), Error> {
        for Outdated {
            collection,
            from,
            to,
        } in lists::outdated(tx, config)?
        {
            if self.by_collection.contains_key(&collection) {
                continue;
            }
            return Err(Error::no_migrate(&collection, from, to));
        }
        Ok(())
    }

    /// Answers a question of the engine.
    pub(crate) fn answer(&self, migrate: Migrate) -> MigrateAnswer {
        let collection = migrate.collection.clone();
        migrate.ask(|from, to, document| self.forward(&collection, from, to, document))
    }

    /// Asks a function; a panic counts as a refusal.
    pub(crate) fn forward(
        &self,
        collection: &CollectionName,
        from: u32,
        to: u32,
        document: &Document,
    ) -> Result<Document, String> {
        let Some(MigrateFunction(function)) = self.by_collection.get(collection) else {
            return Err(format!(
                "the app gives no migrate function for {collection}"
            ));
        };
        catch_unwind(AssertUnwindSafe(|| function(from, to, document)))
            .unwrap_or_else(|_| Err("the migrate function panicked".to_owned()))
    }
}

/// Looks at a store before an engine is configured on it.
pub(crate) fn check<S: Store>(
    store: &mut S,
    config: &Config,
    migrations: &Migrations,
) -> Result<(), Error> {
    let mut tx = store.begin(tisync_core::store::Durability::Normal)?;
    migrations.check(&mut tx, config)
}
