//! Answers: each goes to the module that asked.
use super::memory::{Asked, Open};
use super::work::Work;
use super::{check, listen, look, network, pull, schedule, unknown, verdict, verify};
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
    if matches!(reply, Reply::Listening | Reply::Listened(_)) {
        return listen::answered(work, request, &reply);
    }
    let Some(open) = work.memory.open.get(&request).cloned() else {
        // Too late: it moves no checkpoint, schedule or credential state; definite verdicts still count.
        return match reply {
            Reply::Pushed(Ok(pushed)) => verdict::answered_late(work, pushed),
            Reply::Pulled(Ok(page)) if planted::on(Bug::LatePageMoves) => {
                let Some(connector) = work.config.connectors.keys().next() else {
                    return Ok(());
                };
                let Some((key, _)) = work.feeds_of(connector).into_iter().next() else {
                    return Ok(());
                };
                pull::answered(work, &key, request, page, from).map(|_| ())
            }
            _ => Ok(()),
        };
    };
    if open.stale && matches!(reply, Reply::Pulled(Ok(_)) | Reply::Fetched(Ok(_))) {
        // It was asked before a write of ours was known to be accepted, and would show what that replaced.
        work.memory.open.remove(&request);
        return Ok(());
    }
    let mut failure = reply.failure().cloned();
    let mut silent = 0;
    match (reply, &open.asked) {
        (Reply::Pulled(ref answer), Asked::Pull { .. })
            if says_where(answer) && !is_at_place(work, &open)? =>
        {
            // The feed was sent to its beginning meanwhile: this page would leave a gap.
            work.memory.open.remove(&request);
            return Ok(());
        }
        (Reply::Pulled(Ok(page)), Asked::Pull { feed, .. }) => {
            if let Some(from) = pull::answered(work, feed, request, page, from)? {
                work.outputs.push(Output::Continue { request, from });
                return Ok(());
            }
        }
        (Reply::Pulled(Err(failure)), Asked::Pull { feed, .. }) => {
            if let FailureKind::ExpiredCheckpoint { epoch } = &failure.kind {
                let epoch = epoch.clone();
                let known = work.feed(feed)?.epoch.clone();
                let reason = match (&known, &epoch) {
                    (Some(known), Some(now)) if known.epoch != now.epoch => PassReason::Epoch,
                    _ => PassReason::Expired,
                };
                work.memory.open.remove(&request);
                work.event(Event::Health);
                network::reached(work, &open.connector)?;
                pull::restart(work, feed, reason, epoch)?;
                return work.set_feed(feed, |state| {
                    state.last_error = Some(failure.message.clone())
                });
            }
        }
        (Reply::Pushed(answer), Asked::Push) => {
            silent = verdict::answered(work, &open.connector, request, answer)?;
            if failure.as_ref().is_some_and(Failure::is_of_older_schema)
                && !work.connector(&open.connector)?.upgrade_required
            {
                // What an older version of the app wrote goes again at once, as this one writes it.
                failure = None;
            }
        }
        (Reply::Fetched(Ok(found)), Asked::Fetch(ids)) => {
            silent = look::answered(work, ids.clone(), found)?;
        }
        (Reply::Fetched(Ok(found)), Asked::Marks(marks)) => {
            silent = unknown::marked(work, marks.clone(), found)?;
        }
        (Reply::Fetched(Ok(found)), Asked::Check(asked)) => {
            silent = check::answered(work, &open.connector, asked.clone(), found)?;
        }
        (Reply::Fetched(Ok(found)), Asked::Mend(feed)) => verify::mended(work, feed, found)?,
        (Reply::Digested(Ok(answer)), Asked::Digest { .. }) => digested(work, &open, answer)?,
        (Reply::Fetched(Err(_)), Asked::Marks(marks)) => unknown::unheard(work, marks)?,
        (Reply::Fetched(Err(_)), Asked::Fetch(_) | Asked::Check(_) | Asked::Mend(_))
        | (Reply::Digested(Err(_)), Asked::Digest { .. })
        | (Reply::Probed(_), Asked::Probe) => {}
        (_, asked) => {
            // A driver that mixes up its answers: nothing of it is used, the request stays open.
            return Err(Error::new(
                crate::error::ErrorKind::Invalid,
                format!(
                    "the answer does not fit the request: expected one to a {:?}",
                    asked.kind()
                ),
            ));
        }
    }
    work.memory.open.remove(&request);
    let failure = failure.or_else(|| {
        (silent > 0).then(|| {
            Failure::new(
                FailureKind::Retry { after_ms: None },
                false,
                format!("the answer did not settle {silent} mutations or look-ups"),
            )
        })
    });
    match failure {
        Some(failure) => schedule::failed(work, &open, &failure),
        None => schedule::succeeded(work, &open.connector, open.asked.kind()),
    }
}

fn digested<T: Tx>(work: &mut Work<'_, T>, open: &Open, answer: DigestAnswer) -> Result<(), Error> {
    match &open.asked {
        Asked::Digest {
            feed,
            checkpoint,
            question,
        } => verify::answered(work, feed, checkpoint, question.clone(), answer),
        _ => Ok(()),
    }
}

/// Whether an answer is about the place that was asked from: a page, or that the checkpoint has expired. A
/// server that asks to be left alone says so of every place.
fn says_where(answer: &Result<Page, Failure>) -> bool {
    match answer {
        Ok(_) => true,
        Err(failure) => matches!(failure.kind, FailureKind::ExpiredCheckpoint { .. }),
    }
}

/// Whether the feed still stands where a page was asked for.
fn is_at_place<T: Tx>(work: &mut Work<'_, T>, open: &Open) -> Result<bool, Error> {
    let Asked::Pull {
        feed,
        checkpoint,
        pass,
    } = &open.asked
    else {
        return Ok(true);
    };
    let state = work.feed(feed)?;
    Ok(&state.checkpoint == checkpoint && state.pass.as_ref().map(|pass| pass.number) == *pass)
}
