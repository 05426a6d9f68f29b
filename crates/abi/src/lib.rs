//! One small C ABI over the engine, the SQLite store and the connectors, driven by its host.
//!
//! The host brings a database, an HTTP client, time and random bytes; everything else is here. It gives *commands*
//! (JSON, [`Command`]) and gets *answers* (JSON, [`Answer`]) that also say what is asked of it. Nothing here waits:
//! a command answers at once, and what needs the network is asked of the host and answered by a later command.
//! There are no threads, clocks or random numbers, and the module that is built for wasm32 imports one function.
//!
//! [`edge`] has the functions that are exported; `include/tisync.h` declares them for C, and `docs/ABI.md` says how a
//! host drives them.
mod answer;
#[cfg(feature = "certify")]
mod certify;
mod command;
#[cfg(feature = "trace")]
mod conformance;
mod core;
mod ears;
pub mod edge;
mod exchange;
mod host;
mod hosted;
#[cfg(feature = "certify")]
mod lend;
mod lifeboat;
mod lists;
mod open;
#[cfg(feature = "trace")]
mod replay;
mod replica;
mod run;
mod session;
mod slots;
mod sql;
mod streams;
mod verbs;

pub use answer::{Answer, Ask, Told};
#[cfg(feature = "certify")]
pub use certify::{Certified, Certify};
pub use command::Command;
pub use core::Core;
pub use host::{Call, Host};
pub use hosted::HostedReply;
#[cfg(feature = "certify")]
pub use lend::{LentAnswer, LentOutcome, LentRequest};
pub use lifeboat::{Part, Place};
pub use open::{ConnectorSettings, Open, Opened};
pub use sql::HostDriver;
pub use tisync_connect::progress::PullProgress;
pub use tisync_connect::{Error, ErrorKind};
