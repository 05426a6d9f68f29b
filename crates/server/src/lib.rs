//! The reference backend of Ti.Sync.
//!
//! ```text
//! edge     sockets, tokens of time, compression, threads           (feature `edge`)
//!   faces    bytes → request → service → answer → bytes             pure
//!     service  push, pull, fetch, digest, about, epoch, prune         pure
//!       store    ServerStore: memory, SQLite (feature `sqlite`)
//! ```
//! [`faces::handle`] is the whole server without a socket: the edge wraps it and the simulator calls it,
//! so that both run the same codecs.
mod checkpoint;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "edge")]
pub mod edge;
mod error;
pub mod faces;
mod http;
pub mod limits;
mod memory;
pub mod planted;
pub mod service;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stamps;
mod store;

pub use config::{Authorise, Grant, Refusal, ServerNow, ServiceConfig, Validate};
pub use error::{ServiceError, StoreError, StoreErrorKind};
pub use http::{Changed, HttpRequest, HttpResponse, Listens};
pub use memory::{MemoryServerStore, MemoryTx};
#[cfg(feature = "sqlite")]
pub use sqlite::{LAYOUT, SqliteServerStore, SqliteTx};
pub use store::{
    Access, Content, Head, Key, LiveRow, Meta, Range, Receipt, Record, Row, ServerStore, ServerTx,
    Settled, Tally,
};
