//! Appcelerator Cloud Services, later Arrow DB: `docs/connectors/acs.md`.
//!
//! `Gone` is said when the server names the id as invalid, as it does for an object that was deleted or never was. An
//! object that the user may not see is answered otherwise, and is not gone.
mod answer;
mod fetch;
mod names;
mod pull;
mod push;
mod range;
mod row;

use super::{Kind, Setup, SetupError, copies};
use crate::http::{Http, Request, base_address, path_segment, query, send};
use crate::{Connector, LocalFuture, Session};
use answer::Answer;
use std::rc::Rc;
use std::sync::Arc;
use tisync_core::model::{
    Answers, Capability, CollectionName, Deletes, Equality, Failure, FeedKind, Idempotency, Ids,
    Paging, RemoteStamps, Versions,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// The entry in [`super::KINDS`].
pub(super) const KIND: Kind = Kind {
    name: "acs",
    about: "Appcelerator Cloud Services, Arrow DB, or a server with their interface, such as `tisync serve --acs-key`",
    make: |setup| Ok(copies(Acs::new(setup)?)),
};

/// Talks to Appcelerator Cloud Services, or to a server with their interface.
///
/// ```
/// use tisync_connect::Connector;
/// use tisync_connect::connectors::{Acs, Setup};
/// let mut setup = Setup::at("https://acs.example.org/");
/// assert!(Acs::new(&setup).unwrap_err().to_string().contains("missing field `key`"));
/// setup.options.insert("key".to_owned(), "APPKEY".into());
/// assert_eq!(Acs::new(&setup)?.endpoint(), "https://acs.example.org");
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Acs {
    server: Arc<Server>,
}

/// Where the objects are, and how they are used.
#[derive(Debug)]
struct Server {
    address: String,
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The app key. It is in every copy of the app, and keeps nobody out.
    key: String,
    /// Classes by collection, where they are not named alike.
    #[serde(default)]
    classes: BTreeMap<CollectionName, String>,
    /// The collection that shows the app's users.
    #[serde(default)]
    users: Option<CollectionName>,
    /// The field that keeps the mark of an object's create.
    #[serde(default = "mark_field")]
    mark_field: String,
    /// Objects in one page at most.
    #[serde(default = "page_items")]
    page_items: usize,
}

fn mark_field() -> String {
    "tisync_mark".to_owned()
}

/// What the server gives at most.
const PAGE_ITEMS_MAX: usize = 1_000;

fn page_items() -> usize {
    PAGE_ITEMS_MAX
}

impl Acs {
    /// A connector to the server of a set-up.
    ///
    /// # Errors
    /// When the address or an option cannot be used.
    pub fn new(setup: &Setup) -> Result<Self, SetupError> {
        let options: Options = setup.read()?;
        if options.key.is_empty() {
            return Err(SetupError::new(
                "expected the app key in the option `key`, but it is empty",
            ));
        }
        if !(1..=PAGE_ITEMS_MAX).contains(&options.page_items) {
            return Err(SetupError::new(format!(
                "expected page_items to be 1 to {PAGE_ITEMS_MAX}, but {} came",
                options.page_items
            )));
        }
        let mark = &options.mark_field;
        if mark.is_empty() || mark.contains(['.', '$']) || row::is_server_field(mark) {
            return Err(SetupError::new(format!(
                "expected mark_field to be a field of your own without dots, but `{mark}` came"
            )));
        }
        if let Some(class) = options
            .classes
            .values()
            .find(|class| path_segment(class).is_none())
        {
            return Err(SetupError::new(format!(
                "expected the name of a class, but `{class}` came"
            )));
        }
        Ok(Acs {
            server: Arc::new(Server {
                address: base_address(&setup.url)?,
                options,
            }),
        })
    }
}

impl Server {
    /// Sends a call with its parameters, and reads its envelope.
    async fn call(
        &self,
        http: &dyn Http,
        session: &Session,
        call: Call<'_>,
    ) -> Result<Answer, Failure> {
        let mut pairs = vec![("key", self.options.key.as_str())];
        let form = call.method == "POST" || call.method == "PUT";
        let mut url = format!("{}/v1/{}.json?", self.address, call.path);
        if !form {
            pairs.extend(
                call.params
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            );
        }
        url.push_str(&query(pairs));
        let mut request = Request::json(call.method, url);
        // As a cookie, which no log of addresses shows; the official client does the same.
        let token = session.token().filter(|token| {
            !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && b != b';')
        });
        if let Some(token) = token {
            request = request.with_header("cookie", format!("_session_id={token}"));
        }
        if form {
            let params = call
                .params
                .iter()
                .map(|(name, value)| (*name, value.as_str()));
            request.body = query(params).into_bytes();
            request = request.with_header("content-type", "application/x-www-form-urlencoded");
        }
        if call.probes {
            request = request.with_limits_of_probe();
        }
        Answer::read(send(http, request).await?)
    }
}

/// One call of the interface.
struct Call<'a> {
    method: &'static str,
    path: String,
    params: Vec<(&'a str, String)>,
    probes: bool,
}

impl<'a> Call<'a> {
    fn new(method: &'static str, path: String, params: Vec<(&'a str, String)>) -> Self {
        Call {
            method,
            path,
            params,
            probes: false,
        }
    }
}

impl Connector for Acs {
    fn endpoint(&self) -> String {
        self.server.address.clone()
    }

    fn capability(&self, collection: &CollectionName) -> Capability {
        Capability {
            feed: FeedKind::Listing(Paging::Keyset),
            deletes: Deletes::Absent,
            conditional: false,
            idempotency: Idempotency::Mark,
            ids: Ids::Server,
            versions: Versions::Equality,
            stale_reads: false,
            answers: Answers::Image,
            stamps: match names::place(&self.server.options, collection) {
                // A login changes the time of a user.
                names::Place::Users => RemoteStamps::None,
                names::Place::Objects(_) => RemoteStamps::Arrival {
                    precision_ms: 1_000,
                },
            },
            batch_items_max: 1,
            atomic: false,
            partial_update: true,
            fetch: true,
            hints: false,
            digests: false,
            equality: Equality {
                instants: true,
                absent_is_null: true,
                unordered: false,
            },
            server_fields: row::shown(),
        }
    }

    calls!();

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let server = self.server.clone();
        Box::pin(async move {
            let call = Call {
                probes: true,
                ..Call::new("GET", "users/count".to_owned(), Vec::new())
            };
            // Whatever it says, it says it in the envelope that only the backend has.
            server.call(&*http, &session, call).await.map(drop)
        })
    }
}
