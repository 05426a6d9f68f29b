//! A record's place in the feed as one integer, its rowid.
use crate::StoreError;
use crate::limits::{COMMIT_RECORDS_MAX, VERSION_MAX};

/// Bits below the version: fifteen of the position within the commit, one that marks a deletion.
const VERSION_SHIFT: u32 = 16;
const _: () = assert!(
    COMMIT_RECORDS_MAX == 1 << (VERSION_SHIFT - 1) && VERSION_MAX <= 1 << (62 - VERSION_SHIFT)
);

/// `version ‖ position ‖ deleted`: sorts like (version, position), and tells a deletion without the row.
pub(super) fn place(version: u64, position: u64, deleted: bool) -> Result<i64, StoreError> {
    if version >= VERSION_MAX || position >= COMMIT_RECORDS_MAX {
        return Err(StoreError::failed(format!(
            "version {version}, position {position} is beyond what a row can hold"
        )));
    }
    Ok(((version << VERSION_SHIFT) | (position << 1) | u64::from(deleted)) as i64)
}

/// The least place after all of a version.
pub(super) fn after(version: u64) -> i64 {
    ((version.min(VERSION_MAX) + 1) << VERSION_SHIFT) as i64
}

pub(super) fn version(place: i64) -> u64 {
    place as u64 >> VERSION_SHIFT
}

pub(super) fn is_deleted(place: i64) -> bool {
    place & 1 == 1
}
