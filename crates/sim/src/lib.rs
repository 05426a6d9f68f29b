//! A deterministic simulator of Ti.Sync: the shipped engine, native connector, wire format and server, on a
//! network, stores and clocks that fail.
//!
//! Everything follows from one seed: a [`scenario::Scenario`] is drawn up front, [`run::run`] carries it out in
//! virtual time, and the checkers look at every commit. After the faults comes a phase without them, at whose
//! end all replicas and the server are equal and no write is missing.
mod app;
pub mod bank;
pub mod both;
mod check;
mod dice;
pub mod disk;
pub mod fleet;
pub mod minimise;
pub mod options;
pub mod report;
pub mod run;
pub mod scenario;
mod tape;
mod trace;
mod watch;
mod world;

pub use check::Violation;
pub use trace::Keeping;
pub use world::Tally;
