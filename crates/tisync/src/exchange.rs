//! Carries out orders: gives them to the connector and turns what comes back into a reply.
use crate::ErrorKind;
use crate::ahead::Ahead;
use crate::credentials::Credentials;
use crate::shared::Shared;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tisync_connect::http::Http;
use tisync_connect::{Connector, Hints, Session};
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::{
    Failure, FailureKind, ListenRequest, Order, Page, PageEnd, PullRequest, Reply, Task,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::limits::CREDENTIALS_MS_MAX;

/// A backend inside the sync worker: its connector and the session that it uses now.
pub(crate) struct Wire {
    name: String,
    connector: Box<dyn Connector>,
    http: Rc<dyn Http>,
    credentials: Option<Credentials>,
    session: Mutex<Option<Session>>,
    ahead: Ahead,
    owner: Arc<Shared>,
}

impl Wire {
    pub(crate) fn new(
        name: String,
        connector: Box<dyn Connector>,
        http: Rc<dyn Http>,
        credentials: Option<Credentials>,
        owner: Arc<Shared>,
    ) -> Self {
        Wire {
            name,
            connector,
            http,
            credentials,
            session: Mutex::new(None),
            ahead: Ahead::default(),
            owner,
        }
    }

    /// Carries out an order; it always answers in time.
    pub(crate) async fn carry_out(self: Rc<Self>, task: Task) -> Reply {
        if !matches!(task, Task::Pull(_) | Task::Listen(_)) {
            self.ahead.forget();
        }
        match task {
            Task::Pull(request) => Reply::Pulled(self.pull(request).await),
            task => self.exchange(task).await,
        }
    }

    /// Reads a page, and asks for the one behind it: the engine stores this one before it orders the next.
    async fn pull(self: Rc<Self>, request: PullRequest) -> Result<Page, Failure> {
        let page = match self.ahead.take(&request).await {
            Some(page) => page?,
            None => self.clone().page(request.clone()).await?,
        };
        if page.end == PageEnd::More {
            let next = PullRequest {
                checkpoint: page.checkpoint.clone(),
                snapshot: false,
                ..request
            };
            let asked = self.clone().page(next.clone());
            self.ahead.ask(next, asked).await;
        }
        Ok(page)
    }

    async fn page(self: Rc<Self>, request: PullRequest) -> Result<Page, Failure> {
        match self.exchange(Task::Pull(request)).await {
            Reply::Pulled(page) => page,
            _ => unreachable!("a pull is answered by a page or a failure"),
        }
    }

    /// Opens the backend's stream of hints; `None` where there is none.
    pub(crate) async fn listen(&self, request: ListenRequest) -> Result<Option<Hints>, Failure> {
        let session = self.session().await?;
        Ok(self.connector.listen(self.http.clone(), session, request))
    }

    async fn exchange(&self, task: Task) -> Reply {
        let failed = task.failing();
        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return failed(failure),
        };
        let exchange =
            tisync_connect::carry_out(&*self.connector, self.http.clone(), session, task);
        let limit = Duration::from_millis(REQUEST_DEADLINE_MS);
        timeout(limit, exchange).await.unwrap_or_else(|_| {
            failed(failure(
                FailureKind::Offline,
                false,
                format!(
                    "expected an answer within {} s, but none came",
                    limit.as_secs()
                ),
            ))
        })
    }

    /// The session in use; the provider is asked when there is none yet.
    async fn session(&self) -> Result<Session, Failure> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref() {
            return Ok(session.clone());
        }
        let new = match &self.credentials {
            None => Session::anonymous(),
            Some(credentials) => self.ask(credentials, false).await?,
        };
        *session = Some(new.clone());
        Ok(new)
    }

    /// Asks the provider again; whether its answer differs from what was refused. One at a time: exchanges that
    /// begin meanwhile wait for the new session.
    pub(crate) async fn renew(self: Rc<Self>) -> Result<bool, Failure> {
        let Some(credentials) = &self.credentials else {
            return Err(refused(format!(
                "the backend of the connector {} asks for credentials, but no provider is configured",
                self.name
            )));
        };
        let mut session = self.session.lock().await;
        let new = self.ask(credentials, true).await?;
        let before = session.replace(new.clone());
        let token = before.as_ref().and_then(Session::token);
        Ok(token != new.token())
    }

    /// Forgets what was asked for and is no longer awaited.
    pub(crate) fn rest(&self) {
        self.ahead.forget();
    }

    /// Forgets the session: the next exchange asks for another.
    pub(crate) fn forget(&self) {
        self.rest();
        if let Ok(mut session) = self.session.try_lock() {
            *session = None;
        }
    }

    async fn ask(&self, credentials: &Credentials, again: bool) -> Result<Session, Failure> {
        let limit = Duration::from_millis(CREDENTIALS_MS_MAX);
        let token = match timeout(limit, credentials.ask(&self.name, again)).await {
            Ok(Ok(token)) => token,
            Ok(Err(why)) => return Err(refused(why)),
            Err(_) => {
                return Err(refused(format!(
                    "expected credentials within {} s, but the provider did not answer",
                    limit.as_secs()
                )));
            }
        };
        // Nothing is sent for an account before the file is durably its own.
        if let Some(account) = &token.account {
            self.owner
                .own(account)
                .map_err(|error| match error.kind() {
                    ErrorKind::WrongAccount => {
                        failure(FailureKind::WrongAccount, true, error.to_string())
                    }
                    _ => refused(error.to_string()),
                })?;
        }
        Ok(Session::with_token(&token.secret))
    }
}

fn refused(why: String) -> Failure {
    failure(FailureKind::Credentials, true, why)
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
    Failure::new(kind, not_sent, message)
}
