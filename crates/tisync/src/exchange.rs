//! Carries out orders: gives them to the connector and turns what comes back into a reply.
use crate::credentials::Credentials;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tisync_connect::http::Http;
use tisync_connect::{Connector, Hints, Session};
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::{Failure, FailureKind, ListenRequest, Order, Reply, Task};
use tokio::time::timeout;

use crate::limits::CREDENTIALS_MS_MAX;

/// A backend inside the sync worker: its connector and the session that it uses now.
pub(crate) struct Wire {
    name: String,
    connector: Box<dyn Connector>,
    http: Rc<dyn Http>,
    credentials: Option<Credentials>,
    session: RefCell<Option<Session>>,
}

impl Wire {
    pub(crate) fn new(
        name: String,
        connector: Box<dyn Connector>,
        http: Rc<dyn Http>,
        credentials: Option<Credentials>,
    ) -> Self {
        Wire {
            name,
            connector,
            http,
            credentials,
            session: RefCell::new(None),
        }
    }

    /// Carries out an order; it always answers in time.
    pub(crate) async fn carry_out(self: Rc<Self>, task: Task) -> Reply {
        match task {
            Task::Pull(request) => Reply::Pulled(
                self.with_session(|session| {
                    self.connector.pull(self.http.clone(), session, request)
                })
                .await,
            ),
            Task::Push(batch) => Reply::Pushed(
                self.with_session(|session| self.connector.push(self.http.clone(), session, batch))
                    .await,
            ),
            Task::Fetch(wanted) => Reply::Fetched(
                self.with_session(|session| {
                    self.connector.fetch(self.http.clone(), session, wanted)
                })
                .await,
            ),
            Task::Probe => Reply::Probed(
                self.with_session(|session| self.connector.probe(self.http.clone(), session))
                    .await,
            ),
            // The worker keeps an ear open beside the exchanges.
            Task::Listen(_) => Reply::Listened(Ok(())),
        }
    }

    /// Opens the backend's stream of hints; `None` where there is none.
    pub(crate) async fn listen(&self, request: ListenRequest) -> Result<Option<Hints>, Failure> {
        let session = self.session().await?;
        Ok(self.connector.listen(self.http.clone(), session, request))
    }

    async fn with_session<T, F>(&self, exchange: impl FnOnce(Session) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let session = self.session().await?;
        let limit = Duration::from_millis(REQUEST_DEADLINE_MS);
        match timeout(limit, exchange(session)).await {
            Ok(result) => result,
            Err(_) => Err(failure(
                FailureKind::Offline,
                false,
                format!(
                    "expected an answer within {} s, but none came",
                    limit.as_secs()
                ),
            )),
        }
    }

    /// The session in use; the provider is asked when there is none yet.
    async fn session(&self) -> Result<Session, Failure> {
        if let Some(session) = self.session.borrow().clone() {
            return Ok(session);
        }
        let session = match &self.credentials {
            None => Session::anonymous(),
            Some(credentials) => self
                .ask(credentials, false)
                .await
                .map_err(|why| failure(FailureKind::Credentials, true, why))?,
        };
        *self.session.borrow_mut() = Some(session.clone());
        Ok(session)
    }

    /// Asks the provider again; whether its answer differs from what was refused.
    pub(crate) async fn renew(self: Rc<Self>) -> Result<bool, String> {
        let Some(credentials) = &self.credentials else {
            return Err(format!(
                "the backend of the connector {} asks for credentials, but no provider is configured",
                self.name
            ));
        };
        let session = self.ask(credentials, true).await?;
        let before = self.session.replace(Some(session.clone()));
        let token = before.as_ref().and_then(Session::token);
        Ok(token != session.token())
    }

    async fn ask(&self, credentials: &Credentials, refused: bool) -> Result<Session, String> {
        let limit = Duration::from_millis(CREDENTIALS_MS_MAX);
        match timeout(limit, credentials.ask(&self.name, refused)).await {
            Ok(Ok(token)) => Ok(Session::with_token(&token)),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(format!(
                "expected credentials within {} s, but the provider did not answer",
                limit.as_secs()
            )),
        }
    }
}

/// The reply to an order whose connector failed by a panic: nothing is known about the backend.
pub(crate) fn panicked(task: &Task) -> Reply {
    task.failed(failure(
        FailureKind::Retry { after_ms: None },
        false,
        "the connector panicked: a bug in it".to_owned(),
    ))
}

/// The reply to an order for a connector that is not configured here.
pub(crate) fn unknown_connector(order: &Order) -> Reply {
    order.task.failed(failure(
        FailureKind::Retry { after_ms: None },
        true,
        format!("no connector named {} is configured", order.connector),
    ))
}

fn failure(kind: FailureKind, not_sent: bool, message: String) -> Failure {
    Failure {
        kind,
        not_sent,
        message,
    }
}
