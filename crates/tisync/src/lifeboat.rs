//! Lifeboat files: pending writes outside of a replica, as lines of JSON that a person can read.
//!
//! The first line says whose they are; each of the others is one entry of the outbox, in order.
use crate::storage::FileStore;
use crate::{Error, ErrorKind, Replica, limits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use tisync_core::model::{Account, Change, CollectionName, Entry, MutationId, Ownership, RecordId};
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Store, Tx};
use tisync_json::Document;

/// The only version of the format so far.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The format's version.
    lifeboat: u32,
    account: Option<Account>,
    endpoints: BTreeMap<String, String>,
    /// Wall time at which it was written.
    written_ms: u64,
}

/// One entry.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    collection: CollectionName,
    id: RecordId,
    change: Change,
    /// What the record looked like in the app, with all that was pending.
    shown: Option<Document>,
    /// The entry's key.
    mutation: MutationId,
    /// Wall time at which it was written.
    at_ms: u64,
}

/// Writes all pending entries of a store to a new file, flushed to the disk; returns how many.
pub(crate) fn write(
    store: &mut FileStore,
    ownership: &Ownership,
    written_ms: u64,
    path: &Path,
) -> Result<u64, Error> {
    if path.exists() {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "expected to make the lifeboat file {}, but there is a file of that name; choose another one",
                path.display()
            ),
        ));
    }
    let partial = partial(path);
    let written = write_to(store, ownership, written_ms, &partial);
    let count = match written {
        Ok(count) => count,
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            return Err(error);
        }
    };
    std::fs::rename(&partial, path).map_err(|error| failed(path, &error))?;
    flush_folder(path).map_err(|error| failed(path, &error))?;
    Ok(count)
}

fn write_to(
    store: &mut FileStore,
    ownership: &Ownership,
    written_ms: u64,
    path: &Path,
) -> Result<u64, Error> {
    let fail = |error: std::io::Error| failed(path, &error);
    let mut file = BufWriter::new(private(path).map_err(fail)?);
    let endpoints = ownership.endpoints.iter();
    let head = Head {
        lifeboat: VERSION,
        account: ownership.account.clone(),
        endpoints: endpoints
            .map(|(name, endpoint)| (name.to_string(), endpoint.clone()))
            .collect(),
        written_ms,
    };
    put(&mut file, &head).map_err(fail)?;
    let mut count = 0;
    let mut tx = store.begin(Durability::Normal)?;
    let mut after = None;
    loop {
        let page = tx.entries(EntryFilter::All, after, limits::LIST_ROWS)?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for entry in page {
            let line = line(&mut tx, entry)?;
            put(&mut file, &line).map_err(fail)?;
            count += 1;
        }
    }
    let file = file
        .into_inner()
        .map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)?;
    Ok(count)
}

fn line<T: Tx>(tx: &mut T, entry: Entry) -> Result<Line, Error> {
    let rids = [entry.rid];
    let loaded = tx.load(&entry.collection, Keys::Rids(&rids), Load::Whole)?;
    let Some((record, _)) = loaded.into_iter().flatten().next() else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "expected the record of the entry {}, but it is gone",
                entry.id
            ),
        ));
    };
    Ok(Line {
        collection: entry.collection,
        id: record.id,
        change: entry.change,
        shown: record.document,
        mutation: entry.id,
        at_ms: entry.stamps.latest.ms,
    })
}

fn put(file: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

/// Makes the writes of a lifeboat file again, as new ones; returns how many. What is written already changes
/// nothing, so that a file may be read twice.
pub(crate) fn read(replica: &Replica, path: &Path) -> Result<u64, Error> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let mut lines = BufReader::new(file).lines();
    let head: Head = parse(path, 1, lines.next())?.ok_or_else(|| no_lifeboat(path))?;
    if head.lifeboat > VERSION {
        return Err(Error::new(
            ErrorKind::Newer,
            format!(
                "expected a lifeboat file of version {VERSION}, but {} is of version {}; update this app",
                path.display(),
                head.lifeboat
            ),
        ));
    }
    if let Some(account) = &head.account {
        let owner = replica.ownership()?.account;
        if owner.as_ref().is_some_and(|owner| owner != account) {
            return Err(Error::new(
                ErrorKind::WrongAccount,
                format!(
                    "expected writes of the account {}, but {} holds those of {account}; bring them back into a \
                     replica of that account",
                    owner.map(|owner| owner.to_string()).unwrap_or_default(),
                    path.display()
                ),
            ));
        }
    }
    let (mut count, mut number, mut page) = (0, 1, Vec::new());
    loop {
        number += 1;
        let line: Option<Line> = parse(path, number, lines.next())?;
        let ended = line.is_none();
        page.extend(line);
        if page.len() >= limits::LIST_ROWS || ended {
            count += page.len() as u64;
            bring_back(replica, std::mem::take(&mut page))?;
        }
        if ended {
            return Ok(count);
        }
    }
}

/// Makes the writes of a page in one transaction.
fn bring_back(replica: &Replica, page: Vec<Line>) -> Result<(), Error> {
    let mut there: BTreeMap<(CollectionName, RecordId), bool> = BTreeMap::new();
    replica
        .bulk(|writes| {
            for line in page {
                let key = (line.collection.clone(), line.id.clone());
                let is_there = match there.get(&key) {
                    Some(is_there) => *is_there,
                    None => replica
                        .collection(line.collection.as_str())?
                        .get(line.id.as_str())?
                        .is_some(),
                };
                let name = line.collection.as_str();
                let id = line.id.as_str();
                let after = match (line.change, line.shown) {
                    (Change::Create(document) | Change::Replace(document), _) => {
                        writes.put(name, id, document)?;
                        true
                    }
                    (Change::Patch(patch), _) if is_there => {
                        writes.patch(name, id, patch)?;
                        true
                    }
                    // The record is not here: what the app showed stands for all its changes.
                    (Change::Patch(_), Some(shown)) => {
                        writes.put(name, id, shown)?;
                        true
                    }
                    (Change::Patch(_), None) => false,
                    (Change::Delete, _) => {
                        if is_there {
                            writes.delete(name, id)?;
                        }
                        false
                    }
                };
                there.insert(key, after);
            }
            Ok(())
        })
        .map(drop)
}

fn parse<T: for<'a> Deserialize<'a>>(
    path: &Path,
    number: usize,
    line: Option<std::io::Result<String>>,
) -> Result<Option<T>, Error> {
    let Some(line) = line else { return Ok(None) };
    let line = line.map_err(|error| failed(path, &error))?;
    serde_json::from_str(&line).map(Some).map_err(|error| {
        Error::invalid(format!(
            "expected line {number} of {} to be one of a lifeboat file, but {error}; nothing after it was read",
            path.display()
        ))
    })
}

fn no_lifeboat(path: &Path) -> Error {
    Error::invalid(format!(
        "expected a lifeboat file, but {} is empty",
        path.display()
    ))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to use the lifeboat file {}, but {error}",
            path.display()
        ),
    )
}

/// A new file for this user's eyes only: it holds records.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A rename is on the disk only once its folder is.
pub(crate) fn flush_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
