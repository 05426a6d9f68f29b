//! The lease: an OS lock on a side file, held for life, so that one process syncs a file.
use crate::{Error, ErrorKind, host};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Who syncs the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Nobody.
    Free,
    /// This replica handle.
    Held,
    /// Another process, or another handle of this one.
    Elsewhere(Option<Holder>),
}

/// What the holder of the lease says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process number.
    pub pid: u32,
    /// Wall time since when.
    pub since_ms: u64,
}

/// The lock; it ends with the value, or with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the lease, or says who has it.
    pub(crate) fn take(replica: &Path) -> Result<Result<Lease, Option<Holder>>, Error> {
        let path = side_file(replica);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| storage(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(read(&mut file))),
            Err(TryLockError::Error(error)) => return Err(storage(&path, &error)),
        }
        let holder = Holder {
            pid: std::process::id(),
            since_ms: host::wall_ms(),
        };
        write(&mut file, &holder).map_err(|error| storage(&path, &error))?;
        Ok(Ok(Lease { _file: file }))
    }

    /// Looks who has the lease, without taking it.
    pub(crate) fn look(replica: &Path) -> LeaseState {
        let Ok(mut file) = File::open(side_file(replica)) else {
            return LeaseState::Free;
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => LeaseState::Elsewhere(read(&mut file)),
            Ok(()) | Err(TryLockError::Error(_)) => LeaseState::Free,
        }
    }
}

/// The error of a sync that another process does.
pub(crate) fn elsewhere(holder: Option<&Holder>) -> Error {
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| {
            let age_s = host::wall_ms().saturating_sub(holder.since_ms) / 1_000;
            format!("process {} (for {age_s} s)", holder.pid)
        },
    );
    Error::new(
        ErrorKind::LeaseElsewhere,
        format!(
            "expected to sync this replica, but the lease is elsewhere: {who} syncs it already; reads and writes go on here, and that process sends them"
        ),
    )
}

fn side_file(replica: &Path) -> PathBuf {
    let mut name = replica.as_os_str().to_owned();
    name.push(".lease");
    name.into()
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(1_000).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}

fn storage(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to lock {}, but {error}; make the folder writable",
            path.display()
        ),
    )
}
