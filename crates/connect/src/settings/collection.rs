//! A collection in a configuration.
use super::assemble::{Declared, Served};
use super::migration::MigrationSettings;
use super::rules::{column_kind, delete_rule, fallback, field_rule, rule};
use crate::connectors::SetupError;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::fmt;
use tisync_core::model::{CollectionName, Column, Policy, Reference, Schema};
use tisync_json::Deserialize;
use tisync_json::Path;
use tisync_json::tree::BTreeMap;

/// A collection in a configuration.
///
/// ```
/// use tisync_connect::settings::CollectionSettings;
/// let text = r#"{"policy": "merge", "fields": {"tags": "set"}, "columns": {"title": "text"}}"#;
/// let notes: CollectionSettings = serde_json::from_str(text)?;
/// assert_eq!(notes.declared()?.schema.columns[0].name, "title");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionSettings {
    /// Who wins: `client-wins`, `server-wins`, `latest-timestamp-wins`, `merge`, `manual` or `function:NAME`.
    pub policy: String,
    /// Delete against edit: see [`delete_rule`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletes: Option<String>,
    /// What decides when the rules leave something open: see [`fallback`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Rules of single fields, for `merge`: see [`field_rule`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Typed columns by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnSettings>,
    /// Fields that hold the id of a record in another collection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, ReferenceSettings>,
    /// Fields that only the server writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_fields: Vec<String>,
    /// The number of this schema, 0 by default; it rises when documents get another shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// How documents of older schemas come forward, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<MigrationSettings>,
    /// The connector, where there are several; `none` keeps the collection on this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// A typed column in a configuration: its kind, or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ColumnSettings {
    /// `text`, `integer`, `real` or `boolean`; the field has the column's name.
    Kind(String),
    /// All of it.
    Whole {
        /// The kind.
        kind: String,
        /// The field, when it has another name.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Whether it has an index.
        indexed: bool,
    },
}

impl<'de> Deserialize<'de> for ColumnSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindOrWhole)
    }
}

/// Reads the kind of a column, or more.
struct KindOrWhole;

impl<'de> Visitor<'de> for KindOrWhole {
    type Value = ColumnSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kind of a column, or an object of `kind`, `path` and `indexed`")
    }

    fn visit_str<E: de::Error>(self, kind: &str) -> Result<ColumnSettings, E> {
        Ok(ColumnSettings::Kind(kind.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnSettings, A::Error> {
        #[derive(Deserialize)]
        struct Whole {
            kind: String,
            path: Option<String>,
            #[serde(default)]
            indexed: bool,
        }
        let Whole {
            kind,
            path,
            indexed,
        } = Whole::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ColumnSettings::Whole {
            kind,
            path,
            indexed,
        })
    }
}

/// A reference in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSettings {
    /// The other collection.
    pub collection: String,
    /// Whether the field may be null.
    #[serde(default)]
    pub nullable: bool,
    /// Whether the server wants the ids as numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numeric: bool,
}

impl CollectionSettings {
    /// What the settings declare; what they say of migrations is apart, in [`super::Steps`].
    ///
    /// # Errors
    /// When a name or a path is not one, or a rule is unknown.
    pub fn declared(&self) -> Result<Declared, SetupError> {
        Ok(Declared {
            policy: self.policy()?,
            schema: self.schema()?,
            served: match self.connector.as_deref() {
                None => Served::Anywhere,
                Some("none") => Served::Nowhere,
                Some(connector) => Served::By(connector.to_owned()),
            },
        })
    }

    fn policy(&self) -> Result<Policy, SetupError> {
        let mut policy = Policy::of(rule(&self.policy)?);
        policy.deletes = self.deletes.as_deref().map(delete_rule).transpose()?;
        policy.fallback = self.fallback.as_deref().map(fallback).transpose()?;
        for (path, rule) in &self.fields {
            policy.fields.insert(parsed(path)?, field_rule(rule)?);
        }
        Ok(policy)
    }

    fn schema(&self) -> Result<Schema, SetupError> {
        let columns = self.columns.iter().map(|(name, column)| {
            let (kind, path, indexed) = match column {
                ColumnSettings::Kind(kind) => (kind, None, false),
                ColumnSettings::Whole {
                    kind,
                    path,
                    indexed,
                } => (kind, path.as_deref(), *indexed),
            };
            Ok(Column {
                name: name.clone(),
                path: parsed(path.unwrap_or(name))?,
                kind: column_kind(kind)?,
                indexed,
            })
        });
        let references = self.references.iter().map(|(path, reference)| {
            let collection = CollectionName::new(&reference.collection);
            let reference = Reference {
                collection: collection.map_err(|error| SetupError::new(error.to_string()))?,
                nullable: reference.nullable,
                numeric: reference.numeric,
            };
            Ok((parsed(path)?, reference))
        });
        let server_fields = self.server_fields.iter().map(|path| parsed(path));
        Ok(Schema {
            number: self.schema.unwrap_or(0),
            columns: columns.collect::<Result<_, SetupError>>()?,
            references: references.collect::<Result<_, SetupError>>()?,
            server_fields: server_fields.collect::<Result<_, SetupError>>()?,
        })
    }
}

pub(super) fn parsed(path: &str) -> Result<Path, SetupError> {
    Path::parse(path).map_err(|error| SetupError::new(error.to_string()))
}
