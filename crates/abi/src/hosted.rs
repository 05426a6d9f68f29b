//! A connector that the host brings, for instance one written in JavaScript: the same interface, as calls with JSON.
use crate::slots::{Filled, Slots};
use std::cell::Cell;
use std::rc::Rc;
use tisync_connect::connectors::{Setup, SetupError};
use tisync_connect::http::Http;
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{
    Capability, CollectionName, ConnectorName, Failure, FailureKind, FeedName, Fetched, Page,
    PullRequest, PushItem, Pushed, RequestId, Task, Wanted,
};
use tisync_json::Deserialize;
use tisync_json::Quoted;
use tisync_json::tree::BTreeMap;
use tisync_json::{Object, Value};

/// The kind that a configuration gives a connector of the host's.
pub(crate) const KIND: &str = "host";

/// What a connector of the host's gives back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostedReply {
    /// To a pull.
    Page(Page),
    /// To a push.
    Pushed(Pushed),
    /// To a fetch.
    Fetched(Fetched),
    /// To a probe: the backend answers.
    Reached,
    /// It did not work out.
    Failure(Failure),
}

/// What a configuration says of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// What the backend can do: what differs from a plain one.
    #[serde(default)]
    capability: Object,
    /// The same for single collections.
    #[serde(default)]
    collections: BTreeMap<String, Object>,
    /// Whether all collections are one feed with one checkpoint; else each has its own.
    #[serde(default)]
    one_feed: bool,
}

/// A connector that the host brings.
pub(crate) struct Hosted {
    name: ConnectorName,
    endpoint: String,
    capability: Capability,
    collections: BTreeMap<String, Capability>,
    one_feed: bool,
    slots: Rc<Slots>,
    /// The exchange that is being begun: one at a time.
    owner: Rc<Cell<RequestId>>,
}

impl Hosted {
    pub(crate) fn new(
        name: ConnectorName,
        setup: &Setup,
        slots: Rc<Slots>,
        owner: Rc<Cell<RequestId>>,
    ) -> Result<Self, SetupError> {
        let options: Options = setup.read()?;
        let collections = options.collections.into_iter().map(|(name, changes)| {
            let mut all = options.capability.clone();
            all.extend(changes);
            Ok((name, capability(all)?))
        });
        Ok(Hosted {
            name,
            endpoint: setup.url.trim_end_matches('/').to_owned(),
            collections: collections.collect::<Result<_, SetupError>>()?,
            capability: capability(options.capability)?,
            one_feed: options.one_feed,
            slots,
            owner,
        })
    }

    async fn answer(waiting: crate::slots::Waiting) -> Result<HostedReply, Failure> {
        match waiting.await {
            Filled::Connector(HostedReply::Failure(failure)) => Err(failure),
            Filled::Connector(reply) => Ok(reply),
            Filled::Http(_) => Err(unfit()),
        }
    }

    fn call(&self, session: &Session, task: Task) -> crate::slots::Waiting {
        let token = session.token().map(str::to_owned);
        self.slots
            .call(self.owner.get(), self.name.clone(), token, task)
    }
}

/// A plain backend, with what the configuration says of it.
fn capability(changes: Object) -> Result<Capability, SetupError> {
    let wrong = |error: &dyn std::fmt::Display| {
        SetupError::new(format!("the capability cannot be used: {error}"))
    };
    let plain = tisync_json::write(&Capability::plain());
    let mut all: Object = tisync_json::read(&plain).map_err(|error| wrong(&error))?;
    if let Some(unknown) = changes.keys().find(|key| !all.contains_key(*key)) {
        let known: Vec<&str> = all.keys().map(String::as_str).collect();
        return Err(SetupError::new(format!(
            "expected a capability out of {}, but {} came",
            known.join(", "),
            Quoted(unknown)
        )));
    }
    all.extend(changes);
    tisync_json::read(&Value::Object(all).to_string()).map_err(|error| wrong(&error))
}

impl Connector for Hosted {
    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn capability(&self, collection: &CollectionName) -> Capability {
        let own = self.collections.get(collection.as_str());
        own.unwrap_or(&self.capability).clone()
    }

    fn feed(&self, collection: &CollectionName) -> FeedName {
        match self.one_feed {
            true => FeedName::main(),
            false => FeedName::of(collection),
        }
    }

    fn pull(
        &self,
        _: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let waiting = self.call(&session, Task::Pull(request));
        Box::pin(async move {
            match Hosted::answer(waiting).await? {
                HostedReply::Page(page) => Ok(page),
                _ => Err(unfit()),
            }
        })
    }

    fn push(
        &self,
        _: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        let waiting = self.call(&session, Task::Push(batch));
        Box::pin(async move {
            match Hosted::answer(waiting).await? {
                HostedReply::Pushed(pushed) => Ok(pushed),
                _ => Err(unfit()),
            }
        })
    }

    fn fetch(
        &self,
        _: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        let waiting = self.call(&session, Task::Fetch(wanted));
        Box::pin(async move {
            match Hosted::answer(waiting).await? {
                HostedReply::Fetched(fetched) => Ok(fetched),
                _ => Err(unfit()),
            }
        })
    }

    fn probe(&self, _: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let waiting = self.call(&session, Task::Probe);
        Box::pin(async move {
            match Hosted::answer(waiting).await? {
                HostedReply::Reached => Ok(()),
                _ => Err(unfit()),
            }
        })
    }
}

/// A connector that answers something else than it was asked: it may have done what it was asked.
fn unfit() -> Failure {
    Failure::new(
        FailureKind::Retry { after_ms: None },
        false,
        "the connector's answer does not fit what it was asked: a bug in it",
    )
}
