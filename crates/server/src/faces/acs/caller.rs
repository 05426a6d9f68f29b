//! Who makes a call.
use super::fault::Fault;
use super::session::Session;
use super::user::User;
use crate::ServerNow;
use crate::store::ServerTx;

/// Who makes a call.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// No session came.
    Nobody,
    /// A session came that has ended, or never was.
    Gone,
    User(Box<(User, Session)>),
}

impl Caller {
    pub(super) fn find<T: ServerTx>(
        tx: &mut T,
        now: &ServerNow,
        session: Option<&str>,
    ) -> Result<Self, Fault> {
        let Some(id) = session else {
            return Ok(Caller::Nobody);
        };
        Ok(match Session::find(tx, now, id)? {
            Some((session, user)) => Caller::User(Box::new((user, session))),
            None => Caller::Gone,
        })
    }

    /// The user who is signed in.
    pub(super) fn user(&self) -> Option<&User> {
        match self {
            Caller::User(signed_in) => Some(&signed_in.0),
            Caller::Nobody | Caller::Gone => None,
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.user().map(|user| user.id.as_str())
    }

    pub(super) fn is_admin(&self) -> bool {
        self.user().is_some_and(|user| user.admin)
    }

    /// Whether this is the caller: a user may see and do with itself what others may not.
    pub(super) fn is(&self, user_id: &str) -> bool {
        self.id() == Some(user_id)
    }

    /// The user and its session, of a call that needs them.
    pub(super) fn signed_in(&self) -> Result<&(User, Session), Fault> {
        match self {
            Caller::User(signed_in) => Ok(signed_in),
            Caller::Nobody => Err(Fault::signed_out()),
            Caller::Gone => Err(Fault::session_gone()),
        }
    }

    /// Lets administrators through; ACS did not refuse the others by one code.
    pub(super) fn require_admin(&self, code: u16) -> Result<(), Fault> {
        if self.signed_in()?.0.admin {
            return Ok(());
        }
        Err(Fault::admins_only(code))
    }
}
