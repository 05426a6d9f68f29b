//! Writes, one by one and in batches.
use super::{Held, Result, Run, Stand, failed, is_gone, is_there, trouble, versioned};
use crate::certify::stand::{Made, Seen, kind, seen};
use crate::certify::words::Words;
use tisync_core::model::*;
use tisync_json::tree::BTreeSet;
use tisync_json::{Patch, Path, Value};

/// Writes in the batch that is tried.
const BATCH: usize = 25;
/// A field that no document of an app has.
const OTHER: &str = "certify_other";

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let group = "writes";
    let name = "an accepted create, replace and delete is seen by the next read";
    run.check(group, name, read_back(stand)).await;
    let name = "the answer to a write tells what is declared";
    run.check(group, name, answers(stand)).await;
    let name = "ids are made by who is declared to make them";
    run.check(group, name, ids(stand)).await;
    let name = "a write on an old version is a conflict and changes nothing";
    run.check(group, name, stale(stand)).await;
    let name = "a delete on an old version is a conflict and changes nothing";
    run.check(group, name, stale_delete(stand)).await;
    let name = "a create under an id that is taken is a conflict and changes nothing";
    run.check(group, name, taken(stand)).await;
    let name = "a write on a deleted record is a conflict and brings nothing back";
    run.check(group, name, on_gone(stand)).await;
    let name = "an id that was deleted can be used again, or is refused";
    run.check(group, name, reborn(stand)).await;
    let name = "a patch leaves the other fields alone";
    run.check(group, name, patch(stand)).await;
    let name = "a field that a patch or a whole write leaves out is gone";
    run.check(group, name, left_out(stand)).await;
    let name = "a batch has a verdict for each write, also when one is refused";
    run.check(group, name, batch(stand)).await;
    let name = "a group is applied whole or not at all";
    run.check(group, name, whole_group(stand)).await;
}

async fn read_back(stand: &Stand) -> Result<Held> {
    let made = stand.make(&stand.text("one")).await?;
    let two = stand.document(&stand.text("two"));
    let changed = stand.accept(stand.replace(&made, &two)).await?;
    let read = is_there(stand, &made.id, &two).await?;
    if changed.version.is_some() && read.is_some() && changed.version != read {
        return trouble(format!("the version {}", changed.version.words()), read);
    }
    stand
        .accept(stand.delete(&Made {
            version: changed.version.or(read),
            ..made.clone()
        }))
        .await?;
    is_gone(stand, &made.id).await?;
    Ok(Held::Passed)
}

async fn answers(stand: &Stand) -> Result<Held> {
    let document = stand.document(&stand.text("answered"));
    let item = stand.create(&stand.id("")?, &document);
    let record = item.record.clone();
    let verdict = stand.send(item).await?;
    let Verdict::Accepted {
        id, version, image, ..
    } = verdict
    else {
        return trouble("the create is accepted", verdict);
    };
    let id = id.unwrap_or(record);
    let read = match stand.capability.fetch {
        true => stand.fetch(&id).await?,
        false => None,
    };
    let Some(Remote {
        image: Image::Present(stored),
        version: read,
        ..
    }) = read
    else {
        return Ok(Held::Skipped("records cannot be read by id".to_owned()));
    };
    match stand.capability.answers {
        Answers::Image => {
            let told = image
                .as_ref()
                .and_then(Image::document)
                .unwrap_or(&document);
            if !told.same(&stored) {
                return trouble(
                    format!("the answer tells the stored record {}", stored.text()),
                    told.text(),
                );
            }
        }
        Answers::Version if version.is_none() => {
            return trouble("the answer tells a version", "none");
        }
        Answers::Version | Answers::Nothing => {}
    }
    match (version, read) {
        (Some(told), Some(read)) if told != read => trouble(format!("the version {read}"), told),
        _ => Ok(Held::Passed),
    }
}

