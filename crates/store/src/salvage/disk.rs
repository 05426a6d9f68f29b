//! Bytes of a file that may be shorter than anyone expects.
#[cfg(feature = "rusqlite")]
use super::beside;
#[cfg(feature = "rusqlite")]
use std::cell::RefCell;
use std::fs::File;
#[cfg(all(unix, feature = "rusqlite"))]
use std::fs::Metadata;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Looks at a file and its log, beside whoever uses them.
#[cfg(feature = "rusqlite")]
pub(super) fn lend<T>(
    path: &Path,
    look: impl FnOnce(&RefCell<Disk>, &RefCell<Disk>) -> T,
) -> std::io::Result<T> {
    // SQLite locks nothing of the log.
    let log = RefCell::new(Disk::open(&beside(path, "-wal"))?);
    #[cfg(unix)]
    return kept::lend(path, |file| look(file, &log));
    #[cfg(not(unix))]
    Ok(look(&RefCell::new(Disk::open(path)?), &log))
}

/// Files that stay open: closing one would end the locks that SQLite holds on it in this process. One is enough for all
/// looks at it.
#[cfg(all(unix, feature = "rusqlite"))]
mod kept {
    use super::Disk;
    use std::cell::RefCell;
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};
    use tisync_json::tree::BTreeMap;

    static KEPT: Mutex<BTreeMap<Identity, RefCell<Disk>>> = Mutex::new(BTreeMap::new());

    /// What a file is the same by, whatever its name.
    type Identity = (u64, u64);

    pub(super) fn lend<T>(
        path: &Path,
        look: impl FnOnce(&RefCell<Disk>) -> T,
    ) -> std::io::Result<T> {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a file that is gone nobody locks anything any more.
        kept.retain(|_, file| file.borrow().metadata().is_some_and(|is| is.nlink() > 0));
        let is = identity(&std::fs::metadata(path)?);
        if let Some(file) = kept.get(&is) {
            file.borrow_mut().measure();
            return Ok(look(file));
        }
        let file = RefCell::new(Disk::open(path)?);
        let looked = look(&file);
        // By its own number: another file may have got the name meanwhile.
        let is = file.borrow().metadata().map(|is| identity(&is));
        if let Some(is) = is
            && let Some(twin) = kept.insert(is, file)
        {
            std::mem::forget(twin);
        }
        Ok(looked)
    }

    fn identity(file: &Metadata) -> Identity {
        (file.dev(), file.ino())
    }
}

/// A file, or none.
#[derive(Debug)]
pub(super) struct Disk {
    file: Option<File>,
    bytes: u64,
}

impl Disk {
    /// Opens a file for reading; one that is not there is empty.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        match File::open(path) {
            Ok(file) => {
                let bytes = file.metadata()?.len();
                Ok(Disk {
                    file: Some(file),
                    bytes,
                })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Disk {
                file: None,
                bytes: 0,
            }),
            Err(error) => Err(error),
        }
    }

    #[cfg(all(unix, feature = "rusqlite"))]
    fn metadata(&self) -> Option<Metadata> {
        self.file.as_ref()?.metadata().ok()
    }

    /// Looks how long it is by now.
    #[cfg(all(unix, feature = "rusqlite"))]
    fn measure(&mut self) {
        self.bytes = self.metadata().map_or(self.bytes, |is| is.len());
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills the buffer from a place on; returns how much there was, and what there was not is zero.
    pub(super) fn read(&mut self, at: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(0);
        let Some(file) = self.file.as_mut().filter(|_| at < self.bytes) else {
            return Ok(0);
        };
        file.seek(SeekFrom::Start(at))?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
