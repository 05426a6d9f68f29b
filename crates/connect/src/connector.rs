//! The interface that every connector implements.
use crate::Session;
use crate::http::Http;
use futures_core::Stream;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use tisync_core::model::{
    Capability, CollectionName, DigestAnswer, DigestRequest, Failure, FeedName, Fetched,
    ListenRequest, Page, PullRequest, PushItem, Pushed, Wanted,
};

/// A future that owns what it needs and stays on its thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A stream that owns what it needs and stays on its thread.
pub type LocalStream<T> = Pin<Box<dyn Stream<Item = T>>>;

/// What a backend tells while it is listened to; it ends when the connection does, or with a failure.
pub type Hints = LocalStream<Result<Hint, Failure>>;

/// What a backend tells while it is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// From here on it tells; the first thing of every stream.
    Listening,
    /// Something changed: pull soon. It carries nothing, so that one that is lost costs only time.
    Changed,
}

/// Talks to one backend.
///
/// `http` and `session` are cheap handles; the future owns them. Answers are classified here: the engine never
/// sees a status code. `Gone` may be said only on evidence that the connector's page in `docs/connectors/`
/// documents. A mutation that is missing from the answer to a push counts as unknown. A backend that can be restored
/// from a backup names its history in every answer or in none: what another history says is not used.
pub trait Connector {
    /// Where the backend is: a replica's file belongs to it, and is not shown to another one.
    fn endpoint(&self) -> String;
    /// What the backend can do for a collection, as this host can see it.
    fn capability(&self, collection: &CollectionName) -> Capability;
    /// The feed that carries a collection. Collections of one feed are pulled together, with one checkpoint; a backend
    /// that lists each collection by itself names each feed after its collection.
    fn feed(&self, collection: &CollectionName) -> FeedName {
        let _ = collection;
        FeedName::main()
    }
    /// Reads one page of a feed.
    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>>;
    /// Writes a batch, each write with its precondition.
    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>>;
    /// Reads records by id or by mark.
    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>>;
    /// Asks the backend for next to nothing: whether it is reached. Any answer that only the backend gives will do;
    /// what a sign-in page of a network could answer as well must be [`tisync_core::model::FailureKind::NotThisProtocol`].
    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>>;
    /// Lets the backend tell when something changes; `None` where it cannot, or where the host keeps no connection
    /// open. It has no retry loop: when it ends, the engine says when to listen again.
    fn listen(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: ListenRequest,
    ) -> Option<Hints> {
        let _ = (http, session, request);
        None
    }
    /// Reads digests of ranges at a place of the feed. Asked only where the capability says `digests`.
    fn digest(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: DigestRequest,
    ) -> LocalFuture<Result<DigestAnswer, Failure>> {
        let _ = (http, session, request);
        Box::pin(async {
            Err(crate::http::classify::not_this_protocol(
                "this connector offers no digests",
            ))
        })
    }
}
