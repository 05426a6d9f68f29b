//! Orders carried out: what every host of the engine does alike with a task and a connector.
use crate::http::Http;
use crate::{Connector, LocalFuture, Session};
use std::rc::Rc;
use tisync_core::model::{Failure, Pushed, Reply, Task, Verdict};

/// Gives a task to a connector; the future owns what it needs, and ends with the reply for the engine.
///
/// What a backend says goes into logs, into health and into the file: where it repeats the session's token, the token is
/// taken out. To listen is no exchange: the reply says that it has ended, and a host that can listens beside it.
pub fn carry_out(
    connector: &dyn Connector,
    http: Rc<dyn Http>,
    session: Session,
    task: Task,
) -> LocalFuture<Reply> {
    let hidden = session.clone();
    let told = move |failure| without_token(&hidden, failure);
    match task {
        Task::Pull(request) => {
            let page = connector.pull(http, session, request);
            Box::pin(async move { Reply::Pulled(page.await.map_err(told)) })
        }
        Task::Push(batch) => {
            let pushed = connector.push(http, session.clone(), batch);
            Box::pin(async move {
                let pushed = pushed.await.map_err(told);
                Reply::Pushed(pushed.map(|pushed| reasons_without_token(&session, pushed)))
            })
        }
        Task::Fetch(wanted) => {
            let fetched = connector.fetch(http, session, wanted);
            Box::pin(async move { Reply::Fetched(fetched.await.map_err(told)) })
        }
        Task::Probe => {
            let probed = connector.probe(http, session);
            Box::pin(async move { Reply::Probed(probed.await.map_err(told)) })
        }
        Task::Digest(request) => {
            let digested = connector.digest(http, session, request);
            Box::pin(async move { Reply::Digested(digested.await.map_err(told)) })
        }
        Task::Listen(_) => Box::pin(async { Reply::Listened(Ok(())) }),
    }
}

fn without_token(session: &Session, mut failure: Failure) -> Failure {
    failure.message = session.hide(&failure.message);
    failure
}

fn reasons_without_token(session: &Session, mut pushed: Pushed) -> Pushed {
    for (_, verdict) in &mut pushed.verdicts {
        if let Verdict::Rejected { reason } = verdict {
            *reason = session.hide(reason);
        }
    }
    pushed
}
