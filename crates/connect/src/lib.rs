//! Connectors: one interface to any backend.
//!
//! A connector translates: it sends what the engine orders through the host's [`http::Http`] and classifies what
//! comes back. It keeps no state, has no retry loop, and awaits nothing but `Http`.
pub mod certify;
mod connector;
pub mod connectors;
mod error;
mod exchange;
pub mod feed;
pub mod http;
pub mod lifeboat;
pub mod limits;
#[doc(hidden)]
pub mod planted;
pub mod progress;
mod session;
pub mod settings;

pub use connector::{Connector, Hint, Hints, LocalFuture, LocalStream};
pub use error::{Error, ErrorKind};
pub use exchange::carry_out;
pub use session::Session;
