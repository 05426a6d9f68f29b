//! Limits of the planner.

/// Fields that a journal line names one by one: enough to read, and the documents beside it tell the rest.
pub(super) const FIELDS_NAMED_MAX: usize = 20;
/// Differing tokens that the text merge follows before it takes the rest as one change: the search needs
/// memory in the square of this (4 MB).
pub(super) const TEXT_EDITS_MAX: usize = 1_000;
