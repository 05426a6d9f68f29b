//! Plain REST, as Backbone speaks it: `docs/connectors/rest.md`.
//!
//! What a backend can do is said by the options, and nothing is taken for granted: its capability is derived from them.
//! `Gone` is said when a record's own address answers 404 or 410 in JSON while its collection answers.
mod ask;
mod fetch;
mod options;
mod paging;
mod pull;
mod push;
mod rows;

use super::{Kind, Setup, SetupError, copies};
use crate::http::{Http, Request, base_address, classify, send};
use crate::limits::PROBE_MS_MAX;
use crate::{Connector, LocalFuture, Session};
use options::Options;
use std::rc::Rc;
use std::sync::Arc;
use tisync_core::model::{Capability, CollectionName, Failure};

/// The entry in [`super::KINDS`].
pub(super) const KIND: Kind = Kind {
    name: "rest",
    about: "a plain REST backend, described by options",
    make: |setup| Ok(copies(Rest::new(setup)?)),
};

/// Talks to a plain REST backend.
///
/// ```
/// use tisync_connect::Connector;
/// use tisync_connect::connectors::{Rest, Setup};
/// let mut setup = Setup::at("https://api.example.org/v2");
/// setup.options.insert("probe".into(), "notes".into());
/// let rest = Rest::new(&setup)?;
/// let line = rest.capability(&"notes".parse().unwrap()).guarantee();
/// assert!(line.starts_with("changes found at each full pass; deletes inferred, each confirmed by a read"));
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rest {
    server: Arc<Server>,
}

/// Where the backend is, and what it can do.
#[derive(Debug)]
struct Server {
    address: String,
    options: Options,
}

impl Rest {
    /// A connector to the backend of a set-up.
    ///
    /// # Errors
    /// When the address or an option cannot be used, or options do not fit together.
    pub fn new(setup: &Setup) -> Result<Self, SetupError> {
        let options: Options = setup.read()?;
        options.check()?;
        let address = base_address(&setup.url)?;
        Ok(Rest {
            server: Arc::new(Server { address, options }),
        })
    }
}

impl Connector for Rest {
    fn endpoint(&self) -> String {
        self.server.address.clone()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        self.server.options.capability()
    }

    calls!();

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let server = self.server.clone();
        let mut sent: Request = server.probe(&session);
        // A listing that is not paged comes whole: only its time is short.
        sent.timeout_ms = PROBE_MS_MAX;
        Box::pin(async move {
            let response = send(&*http, sent).await?;
            match response.status {
                // Only the backend answers with rows; whatever else is JSON may come from something in between.
                200 => {
                    let path = server.options.rows.as_deref();
                    ask::all_rows(&*http, &response, path).await.map(drop)
                }
                _ => Err(classify::failure(&response)),
            }
        })
    }
}
