//! A request that the network repeats long after: what was written since stands.
use super::lost::{base, count};
use super::{Held, Result, Run, Stand, is_gone, is_there, versioned};
use tisync_core::model::*;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let group = "lost messages";
    let name = "a replace that arrives again after a newer one undoes nothing";
    run.check(group, name, replace(stand)).await;
    let name = "a delete that arrives again after its record was made anew undoes nothing";
    run.check(group, name, delete(stand)).await;
    let name = "a create that arrives again after its record was deleted brings nothing back";
    run.check(group, name, create(stand)).await;
}

/// What holds only where the backend compares versions.
fn where_compared(stand: &Stand, held: Result<()>) -> Result<Held> {
    match held {
        Ok(()) => Ok(Held::Passed),
        Err(_) if !stand.capability.conditional => Ok(Held::Noted(
            "it undoes the newer one: the backend has no conditional writes".to_owned(),
        )),
        Err(trouble) => Err(trouble),
    }
}

async fn replace(stand: &Stand) -> Result<Held> {
    let made = base(stand).await?;
    stand.http.keep();
    let older = stand.document(&stand.text("older"));
    let older = stand.accept(stand.replace(&made, &older)).await;
    let requests = stand.http.kept();
    let older = versioned(stand, older?).await?;
    let newer = stand.document(&stand.text("newer"));
    stand.accept(stand.replace(&older, &newer)).await?;
    stand.http.again(requests).await;
    where_compared(stand, is_there(stand, &made.id, &newer).await.map(drop))
}

async fn delete(stand: &Stand) -> Result<Held> {
    if stand.capability.ids == Ids::Server {
        return Ok(Held::Skipped(
            "the server makes the ids: none is used again".to_owned(),
        ));
    }
    let made = base(stand).await?;
    stand.http.keep();
    let deleted = stand.accept(stand.delete(&made)).await;
    let requests = stand.http.kept();
    deleted?;
    let document = stand.document(&stand.text("anew"));
    if let Verdict::Rejected { reason } = stand.send(stand.create(&made.id, &document)).await? {
        return Ok(Held::Skipped(format!(
            "the id cannot be used again: {reason}"
        )));
    }
    is_there(stand, &made.id, &document).await?;
    stand.http.again(requests).await;
    where_compared(stand, is_there(stand, &made.id, &document).await.map(drop))
}

async fn create(stand: &Stand) -> Result<Held> {
    let text = stand.text("short-lived");
    stand.http.keep();
    let made = stand.make(&text).await;
    let requests = stand.http.kept();
    let made = versioned(stand, made?).await?;
    stand.accept(stand.delete(&made)).await?;
    stand.http.again(requests).await;
    let seen = stand.seen(&stand.walk(None, 1_000).await?);
    let back = match count(stand, &seen, &text) {
        0 => return Ok(Held::Passed),
        _ => is_gone(stand, &made.id).await,
    };
    match stand.capability.idempotency {
        Idempotency::Replays { .. } | Idempotency::Refuses { .. } => back.map(|()| Held::Passed),
        _ => Ok(Held::Noted(
            "it is back: the backend does not remember which creates it has carried out".to_owned(),
        )),
    }
}
