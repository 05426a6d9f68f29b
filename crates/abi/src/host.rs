//! What is asked of the host in the middle of a command, and answered at once.
use tisync_connect::{Error, ErrorKind};

/// What is asked of the host in the middle of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A statement; request and reply are binary: see `docs/ABI.md`.
    Sql = 0,
    /// A document that the app's migrate function brings forward; request and reply are JSON.
    Migrate = 1,
}

/// The host's side of the seam.
pub trait Host {
    /// Asks the host; the reply is put into `reply`, which is emptied first.
    ///
    /// # Errors
    /// When the host could not reply at all. What went wrong with a statement is in its reply.
    fn ask(&self, call: Call, request: &[u8], reply: &mut Vec<u8>) -> Result<(), Error>;
}

/// The error of a host that does not reply.
pub(crate) fn silent(call: Call) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected a reply of the host to a call of the kind {}, but none came; the host's function failed",
            call as i32
        ),
    )
}
