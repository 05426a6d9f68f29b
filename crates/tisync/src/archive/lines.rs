//! Reads the lines of an archive.
use super::{failed, hashed};
use crate::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use tisync_core::store::Op;

/// The lines of an archive, each counted once it was read.
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: String,
    pub(super) number: u64,
    pub(super) hash: u64,
    pub(super) bytes: u64,
    pub(super) total: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        let total = file.metadata().map_err(|error| failed(path, &error))?.len();
        Ok(Lines {
            path: path.to_owned(),
            reader: BufReader::new(file),
            line: String::new(),
            number: 0,
            hash: 0,
            bytes: 0,
            total,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<&str>, Error> {
        self.line.clear();
        let bytes = self
            .reader
            .read_line(&mut self.line)
            .map_err(|error| failed(&self.path, &error))?;
        if bytes == 0 {
            return Ok(None);
        }
        self.bytes += bytes as u64;
        self.number += 1;
        self.hash = hashed(self.hash, self.line.as_bytes());
        Ok(Some(self.line.trim_end()))
    }

    pub(super) fn change(&mut self) -> Result<Op, Error> {
        let line = self.next()?.unwrap_or_default();
        let change = serde_json::from_str::<Op>(line).map_err(|error| error.to_string());
        match change {
            Ok(change) if belongs(&change) => Ok(change),
            Ok(_) => Err(self.wrong("a change that adds something, but another one came")),
            Err(error) => Err(self.wrong(&format!("a change of a replica, but {error}"))),
        }
    }

    pub(super) fn wrong(&self, expected: &str) -> Error {
        Error::invalid(format!(
            "expected line {} of {} to be {expected}; nothing was imported",
            self.number.max(1),
            self.path.display()
        ))
    }
}

/// Whether an archive may hold this change: what a walk shows, nothing that takes away.
fn belongs(change: &Op) -> bool {
    matches!(
        change,
        Op::Declare { .. }
            | Op::Insert { .. }
            | Op::Dirty { .. }
            | Op::Alias { .. }
            | Op::Entry(_)
            | Op::Conflict(_)
            | Op::Journal(_)
            | Op::Feed { .. }
            | Op::Connector { .. }
            | Op::Suspect(_)
            | Op::Quarantine(_)
            | Op::Meta { value: Some(_), .. }
    )
}
