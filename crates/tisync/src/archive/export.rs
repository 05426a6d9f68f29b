//! Writes an archive.
use super::{Archived, End, Head, Progress, Tail, VERSION, failed, hashed, taken, text};
use crate::files::{flush_folder, partial, private};
use crate::storage::FileStore;
use crate::{Error, limits};
use serde::Serialize;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tisync_core::archive::Walk;
use tisync_core::model::Ownership;
use tisync_core::store::{Durability, Op, Store, Tx};

/// Writes all of a store to a file, as it is at one moment. What a former call has written already, and is still so, is
/// not written again.
pub(super) fn run(
    store: &mut FileStore,
    ownership: &Ownership,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Archived, Error> {
    if path.exists() {
        return Err(taken(path));
    }
    let partial = partial(path);
    let fail = |error: std::io::Error| failed(&partial, &error);
    let mut sink = Sink::open(&partial).map_err(fail)?;
    let endpoints = ownership.endpoints.iter();
    sink.put(&Head {
        archive: VERSION,
        account: ownership.account.clone(),
        endpoints: endpoints
            .map(|(name, endpoint)| (name.to_string(), endpoint.clone()))
            .collect(),
    })
    .map_err(fail)?;
    let mut tx = store.begin(Durability::Normal)?;
    let (mut walk, mut at) = (Walk::new(), Progress::default());
    while let Some(changes) = walk.next(&mut tx, limits::LIST_ROWS)? {
        if at.total == 0 {
            at.total = rows(&mut tx, &changes)?;
        }
        for change in changes {
            sink.holds.count(&change);
            sink.put(&change).map_err(fail)?;
        }
        at.done = sink.holds.records + sink.holds.entries;
        at.total = at.total.max(at.done);
        progress(at);
    }
    let holds = sink.finish().map_err(fail)?;
    std::fs::rename(&partial, path).map_err(|error| failed(path, &error))?;
    flush_folder(path).map_err(|error| failed(path, &error))?;
    Ok(holds)
}

/// The rows of the collections that a walk's first changes declare, and those of the outbox.
fn rows<T: Tx>(tx: &mut T, setup: &[Op]) -> Result<u64, Error> {
    let mut rows = 0;
    for change in setup {
        if let Op::Declare { collection, .. } = change {
            rows += tx.count(collection, None)?.0;
        }
    }
    let outbox = tx.outbox()?;
    Ok(rows
        + outbox
            .values()
            .map(|outbox| outbox.counts.total())
            .sum::<u64>())
}

/// Writes lines behind those that are there already, as long as these are the same.
struct Sink {
    writer: BufWriter<File>,
    /// What a former call has left, while it agrees.
    there: Option<BufReader<File>>,
    at: u64,
    lines: u64,
    hash: u64,
    holds: Archived,
}

impl Sink {
    fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Sink {
            writer: BufWriter::new(private(path)?),
            there: Some(BufReader::new(File::open(path)?)),
            at: 0,
            lines: 0,
            hash: 0,
            holds: Archived::default(),
        })
    }

    fn put(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.lines += 1;
        self.hash = hashed(self.hash, &bytes);
        if let Some(there) = &mut self.there {
            let mut old = vec![0; bytes.len()];
            if there.read_exact(&mut old).is_ok() && old == bytes {
                self.at += bytes.len() as u64;
                return Ok(());
            }
            self.go_on_alone()?;
        }
        self.writer.write_all(&bytes)
    }

    /// From here on nothing that is there is the same.
    fn go_on_alone(&mut self) -> std::io::Result<()> {
        self.there = None;
        self.writer.get_ref().set_len(self.at)?;
        self.writer.seek(SeekFrom::Start(self.at))?;
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<Archived> {
        let holds = self.holds.clone();
        let end = End {
            lines: self.lines,
            hash: text(self.hash),
            holds: holds.clone(),
        };
        self.put(&Tail { end })?;
        if self.there.is_some() {
            self.go_on_alone()?;
        }
        let file = self
            .writer
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(holds)
    }
}
