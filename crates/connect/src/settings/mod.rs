//! Settings: what a configuration says of collections and their connectors, on every host.
//!
//! A configuration is the same in `tisync.toml`, in Rust and in JavaScript; here it becomes the [`Config`] that the
//! engine is told. It holds no secrets.
//!
//! [`Config`]: tisync_core::model::Config
mod assemble;
mod collection;
mod durability;
mod migration;
mod rules;

pub use assemble::{Backend, Declared, Served, config, served};
pub use collection::{CollectionSettings, ColumnSettings, ReferenceSettings};
pub use durability::WriteDurability;
pub use migration::{MigrationSettings, Steps};
pub use rules::{column_kind, delete_rule, fallback, field_rule, rule};