async fn ids(stand: &Stand) -> Result<Held> {
    let item = stand.create(&stand.id("")?, &stand.document(&stand.text("named")));
    let sent = item.record.clone();
    match (stand.capability.ids, stand.send(item).await?) {
        (Ids::Client, Verdict::Accepted { id: Some(id), .. }) if id != sent => trouble(
            format!(
                "the record keeps the id {sent}; where the backend makes the ids, the connector must say so (rest: \
                     `ids = \"server\"`)"
            ),
            id,
        ),
        (Ids::Server, Verdict::Accepted { id: None, .. }) => {
            trouble("the answer tells the id that the server made", "none")
        }
        (_, Verdict::Accepted { .. }) => Ok(Held::Passed),
        (_, verdict) => trouble("the create is accepted", verdict),
    }
}

pub(super) fn unconditional() -> Result<Held> {
    Ok(Held::Skipped(
        "the backend has no conditional writes".to_owned(),
    ))
}

/// A record that was changed, as it was and as it is.
pub(super) async fn changed(stand: &Stand) -> Result<(Made, Made, tisync_json::Document)> {
    let old = versioned(stand, stand.make(&stand.text("old")).await?).await?;
    let document = stand.document(&stand.text("new"));
    let new = stand.accept(stand.replace(&old, &document)).await?;
    Ok((old, new, document))
}

/// That a verdict is a conflict, and tells no wrong remote.
pub(super) fn is_conflict(
    stand: &Stand,
    verdict: Verdict,
    stored: Option<&tisync_json::Document>,
) -> Result<()> {
    match verdict {
        Verdict::Conflict { remote: None } => Ok(()),
        Verdict::Conflict {
            remote: Some(remote),
        } => {
            let agrees = match (stored, &remote.image) {
                (Some(stored), Image::Present(told)) => stand.same(stored, told),
                (None, Image::Gone | Image::Absent) => true,
                _ => false,
            };
            match agrees {
                true => Ok(()),
                false => trouble(
                    "the conflict shows what the backend has, or nothing",
                    remote,
                ),
            }
        }
        verdict => trouble("a conflict", verdict),
    }
}

async fn stale(stand: &Stand) -> Result<Held> {
    if !stand.capability.conditional {
        return unconditional();
    }
    let (old, new, document) = changed(stand).await?;
    let verdict = stand
        .send(stand.replace(&old, &stand.document("stale")))
        .await?;
    is_conflict(stand, verdict, Some(&document))?;
    is_there(stand, &new.id, &document).await?;
    Ok(Held::Passed)
}

async fn stale_delete(stand: &Stand) -> Result<Held> {
    if !stand.capability.conditional {
        return unconditional();
    }
    let (old, new, document) = changed(stand).await?;
    let verdict = stand.send(stand.delete(&old)).await?;
    is_conflict(stand, verdict, Some(&document))?;
    is_there(stand, &new.id, &document).await?;
    Ok(Held::Passed)
}

async fn taken(stand: &Stand) -> Result<Held> {
    if !stand.capability.conditional {
        return unconditional();
    }
    if stand.capability.ids == Ids::Server {
        return Ok(Held::Skipped("the server makes the ids".to_owned()));
    }
    let text = stand.text("first");
    let made = stand.make(&text).await?;
    let document = stand.document(&text);
    let verdict = stand
        .send(stand.create(&made.id, &stand.document("second")))
        .await?;
    is_conflict(stand, verdict, Some(&document))?;
    is_there(stand, &made.id, &document).await?;
    Ok(Held::Passed)
}

async fn on_gone(stand: &Stand) -> Result<Held> {
    let made = versioned(stand, stand.make(&stand.text("short-lived")).await?).await?;
    stand.accept(stand.delete(&made)).await?;
    let late = stand.replace(&made, &stand.document("too late"));
    let verdict = stand.send(late).await?;
    match verdict {
        // Without preconditions a PUT may make a record.
        Verdict::Accepted { .. } if !stand.capability.conditional => {
            return Ok(Held::Noted(
                "a write makes a deleted record anew, since the backend has no conditional writes"
                    .to_owned(),
            ));
        }
        Verdict::OutOfScope => {}
        verdict => is_conflict(stand, verdict, None)?,
    }
    is_gone(stand, &made.id).await?;
    let verdict = stand.send(stand.delete(&made)).await?;
    match verdict {
        Verdict::Accepted { .. } | Verdict::OutOfScope => {}
        verdict => is_conflict(stand, verdict, None)?,
    }
    Ok(Held::Passed)
}

