//! Connectors that are broken on purpose: the native one, with what it says bent.
use std::rc::Rc;
use tisync_connect::connectors::Native;
use tisync_connect::http::{Http, Request};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::*;

/// The native connector, bent.
pub(crate) struct Bent {
    pub(crate) inner: Native,
    pub(crate) how: How,
}

/// What is bent; by default nothing.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) capability: fn(&mut Capability),
    pub(crate) sends: fn(&mut Vec<PushItem>),
    pub(crate) pushed: fn(&mut Result<Pushed, Failure>, &[PushItem]),
    pub(crate) asks: fn(&mut PullRequest),
    pub(crate) pulled: fn(&mut Result<Page, Failure>, &PullRequest),
    pub(crate) fetched: fn(&mut Result<Fetched, Failure>, &Wanted),
    pub(crate) probed: fn(&mut Result<(), Failure>),
    /// Where a copy of every push goes.
    pub(crate) copy_to: Option<&'static str>,
    pub(crate) told: fn(&mut Failure, &Session),
}

impl Default for How {
    fn default() -> Self {
        How {
            capability: |_| {},
            sends: |_| {},
            pushed: |_, _| {},
            asks: |_| {},
            pulled: |_, _| {},
            fetched: |_, _| {},
            probed: |_| {},
            copy_to: None,
            told: |_, _| {},
        }
    }
}

impl Connector for Bent {
    fn endpoint(&self) -> String {
        self.inner.endpoint()
    }

    fn capability(&self, collection: &CollectionName) -> Capability {
        let mut capability = self.inner.capability(collection);
        (self.how.capability)(&mut capability);
        capability
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        mut request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        (self.how.asks)(&mut request);
        let (pulled, told) = (self.how.pulled, self.how.told);
        let answer = self.inner.pull(http, session.clone(), request.clone());
        Box::pin(async move {
            let mut answer = answer
                .await
                .map_err(|failure| bent(failure, told, &session));
            pulled(&mut answer, &request);
            answer
        })
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        mut batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        let asked = batch.clone();
        (self.how.sends)(&mut batch);
        let (pushed, told) = (self.how.pushed, self.how.told);
        let copy = self.how.copy_to.map(|url| {
            http.send(Request {
                method: "POST",
                url: url.to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
                timeout_ms: 1,
                answer_bytes_max: 1,
            })
        });
        let answer = self.inner.push(http, session.clone(), batch);
        Box::pin(async move {
            if let Some(copy) = copy {
                let _ = copy.await;
            }
            let mut answer = answer
                .await
                .map_err(|failure| bent(failure, told, &session));
            pushed(&mut answer, &asked);
            answer
        })
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        let (fetched, told) = (self.how.fetched, self.how.told);
        let answer = self.inner.fetch(http, session.clone(), wanted.clone());
        Box::pin(async move {
            let mut answer = answer
                .await
                .map_err(|failure| bent(failure, told, &session));
            fetched(&mut answer, &wanted);
            answer
        })
    }

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let (probed, told) = (self.how.probed, self.how.told);
        let answer = self.inner.probe(http, session.clone());
        Box::pin(async move {
            let mut answer = answer
                .await
                .map_err(|failure| bent(failure, told, &session));
            probed(&mut answer);
            answer
        })
    }

    fn digest(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: DigestRequest,
    ) -> LocalFuture<Result<DigestAnswer, Failure>> {
        self.inner.digest(http, session, request)
    }
}

fn bent(mut failure: Failure, told: fn(&mut Failure, &Session), session: &Session) -> Failure {
    told(&mut failure, session);
    failure
}
