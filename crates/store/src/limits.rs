//! Every limit of the store, with the reason for its number.

/// Milliseconds that a connection waits for the lock of another process before it says `Busy`: longer than
/// the longest commit (a page of 5,000 rows), short enough for a person who waits for a save.
pub const BUSY_MS: u64 = 5_000;
/// Prepared statements that a connection keeps: about 20 of its own and 12 for each collection in use.
pub const STATEMENTS_MAX: usize = 256;
/// KiB of pages that a writing connection keeps in memory.
pub const CACHE_KIB: u32 = 64 << 10;
/// KiB of pages that a reading connection keeps in memory, unless its host says otherwise: the operating system
/// keeps the rest.
pub const READER_CACHE_KIB: u32 = 8 << 10;
/// Pages in the WAL before a checkpoint: four times SQLite's default is a third faster on a bulk load, and
/// bounds the WAL at 16 MiB.
pub const WAL_PAGES: u32 = 4_000;
/// Bytes that the WAL file is cut to after a checkpoint, should a long read have let it grow.
pub const WAL_BYTES_MAX: u64 = 32 << 20;
/// Rows whose values are bound in one call of the driver: bounds what a page holds twice.
pub const ROWS_PER_CALL: usize = 512;
/// Milliseconds between two runs of a live query: a person does not see faster changes.
pub const WATCH_MS: u64 = 50;
/// Levels of a filter: far more than a person writes, and no stack runs out.
pub const FILTER_DEPTH_MAX: usize = 64;
/// Values that a filter binds in SQL: the oldest SQLite takes 999; what is beyond is looked at after reading.
pub const FILTER_VALUES_MAX: usize = 900;
/// Bytes of a page of every file that a store makes: what SQLite took before a damaged header said otherwise.
pub const PAGE_BYTES: usize = 4_096;
/// Bytes of a row that a salvage reads at most: far more than a document may have.
pub const SALVAGE_ROW_BYTES_MAX: usize = 64 << 20;
/// Pages that are looked at to tell whether a file is encrypted, and with which key: the first of each kind are among
/// them, and it takes milliseconds.
pub const JUDGED_PAGES: u32 = 1_000;
/// How many times the size of a file a salvage reads at most, however its damaged pages refer to each other.
pub const SALVAGE_READS: u64 = 16;
