//! Writes a lifeboat file.
use super::{failed, lines};
use crate::files::{flush_folder, partial, private};
use crate::{Error, ErrorKind};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tisync_connect::lifeboat::{End, Head, Line};
use tisync_core::model::Chain;
use tisync_json::tree::BTreeSet;

/// A lifeboat file that is being written; it gets its name when it is complete and on the disk.
#[derive(Debug)]
pub(crate) struct Boat {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    end: End,
    done: bool,
}

impl Boat {
    /// Begins a new file; one that is there stays.
    pub(crate) fn begin(path: &Path, head: Head) -> Result<Self, Error> {
        if path.exists() {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!(
                    "expected to make the lifeboat file {}, but there is a file of that name; choose another one",
                    path.display()
                ),
            ));
        }
        Boat::at(path, head)
    }

    /// Takes lines out of a file, by their numbers.
    pub(crate) fn without(path: &Path, numbers: &BTreeSet<u64>) -> Result<(), Error> {
        let mut boat = None;
        for (line, number) in lines(path)?.zip(1..) {
            match (line?, &mut boat) {
                (Some(Line::Lifeboat(head)), None) => boat = Some(Boat::at(path, head)?),
                (Some(Line::Chain(chain)), Some(boat)) if !numbers.contains(&number) => {
                    boat.board(*chain)?;
                }
                _ => {}
            }
        }
        boat.map_or(Ok(0), Boat::end).map(drop)
    }

    fn at(path: &Path, head: Head) -> Result<Self, Error> {
        let partial = partial(path);
        let begun = private(&partial).and_then(|file| file.set_len(0).map(|()| file));
        let file = begun.map_err(|error| failed(path, &error))?;
        let mut boat = Boat {
            path: path.to_owned(),
            partial,
            file: BufWriter::new(file),
            end: End::default(),
            done: false,
        };
        boat.line(&Line::Lifeboat(head))?;
        Ok(boat)
    }

    /// Adds a record's pending writes.
    pub(crate) fn board(&mut self, chain: Chain) -> Result<(), Error> {
        self.end.count(&chain);
        self.line(&Line::Chain(Box::new(chain)))
    }

    /// Brings the file to the disk; returns how many writes are in it.
    pub(crate) fn end(mut self) -> Result<u64, Error> {
        let end = self.end;
        self.line(&Line::End(end))?;
        let flushed = (|| {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            std::fs::rename(&self.partial, &self.path)?;
            flush_folder(&self.path)
        })();
        flushed.map_err(|error| failed(&self.path, &error))?;
        self.done = true;
        Ok(end.writes)
    }

    fn line(&mut self, line: &Line) -> Result<(), Error> {
        let written = self.file.write_all(line.print().as_bytes());
        written.map_err(|error| failed(&self.path, &error))
    }
}

impl Drop for Boat {
    fn drop(&mut self) {
        if !self.done {
            // What is not complete must not look as if it were.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
