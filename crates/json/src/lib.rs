//! JSON documents: raw text as received, exact comparison, canonical print.
//!
//! Nothing else in Ti.Sync parses, compares, sorts or prints documents.
mod document;
mod error;
mod find;
mod hash;
mod keys;
pub mod limits;
mod number;
mod parse;
mod patch;
mod path;
mod print;
mod raw;
mod text;
mod value;

pub use document::Document;
pub use error::{Error, ErrorKind};
pub use hash::hash64;
pub use number::Number;
pub use patch::{Patch, diff};
pub use path::Path;
pub use value::{Object, Value, get};
