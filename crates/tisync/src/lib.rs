//! Ti.Sync: keeps an app's data in sync with a backend. Reads and writes are local, offline or not; no write
//! is ever lost; conflicts are settled by a policy that you name.
//!
//! ```
//! # let dir = tempfile::tempdir().unwrap();
//! use tisync::Replica;
//!
//! let replica = Replica::open(dir.path().join("notes.db"))
//!     .server("http://127.0.0.1:7400")
//!     .collection("notes", "merge")
//!     .open()?;
//! let notes = replica.collection("notes")?;
//! let written = notes.insert(r#"{"title": "Milk"}"#)?;
//! assert_eq!(notes.count()?, 1);
//! // replica.sync().await?;   // once, or
//! // replica.start()?;        // in the background
//! # let _ = written;
//! # Ok::<(), tisync::Error>(())
//! ```
mod address;
mod ahead;
mod archive;
mod aside;
mod builder;
mod busy;
mod certify;
mod collection;
mod conflicts;
mod credentials;
mod doctor;
mod document;
mod events;
mod exchange;
mod files;
mod health;
mod host;
mod http;
mod journal;
mod lease;
mod lifeboat;
pub mod limits;
mod local;
mod log;
mod logout;
mod lookout;
mod meter;
mod migrations;
mod options;
mod outbox;
mod policies;
mod policy;
mod query;
mod readers;
mod replica;
mod settings;
mod shared;
mod storage;
mod traffic;
mod typed;
mod wait;
mod watch;
mod watchers;
mod worker;
mod writes;

pub use archive::{Archived, Progress};
pub use aside::SetAside;
pub use builder::ReplicaBuilder;
pub use certify::Sample;
pub use collection::Collection;
pub use conflicts::Conflicts;
pub use credentials::{Credentials, CredentialsAnswer, CredentialsAsk, Token};
pub use doctor::{Checkup, Compared, Fault};
pub use document::{IntoDocument, IntoId, Record};
pub use events::{Events, Notice};
pub use health::{SyncReport, needs_person};
pub use http::ReqwestHttp;
pub use journal::Journal;
pub use lease::{Holder, LeaseState};
pub use lifeboat::Returned;
pub use logout::{LoggedOut, Pending};
pub use options::{CollectionOptions, IntoCollectionOptions};
pub use outbox::Outbox;
pub use policies::FieldConflict;
pub use policy::{IntoPolicy, fallback, rule};
pub use query::{Compare, Query};
pub use replica::Replica;
pub use settings::{ConnectorSettings, Settings};
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use tisync::Replica;
/// let replica = Replica::open(dir.path().join("notes.db")).collection("notes", "merge").open()?;
/// let error = replica.collection("notes")?.delete("nobody").unwrap_err();
/// assert!(error.is_not_found());
/// # Ok::<(), tisync::Error>(())
/// ```
pub use tisync_connect::Error;
pub use tisync_connect::ErrorKind;
pub use tisync_connect::progress::PullProgress;
pub use traffic::Totals;
pub use typed::Typed;
pub use watch::Watch;
pub use writes::Writes;

pub use tisync_connect as connect;
pub use tisync_connect::settings::{
    CollectionSettings, ColumnSettings, MigrationSettings, ReferenceSettings, WriteDurability,
};
pub use tisync_core::model;
pub use tisync_json::{self as json, Document, Object, Patch, Path, Value};
pub use tisync_store::lists::{OpenConflict, OutboxEntry};
pub use tisync_store::{Filter, Key, Order, SqlRows};

/// The README's Rust examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The page on upgrades, its Rust example run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/UPGRADES.md")]
struct Upgrades;

/// The page on encryption, its Rust example run as a test.
#[cfg(all(doctest, feature = "encryption"))]
#[doc = include_str!("../../../docs/ENCRYPTION.md")]
struct Encryption;
