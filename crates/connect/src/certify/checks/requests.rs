//! Calls that need several requests, of which one fails: nothing is claimed that only a part of them has shown.
use super::feed::{several, shows};
use super::lost::{base, count};
use super::{Held, Result, Run, Stand, failed, trouble};
use crate::certify::faults::{Fault, Instead};
use crate::certify::stand::{Trouble, Walk};
use tisync_core::model::*;

const GROUP: &str = "lost messages";
/// Requests of one call that are tried, each by itself.
const REQUESTS_MAX: usize = 8;
/// Writes of the batch that is tried.
const BATCH: usize = 4;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let name =
        "a walk of which a request fails is not at its end, and goes on to show every record";
    run.check(GROUP, name, walk(stand)).await;
    let name = "a look-up of which a request fails takes no record for gone, and none for another";
    run.check(GROUP, name, look_up(stand)).await;
    let name = "a batch of which a request fails tells of each write what became of it";
    run.check(GROUP, name, batch(stand)).await;
}

/// What happens to one request of a call.
fn faults() -> [(Fault, &'static str); 6] {
    [
        (Fault::NotSent, "cannot be sent"),
        (Fault::LostBefore, "is lost on its way"),
        (Fault::LostAfter, "loses its answer"),
        (Fault::Truncated, "has its answer cut off"),
        (Fault::GatewayAfter, "is answered by a gateway"),
        (
            Fault::Instead(Instead::html(200)),
            "is answered by a sign-in page",
        ),
    ]
}

/// Which request it was, for a person.
fn at(pass: usize, what: &str) -> impl Fn(Trouble) -> Trouble {
    let when = format!("when request {} {what}", pass + 1);
    move |trouble| Trouble {
        expected: format!("{}, {when}", trouble.expected),
        ..trouble
    }
}

async fn walk(stand: &Stand) -> Result<Held> {
    // A listing is walked whole each time; a feed from where it was.
    let (from, items_max) = match stand.capability.feed {
        FeedKind::Listing(_) => (None, 20),
        _ => (stand.walk(None, 1_000).await?.checkpoint, 2),
    };
    let several = several(stand, 5).await?;
    for (fault, what) in faults() {
        for pass in 0..REQUESTS_MAX {
            let mut walk = Walk {
                checkpoint: from.clone(),
                ..Walk::default()
            };
            stand.http.plan(pass, fault.clone());
            let mut failures = 0;
            loop {
                match stand.step(&mut walk, items_max).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    // The engine asks for the same page again.
                    Err(_) if failures == 0 => failures += 1,
                    Err(trouble) => return Err(at(pass, what)(trouble)),
                }
            }
            if !stand.http.lift() {
                break;
            }
            let seen = stand.seen(&walk);
            for (made, document) in &several {
                shows(stand, &seen, &made.id, document).map_err(at(pass, what))?;
            }
        }
    }
    Ok(Held::Passed)
}

async fn look_up(stand: &Stand) -> Result<Held> {
    if !stand.capability.fetch {
        return Ok(Held::Skipped("records cannot be read by id".to_owned()));
    }
    let several = several(stand, 3).await?;
    let gone = base(stand).await?;
    stand.accept(stand.delete(&gone)).await?;
    let mut ids: Vec<RecordId> = several.iter().map(|(made, _)| made.id.clone()).collect();
    ids.insert(1, gone.id);
    ids.insert(3, stand.id("-never")?);
    for (fault, what) in faults() {
        for pass in 0..REQUESTS_MAX {
            let wanted = ids.iter().map(|id| (stand.collection.clone(), id.clone()));
            let wanted = Wanted::Ids(wanted.collect());
            stand.http.plan(pass, fault.clone());
            let fetched = stand.ask(wanted).await;
            if !stand.http.lift() {
                break;
            }
            for (_, id, found) in fetched.map_or_else(|_| Vec::new(), |fetched| fetched.found) {
                let Found::Image(remote) = &found else {
                    continue;
                };
                let there = several.iter().find(|(made, _)| made.id == id);
                let is_true = match (there, &remote.image) {
                    (Some((_, document)), Image::Present(came)) => stand.same(document, came),
                    (Some(_), _) => false,
                    (None, image) => !image.is_present(),
                };
                if !is_true {
                    let expected = format!("the truth of {id}, or nothing");
                    return trouble(expected, remote).map_err(at(pass, what));
                }
            }
        }
    }
    Ok(Held::Passed)
}

async fn batch(stand: &Stand) -> Result<Held> {
    let size = stand.capability.batch_items_max.clamp(1, BATCH);
    if size == 1 {
        return Ok(Held::Skipped("writes go up one by one".to_owned()));
    }
    for (fault, what) in faults() {
        for pass in 0..REQUESTS_MAX {
            let mut texts = Vec::new();
            let mut items = Vec::new();
            for _ in 0..size {
                let text = stand.text("of a batch");
                items.push(stand.create(&stand.id("")?, &stand.document(&text)));
                texts.push(text);
            }
            stand.http.plan(pass, fault.clone());
            let pushed = stand.push(items.clone()).await;
            if !stand.http.lift() {
                break;
            }
            let seen = stand.seen(&stand.walk(None, 1_000).await?);
            for (item, text) in items.iter().zip(&texts) {
                let effects = count(stand, &seen, text);
                if effects > 1 {
                    return trouble("one record of each create", effects).map_err(at(pass, what));
                }
                told(&pushed, item, effects == 1).map_err(at(pass, what))?;
            }
        }
    }
    Ok(Held::Passed)
}

/// That what is said of a write is so.
fn told(pushed: &Result<Pushed, Failure>, item: &PushItem, effect: bool) -> Result<()> {
    let verdict = match pushed {
        Err(failure) if failure.not_sent && effect => {
            return failed("`not sent` only of what took no effect", failure);
        }
        Err(_) => return Ok(()),
        Ok(pushed) => pushed.verdicts.iter().find(|(id, _)| *id == item.id),
    };
    match verdict {
        None | Some((_, Verdict::Unknown)) => Ok(()),
        Some((_, Verdict::Accepted { .. })) if effect => Ok(()),
        Some((_, Verdict::Accepted { .. })) => {
            trouble("`accepted` only of what took effect", verdict)
        }
        Some((_, Verdict::Deferred { .. } | Verdict::Returned)) if !effect => Ok(()),
        Some((_, Verdict::Deferred { .. } | Verdict::Returned)) => {
            trouble("`put off` only of what took no effect", verdict)
        }
        verdict => trouble("an accepted write, or no definite verdict", verdict),
    }
}
