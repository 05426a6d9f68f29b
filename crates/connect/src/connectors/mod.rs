//! The connectors that come with Ti.Sync: one folder each.
mod native;

pub use native::Native;
