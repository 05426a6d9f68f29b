//! What a connector knows of the user: a secret that the driver keeps.
use std::fmt;
use std::rc::Rc;

/// Bytes of what is hidden: a shorter secret is none, and stands in many words.
const SECRET_BYTES_MIN: usize = 4;

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

    /// A text without the credentials: a backend may repeat them in what it says.
    ///
    /// ```
    /// use tisync_connect::Session;
    /// let session = Session::with_token("ann:s3cret");
    /// assert_eq!(session.hide("ann:s3cret is no user; s3cret is no password"), "… is no user; … is no password");
    /// ```
    pub fn hide(&self, text: &str) -> String {
        let Some(token) = self.token() else {
            return text.to_owned();
        };
        // The whole first: a user's name is no secret, the password behind it is one.
        let password = token.split_once(':').map(|(_, password)| password);
        std::iter::once(token)
            .chain(password)
            .filter(|secret| secret.len() >= SECRET_BYTES_MIN)
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
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
