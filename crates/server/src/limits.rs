//! Limits of the server, each with its reason.

/// Mutations of one push: four of the batches that clients send, and a group always fits.
pub const PUSH_MUTATIONS_MAX: u64 = 2_000;
/// Bytes of one push, unpacked: the largest batch of ordinary records, and a few documents of full size.
pub const PUSH_BYTES_MAX: u64 = 8 << 20;
/// Items of one page: beyond it a page costs more memory and no less time.
pub const PULL_ITEMS_MAX: u64 = 10_000;
/// Items of one page when the request names no limit.
pub const PULL_ITEMS_DEFAULT: u64 = 1_000;
/// Bytes of one page's items: what a phone takes in one answer.
pub const PULL_BYTES_MAX: u64 = 4 << 20;
/// Rows looked at for one page: a feed of a rare collection must not hold a reader for minutes.
pub const SCAN_ROWS_MAX: u64 = 100_000;
/// Records, marks or ranges of one fetch or digest.
pub const FETCH_MAX: u64 = 2_000;
/// Collections of one feed.
pub const COLLECTIONS_MAX: usize = 1_000;
/// Bytes of a request that is not a push: names and ids only.
pub const QUERY_BYTES_MAX: u64 = 1 << 20;
/// How long receipts are kept, in ms: thirty days, longer than any holiday without a network.
pub const RECEIPTS_KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// How long deletions are kept, in ms: ninety days; a replica away for longer compares everything.
pub const TOMBSTONES_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1000;
/// Stamps of one record by path; a record with more keeps one stamp for all.
pub const STAMPS_MAX: usize = 256;
/// The last version: fits the place of a row (see the SQLite store) and the integers of JavaScript.
pub const VERSION_MAX: u64 = 1 << 46;
/// Records of one commit that the place of a row can number.
pub const COMMIT_RECORDS_MAX: u64 = 1 << 15;
