//! Logging out: what becomes of the writes that were not sent.
use crate::worker::{self, Command};
use crate::{Error, Replica, Returned, lifeboat};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tisync_core::model::Ownership;

/// What becomes of the writes that the server has not accepted yet, when someone logs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// They stay in the file, and go when the same account logs in again.
    Keep,
    /// They are written to a new lifeboat file, which [`crate::Replica::bring_back`] reads, and then given up. What
    /// others write meanwhile is not: it waits, as what is written after the logout does.
    Export(PathBuf),
    /// They are given up: the server's side shows again, and the journal has what was lost.
    Discard,
}

/// What became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoggedOut {
    /// Writes that stay in the file.
    pub kept: u64,
    /// Writes that are in the lifeboat file.
    pub exported: u64,
    /// Writes that were given up; the journal has them.
    pub discarded: u64,
}

impl Replica {
    /// Whose file it is: its account and backends, and whether it is logged out.
    pub fn ownership(&self) -> Result<Ownership, Error> {
        let local = &self.shared().local;
        local.look(|engine, store| Ok(engine.ownership(store, crate::host::now()?)?))
    }

    /// Ends the session: nothing is exchanged any more, the credentials are forgotten, and no other process or later
    /// start syncs the file before [`Replica::login`]. Its records stay readable, and what is written waits.
    ///
    /// Where writes were not accepted by the server yet, `pending` must say what becomes of them; else nothing
    /// happens, and the error's kind is [`crate::ErrorKind::Pending`]. A file belongs to its account for ever: another
    /// account uses another file.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::{ErrorKind, Pending, Replica};
    /// let replica = Replica::open(dir.path().join("anna.db"))
    ///     .server("http://127.0.0.1:9")
    ///     .account("anna")
    ///     .collection("notes", "merge")
    ///     .open()?;
    /// replica.collection("notes")?.put("n1", r#"{"title": "Milk"}"#)?;
    /// assert_eq!(replica.logout(None).unwrap_err().kind(), ErrorKind::Pending);
    /// let boat = dir.path().join("anna.lifeboat");
    /// assert_eq!(replica.logout(Some(Pending::Export(boat.clone())))?.exported, 1);
    /// // Later, in a replica of the same account:
    /// replica.login()?;
    /// assert_eq!(replica.bring_back(&boat)?.back, 1);
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn logout(&self, pending: Option<Pending>) -> Result<LoggedOut, Error> {
        let (answer, done) = mpsc::channel();
        self.tell(Command::LogOut(pending, answer))?;
        done.recv().map_err(|_| worker::gone())?
    }

    /// Begins a session after [`Replica::logout`]: the provider is asked for credentials again, and what waited goes.
    pub fn login(&self) -> Result<(), Error> {
        let (answer, done) = mpsc::channel();
        self.tell(Command::LogIn(answer))?;
        done.recv().map_err(|_| worker::gone())?
    }

    /// Brings the pending writes of a lifeboat file back into the outbox, each once, however often the file is read,
    /// and under the key that it had, so that the server recognises what it has already. What others wrote meanwhile
    /// is merged by the policy. A file of another account, or for another backend, is refused.
    pub fn bring_back(&self, lifeboat: impl AsRef<Path>) -> Result<Returned, Error> {
        lifeboat::read(self, lifeboat.as_ref())
    }
}
