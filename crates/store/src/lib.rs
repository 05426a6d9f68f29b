//! The SQLite store of Ti.Sync.
//!
//! [`SqliteStore`] keeps the rows of a replica behind the engine's store seam, over any [`SqlDriver`]; the
//! feature `rusqlite` brings the driver for native hosts. [`Reader`] answers the app's queries on a connection
//! of its own, so that reads never wait for sync.
//!
//! ```
//! # #[cfg(feature = "rusqlite")] {
//! use tisync_core::store::{Durability, Op, Store, Tx};
//! use tisync_store::{Options, SqliteStore};
//!
//! let mut store = SqliteStore::in_memory(&Options::default())?;
//! let tx = store.begin(Durability::Full)?;
//! tx.commit(vec![Op::Meta { key: "node".into(), value: Some("7".into()) }])?;
//! assert_eq!(store.begin(Durability::Full)?.meta("node")?.as_deref(), Some("7"));
//! # }
//! # Ok::<(), tisync_core::store::StoreError>(())
//! ```
#[cfg(feature = "encryption")]
mod cipher;
#[cfg(not(feature = "encryption"))]
#[path = "no_cipher.rs"]
mod cipher;
mod column;
mod driver;
#[cfg_attr(
    not(feature = "encryption"),
    allow(dead_code, reason = "a key opens nothing then")
)]
mod key;
pub mod limits;
pub mod lists;
mod live;
pub mod query;
mod reader;
#[cfg(feature = "rusqlite")]
mod rusqlite_driver;
#[cfg(feature = "encryption")]
mod salt;
mod salvage;
mod sqlite;

pub use driver::{Next, SqlConsole, SqlDriver, SqlRow, SqlValue};
pub use key::Key;
pub use live::{Live, Topic, WatchId};
pub use query::{Filter, Order, Query, Visible, VisibleRow};
pub use reader::{Reader, SqlRows, Statement};
#[cfg(feature = "rusqlite")]
pub use rusqlite_driver::RusqliteDriver;
pub use salvage::{FileKind, Salvage, Unreadable};
pub use sqlite::{Fault, LAYOUT, Options, Part, SqliteStore, SqliteTx};
