//! Answers: each goes to the module that asked.
use super::memory::Kind;
use super::work::Work;
use super::{pull, push, schedule, sweep};
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;

/// Uses the answer to a request.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    request: RequestId,
    from: usize,
    reply: Reply,
) -> Result<(), Error> {
    let Some(open) = work.memory.open.get(&request).cloned() else {
        // Too late: it moves no checkpoint, schedule or credential state; definite verdicts still count.
        return match reply {
            Reply::Pushed(Ok(verdicts)) => push::answered_late(work, verdicts),
            Reply::Pulled(Ok(page)) if planted::on(Bug::LatePageMoves) => {
                let Some(connector) = work.config.connectors.keys().next() else {
                    return Ok(());
                };
                let Some((key, _)) = work.feeds_of(connector).into_iter().next() else {
                    return Ok(());
                };
                pull::answered(work, &key, page, from).map(|_| ())
            }
            _ => Ok(()),
        };
    };
    let connector = open.connector;
    let feed = open.feed.map(|feed| FeedKey {
        connector: connector.clone(),
        feed,
    });
    let failure = match &reply {
        Reply::Pulled(Err(failure))
        | Reply::Pushed(Err(failure))
        | Reply::Fetched(Err(failure)) => Some(failure.clone()),
        _ => None,
    };
    match (reply, open.kind, &feed) {
        (Reply::Pulled(Ok(page)), Kind::Pull, Some(key)) => {
            if let Some(from) = pull::answered(work, key, page, from)? {
                work.outputs.push(Output::Continue { request, from });
                return Ok(());
            }
        }
        (Reply::Pulled(Err(failure)), Kind::Pull, Some(key)) => {
            if let FailureKind::ExpiredCheckpoint { epoch } = failure.kind {
                let known = work.feed(key)?.epoch.clone();
                let reason = match (&known, &epoch) {
                    (Some(known), Some(now)) if known.epoch != now.epoch => PassReason::Epoch,
                    _ => PassReason::Expired,
                };
                work.memory.open.remove(&request);
                work.event(Event::Health);
                return pull::restart(work, key, reason, epoch);
            }
        }
        (Reply::Pushed(answer), Kind::Push, _) => {
            let silent = push::answered(work, &connector, request, answer)?;
            if silent > 0 && failure.is_none() {
                work.memory.open.remove(&request);
                let failure = Failure {
                    kind: FailureKind::Retry { after_ms: None },
                    not_sent: false,
                    message: format!("the answer left {silent} mutations without a verdict"),
                };
                return schedule::failed(work, &connector, Kind::Push, None, &failure);
            }
        }
        (Reply::Fetched(Ok(found)), Kind::Fetch, _) => sweep::answered(work, found)?,
        (Reply::Fetched(Err(_)), Kind::Fetch, _) => {}
        (_, kind, _) => {
            // A driver that mixes up its answers: nothing of it is used, the request stays open.
            return Err(Error::new(
                crate::error::ErrorKind::Invalid,
                format!("the answer does not fit the request: expected one to a {kind:?}"),
            ));
        }
    }
    work.memory.open.remove(&request);
    match failure {
        Some(failure) => schedule::failed(work, &connector, open.kind, feed.as_ref(), &failure),
        None => schedule::succeeded(work, &connector, open.kind),
    }
}
