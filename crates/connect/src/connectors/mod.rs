//! The connectors that come with Ti.Sync: one folder each, and one line in [`KINDS`].
/// The calls that are the same in every connector over a `server`: each hands on to the file of its name.
#[cfg(any(
    feature = "acs",
    feature = "couchdb",
    feature = "kinto",
    feature = "rest"
))]
macro_rules! calls {
    () => {
        fn feed(
            &self,
            collection: &tisync_core::model::CollectionName,
        ) -> tisync_core::model::FeedName {
            tisync_core::model::FeedName::of(collection)
        }

        fn pull(
            &self,
            http: std::rc::Rc<dyn crate::http::Http>,
            session: crate::Session,
            request: tisync_core::model::PullRequest,
        ) -> crate::LocalFuture<Result<tisync_core::model::Page, tisync_core::model::Failure>> {
            let server = self.server.clone();
            Box::pin(async move { pull::page(&server, &*http, &session, &request).await })
        }

        fn push(
            &self,
            http: std::rc::Rc<dyn crate::http::Http>,
            session: crate::Session,
            batch: Vec<tisync_core::model::PushItem>,
        ) -> crate::LocalFuture<Result<tisync_core::model::Pushed, tisync_core::model::Failure>> {
            let server = self.server.clone();
            Box::pin(async move { push::verdicts(&server, &*http, &session, &batch).await })
        }

        fn fetch(
            &self,
            http: std::rc::Rc<dyn crate::http::Http>,
            session: crate::Session,
            wanted: tisync_core::model::Wanted,
        ) -> crate::LocalFuture<Result<tisync_core::model::Fetched, tisync_core::model::Failure>> {
            let server = self.server.clone();
            Box::pin(async move { fetch::found(&server, &*http, &session, &wanted).await })
        }
    };
}

#[cfg(feature = "acs")]
mod acs;
#[cfg(feature = "couchdb")]
mod couchdb;
#[allow(
    dead_code,
    reason = "a build may leave out the connectors that use a part of it"
)]
mod documents;
#[cfg(feature = "kinto")]
mod kinto;
mod native;
#[cfg(feature = "rest")]
mod rest;

#[cfg(feature = "acs")]
pub use acs::Acs;
#[cfg(feature = "couchdb")]
pub use couchdb::CouchDb;
#[cfg(feature = "kinto")]
pub use kinto::Kinto;
pub use native::Native;
#[cfg(feature = "rest")]
pub use rest::Rest;

use crate::Connector;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use tisync_json::{Object, Value};

/// Every kind of connector that a configuration can name.
pub const KINDS: &[Kind] = &[
    native::KIND,
    #[cfg(feature = "acs")]
    acs::KIND,
    #[cfg(feature = "couchdb")]
    couchdb::KIND,
    #[cfg(feature = "kinto")]
    kinto::KIND,
    #[cfg(feature = "rest")]
    rest::KIND,
];

/// A kind of connector, by the name that a configuration gives it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// What it talks to, in a few words.
    pub about: &'static str,
    /// Checks a set-up and makes connectors of it.
    pub make: fn(&Setup) -> Result<Make, SetupError>,
}

/// Makes a connector, as often as a host needs one.
pub type Make = Arc<dyn Fn() -> Box<dyn Connector> + Send + Sync>;

/// What a configuration says of a connector; it holds no secrets.
///
/// ```
/// use tisync_connect::connectors::{self, Setup};
/// let setup = Setup::at("https://api.example.org/notes/");
/// let make = connectors::make("native", &setup)?;
/// assert_eq!(make().endpoint(), "https://api.example.org/notes");
/// let error = connectors::make("telepathy", &setup).err().unwrap();
/// assert!(error.to_string().contains("expected one of the kinds native"));
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setup {
    /// The backend's address.
    pub url: String,
    /// What only this kind of connector understands; its page in `docs/connectors/` names them.
    pub options: Object,
}

impl Setup {
    /// A backend at an address, without options.
    pub fn at(url: &str) -> Self {
        Setup {
            url: url.to_owned(),
            options: Object::new(),
        }
    }

    /// The options, read as what the connector understands.
    ///
    /// # Errors
    /// When an option is unknown, missing, or not of the right form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SetupError> {
        tisync_json::read(&Value::Object(self.options.clone()).to_string())
            .map_err(|error| SetupError::new(format!("the options cannot be used: {error}")))
    }
}

/// Why a connector cannot be made of a set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError(Box<SetupErrorDetails>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct SetupErrorDetails {
    message: String,
}

impl SetupError {
    /// An error that says what was expected and what came.
    pub fn new(message: impl Into<String>) -> Self {
        SetupError(Box::new(SetupErrorDetails {
            message: message.into(),
        }))
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for SetupError {}

/// Checks a set-up for a kind of connector, and makes connectors of it.
///
/// # Errors
/// When there is no such kind, or it cannot use the set-up.
pub fn make(kind: &str, setup: &Setup) -> Result<Make, SetupError> {
    let Some(found) = KINDS.iter().find(|known| known.name == kind) else {
        let known: Vec<_> = KINDS.iter().map(|known| known.name).collect();
        return Err(SetupError::new(format!(
            "expected one of the kinds {}, but `{kind}` came",
            known.join(", ")
        )));
    };
    (found.make)(setup)
}

/// Copies of one connector.
fn copies<T: Connector + Clone + Send + Sync + 'static>(connector: T) -> Make {
    Arc::new(move || Box::new(connector.clone()))
}
