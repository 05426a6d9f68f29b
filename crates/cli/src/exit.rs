//! Exit codes, and why a command failed.
use std::process::ExitCode;
use tisync::{Error, ErrorKind};

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// All done.
    Ok = 0,
    /// Something failed.
    Failed = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// Something waits for a person: a conflict, a parked entry, a shrink confirmation.
    Person = 3,
    /// The backend cannot be reached, or cannot do it now.
    Offline = 4,
    /// Another process syncs this replica.
    Lease = 5,
    /// The backend refuses the credentials.
    Credentials = 6,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// Why a command failed: expected, came, do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure {
            code: Code::Usage,
            message: message.into(),
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure {
            code: Code::Failed,
            message: message.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Offline | ErrorKind::Backend | ErrorKind::NotThisProtocol => Code::Offline,
            ErrorKind::LeaseElsewhere => Code::Lease,
            ErrorKind::Credentials => Code::Credentials,
            _ => Code::Failed,
        };
        Failure {
            code,
            message: error.to_string(),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::failed(format!("expected to read or write, but {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::failed(format!("expected JSON, but {error}"))
    }
}
