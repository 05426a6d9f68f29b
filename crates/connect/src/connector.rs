//! The interface that every connector implements.
use crate::Session;
use crate::http::Http;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use tisync_core::model::{
    Capability, CollectionName, Failure, FoundRecord, MutationId, Page, PullRequest, PushItem,
    Verdict, Wanted,
};

/// A future that owns what it needs and stays on its thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Talks to one backend.
///
/// `http` and `session` are cheap handles; the future owns them. Answers are classified here: the engine never
/// sees a status code. `Gone` may be said only on evidence that the connector's page in `docs/connectors/`
/// documents. A mutation that is missing from the answer to a push counts as unknown.
pub trait Connector {
    /// What the backend can do for a collection, as this host can see it.
    fn capability(&self, collection: &CollectionName) -> Capability;
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
    ) -> LocalFuture<Result<Vec<(MutationId, Verdict)>, Failure>>;
    /// Reads records by id or by mark.
    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Vec<FoundRecord>, Failure>>;
}
