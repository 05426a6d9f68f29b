//! What a connector knows of the user: a secret that the driver keeps.
use std::fmt;
use std::rc::Rc;

/// A cheap handle to the credentials of one revision; never printed.
#[derive(Clone, Default)]
pub struct Session {
    token: Option<Rc<str>>,
}

impl Session {
    /// A session without credentials.
    pub fn anonymous() -> Self {
        Session::default()
    }

    /// A session with a bearer token.
    pub fn with_token(token: &str) -> Self {
        Session {
            token: Some(token.into()),
        }
    }

    /// The token, for a header.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() {
            "Session(token hidden)"
        } else {
            "Session(anonymous)"
        })
    }
}
