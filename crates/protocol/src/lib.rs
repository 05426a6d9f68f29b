//! The wire types of the native protocol, version 1: JSON over HTTP.
//!
//! `docs/PROTOCOL.md` explains each exchange with examples. Unknown fields are ignored, so that either
//! side may be the newer one. Enumerations are tagged from outside (`{"accepted": {…}}`), because a
//! [`tisync_json::Document`] is embedded as the text it is and cannot pass through a buffer.
mod about;
mod digest;
mod fetch;
mod image;
pub mod limits;
mod mutation;
mod names;
mod problem;
mod pull;
mod push;
mod route;
mod stamp;

pub use about::{About, Limits};
pub use digest::{Digest, DigestAnswer, DigestRange, DigestRequest, Listed};
pub use fetch::{FetchAnswer, FetchRequest, Found, MarkResult, Wanted};
pub use image::{Gone, Image, Present};
pub use mutation::{Change, Mutation, PatchChange, Precondition};
pub use names::{NameError, check_collection, check_group, check_record, mutation_id};
pub use problem::Problem;
pub use pull::{Item, PullAnswer, PullRequest};
pub use push::{
    Accepted, Conflict, Deferred, PushAnswer, PushRequest, PushResult, Rejected, Verdict,
};
pub use route::Route;
pub use stamp::Stamp;
