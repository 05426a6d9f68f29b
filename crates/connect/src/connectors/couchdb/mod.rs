//! The protocol of CouchDB: `docs/connectors/couchdb.md`.
//!
//! A revision is a record's version; a collection is a database, and its feed is `_changes`. `Gone` is said on a
//! tombstone alone, and on a revision that the database does not know when it refuses a write on it.
mod fetch;
mod listen;
mod names;
mod pull;
mod push;

use super::{Kind, Setup, SetupError, copies};
use crate::http::{Auth, Http, Request, base_address, classify, read_json, send};
use crate::{Connector, Hints, LocalFuture, Session};
use std::rc::Rc;
use std::sync::Arc;
use tisync_core::limits::PUSH_ITEMS_MAX;
use tisync_core::model::{
    Answers, Capability, CollectionName, Deletes, Equality, Failure, FeedKind, Idempotency, Ids,
    ListenRequest, RemoteStamps, Versions,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// The entry in [`super::KINDS`].
pub(super) const KIND: Kind = Kind {
    name: "couchdb",
    about: "a server of the CouchDB protocol: CouchDB, Cloudant, pouchdb-server",
    make: |setup| Ok(copies(CouchDb::new(setup)?)),
};

/// Talks to a server of the CouchDB protocol.
///
/// ```
/// use tisync_connect::Connector;
/// use tisync_connect::connectors::{CouchDb, Setup};
/// let couchdb = CouchDb::new(&Setup::at("https://db.example.org/"))?;
/// assert_eq!(couchdb.endpoint(), "https://db.example.org");
/// let line = couchdb.capability(&"notes".parse().unwrap()).guarantee();
/// assert!(line.starts_with("no change missed; deletes followed; no lost update"));
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CouchDb {
    server: Arc<Server>,
}

/// Where the databases are, and how they are used.
#[derive(Debug)]
struct Server {
    address: String,
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Databases by collection, where they are not named alike.
    databases: BTreeMap<CollectionName, String>,
    /// What stands before a collection's name in its database's.
    prefix: String,
    /// How the token is sent.
    auth: Auth,
    /// The field that keeps when a record was written, for `latest-timestamp-wins`.
    stamp_field: Option<String>,
    /// Documents in one page at most.
    page_items: usize,
    /// Milliseconds between two signs of life while the server is listened to.
    heartbeat_ms: u64,
}

/// Signs of life that come more often only cost.
const HEARTBEAT_MS_MIN: u64 = 100;

impl Default for Options {
    fn default() -> Self {
        Options {
            databases: BTreeMap::new(),
            prefix: String::new(),
            auth: Auth::Basic,
            stamp_field: None,
            page_items: 500,
            heartbeat_ms: listen::HEARTBEAT_MS_MAX,
        }
    }
}

impl CouchDb {
    /// A connector to the server of a set-up.
    ///
    /// # Errors
    /// When the address or an option cannot be used.
    pub fn new(setup: &Setup) -> Result<Self, SetupError> {
        let options: Options = setup.read()?;
        names::check(&options)?;
        if options.page_items == 0 {
            return Err(SetupError::new(
                "expected page_items to be 1 or more, but 0 came",
            ));
        }
        if !(HEARTBEAT_MS_MIN..=listen::HEARTBEAT_MS_MAX).contains(&options.heartbeat_ms) {
            return Err(SetupError::new(format!(
                "expected heartbeat_ms to be {HEARTBEAT_MS_MIN} to {}, but {} came",
                listen::HEARTBEAT_MS_MAX,
                options.heartbeat_ms
            )));
        }
        if let Some(field) = &options.stamp_field
            && (field.is_empty() || field.starts_with('_'))
        {
            return Err(SetupError::new(format!(
                "expected a stamp_field that does not begin with `_`, which CouchDB keeps for itself, but `{field}` came"
            )));
        }
        let address = base_address(&setup.url)?;
        Ok(CouchDb {
            server: Arc::new(Server { address, options }),
        })
    }
}

impl Server {
    /// A request to a database.
    fn request(
        &self,
        session: &Session,
        method: &'static str,
        collection: &CollectionName,
        rest: &str,
    ) -> Result<Request, Failure> {
        let database = names::segment(&self.options, collection)
            .map_err(|reason| classify::not_this_protocol(&reason).not_sent(true))?;
        let url = format!("{}/{database}{rest}", self.address);
        Ok(Request::json(method, url).with_auth(&self.options.auth, session))
    }

    /// The body of an answer with one of these statuses, or why there is none.
    fn read<'a, T: Deserialize<'a>>(
        &self,
        response: &'a crate::http::Response,
        collection: &CollectionName,
    ) -> Result<T, Failure> {
        match response.status {
            200..=202 => read_json(response),
            _ => Err(self.refused(response, collection)),
        }
    }

    /// Why the server does nothing for a database.
    fn refused(&self, response: &crate::http::Response, collection: &CollectionName) -> Failure {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
            #[serde(default)]
            reason: String,
        }
        let mut failure = classify::failure(response);
        let Ok(refusal) = read_json::<Refusal>(response) else {
            return failure;
        };
        let Refusal { error, reason } = refusal;
        let database = names::database(&self.options, collection);
        failure.message = match response.status {
            404 => format!(
                "there is no database `{database}` ({reason}): make it, or name another under `databases` in the \
                 connector's options"
            ),
            401 => format!("the server refuses the user or the password ({reason})"),
            403 => format!("the user may not do this in the database `{database}` ({reason})"),
            _ => format!(
                "the server answered {error}: {reason} ({})",
                response.status
            ),
        };
        failure.message = classify::cut(&failure.message);
        if response.status == 404 {
            // It is there, and says that it did nothing: the database may be made at any time.
            failure.kind = tisync_core::model::FailureKind::Retry { after_ms: None };
        }
        // Whatever it refuses as a whole, it has not carried out; that it waited too long proves nothing.
        failure.not_sent = (400..=499).contains(&response.status) && response.status != 408;
        failure
    }
}

impl Connector for CouchDb {
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
            stamps: match self.server.options.stamp_field {
                Some(_) => RemoteStamps::Record,
                None => RemoteStamps::None,
            },
            batch_items_max: PUSH_ITEMS_MAX,
            atomic: false,
            partial_update: false,
            fetch: true,
            hints: true,
            digests: false,
            equality: Equality::default(),
            server_fields: Vec::new(),
        }
    }

    calls!();

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let sent = Request::json("GET", format!("{}/", self.server.address))
            .with_auth(&self.server.options.auth, &session)
            .with_limits_of_probe();
        Box::pin(async move {
            let response = send(&*http, sent).await?;
            if response.status != 200 {
                return Err(classify::failure(&response));
            }
            names::welcome(&response)
        })
    }

    fn listen(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: ListenRequest,
    ) -> Option<Hints> {
        listen::hints(&self.server, &*http, &session, &request)
    }
}