async fn reborn(stand: &Stand) -> Result<Held> {
    if stand.capability.ids == Ids::Server {
        return Ok(Held::Skipped("the server makes the ids".to_owned()));
    }
    let made = versioned(stand, stand.make(&stand.text("first life")).await?).await?;
    let before = stand.walk(None, 1_000).await?;
    stand.accept(stand.delete(&made)).await?;
    let text = stand.text("second life");
    let document = stand.document(&text);
    let anew = match stand.send(stand.create(&made.id, &document)).await? {
        Verdict::Accepted { version, .. } => Made {
            id: made.id,
            version,
        },
        Verdict::Rejected { reason } => return Ok(Held::Noted(format!("refused: {reason}"))),
        verdict => return trouble("accepted, or refused with a reason", verdict),
    };
    is_there(stand, &anew.id, &document).await?;
    let seen = stand.seen(&stand.walk(before.checkpoint, 1_000).await?);
    match seen.get(&anew.id) {
        Some(Seen::There(came, _)) if stand.same(&document, came) => {}
        other => return trouble(format!("{} in the feed again", anew.id), other),
    }
    let anew = versioned(stand, anew).await?;
    stand.accept(stand.delete(&anew)).await?;
    is_gone(stand, &anew.id).await?;
    Ok(Held::Passed)
}

async fn patch(stand: &Stand) -> Result<Held> {
    let other = with_other(stand).await?;
    let is_alone = stand.document("").object().len() < 2;
    let (made, kept) = match other {
        Some((made, _)) => (made, true),
        None if is_alone => return Ok(no_other()),
        None => (stand.make(&stand.text("whole")).await?, false),
    };
    let text = stand.text("patched");
    let patch = Patch {
        set: [(stand.field.clone(), Value::String(text.clone()))].into(),
        unset: BTreeSet::new(),
    };
    let after = match kept {
        true => stand.document_with(&others(stand, &text)),
        false => stand.document(&text),
    };
    let item = stand.item(
        &made.id,
        Change::Patch(patch),
        Some(after.clone()),
        seen(&made),
    );
    stand.accept(item).await?;
    is_there(stand, &made.id, &after).await?;
    Ok(Held::Passed)
}

async fn left_out(stand: &Stand) -> Result<Held> {
    for whole in [false, true] {
        let Some((made, text)) = with_other(stand).await? else {
            return Ok(no_other());
        };
        let after = stand.document(&text);
        let change = match whole {
            true => Change::Replace(after.clone()),
            false => Change::Patch(Patch {
                set: [].into(),
                unset: [Path::key(OTHER)].into(),
            }),
        };
        let item = stand.item(&made.id, change, Some(after.clone()), seen(&made));
        let what = kind(&item.change);
        stand.accept(item).await?;
        is_there(stand, &made.id, &after).await?;
        if has_other(stand, &made.id).await? {
            return trouble(format!("`{OTHER}` is gone by the {what}"), "it is there");
        }
    }
    Ok(Held::Passed)
}

pub(super) fn no_other() -> Held {
    Held::Skipped("the backend keeps no fields beside those of the document".to_owned())
}

/// The values of a record with another field.
pub(super) fn others(stand: &Stand, text: &str) -> [(Path, Value); 2] {
    let value = |text: &str| Value::String(text.to_owned());
    [
        (stand.field.clone(), value(text)),
        (Path::key(OTHER), value("kept")),
    ]
}

