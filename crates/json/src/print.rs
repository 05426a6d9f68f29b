//! Canonical print.
