//! The sync worker: a thread of its own that steps sync inputs and carries out what they ask for.
mod ear;
mod finish;
mod hold;
mod network;
mod orders;
mod run;
mod session;
mod settle;
mod timers;

use crate::health::SyncReport;
use crate::logout::{LoggedOut, Pending};
use crate::shared::Shared;
use crate::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// What the handles tell the worker.
#[derive(Debug)]
pub(crate) enum Command {
    /// Syncs until told to stop.
    Start,
    /// Ends background sync.
    Stop(std::sync::mpsc::Sender<()>),
    /// Syncs once.
    Sync(oneshot::Sender<Result<SyncReport, Error>>),
    /// Something was written.
    Nudge,
    /// The host's network signal.
    Network(bool),
    /// Something may have changed on a backend.
    Hint(String),
    /// New credentials are there.
    Credentials(String),
    /// Ends the session.
    LogOut(
        Option<Pending>,
        std::sync::mpsc::Sender<Result<LoggedOut, Error>>,
    ),
    /// Begins a session.
    LogIn(std::sync::mpsc::Sender<Result<(), Error>>),
    /// The last handle is gone.
    Quit,
}

/// Tells the worker that something was written, once until it has looked.
#[derive(Clone, Debug)]
pub(crate) struct Nudge {
    commands: mpsc::UnboundedSender<Command>,
    nudged: Arc<AtomicBool>,
}

impl Nudge {
    /// Tells it.
    pub(crate) fn nudge(&self) {
        if !self.nudged.swap(true, Ordering::AcqRel) {
            let _ = self.commands.send(Command::Nudge);
        }
    }

    /// Notes that the worker looks now.
    fn is_obeyed(&self) {
        self.nudged.store(false, Ordering::Release);
    }
}

/// The worker's handle; dropping it ends the thread and the lease.
#[derive(Debug)]
pub(crate) struct Worker {
    nudge: Nudge,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn spawn(shared: Arc<Shared>) -> Result<Self, Error> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let nudge = Nudge {
            commands,
            nudged: Arc::new(AtomicBool::new(false)),
        };
        let for_thread = nudge.clone();
        let (ready, opened) = std::sync::mpsc::channel();
        let thread = thread::Builder::new()
            .name("tisync".into())
            .spawn(move || run::run(shared, inbox, for_thread, ready))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Closed,
                    format!("expected to start the sync worker's thread, but {error}"),
                )
            })?;
        opened.recv().map_err(|_| gone())??;
        Ok(Worker {
            nudge,
            thread: Some(thread),
        })
    }

    /// Tells the worker something; a worker that is gone answers nobody.
    pub(crate) fn tell(&self, command: Command) -> Result<(), Error> {
        self.nudge.commands.send(command).map_err(|_| gone())
    }

    /// See [`Nudge::nudge`].
    pub(crate) fn nudge(&self) {
        self.nudge.nudge();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.nudge.commands.send(Command::Quit);
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last handle may be dropped by the worker itself, inside a function of the app.
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
    }
}

/// The error of a call to a worker that has ended.
pub(crate) fn gone() -> Error {
    Error::new(
        ErrorKind::Closed,
        "expected a sync worker, but it has ended; open the replica again",
    )
}
