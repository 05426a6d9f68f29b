//! The planner: what it finds, what it decides, and what its documentation says about it.
#![allow(clippy::unwrap_used)]

mod answers;
mod cells;
mod checks;
mod fields;
mod reference;
mod support;
