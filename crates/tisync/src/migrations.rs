//! App upgrades: the app's functions that bring documents of an older schema forward.
use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tisync_core::model::{CollectionName, Config, Migrate, MigrateAnswer};
use tisync_core::store::{Store, Tx};
use tisync_json::{Document, Object, Patch, Path, Value, get};

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

    /// Takes each step that lies between the two schemas, in the order of their numbers.
    pub(crate) fn of_settings(settings: &[MigrationSettings]) -> Result<Self, Error> {
        let steps = settings.iter().map(MigrationSettings::step);
        let mut steps = steps.collect::<Result<Vec<Step>, Error>>()?;
        steps.sort_by_key(|step| step.to);
        Ok(MigrateFunction::new(move |from, to, document| {
            let between = |step: &&Step| step.to > from && step.to <= to;
            let mut document = document.clone();
            for step in steps.iter().filter(between) {
                document = step.take(&document)?;
            }
            Ok(document)
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
        for (collection, settings) in &config.collections {
            let number = settings.schema.number;
            let Some(declared) = tx.declared(collection)? else {
                continue;
            };
            if declared.number >= number && !declared.migrating
                || self.by_collection.contains_key(collection)
                || tx.outdated(collection, number, None, 1, 0)?.is_empty()
            {
                continue;
            }
            return Err(Error::new(
                ErrorKind::BadConfig,
                format!(
                    "expected a migrate function for {collection}, whose schema rises from {} to {number} with documents there, but the app gives none; nothing was changed. If documents stay as they are, give one that returns them",
                    declared.number
                ),
            ));
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

/// One step of a migration in a configuration file. Fields are named as in `fields`; first they are renamed, then
/// dropped, then filled. A step that says nothing leaves documents as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationSettings {
    /// The number of the schema that it leads to, from the one before.
    pub to: u32,
    /// Old names with new ones; a field whose new name is taken stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Fields that go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Values of fields that are not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub default: BTreeMap<String, serde_json::Value>,
}

impl MigrationSettings {
    fn step(&self) -> Result<Step, Error> {
        let path = |text: &String| Path::parse(text).map_err(Error::from);
        let value = |value: &serde_json::Value| -> Result<Value, Error> {
            let document = Document::parse(&format!(r#"{{"value":{value}}}"#))?;
            let value = document.object().remove("value");
            value.ok_or_else(|| Error::invalid("expected a value"))
        };
        Ok(Step {
            to: self.to,
            rename: (self.rename.iter())
                .map(|(from, to)| Ok((path(from)?, path(to)?)))
                .collect::<Result<_, Error>>()?,
            drop: self.drop.iter().map(path).collect::<Result<_, _>>()?,
            default: (self.default.iter())
                .map(|(field, given)| Ok((path(field)?, value(given)?)))
                .collect::<Result<_, Error>>()?,
        })
    }
}

/// One step of a migration, ready to be taken.
#[derive(Clone, Debug)]
struct Step {
    to: u32,
    rename: Vec<(Path, Path)>,
    drop: Vec<Path>,
    default: Vec<(Path, Value)>,
}

impl Step {
    fn take(&self, document: &Document) -> Result<Document, String> {
        let mut object = document.object();
        for (from, to) in &self.rename {
            if let (Some(value), None) = (get(&object, from).cloned(), get(&object, to)) {
                unset(&mut object, from);
                set(&mut object, to, value);
            }
        }
        for path in &self.drop {
            unset(&mut object, path);
        }
        for (path, value) in &self.default {
            if get(&object, path).is_none() {
                set(&mut object, path, value.clone());
            }
        }
        Document::checked_from_object(&object).map_err(|error| error.to_string())
    }
}

fn set(object: &mut Object, path: &Path, value: Value) {
    let patch = Patch {
        set: [(path.clone(), value)].into(),
        ..Patch::default()
    };
    patch.apply(object);
}

fn unset(object: &mut Object, path: &Path) {
    let patch = Patch {
        unset: [path.clone()].into(),
        ..Patch::default()
    };
    patch.apply(object);
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
