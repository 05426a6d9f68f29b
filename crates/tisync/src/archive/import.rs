//! Makes a replica's file from an archive.
use super::lines::Lines;
use super::{Archived, End, Head, Progress, Tail, VERSION, failed, taken, text};
use crate::files::{beside, flush_folder};
use crate::storage::{self, FileStore};
use crate::{Error, ErrorKind, limits};
use std::path::Path;
use tisync_core::store::{Durability, Op, Store, Tx};
use tisync_store::Key;

/// Where an import that was broken off goes on; see [`Place`].
const PLACE: &str = "importing";
/// What a copy draws anew, so that its stamps are never those of the original.
const NODE: &str = "node";

/// Makes a replica's file from an archive. Broken off, it goes on where it was the next time.
pub(super) fn run(
    archive: &Path,
    path: &Path,
    key: Option<&Key>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Archived, Error> {
    if path.exists() {
        return Err(taken(path));
    }
    let end = check(archive)?;
    let unfinished = beside(path, ".importing");
    let (mut store, mut done) = begin(&unfinished, key, &end)?;
    let mut reader = Lines::open(archive)?;
    let mut page = Vec::new();
    // The head was read, and is no change.
    reader.next()?;
    while reader.number < end.lines {
        let change = reader.change()?;
        if reader.number <= done {
            continue;
        }
        page.push(change);
        if page.len() >= limits::IMPORT_LINES || reader.number == end.lines {
            done = reader.number;
            let place = (done < end.lines).then(|| Place {
                done,
                of: &end.hash,
            });
            commit(&mut store, std::mem::take(&mut page), place)?;
            progress(Progress {
                done: reader.bytes,
                total: reader.total,
            });
        }
    }
    close(store, &unfinished)?;
    std::fs::rename(&unfinished, path).map_err(|error| failed(path, &error))?;
    // Of an encrypted file; opening it makes another where there is none.
    let _ = std::fs::rename(beside(&unfinished, "-salt"), beside(path, "-salt"));
    flush_folder(path).map_err(|error| failed(path, &error))?;
    Ok(end.holds)
}

/// Closes a store; the last connection to a file takes in what is beside it.
fn close(store: FileStore, path: &Path) -> Result<(), Error> {
    drop(store);
    let log = beside(path, "-wal");
    match log.exists() {
        true => Err(Error::new(
            ErrorKind::Busy,
            format!(
                "expected to be alone with {}, but another process has it open: end it, and import again",
                path.display()
            ),
        )),
        false => Ok(()),
    }
}

/// How much of which archive an unfinished file holds.
struct Place<'a> {
    done: u64,
    of: &'a str,
}

fn commit(
    store: &mut FileStore,
    mut changes: Vec<Op>,
    place: Option<Place<'_>>,
) -> Result<(), Error> {
    if place.is_none() {
        changes.push(Op::Meta {
            key: NODE.to_owned(),
            value: None,
        });
    }
    changes.push(Op::Meta {
        key: PLACE.to_owned(),
        value: place.map(|place| format!("{} {}", place.done, place.of)),
    });
    Ok(store.begin(Durability::Full)?.commit(changes)?)
}

/// The unfinished file, and how many lines of this archive are in it. One of another archive is made anew: what it
/// holds is in that archive.
fn begin(path: &Path, key: Option<&Key>, end: &End) -> Result<(FileStore, u64), Error> {
    if path.exists() {
        match storage::open(path, key) {
            Ok(mut store) => {
                let place = store.begin(Durability::Normal)?.meta(PLACE)?;
                let done = place.as_deref().and_then(|place| place.split_once(' '));
                if let Some((done, of)) = done
                    && of == end.hash
                    && let Ok(done) = done.parse()
                {
                    return Ok((store, done));
                }
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            // Another process may be at it, or it has another key.
            Err(error) => return Err(error),
        }
    }
    for of in ["", "-wal", "-shm", "-salt"] {
        let file = beside(path, of);
        if file.exists() {
            std::fs::remove_file(&file).map_err(|error| failed(&file, &error))?;
        }
    }
    Ok((storage::open(path, key)?, 0))
}

/// Reads a whole archive once, before anything is made of it.
fn check(path: &Path) -> Result<End, Error> {
    let mut lines = Lines::open(path)?;
    let Some(first) = lines.next()? else {
        return Err(lines.wrong("a first line, but the file is empty"));
    };
    let head: Head = serde_json::from_str(first)
        .map_err(|error| lines.wrong(&format!("the head of an archive, but {error}")))?;
    if head.archive > VERSION {
        return Err(Error::new(
            ErrorKind::Newer,
            format!(
                "expected an archive of version {VERSION}, but {} is of version {}; update this app",
                path.display(),
                head.archive
            ),
        ));
    }
    loop {
        let (before, hash) = (lines.number, lines.hash);
        let Some(line) = lines.next()? else {
            return Err(lines.wrong(
                "a last line that says how many there are, but the file ends; it was cut off",
            ));
        };
        if !line.starts_with(r#"{"end":"#) {
            continue;
        }
        let tail: Tail = serde_json::from_str(line)
            .map_err(|error| lines.wrong(&format!("the last line, but {error}")))?;
        if tail.end.lines != before || tail.end.hash != text(hash) {
            return Err(lines.wrong(&format!(
                "{} lines with the hash {}, but {before} with {} came; it was changed or damaged",
                tail.end.lines,
                tail.end.hash,
                text(hash)
            )));
        }
        return Ok(tail.end);
    }
}
