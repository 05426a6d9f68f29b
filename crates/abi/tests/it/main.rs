//! The commands, over a database of the test's and a network that it writes down.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
mod conformance;
mod device;
mod progress;
mod reads;
mod syncs;
