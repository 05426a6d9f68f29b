//! Limits of documents.

/// Depth of nesting of a document, and keys in a path: deeper ones are refused, so that no host's
/// stack runs out. Everything here that recurses is bounded by it.
pub const DEPTH_MAX: usize = 64;
/// Bytes of one document's text: large enough for any record that a person edits, small enough that
/// a page of them fits in memory.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
