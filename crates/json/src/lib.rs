//! JSON documents: raw text as received, exact comparison, canonical print.
//!
//! Nothing else in Ti.Sync parses, compares, sorts or prints documents. A [`Document`] keeps the text
//! that came and is checked in one pass; a [`Value`] is the tree, made only when a rule needs the fields.
//! A [`Patch`] is what changed between two of them.
//!
//! Numbers are compared by their exact value and printed so that reading the print gives that value
//! again: integers digit by digit, doubles as ECMAScript prints them. See [`Number`] for the three
//! cases where one of these had to give way.

pub mod any;
#[doc(hidden)]
pub mod derived;
mod document;
mod double;
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
mod quoted;
mod raw;
mod read;
mod sink;
mod text;
pub mod tree;
mod value;
mod write;

pub use document::Document;
pub use error::{Error, ErrorKind};
pub use hash::hash64;
pub use number::Number;
pub use patch::{Patch, diff};
pub use path::Path;
pub use quoted::Quoted;
pub use read::{Elements, ReadError, head, read};
pub use serde::de::Deserialize;
pub use tisync_json_derive::Deserialize;
pub use value::{Object, Value, get};
pub use write::{write, write_to};
