//! The engine of Ti.Sync: it decides what to store, send and show, and does no I/O.
pub mod archive;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod error;
pub mod limits;
pub mod memory;
pub mod model;
pub mod planted;
pub mod reconcile;
pub mod store;
#[cfg(feature = "trace")]
pub mod trace;

pub use engine::Engine;
pub use error::{Error, ErrorDetails, ErrorKind};
