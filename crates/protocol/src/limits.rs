//! Limits that both sides know.

/// The number of this protocol; part of every path (`/v1/…`).
pub const PROTOCOL: u32 = 1;
/// Bytes of a collection's name: fits an SQL identifier everywhere.
pub const COLLECTION_BYTES_MAX: usize = 63;
/// Bytes of a record's id: room for any key of another system, short enough for an index.
pub const RECORD_ID_BYTES_MAX: usize = 200;
/// Characters of a mutation's id: 128 random bits in lowercase hexadecimal.
pub const MUTATION_ID_CHARS: usize = 32;
/// Bytes of a group's name: it only has to be unique within one push.
pub const GROUP_BYTES_MAX: usize = 64;
/// How far a stamp may lie ahead of the server's clock, in ms: one bad clock must not win for ever.
pub const STAMP_AHEAD_MS_MAX: u64 = 60_000;
