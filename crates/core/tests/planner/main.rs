//! The planner: what it finds, what it decides, and what its documentation says about it.
#![allow(clippy::unwrap_used)]

mod answers;
mod cells;
mod checks;
mod docs;
mod equality;
mod fields;
mod laws;
mod reference;
mod server_fields;
mod support;
mod texts;
mod times;
mod values;
