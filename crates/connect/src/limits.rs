//! Limits of connectors, each with its reason.

/// Bytes of an answer to a pull or a fetch: room for a page whose one commit is larger than what was asked for,
/// small enough for a phone.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Bytes of an answer to a push: verdicts, and at worst the remote image of every mutation.
pub const PUSH_ANSWER_BYTES_MAX: usize = 64 << 20;
/// Bytes of an answer to a probe: a few lines of JSON.
pub const PROBE_ANSWER_BYTES_MAX: usize = 256 << 10;
/// Milliseconds that a probe's answer may take: less than other requests, since it moves next to nothing.
pub const PROBE_MS_MAX: u64 = 15_000;
/// Milliseconds of silence after which a stream of hints counts as broken: three beats of our server.
pub const HINTS_SILENCE_MS_MAX: u64 = 45_000;
/// Bytes of one line of a stream of hints: ours have some ten.
pub const HINT_LINE_BYTES_MAX: usize = 4_096;
/// Bytes of collections' names in the address of a stream of hints; with more, hints of all collections come.
pub const HINT_NAMES_BYTES_MAX: usize = 2_000;
/// Bytes of one piece of a stream that is only listened to: what a socket brings at once.
pub const STREAM_PIECE_BYTES_MAX: usize = 1 << 20;
/// Feeds that are listened to, each over a connection of its own: hosts keep six to one server; one is left for
/// everything else.
pub const HINT_FEEDS_MAX: usize = 5;
/// Items that a page may hold: beyond it the answer is not one of a server that honours what was asked for.
pub const PAGE_ITEMS_MAX: usize = 1_000_000;
/// Bytes of a refused row's text that are kept: enough to see what it was.
pub const BAD_TEXT_BYTES_MAX: usize = 64 << 10;
/// Epochs in a server's history: a server is restored a few times in its life.
pub const EPOCHS_MAX: usize = 1_000;
/// Characters of a server's words that go into a message.
pub const MESSAGE_CHARS_MAX: usize = 300;
/// Times that a walk by offset, or the rows of one time, are read again because rows shifted: a listing
/// that changes faster than it can be read is given up until the next attempt.
pub const LISTING_RESTARTS_MAX: u32 = 8;
