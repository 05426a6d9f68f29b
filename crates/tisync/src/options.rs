//! What an app declares of a collection.
use crate::migrations::MigrateFunction;
use crate::policy::IntoPolicy;
use crate::{Error, ErrorKind};
use tisync_connect::settings::{self, Declared, Served};
use tisync_core::model::{CollectionName, Column, Policy, Reference, Schema};
use tisync_json::{Document, Path};

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
    pub(crate) migrate: Option<MigrateFunction>,
}

impl CollectionOptions {
    pub(crate) fn declared(declared: Declared) -> Self {
        CollectionOptions {
            policy: declared.policy,
            schema: declared.schema,
            connector: declared.served,
            migrate: None,
        }
    }

    /// Starts with a policy.
    pub fn policy(policy: impl IntoPolicy) -> Result<Self, Error> {
        Ok(CollectionOptions {
            policy: policy.into_policy()?,
            schema: Schema::default(),
            connector: Served::Anywhere,
            migrate: None,
        })
    }

    /// Sets the rule of a field that changed on both sides, for `merge`: `client`, `server`, `latest`,
    /// `counter`, `set`, `max`, `min`, `text`, `manual` or `function:NAME`.
    pub fn field(mut self, path: &str, rule: &str) -> Result<Self, Error> {
        self.policy
            .fields
            .insert(Path::parse(path)?, settings::field_rule(rule)?);
        Ok(self)
    }

    /// Sets what decides when the rules leave something open: `client`, `server`, `latest` or `manual`.
    pub fn fallback(mut self, name: &str) -> Result<Self, Error> {
        self.policy.fallback = Some(settings::fallback(name)?);
        Ok(self)
    }

    /// Sets the rule for a delete against an edit: `edit-wins`, `delete-wins`, `client-wins`, `server-wins`,
    /// `latest-timestamp-wins` or `manual`.
    pub fn deletes(mut self, name: &str) -> Result<Self, Error> {
        self.policy.deletes = Some(settings::delete_rule(name)?);
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
        let kind = settings::column_kind(kind)?;
        self.schema.columns.push(Column {
            name: name.to_owned(),
            path: Path::parse(path)?,
            kind,
            indexed,
        });
        Ok(self)
    }

    /// Declares that a field holds the id of a record in another collection, or an array of such ids. Where the server
    /// makes the ids, a write that names a record waits until that record has its id, and goes with that. `nullable`:
    /// whether the server also takes null there, so that a cycle of new records can be cut.
    pub fn reference(
        mut self,
        path: &str,
        collection: &str,
        nullable: bool,
    ) -> Result<Self, Error> {
        let reference = Reference {
            collection: CollectionName::new(collection)?,
            nullable,
            numeric: false,
        };
        self.schema.references.insert(Path::parse(path)?, reference);
        Ok(self)
    }

    /// Declares that the ids in a reference are numbers to the server: they are sent as numbers where they are whole
    /// numbers.
    pub fn numeric_reference(mut self, path: &str) -> Result<Self, Error> {
        let path = Path::parse(path)?;
        match self.schema.references.get_mut(&path) {
            Some(reference) => reference.numeric = true,
            None => {
                return Err(Error::new(
                    ErrorKind::BadConfig,
                    format!("{path} is no reference: declare it first"),
                ));
            }
        }
        Ok(self)
    }

    /// Declares a field that only the server writes.
    pub fn server_field(mut self, path: &str) -> Result<Self, Error> {
        self.schema.server_fields.push(Path::parse(path)?);
        Ok(self)
    }

    /// Sets the number of this collection's schema, 0 by default. It rises when a new version of the app gives
    /// its documents another shape; [`CollectionOptions::migrate`] brings the older ones forward.
    pub fn schema(mut self, number: u32) -> Self {
        self.schema.number = number;
        self
    }

    /// Sets the function that brings a document from an older schema to a newer one.
    ///
    /// When a file of an older number is opened, it is asked about every document in it: what is pending, its
    /// bases, what the server has changed meanwhile; later, about pulled documents that an older app wrote. The
    /// same document must always lead to the same answer. What it refuses is kept with the reason: a pending
    /// write is parked, a record of the server is quarantined, and both are asked about again at the next start.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("notes.db");
    /// use tisync::{CollectionOptions, Document, Replica};
    /// # let old = Replica::open(&file).collection("notes", "merge").open()?;
    /// # old.collection("notes")?.put("a", r#"{"title": "Milk"}"#)?;
    /// # drop(old);
    /// let notes = CollectionOptions::policy("merge")?.schema(1).migrate(|_from, _to, document| {
    ///     let mut object = document.object();
    ///     let title = object.remove("title").ok_or("a note without a title")?;
    ///     object.insert("name".to_owned(), title);
    ///     Ok(Document::from_object(&object))
    /// });
    /// let replica = Replica::open(&file).collection("notes", notes).open()?;
    /// assert_eq!(replica.collection("notes")?.get("a")?.unwrap().text(), r#"{"name":"Milk"}"#);
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn migrate(
        mut self,
        function: impl Fn(u32, u32, &Document) -> Result<Document, String> + Send + Sync + 'static,
    ) -> Self {
        self.migrate = Some(MigrateFunction::new(function));
        self
    }

    pub(crate) fn migrate_by(mut self, function: MigrateFunction) -> Self {
        self.migrate = Some(function);
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
