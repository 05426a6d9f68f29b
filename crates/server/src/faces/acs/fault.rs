//! Why a call gets no answer, in ACS's words.
use crate::{ServiceError, StoreError};
use tisync_protocol::Problem;

/// A refused call: ACS answers it with `meta.status` "fail", the code and the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) message: String,
    /// For the server's log: what went wrong inside.
    pub(super) cause: Option<String>,
}

impl Fault {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Fault {
            code,
            message: message.into(),
            cause: None,
        }
    }

    /// The request is not one.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Fault::new(400, message)
    }

    /// A parameter that must be there is not.
    pub(super) fn missing(name: &str) -> Self {
        Fault::bad(format!("Required parameter {name} is missing."))
    }

    /// Ids of records that are not there.
    pub(super) fn no_such(ids: &[String]) -> Self {
        let ids: Vec<_> = ids.iter().map(|id| format!("{id:?}")).collect();
        Fault::bad(format!(
            "One or more invalid object id(s): [{}]",
            ids.join(", ")
        ))
    }

    /// Nobody is signed in.
    pub(super) fn signed_out() -> Self {
        Fault::new(401, "You need to sign in or sign up before continuing.")
    }

    /// The session that came has expired, or never was. ACS says 404.
    pub(super) fn session_gone() -> Self {
        Fault::new(
            404,
            "Failed to find current_user: the session has expired. Sign in again.",
        )
    }

    /// The login is not known, or the password is not its own: which of them is not told.
    pub(super) fn bad_login() -> Self {
        Fault::new(401, "Invalid email/username or password.")
    }

    /// Only an administrator may do this.
    pub(super) fn admins_only(code: u16) -> Self {
        Fault::new(
            code,
            "Only an application admin may do this: sign in as one.",
        )
    }

    /// Files are not kept.
    pub(super) fn no_files() -> Self {
        Fault::bad(
            "This server keeps no photos or files: send the call without `photo`, `photo_id` and `file`.",
        )
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        let (problem, _) = error.problem();
        let mut fault = Fault::from(&problem);
        if let ServiceError::Store(error) = error {
            fault.cause = Some(error.to_string());
        }
        fault
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::from(ServiceError::Store(error))
    }
}

impl From<&Problem> for Fault {
    fn from(problem: &Problem) -> Self {
        Fault::new(problem.status, problem.detail.clone())
    }
}
