//! Bytes of a file that may be shorter than anyone expects.
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

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
