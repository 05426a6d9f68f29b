//! A copy of an encrypted file's salt, in a file beside it. It is no secret; but without it the key opens nothing, and the
//! file itself has it only once, in its first bytes.
use crate::key::{SALT_BYTES, Salt, read_digits};
use crate::salvage::beside;
use std::fs;
use std::path::Path;

/// What the name of the copy ends with.
const END: &str = "-salt";

/// Keeps the salt of a file that was opened. A folder that nobody may write to has no copy.
pub(crate) fn keep(path: &Path, salt: &Salt) {
    if kept(path).as_ref() != Some(salt) {
        let digits: String = salt.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = fs::write(beside(path, END), digits);
    }
}

/// The copy, if there is a whole one.
pub(crate) fn kept(path: &Path) -> Option<Salt> {
    read(&fs::read_to_string(beside(path, END)).ok()?)
}

/// The salt that hexadecimal digits stand for.
pub(crate) fn read(digits: &str) -> Option<Salt> {
    let mut salt = [0; SALT_BYTES];
    read_digits(digits, &mut salt).map(|()| salt)
}
