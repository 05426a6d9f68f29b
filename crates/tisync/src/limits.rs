//! Every limit of the library, with the reason for its number.

/// Events that a slow receiver may fall behind before it is told that it missed some.
pub const EVENTS_KEPT: usize = 1_024;
/// Ids of changed records that a slow receiver's queue holds: four of the largest pages, a megabyte or two.
pub const EVENT_RECORDS_KEPT: usize = 20_000;
/// Milliseconds between two tries to take the lease while another process holds it.
pub const LEASE_POLL_MS: u64 = 500;
/// Milliseconds between two times that the process which syncs tells the others what went over the wire, while
/// something does: as often as a person looks.
pub const TRAFFIC_TOLD_MS: u64 = 1_000;
/// Milliseconds between two looks at whether another process has written to the file.
pub const OTHERS_POLL_MS: u64 = 100;
/// Milliseconds until the next look when a transaction of this process was in the way: most take no longer.
pub const OTHERS_RETRY_MS: u64 = 10;
/// Milliseconds between two looks at the addresses of this device: a change is only a hint, and a look costs
/// microseconds.
pub const INTERFACES_POLL_MS: u64 = 1_000;
/// Milliseconds by which the clock must run ahead of the time that this process counted to look like sleep: no clock
/// drifts that far between two looks.
pub const SLEPT_MS_MIN: u64 = 10_000;
/// Hints and ends of streams that wait for the sync worker; beyond it the streams wait.
pub const HEARD_MAX: usize = 16;
/// Milliseconds that a write waits for another process's transaction before it fails as busy.
pub const BUSY_MS_MAX: u64 = 10_000;
/// Milliseconds of one try within it: then another thread of this process has its turn.
pub const BUSY_TRY_MS: u64 = 100;
/// Milliseconds until an input that the storage refused is given again.
pub const STORAGE_RETRY_MS: u64 = 1_000;
/// Reading connections that are kept open for the next read.
pub const READERS_IDLE_MAX: usize = 4;
/// KiB of pages that the first reading connection keeps in memory: 100,000 records of usual size, so that a
/// record is found without asking the operating system. Those that help out beside it keep few.
pub const READER_CACHE_KIB: u32 = 64 << 10;
/// Rows of an answer to SQL of the app's own: it is held in memory.
pub const SQL_ROWS_MAX: usize = 100_000;
/// Milliseconds that a credentials provider has to answer.
pub const CREDENTIALS_MS_MAX: u64 = 30_000;
/// Milliseconds until a connection must stand.
pub const CONNECT_MS_MAX: u64 = 10_000;
/// Redirects within one origin that are followed.
pub const REDIRECTS_MAX: usize = 5;
/// Lines of an archive in one transaction: enough to make its cost disappear.
pub const IMPORT_LINES: usize = 5_000;
/// Rows that a list of outbox entries, conflicts or quarantined rows reads at a time.
pub const LIST_ROWS: usize = 500;
/// Milliseconds between two polls of a feed, unless configured.
pub const POLL_MS: u64 = tisync_core::limits::POLL_MS;
/// Milliseconds until a page that was asked for ahead is too old: storing one takes less.
pub const AHEAD_MS_MAX: u64 = 10_000;
/// Turns of the runtime until a request is written to its socket: the task that asks, the pool, the connection
/// (measured: a page comes as early with 4 as with 100).
pub const AHEAD_TURNS: usize = 4;
/// Milliseconds that a comparison with the server may take before who asked for it is told to look later: a million
/// records take some seconds.
pub const COMPARE_MS_MAX: u64 = 120_000;
