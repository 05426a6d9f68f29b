//! The engine of Ti.Sync: it decides what to store, send and show, and does no I/O.
pub mod limits;
pub mod model;
pub mod store;
