//! Whose file it is: ours, somebody else's, or one that only its key opens.
use super::view::View;
use super::wal;
use crate::cipher::Cipher;
use crate::key::{self, Key};
use crate::limits;
use crate::sqlite::{APPLICATION_ID, LAYOUT};
use std::path::Path;
use tisync_core::store::StoreError;

/// What every file of SQLite begins with that is not encrypted.
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A store's, or too damaged to tell.
    Ours,
    /// That of a newer store, with its layout.
    Newer(i64),
    /// A database of something else.
    Foreign,
    /// Noise: nobody can read it without its key, or with the one that came.
    Encrypted,
    /// Not encrypted, although a key came.
    Plain,
}

/// Tells from the pages; a view that opens them has the right key.
pub(super) fn of(view: &View<'_>, has_key: bool) -> FileKind {
    let page = view.page(1).unwrap_or_default();
    let is_sqlite = page.starts_with(MAGIC);
    if view.is_opened() || (is_sqlite && !has_key) {
        return if is_sqlite {
            by_header(&page)
        } else {
            FileKind::Ours
        };
    }
    if is_sqlite {
        return FileKind::Plain;
    }
    let looks = Looks::of(view);
    if looks.noise > looks.other {
        FileKind::Encrypted
    } else if has_key && looks.other > 0 {
        FileKind::Plain
    } else {
        FileKind::Ours
    }
}

fn by_header(page: &[u8]) -> FileKind {
    let number = |at: usize| page.get(at..at + 4).map_or(0, wal::number);
    let layout = i64::from(number(60));
    match i64::from(number(68)) {
        APPLICATION_ID if layout > LAYOUT => FileKind::Newer(layout),
        APPLICATION_ID => FileKind::Ours,
        _ => FileKind::Foreign,
    }
}

/// How the first pages look. Our own pages are lists, numbers and text, never noise; damage seldom hits most of them.
struct Looks {
    noise: u32,
    other: u32,
}

impl Looks {
    fn of(view: &View<'_>) -> Self {
        let mut looks = Looks { noise: 0, other: 0 };
        for number in 1..=view.pages().min(limits::JUDGED_PAGES) {
            match view.stored(number) {
                Some(page) if is_noise(&page) => looks.noise += 1,
                Some(page) if page.iter().any(|byte| *byte != 0) => looks.other += 1,
                _ => {}
            }
        }
        looks
    }
}

/// Whether all bytes are about equally frequent. Of 4,096 by chance each comes 16 times, give or take 4; text has no
/// more than 243 different ones, of which some come often.
fn is_noise(page: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    for byte in page {
        counts[usize::from(*byte)] += 1;
    }
    let different = counts.iter().filter(|count| **count > 0).count();
    let most = counts.iter().copied().max().unwrap_or(0);
    different >= 250 && most <= 64
}

/// The cipher of an encrypted file, if the key opens any page that is looked at.
#[cfg(feature = "encryption")]
pub(super) fn unlock(
    path: &Path,
    view: &View<'_>,
    key: &Key,
) -> Result<Option<Cipher>, StoreError> {
    let of = |page: Option<Vec<u8>>| page?.first_chunk().copied();
    // Where the file's own first bytes are damaged, the log may have them too, or the copy beside it.
    let salts = [
        of(view.stored(1)),
        of(view.stored_in_file(1)),
        crate::salt::kept(path),
    ];
    let mut tried = Vec::new();
    for salt in salts.into_iter().flatten() {
        if salt == *MAGIC || tried.contains(&salt) {
            continue;
        }
        tried.push(salt);
        let cipher = Cipher::new(key, &salt);
        let opens = |number| {
            let page = view.stored(number);
            page.is_some_and(|page| cipher.open(number, &page).is_some())
        };
        if (1..=view.pages().min(limits::JUDGED_PAGES)).any(opens) {
            return Ok(Some(cipher));
        }
    }
    Ok(None)
}

#[cfg(not(feature = "encryption"))]
pub(super) fn unlock(_: &Path, _: &View<'_>, _: &Key) -> Result<Option<Cipher>, StoreError> {
    Err(key::not_built_in())
}

/// Why a file of this kind is not opened, if it is for its key.
pub(super) fn refused(kind: FileKind, has_key: bool) -> Option<StoreError> {
    let is_built_in = cfg!(feature = "encryption");
    let what = match kind {
        FileKind::Ours | FileKind::Newer(_) | FileKind::Foreign => return None,
        FileKind::Plain => {
            "a key came, but the file is not encrypted: open it without a key, or make an encrypted one from its archive"
        }
        FileKind::Encrypted if has_key => {
            "the file is encrypted, and the key that came does not open it: give the key that it was made with. If that \
             is the one, its salt is lost, in its first 16 bytes and in the file `-salt` beside it: bring one of them back \
             from a copy"
        }
        FileKind::Encrypted if is_built_in => {
            "the file is encrypted, and no key came: give its key"
        }
        FileKind::Encrypted => {
            "the file is encrypted, but this program was built without encryption: build it with the feature \
             `encryption`, and give the file's key"
        }
    };
    Some(key::refused(format!("{what}; nothing was changed")))
}

/// Says of a file that cannot be read whether that is for its key.
#[cfg(feature = "rusqlite")]
pub(crate) fn explained(path: &Path, key: Option<&Key>, error: StoreError) -> StoreError {
    if error.kind != tisync_core::store::StoreErrorKind::Corrupt {
        return error;
    }
    let fault = super::disk::lend(path, |file, log| {
        let seen = wal::read(&mut log.borrow_mut()).unwrap_or_default().seen;
        let cipher = match key {
            Some(key) => unlock(path, &View::new(file, log, &seen, None), key)?,
            None => None,
        };
        let view = View::new(file, log, &seen, cipher.as_ref());
        Ok(refused(of(&view, key.is_some()), key.is_some()))
    });
    match fault {
        Ok(Ok(Some(fault)) | Err(fault)) => fault,
        // Nobody can look at the file: what is known of it is told.
        Ok(Ok(None)) | Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_told_from_what_people_write() {
        // The digits of a linear congruential generator.
        let mut state = 7_u64;
        let noise: Vec<u8> = (0..limits::PAGE_BYTES)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as u8
            })
            .collect();
        assert!(is_noise(&noise));
        let text: String = ('\u{20}'..='\u{ffff}').step_by(43).collect();
        assert!(text.len() > limits::PAGE_BYTES);
        assert!(!is_noise(&text.as_bytes()[..limits::PAGE_BYTES]));
        assert!(!is_noise(&[0; limits::PAGE_BYTES]));
    }
}
