//! Writers at once: on the wire at the same time, and each in the middle of the other's write.
use super::lost::base;
use super::writes::{changed, others, with_other};
use super::{Held, Result, Run, Stand, is_there, trouble, versioned};
use crate::LocalFuture;
use crate::certify::faults::{Fault, Gate};
use crate::certify::stand::Made;
use crate::certify::words::Words;
use std::rc::Rc;
use tisync_core::model::*;
use tisync_json::{Document, Patch, Value};

const GROUP: &str = "writes";
/// Requests of one write before each of which another writer comes.
const REQUESTS_MAX: usize = 8;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let name = "of two writers on one version exactly one is accepted";
    run.check(GROUP, name, at_once(stand)).await;
    let name = "of two writers, one in the middle of the other's write, one stands, whole";
    run.check(GROUP, name, in_the_middle(stand)).await;
    let name = "of two patches of different fields, one in the middle of the other, both stand";
    run.check(GROUP, name, patches(stand)).await;
}

async fn at_once(stand: &Stand) -> Result<Held> {
    if !stand.capability.conditional {
        return super::writes::unconditional();
    }
    let (_, made, _) = changed(stand).await?;
    let made = versioned(stand, made).await?;
    let documents = [stand.document("rival one"), stand.document("rival two")];
    let [one, two] = [0, 1].map(|number| stand.replace(&made, &documents[number]));
    let ids = [one.id, two.id];
    let (first, second) = together(stand.push(vec![one]), stand.push(vec![two])).await;
    let winner = match (is_accepted(&first, ids[0]), is_accepted(&second, ids[1])) {
        (true, false) => 0,
        (false, true) => 1,
        _ => return trouble("exactly one is accepted", both(&first, &second)),
    };
    is_there(stand, &made.id, &documents[winner]).await?;
    Ok(Held::Passed)
}

async fn in_the_middle(stand: &Stand) -> Result<Held> {
    let mut overwritten = false;
    for pass in 0..REQUESTS_MAX {
        let (made, keeps_others) = match with_other(stand).await? {
            Some((made, _)) => (versioned(stand, made).await?, true),
            None => (base(stand).await?, false),
        };
        let documents = ["one", "two"].map(|name| rival(stand, name, keeps_others));
        let [one, two] = [0, 1].map(|number| stand.replace(&made, &documents[number]));
        let ids = [one.id, two.id];
        let Some((first, second)) = meet(stand, one, two, pass).await else {
            break;
        };
        let accepted = [is_accepted(&first, ids[0]), is_accepted(&second, ids[1])];
        if stand.capability.conditional && accepted[0] == accepted[1] {
            return trouble("exactly one is accepted", both(&first, &second));
        }
        overwritten |= accepted == [true, true];
        let stands = stands(stand, &made, &documents).await?;
        if !accepted[stands] {
            return trouble(
                format!(
                    "a writer that is told so stands, not {}",
                    documents[stands].text()
                ),
                both(&first, &second),
            );
        }
    }
    Ok(match overwritten {
        false => Held::Passed,
        true => Held::Noted(
            "both are accepted, and the later one stands: the backend has no conditional writes"
                .to_owned(),
        ),
    })
}

async fn patches(stand: &Stand) -> Result<Held> {
    if !stand.capability.partial_update {
        return Ok(Held::Skipped("a patch is sent as the whole".to_owned()));
    }
    let mut refused = false;
    for pass in 0..REQUESTS_MAX {
        let Some((made, before)) = with_other(stand).await? else {
            return Ok(super::writes::no_other());
        };
        let made = versioned(stand, made).await?;
        let before = others(stand, &before);
        let text = Value::String(stand.text("patched"));
        let fields = before.clone().map(|(path, _)| (path, text.clone()));
        let items = [0, 1].map(|number| {
            let mut after = before.clone();
            after[number] = fields[number].clone();
            let patch = Patch {
                set: [fields[number].clone()].into(),
                ..Patch::default()
            };
            let document = Some(stand.document_with(&after));
            stand.item(&made.id, Change::Patch(patch), document, super::seen(&made))
        });
        let ids = [items[0].id, items[1].id];
        let [one, two] = items;
        let Some((first, second)) = meet(stand, one, two, pass).await else {
            break;
        };
        match (is_accepted(&first, ids[0]), is_accepted(&second, ids[1])) {
            (true, true) => {
                is_there(stand, &made.id, &stand.document_with(&fields)).await?;
            }
            // Versions are compared whole: the other is sent again on the new one.
            _ if stand.capability.conditional => refused = true,
            _ => return trouble("both are accepted", both(&first, &second)),
        }
    }
    Ok(match refused {
        false => Held::Passed,
        true => Held::Noted("versions are compared: one of them is a conflict".to_owned()),
    })
}

/// A document of one writer, in which every field is that writer's.
fn rival(stand: &Stand, name: &str, keeps_others: bool) -> Document {
    let text = stand.text(name);
    if !keeps_others {
        return stand.document(&text);
    }
    stand.document_with(&others(stand, &text).map(|(path, _)| (path, Value::String(text.clone()))))
}

/// Which of two documents is there.
async fn stands(stand: &Stand, made: &Made, documents: &[Document; 2]) -> Result<usize> {
    match is_there(stand, &made.id, &documents[0]).await {
        Ok(_) => Ok(0),
        Err(_) => is_there(stand, &made.id, &documents[1]).await.map(|_| 1),
    }
}

/// Sends one write, and another whole before a request of it; `None` when it has none so late.
async fn meet(
    stand: &Stand,
    one: PushItem,
    two: PushItem,
    pass: usize,
) -> Option<(Result<Pushed, Failure>, Result<Pushed, Failure>)> {
    let gate = Rc::new(Gate::default());
    stand.http.plan(pass, Fault::Held(gate.clone()));
    let mut first: LocalFuture<_> = stand.start(vec![one]);
    let early = gate.until_reached(&mut first).await;
    stand.http.lift();
    if early.is_some() {
        return None;
    }
    let second = stand.push(vec![two]).await;
    gate.open();
    Some((first.await, second))
}

fn is_accepted(answer: &Result<Pushed, Failure>, id: MutationId) -> bool {
    let is_it = |(other, verdict): &(MutationId, Verdict)| {
        *other == id && matches!(verdict, Verdict::Accepted { .. })
    };
    answer
        .as_ref()
        .is_ok_and(|pushed| pushed.verdicts.iter().any(is_it))
}

fn both(first: &Result<Pushed, Failure>, second: &Result<Pushed, Failure>) -> String {
    format!("{}, and {}", first.words(), second.words())
}

/// Both at the same time.
async fn together<A, B>(one: impl Future<Output = A>, two: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut two) = (Box::pin(one), Box::pin(two));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |context| {
        use std::task::Poll;
        if first.is_none()
            && let Poll::Ready(value) = one.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = two.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
