//! Limits of documents.
/// Depth of nesting of a document: deeper ones are refused, so that no host's stack runs out.
pub const DEPTH_MAX: usize = 64;
/// Bytes of one document's text.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
