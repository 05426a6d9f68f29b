//! Limits of the ACS face: those of ACS where it had any, and ours where it had none.

/// Records of one answer; ACS's.
pub(super) const LIMIT_MAX: u64 = 1_000;
/// Records of one answer when the request names no limit; ACS's.
pub(super) const LIMIT_DEFAULT: u64 = 10;
/// Records to leave out before the first; ACS's.
pub(super) const SKIP_MAX: u64 = 4_999;
/// Records of a page in the older dialect; apps ask for 9999 and mean "all".
pub(super) const PER_PAGE_MAX: u64 = 10_000;
/// Records of an ordered answer and before it: more would have to be kept in memory to be sorted.
pub(super) const WINDOW_MAX: u64 = 15_000;
/// Above this many a count is told as "5000+"; ACS's.
pub(super) const COUNT_MAX: u64 = 5_000;
/// Records that one query looks at: about a second of work on one of the server's readers.
pub(super) const SCANNED_MAX: u64 = 200_000;
/// Records that are read from the store first: most queries want a page of ten.
pub(super) const SLICE_RECORDS_FIRST: usize = 20;
/// Records that are read from the store at once, and their bytes.
pub(super) const SLICE_RECORDS: usize = 500;
pub(super) const SLICE_BYTES: usize = 4 << 20;
/// Bytes of one answer: more than an app's memory wants, and a full page of ordinary records fits.
pub(super) const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Ids of one call.
pub(super) const IDS_MAX: usize = 1_000;
/// Objects of one batch_create; ACS's.
pub(super) const BATCH_CREATE_MAX: usize = 100;
/// Records that one batch delete takes; ACS's.
pub(super) const BATCH_DELETE_MAX: u64 = 100_000;
/// Records deleted in one transaction of a batch delete, so that other writers get their turn.
pub(super) const BATCH_DELETE_SLICE: usize = 500;

/// Names and values of one request.
pub(super) const PARAMS_MAX: usize = 2_000;
/// Parts of one multipart body, and bytes of one part's head.
pub(super) const PARTS_MAX: usize = 200;
pub(super) const PART_HEAD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of `where`.
pub(super) const WHERE_BYTES_MAX: usize = 64 * 1024;
/// Conditions in `where`: each is tried on each record that is looked at.
pub(super) const CONDITIONS_MAX: usize = 256;
/// Values in one list of `where`.
pub(super) const VALUES_MAX: usize = 1_000;
/// Bytes from which on a text in `where` matches nothing; ACS's.
pub(super) const VALUE_BYTES_MAX: usize = 1_024;
/// Bytes of a regular expression, and of its compiled form.
pub(super) const REGEX_BYTES_MAX: usize = 1_024;
pub(super) const REGEX_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Fields of `order`.
pub(super) const ORDER_FIELDS_MAX: usize = 16;
/// Bytes of a text that count when records are ordered.
pub(super) const ORDER_BYTES_MAX: usize = 1_024;
/// The deepest `response_json_depth`; ACS's.
pub(super) const DEPTH_MAX: u64 = 8;
/// The depth when the request names none: what apps got until 2014, and what later ones do not mind.
pub(super) const DEPTH_DEFAULT: u64 = 3;

/// Bytes of a user's or an ACL's name.
pub(super) const NAME_BYTES_MAX: usize = 200;
/// Bytes of an email address: as in SMTP.
pub(super) const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of a password; a longer one would only cost time to hash.
pub(super) const PASSWORD_BYTES_MAX: usize = 1_024;
/// Users that one ACL names.
pub(super) const ACL_USERS_MAX: usize = 10_000;
/// How long a session lives after its last use, in ms: three months, ACS's default.
pub(super) const SESSION_MS: u64 = 90 * 24 * 60 * 60 * 1000;
/// A session is prolonged when this part of its life is gone, so that not every request writes.
pub(super) const SESSION_PROLONG_PART: u64 = 32;
/// Sessions that one pruning forgets.
pub(super) const PRUNED_MAX: usize = 10_000;
