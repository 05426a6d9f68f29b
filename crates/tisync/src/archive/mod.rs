//! Archives: a whole replica as lines of JSON, to keep, to move to another device, or to look into.
//!
//! The first line says whose it is, the last one how many there are and their hash; each of the others is one change of
//! the store: a declaration, a record, its base, an entry of the outbox, a decision of the journal.
mod export;
mod import;
mod lines;

use crate::files::beside;
use crate::{Error, ErrorKind, Replica, ReplicaBuilder, storage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tisync_core::model::Account;
use tisync_core::store::Op;
use tisync_json::hash64;

/// The only version of the format so far.
const VERSION: u32 = 1;

/// How far an export or an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were written, or bytes that were read.
    pub done: u64,
    /// All of them, about.
    pub total: u64,
}

impl Replica {
    /// Writes all of it to a new file, as it is at one moment: records, what is pending, conflicts, the journal, and
    /// where the feeds stand. The app may go on meanwhile. A call after one that was broken off goes on from what is
    /// written already and is still so. The file holds everything in plain text, and is for this user's eyes only.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::Replica;
    /// let device = |name: &str| Replica::open(dir.path().join(name)).collection("notes", "merge");
    /// let old = device("old.db").open()?;
    /// old.collection("notes")?.put("n1", r#"{"title": "Milk"}"#)?;
    /// let file = dir.path().join("notes.archive");
    /// let archived = old.export(&file, |progress| println!("{} of {}", progress.done, progress.total))?;
    /// assert_eq!((archived.records, archived.entries), (1, 1));
    /// drop(old);
    ///
    /// let new = device("new.db").import(&file, |_| {})?;
    /// assert!(new.collection("notes")?.get("n1")?.is_some());
    /// # Ok::<(), tisync::Error>(())
    /// ```
    ///
    /// # Errors
    /// `AlreadyExists` when there is a file of that name, `Storage` when it cannot be written.
    pub fn export(
        &self,
        file: impl AsRef<Path>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Archived, Error> {
        let ownership = self.ownership()?;
        // A connection of its own: other reads do not wait.
        let mut store = storage::open_reader(self.path(), self.shared().key.as_ref())?;
        export::run(&mut store, &ownership, file.as_ref(), &mut progress)
    }
}

impl ReplicaBuilder {
    /// Makes the replica's file from an archive of [`Replica::export`], and opens it. A call after one that was broken
    /// off goes on where that was. What was on its way when the archive was written is sent again under the same keys,
    /// so that a server that keeps receipts takes it once, also when the original is still in use.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a file already, `Invalid` for an archive that was cut or changed, `Newer` for one
    /// of a newer version, and those of [`ReplicaBuilder::open`]: then there is no file still.
    pub fn import(
        self,
        archive: impl AsRef<Path>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Replica, Error> {
        let path = self.path.clone();
        let key = self.key()?;
        import::run(archive.as_ref(), &path, key.as_ref(), &mut progress)?;
        self.keyed(key).open().inspect_err(|_| {
            // The next call makes it anew from the archive.
            let _ = std::fs::rename(&path, beside(&path, ".importing"));
        })
    }
}

/// What an archive holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// Records, those that are deleted and not forgotten among them.
    pub records: u64,
    /// Entries of the outbox.
    pub entries: u64,
    /// Decisions of the journal.
    pub decisions: u64,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The format's version.
    archive: u32,
    account: Option<Account>,
    endpoints: BTreeMap<String, String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Tail {
    end: End,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// Lines before this one.
    lines: u64,
    /// A hash of them.
    hash: String,
    #[serde(flatten)]
    holds: Archived,
}

impl Archived {
    fn count(&mut self, change: &Op) {
        match change {
            Op::Insert { .. } => self.records += 1,
            Op::Entry(_) => self.entries += 1,
            Op::Journal(_) => self.decisions += 1,
            _ => {}
        }
    }
}

fn hashed(before: u64, line: &[u8]) -> u64 {
    let mut both = [0; 16];
    both[..8].copy_from_slice(&before.to_le_bytes());
    both[8..].copy_from_slice(&hash64(line).to_le_bytes());
    hash64(&both)
}

fn text(hash: u64) -> String {
    format!("{hash:016x}")
}

fn taken(path: &Path) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!(
            "expected to make the file {}, but there is one of that name; choose another name, or move it away",
            path.display()
        ),
    )
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("expected to use the file {}, but {error}", path.display()),
    )
}
