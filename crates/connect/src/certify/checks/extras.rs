//! What only some backends offer: it works where it is declared, and is refused where it is not.
use super::{Held, Result, Run, Stand, failed, is_there, says_nothing, trouble};
use crate::certify::Kit;
use crate::certify::stand::Seen;
use crate::certify::words::Words;
use crate::limits::HINTS_SILENCE_MS_MAX;
use crate::{Hint, Hints};
use futures_core::Stream;
use std::pin::Pin;
use std::task::Poll;
use tisync_core::model::*;

/// Milliseconds within which a hint must come.
const HINT_MS_MAX: u64 = 10_000;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand, kit: &Kit) {
    let group = "extras";
    run.check(group, "records are read by id as declared", fetch(stand))
        .await;
    run.check(group, "marks can be looked up as declared", marks(stand))
        .await;
    run.check(group, "hints come as declared", hints(stand, kit))
        .await;
    run.check(group, "digests are given as declared", digests(stand))
        .await;
    let name = "a writer whose clock is wrong harms nobody";
    run.check(group, name, clock(stand)).await;
}

async fn fetch(stand: &Stand) -> Result<Held> {
    let made = stand.make(&stand.text("read by id")).await?;
    let never = stand.id("-never")?;
    let ids = vec![
        (stand.collection.clone(), made.id.clone()),
        (stand.collection.clone(), never.clone()),
    ];
    let fetched = stand.ask(Wanted::Ids(ids)).await;
    if !stand.capability.fetch {
        return says_nothing(fetched);
    }
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(failure) => return failed("two records by id", &failure),
    };
    let found = |id: &RecordId| fetched.found.iter().find(|(_, other, _)| other == id);
    match found(&made.id) {
        Some((
            _,
            _,
            Found::Image(Remote {
                image: Image::Present(_),
                ..
            }),
        )) => {}
        other => return trouble(format!("{} is there", made.id), other),
    }
    match found(&never) {
        Some((
            _,
            _,
            Found::Image(Remote {
                image: Image::Present(came),
                ..
            }),
        )) => trouble(format!("{never} was never there"), came.text()),
        _ => Ok(Held::Passed),
    }
}

async fn marks(stand: &Stand) -> Result<Held> {
    let document = stand.document(&stand.text("marked"));
    let item = stand.create(&stand.id("")?, &document);
    let (mark, never) = (item.id, stand.mutation());
    let made = stand.accept(item).await?;
    let wanted = [mark, never].map(|mark| (stand.collection.clone(), mark));
    let fetched = stand.ask(Wanted::Marks(wanted.into())).await;
    if stand.capability.idempotency != Idempotency::Mark {
        return match fetched {
            Ok(fetched) if !fetched.marked.is_empty() => trouble(
                "marks are not declared: a failure, or nothing",
                fetched.marked,
            ),
            _ => Ok(Held::Passed),
        };
    }
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(failure) => return failed("what carries the marks", &failure),
    };
    for other in &fetched.marked {
        match other {
            (id, Marked::Record { id: record, .. }) if *id == mark && *record == made.id => {}
            (id, Marked::Nowhere) if *id == never => {}
            _ => {
                return trouble(
                    format!("{} carries the mark, nothing the other", made.id),
                    other,
                );
            }
        }
    }
    match fetched.marked.len() {
        2 => Ok(Held::Passed),
        count => trouble("an answer on each of two marks", count),
    }
}

async fn hints(stand: &Stand, kit: &Kit) -> Result<Held> {
    let request = ListenRequest {
        feeds: [(
            stand.connector.feed(&stand.collection),
            vec![stand.collection.clone()],
        )]
        .into(),
    };
    let http = stand.http.clone();
    let hints = stand.connector.listen(http, stand.session.clone(), request);
    let Some(mut hints) = hints else {
        return match stand.capability.hints {
            true => Ok(Held::Skipped(
                "this host keeps no connection open".to_owned(),
            )),
            false => Ok(Held::Passed),
        };
    };
    if !stand.capability.hints {
        return trouble("no hints, as declared", "a stream");
    }
    // Some servers say nothing, not even that they listen, before their first beat.
    match within(&mut hints, kit, HINTS_SILENCE_MS_MAX).await {
        Some(Some(Ok(Hint::Listening))) => {}
        other => return trouble("the stream begins", other),
    }
    stand.make(&stand.text("heard")).await?;
    match within(&mut hints, kit, HINT_MS_MAX).await {
        Some(Some(Ok(Hint::Changed))) => Ok(Held::Passed),
        other => trouble(format!("a hint within {HINT_MS_MAX} ms of a write"), other),
    }
}

/// The next thing of a stream; `None` when it takes too long.
async fn within(
    hints: &mut Hints,
    kit: &Kit,
    ms_max: u64,
) -> Option<Option<Result<Hint, Failure>>> {
    let mut time = (kit.wait)(ms_max);
    std::future::poll_fn(move |context| {
        if let Poll::Ready(hint) = Pin::new(&mut *hints).poll_next(context) {
            return Poll::Ready(Some(hint));
        }
        time.as_mut().poll(context).map(|()| None)
    })
    .await
}

async fn digests(stand: &Stand) -> Result<Held> {
    let walk = stand.walk(None, 1_000).await?;
    let Some(checkpoint) = walk.checkpoint.clone() else {
        return Ok(Held::Skipped(
            "the backend gives no place in its feed".to_owned(),
        ));
    };
    let request = DigestRequest {
        feed: stand.connector.feed(&stand.collection),
        at: checkpoint,
        ranges: vec![IdRange::whole(stand.collection.clone())],
        list_max: None,
        contents: false,
    };
    let http = stand.http.clone();
    let answer = stand
        .connector
        .digest(http, stand.session.clone(), request)
        .await;
    let answer = match (stand.capability.digests, answer) {
        (false, Err(_)) => return Ok(Held::Passed),
        (false, Ok(answer)) => return trouble("no digests, as declared", answer),
        (true, Ok(answer)) => answer,
        (true, Err(failure)) => return failed("a digest", &failure),
    };
    let mut expected = Tally::default();
    for (id, seen) in stand.seen(&walk) {
        if let Seen::There(_, version) = seen {
            expected.add(term(&id, version.as_ref(), None));
        }
    }
    match answer.digests.as_slice() {
        [digest] if digest.tally == expected => Ok(Held::Passed),
        came => trouble(expected.words(), came),
    }
}

async fn clock(stand: &Stand) -> Result<Held> {
    let mut last = None;
    for ms in [1, 4_102_444_800_000] {
        let document = stand.document(&stand.text("wrong clock"));
        let mut item = stand.create(&stand.id("")?, &document);
        item.stamps.latest.ms = ms;
        let sent = item.record.clone();
        match stand.send(item).await? {
            Verdict::Accepted { id, .. } => {
                is_there(stand, &id.unwrap_or(sent), &document).await?;
            }
            Verdict::Rejected { reason } => last = Some(reason),
            verdict => return trouble("accepted, or refused with a reason", verdict),
        }
    }
    stand.make(&stand.text("right clock")).await?;
    Ok(last.map_or(Held::Passed, |reason| {
        Held::Noted(format!("refused: {reason}"))
    }))
}
