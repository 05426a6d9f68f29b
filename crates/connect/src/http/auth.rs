//! How a token goes into a request.
use crate::Session;
use base64ct::{Base64, Encoding as _};
use serde::Serialize;
use tisync_json::Deserialize;

/// How the session's token goes into a request; the text of the option `auth`.
///
/// ```
/// use tisync_connect::{Session, http::Auth};
/// let session = Session::with_token("ann:s3cret");
/// let header = Auth::Basic.header(&session).unwrap();
/// assert_eq!(header, ("authorization".to_owned(), "Basic YW5uOnMzY3JldA==".to_owned()));
/// assert_eq!(Auth::Basic.header(&Session::anonymous()), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer TOKEN`.
    Bearer,
    /// HTTP's basic authentication: the token is `user:password`.
    Basic,
    /// The token is not sent.
    None,
    /// A header of the backend's own.
    Header {
        /// Its name.
        name: String,
        /// What stands before the token.
        #[serde(default)]
        prefix: String,
    },
}

impl Auth {
    /// The header that carries the token; `None` without a token, or with one that no header can carry: the backend
    /// then refuses the request.
    pub fn header(&self, session: &Session) -> Option<(String, String)> {
        let token = session
            .token()
            .filter(|token| !token.chars().any(char::is_control))?;
        Some(match self {
            Auth::Bearer => ("authorization".to_owned(), format!("Bearer {token}")),
            Auth::Basic => {
                let encoded = Base64::encode_string(token.as_bytes());
                ("authorization".to_owned(), format!("Basic {encoded}"))
            }
            Auth::None => return None,
            Auth::Header { name, prefix } => {
                (name.to_ascii_lowercase(), format!("{prefix}{token}"))
            }
        })
    }
}
