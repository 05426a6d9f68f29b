//! Kinto: `docs/connectors/kinto.md`.
//!
//! A record's `last_modified`, which the server gives in commit order, is its version and its place in the feed.
//! `Gone` is said on a tombstone, and when the server refuses a write on a version of a record that is not there.
mod fetch;
mod names;
mod pull;
mod push;

use super::{Kind, Setup, SetupError, copies};
use crate::http::{Auth, Http, Request, Response, base_address, classify, read_json, send};
use crate::{Connector, LocalFuture, Session};
use std::rc::Rc;
use std::sync::Arc;
use tisync_core::limits::PUSH_ITEMS_MAX;
use tisync_core::model::{
    Answers, Capability, CollectionName, Deletes, Equality, Failure, FailureKind, FeedKind,
    Idempotency, Ids, RemoteStamps, Versions,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// The entry in [`super::KINDS`].
pub(super) const KIND: Kind = Kind {
    name: "kinto",
    about: "a Kinto server",
    make: |setup| Ok(copies(Kinto::new(setup)?)),
};

/// Talks to a Kinto server.
///
/// ```
/// use tisync_connect::Connector;
/// use tisync_connect::connectors::{Kinto, Setup};
/// let kinto = Kinto::new(&Setup::at("https://kinto.example.org/v1/"))?;
/// assert_eq!(kinto.endpoint(), "https://kinto.example.org/v1");
/// let error = Kinto::new(&Setup::at("https://kinto.example.org")).unwrap_err();
/// assert!(error.to_string().contains("/v1"));
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kinto {
    server: Arc<Server>,
}

/// Where the records are, and how they are used.
#[derive(Debug)]
struct Server {
    address: String,
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// The bucket that holds the collections.
    bucket: String,
    /// The server's collections by ours, where they are not named alike.
    collections: BTreeMap<CollectionName, String>,
    /// How the token is sent.
    auth: Auth,
    /// Records in one page at most.
    page_items: usize,
    /// Requests in one batch; the server's `batch_max_requests`.
    batch_items: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            bucket: "default".to_owned(),
            collections: BTreeMap::new(),
            auth: Auth::Basic,
            page_items: 1_000,
            batch_items: 25,
        }
    }
}

impl Kinto {
    /// A connector to the server of a set-up.
    ///
    /// # Errors
    /// When the address or an option cannot be used.
    pub fn new(setup: &Setup) -> Result<Self, SetupError> {
        let options: Options = setup.read()?;
        let names = options.collections.values().chain([&options.bucket]);
        for name in names {
            if !names::is_name(name) {
                return Err(SetupError::new(format!(
                    "expected the name of a bucket or a collection ({}), but `{name}` came",
                    names::RULE
                )));
            }
        }
        let limits = [options.page_items, options.batch_items];
        if limits.contains(&0) {
            return Err(SetupError::new(
                "expected page_items and batch_items to be 1 or more, but 0 came",
            ));
        }
        let address = base_address(&setup.url)?;
        let version = address.rsplit('/').next().unwrap_or_default();
        if !version.starts_with('v') || version[1..].parse::<u32>().is_err() {
            return Err(SetupError::new(
                "expected the address with the version of its interface at its end, such as \
                 https://kinto.example.org/v1, but it has none",
            ));
        }
        Ok(Kinto {
            server: Arc::new(Server { address, options }),
        })
    }
}

impl Server {
    fn request(&self, session: &Session, method: &'static str, rest: &str) -> Request {
        Request::json(method, format!("{}{rest}", self.address))
            .with_auth(&self.options.auth, session)
    }

    /// The body of a successful answer, or why there is none.
    fn read<'a, T: Deserialize<'a>>(
        &self,
        response: &'a Response,
        collection: &CollectionName,
    ) -> Result<T, Failure> {
        if response.status == 200 {
            return read_json(response);
        }
        let mut failure = classify::failure(response);
        if let Ok(refusal) = read_json::<Refusal>(response) {
            // It is there, and says that it did nothing; that it waited too long proves nothing.
            failure.not_sent = (400..=499).contains(&response.status) && response.status != 408;
            failure.message = self.refused(response.status, &refusal, collection);
            if response.status == 404 {
                failure.kind = FailureKind::Retry { after_ms: None };
            }
        }
        Err(failure)
    }

    /// Why the server refuses, and what to do.
    fn refused(&self, status: u16, refusal: &Refusal, collection: &CollectionName) -> String {
        let bucket = &self.options.bucket;
        let name = names::of(&self.options, collection);
        let Refusal { errno, message } = refusal;
        let message = message.as_deref().unwrap_or("no message");
        classify::cut(&match status {
            401 => format!("the server refuses the user or the password: {message}"),
            403 => format!(
                "the user may not use the collection `{name}` of the bucket `{bucket}`, or there is no such bucket: \
                 make it, or give the user the permission ({message})"
            ),
            404 => format!(
                "there is no bucket `{bucket}`, or no collection `{name}` in it: make it, or name another in the \
                 connector's options"
            ),
            _ => format!("the server answered {message} ({status}, errno {errno})"),
        })
    }
}

/// An answer that says no.
#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    errno: u32,
    #[serde(default)]
    message: Option<String>,
}

impl Connector for Kinto {
    fn endpoint(&self) -> String {
        self.server.address.clone()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability {
            feed: FeedKind::Commits,
            deletes: Deletes::Feed,
            conditional: true,
            idempotency: Idempotency::ClientIds,
            ids: Ids::Client,
            versions: Versions::Equality,
            stale_reads: false,
            answers: Answers::Image,
            stamps: RemoteStamps::Arrival { precision_ms: 1 },
            batch_items_max: self.server.options.batch_items.min(PUSH_ITEMS_MAX),
            atomic: false,
            partial_update: false,
            fetch: true,
            hints: false,
            digests: false,
            equality: Equality::default(),
            server_fields: Vec::new(),
        }
    }

    calls!();

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        #[derive(Deserialize)]
        struct Hello {
            #[serde(rename = "http_api_version")]
            _version: String,
        }
        let sent = self
            .server
            .request(&session, "GET", "/")
            .with_limits_of_probe();
        Box::pin(async move {
            let response = send(&*http, sent).await?;
            match response.status {
                200 => read_json::<Hello>(&response).map(drop),
                _ => Err(classify::failure(&response)),
            }
        })
    }
}
