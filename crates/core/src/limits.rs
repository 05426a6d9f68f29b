//! Every limit of the engine, with the reason for its number.

/// Bytes of a collection's, connector's or feed's name: an SQL identifier with room for a prefix.
pub const NAME_BYTES_MAX: usize = 63;
/// Bytes of a record id: room for a URL-shaped id, small enough for an index.
pub const RECORD_ID_BYTES_MAX: usize = 200;
/// Bytes of a version, checkpoint or epoch: room for a server's cursor token.
pub const TOKEN_BYTES_MAX: usize = 2048;
/// Milliseconds until a request without an answer counts as lost.
pub const REQUEST_DEADLINE_MS: u64 = 60_000;
/// Items asked for in one page: larger pages save nothing (measured), and hold more memory.
pub const PULL_ITEMS_MAX: usize = 5_000;
/// Bytes asked for in one page.
pub const PULL_BYTES_MAX: usize = 2 << 20;
/// Mutations in one push, before the backend's own limit.
pub const PUSH_ITEMS_MAX: usize = 500;
/// Bytes of documents in one push.
pub const PUSH_BYTES_MAX: usize = 1 << 20;
/// Writes in one group: a group is sent whole, so it must fit into one push.
pub const GROUP_WRITES_MAX: usize = 100;
/// The first wait after a failure, in milliseconds.
pub const BACKOFF_FIRST_MS: u64 = 1_000;
/// The longest wait that the schedule chooses by itself.
pub const BACKOFF_MAX_MS: u64 = 5 * 60_000;
/// The longest wait that a server may ask for; longer ones are cut to this.
pub const RETRY_AFTER_MAX_MS: u64 = 60 * 60_000;
/// Milliseconds between two polls of a feed without hints.
pub const POLL_MS: u64 = 30_000;
/// Milliseconds between two polls while a backend gives hints: they find what a lost hint did not tell.
pub const LIVE_POLL_MS: u64 = 5 * 60_000;
/// Milliseconds between two pulls that hints cause: a person sees no faster changes, and a backend that hints
/// without end is not pulled without end.
pub const HINT_GAP_MS: u64 = 50;
/// Milliseconds for which a backend must give hints before a break counts as the first: one that accepts and hangs
/// up is asked ever more rarely.
pub const LISTEN_STEADY_MS: u64 = 60_000;
/// Milliseconds between two probes that the host's network signals cause: a network that comes and goes is not
/// asked more often than a person would.
pub const SIGNAL_GAP_MS: u64 = 5_000;
/// Milliseconds that a policy function has to answer before the fallback decides.
pub const DECIDE_MS: u64 = 5_000;
/// How far a stamp may lie in the future of this device's clock before it is cut.
pub const SKEW_MS_MAX: u64 = 60_000;
/// Milliseconds between two complete walks through a feed that shows no deletes: each costs a read of everything.
pub const WALK_MS: u64 = 3_600_000;
/// Milliseconds for which what was read of a record counts, where it is then written without a precondition: no
/// longer than it takes to hand the write out.
pub const CHECK_MS: u64 = 1_000;
/// Ids looked up in one fetch.
pub const FETCH_IDS_MAX: usize = 100;
/// Suspects that are fetched before a sweep that looks too large goes on.
pub const SHRINK_PROBES: usize = 20;
/// Inferred deletions up to this number never need a confirmation.
pub const SHRINK_RECORDS: usize = 20;
/// Share of a collection, in percent, above which inferred deletions need a confirmation.
pub const SHRINK_PERCENT: usize = 30;
/// Days that a settled journal row is kept.
pub const JOURNAL_DAYS: u64 = 90;
/// Bytes of settled journal rows that are kept.
pub const JOURNAL_BYTES_MAX: u64 = 64 << 20;
/// Restarts of a feed in one epoch before it counts as looping.
pub const RESTARTS_PER_EPOCH: u32 = 1;
/// Look-ups of an unknown create before a page is applied without its answer.
pub const UNKNOWN_TRIES: u32 = 3;
/// Records that are looked at to see whether references of new records close a cycle: a longer one is not cut.
pub const REFERENCE_STEPS_MAX: usize = 1_000;
/// Records whose documents the migrate function is asked about in one step: an answer holds them twice.
pub const MIGRATE_ROWS: usize = 500;
/// Bytes of documents that the migrate function is asked about in one step, unless one record alone has more.
pub const MIGRATE_BYTES_MAX: usize = 1 << 20;
/// Rows that a sweep looks at in one step.
pub const SWEEP_ROWS: usize = 1_000;
/// Milliseconds between two comparisons with the server's digests: drift is rare, and each costs a read of all
/// ids and versions.
pub const VERIFY_MS: u64 = 24 * 3_600_000;
/// Milliseconds until a comparison that could not be made is tried again.
pub const VERIFY_RETRY_MS: u64 = 3_600_000;
/// Answers in a row that came too late to compare with, before the comparison waits for a quieter hour.
pub const VERIFY_TRIES: u32 = 10;
/// Records counted in one step: some milliseconds, less than a page takes.
pub const VERIFY_ROWS: usize = 5_000;
/// Counted ranges that are remembered; beyond, two become one.
pub const VERIFY_RANGES_MAX: usize = 256;
/// Into how many parts a range that differs is cut.
pub const VERIFY_PARTS: usize = 16;
/// A range of so many records here is no longer cut, but listed.
pub const VERIFY_LIST_ROWS: usize = 500;
/// Records that the server lists at most; where it holds more, everything is pulled anew.
pub const VERIFY_LIST_MAX: usize = 1_000;
/// Fetches in a row that mend nothing, before what still differs is given up and reported.
pub const VERIFY_STUCK: u32 = 3;
/// Declared columns of one collection: far below SQLite's 2,000, and each costs on every write.
pub const COLUMNS_MAX: usize = 64;