/// A record with another field, and its text; `None` where the backend keeps no other fields.
pub(super) async fn with_other(stand: &Stand) -> Result<Option<(Made, String)>> {
    let text = stand.text("whole");
    let item = stand.create(&stand.id("")?, &stand.document_with(&others(stand, &text)));
    let record = item.record.clone();
    let made = match stand.send(item).await? {
        Verdict::Accepted { id, version, .. } => Made {
            id: id.unwrap_or(record),
            version,
        },
        Verdict::Rejected { .. } => return Ok(None),
        verdict => return trouble("accepted, or refused with a reason", verdict),
    };
    let is_kept = has_other(stand, &made.id).await?;
    Ok(is_kept.then_some((made, text)))
}

async fn has_other(stand: &Stand, id: &RecordId) -> Result<bool> {
    let found = match stand.capability.fetch {
        true => stand.fetch(id).await?.map(|remote| remote.image),
        false => match stand.seen(&stand.walk(None, 100).await?).remove(id) {
            Some(Seen::There(document, _)) => Some(Image::Present(document)),
            _ => None,
        },
    };
    match found {
        Some(Image::Present(document)) => Ok(document
            .object()
            .get(OTHER)
            .is_some_and(|value| !value.is_null())),
        other => trouble(format!("{id} is there"), other),
    }
}

async fn batch(stand: &Stand) -> Result<Held> {
    let size = stand.capability.batch_items_max.clamp(1, BATCH);
    let taken = stand.make(&stand.text("taken")).await?;
    let mut items = Vec::new();
    for number in 0..size {
        let id = match number {
            // One that cannot be accepted, where the backend can refuse it.
            1 if stand.capability.conditional && stand.capability.ids == Ids::Client => {
                taken.id.clone()
            }
            _ => stand.id("")?,
        };
        items.push(stand.create(&id, &stand.document(&stand.text("many"))));
    }
    let sent = items.clone();
    let pushed = match stand.push(items).await {
        Ok(pushed) => pushed,
        Err(failure) => return failed(format!("{size} verdicts"), &failure),
    };
    for item in &sent {
        let verdict = pushed.verdicts.iter().find(|(id, _)| *id == item.id);
        let as_it_should = match verdict {
            Some((_, Verdict::Accepted { .. })) => item.record != taken.id,
            Some((_, Verdict::Conflict { .. })) => item.record == taken.id,
            _ => false,
        };
        if !as_it_should {
            return trouble(format!("a fitting verdict on {}", item.record), verdict);
        }
    }
    for item in sent.iter().filter(|item| item.record != taken.id) {
        let (_, Verdict::Accepted { id, .. }) = &pushed.verdicts[pushed
            .verdicts
            .iter()
            .position(|(id, _)| *id == item.id)
            .unwrap_or(0)]
        else {
            continue;
        };
        let id = id.as_ref().unwrap_or(&item.record);
        let Some(document) = &item.document else {
            continue;
        };
        is_there(stand, id, document).await?;
    }
    Ok(Held::Passed)
}

async fn whole_group(stand: &Stand) -> Result<Held> {
    if !stand.capability.atomic {
        return Ok(Held::Skipped("the backend has no atomic batch".to_owned()));
    }
    let (old, new, document) = changed(stand).await?;
    let group = Some(GroupId(stand.mutation().0));
    let mut first = stand.create(&stand.id("")?, &stand.document(&stand.text("member")));
    let mut second = stand.replace(&old, &stand.document("member"));
    (first.group, second.group) = (group, group);
    let id = first.record.clone();
    match stand.push(vec![first, second]).await {
        Ok(pushed) => {
            let accepted = pushed
                .verdicts
                .iter()
                .find(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
            if let Some(accepted) = accepted {
                return trouble("no member is accepted when another is a conflict", accepted);
            }
        }
        Err(failure) => return failed("verdicts on the group", &failure),
    }
    if let Some(Remote {
        image: Image::Present(there),
        ..
    }) = stand.fetch(&id).await?
    {
        return trouble("nothing of the group was applied", there.text());
    }
    is_there(stand, &new.id, &document).await?;
    Ok(Held::Passed)
}
