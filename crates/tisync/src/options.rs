//! What an app declares of a collection.
use crate::policy::IntoPolicy;
use crate::{Error, policy};
use tisync_core::model::{
    CollectionName, Column, ColumnKind, DeleteRule, Fallback, FieldRule, Policy, Reference, Schema,
};
use tisync_json::Path;

/// What an app declares of a collection.
///
/// ```
/// use tisync::CollectionOptions;
/// let notes = CollectionOptions::policy("merge")?
///     .field("tags", "set")?
///     .fallback("latest")?
///     .column("title", "text")?
///     .server_field("updated_at")?;
/// # let _ = notes;
/// # Ok::<(), tisync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CollectionOptions {
    pub(crate) policy: Policy,
    pub(crate) schema: Schema,
    pub(crate) connector: Served,
}

/// Which connector serves a collection.
#[derive(Clone, Debug)]
pub(crate) enum Served {
    Anywhere,
    Nowhere,
    By(String),
}

impl CollectionOptions {
    /// Starts with a policy.
    pub fn policy(policy: impl IntoPolicy) -> Result<Self, Error> {
        Ok(CollectionOptions {
            policy: policy.into_policy()?,
            schema: Schema::default(),
            connector: Served::Anywhere,
        })
    }

    /// Sets the rule of a field that changed on both sides, for `merge`: `client`, `server`, `latest`,
    /// `counter`, `set`, `max`, `min`, `text`, `manual` or `function:NAME`.
    pub fn field(mut self, path: &str, rule: &str) -> Result<Self, Error> {
        let rule = match rule.strip_prefix("function:") {
            Some(name) => FieldRule::Function(name.to_owned()),
            None => policy::parse(
                rule,
                "client, server, latest, counter, set, max, min, text, manual or function:NAME",
            )?,
        };
        self.policy.fields.insert(Path::parse(path)?, rule);
        Ok(self)
    }

    /// Sets what decides when the rules leave something open: `client`, `server`, `latest` or `manual`.
    pub fn fallback(mut self, name: &str) -> Result<Self, Error> {
        let fallback: Fallback = policy::fallback(name)?;
        self.policy.fallback = Some(fallback);
        Ok(self)
    }

    /// Sets the rule for a delete against an edit: `edit-wins`, `delete-wins`, `client-wins`, `server-wins`,
    /// `latest-timestamp-wins` or `manual`.
    pub fn deletes(mut self, name: &str) -> Result<Self, Error> {
        let rule: DeleteRule = policy::parse(
            name,
            "edit-wins, delete-wins, client-wins, server-wins, latest-timestamp-wins or manual",
        )?;
        self.policy.deletes = Some(rule);
        Ok(self)
    }

    /// Declares a field as a typed column (`text`, `integer`, `real` or `boolean`) of the same name, so that
    /// SQL sees it and queries by it are fast.
    pub fn column(self, name: &str, kind: &str) -> Result<Self, Error> {
        self.column_of(name, name, kind, false)
    }

    /// Declares an indexed column.
    pub fn index(self, name: &str, kind: &str) -> Result<Self, Error> {
        self.column_of(name, name, kind, true)
    }

    /// Declares a column for the field at a path.
    pub fn column_of(
        mut self,
        name: &str,
        path: &str,
        kind: &str,
        indexed: bool,
    ) -> Result<Self, Error> {
        let kind: ColumnKind =
            policy::parse(kind, "a column of the kind text, integer, real or boolean")?;
        self.schema.columns.push(Column {
            name: name.to_owned(),
            path: Path::parse(path)?,
            kind,
            indexed,
        });
        Ok(self)
    }

    /// Declares that a field holds the id of a record in another collection.
    pub fn reference(
        mut self,
        path: &str,
        collection: &str,
        nullable: bool,
    ) -> Result<Self, Error> {
        let reference = Reference {
            collection: CollectionName::new(collection)?,
            nullable,
        };
        self.schema.references.insert(Path::parse(path)?, reference);
        Ok(self)
    }

    /// Declares a field that only the server writes.
    pub fn server_field(mut self, path: &str) -> Result<Self, Error> {
        self.schema.server_fields.push(Path::parse(path)?);
        Ok(self)
    }

    /// Sets the app's own number of this collection's schema.
    pub fn schema_number(mut self, number: u32) -> Self {
        self.schema.number = number;
        self
    }

    /// Names the connector that serves the collection, where there are several.
    pub fn served_by(mut self, connector: &str) -> Self {
        self.connector = Served::By(connector.to_owned());
        self
    }

    /// Keeps the collection on this device only.
    pub fn local_only(mut self) -> Self {
        self.connector = Served::Nowhere;
        self
    }
}

/// What [`crate::ReplicaBuilder::collection`] takes.
pub trait IntoCollectionOptions {
    /// Checks it.
    fn into_options(self) -> Result<CollectionOptions, Error>;
}

impl IntoCollectionOptions for CollectionOptions {
    fn into_options(self) -> Result<CollectionOptions, Error> {
        Ok(self)
    }
}

impl IntoCollectionOptions for Result<CollectionOptions, Error> {
    fn into_options(self) -> Result<CollectionOptions, Error> {
        self
    }
}

impl<P: IntoPolicy> IntoCollectionOptions for P {
    fn into_options(self) -> Result<CollectionOptions, Error> {
        CollectionOptions::policy(self)
    }
}
