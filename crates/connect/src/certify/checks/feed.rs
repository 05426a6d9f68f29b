//! The feed: nothing is missed, whatever happens between two pages.
use super::{Held, Result, Run, Stand, failed, trouble};
use crate::certify::stand::{Made, Seen, Walk};
use crate::certify::words::{Words, short};
use tisync_core::model::*;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let group = "feed";
    let name = "a walk shows every record, with its version";
    run.check(group, name, whole(stand)).await;
    for page in [1, 2, 3] {
        let name = format!("records of one moment survive the edge of pages of {page}");
        run.check(group, name, edges(stand, page)).await;
    }
    let name = "from a checkpoint on, every later change is seen";
    run.check(group, name, later(stand)).await;
    let name = "the same place can be asked for again";
    run.check(group, name, again(stand)).await;
    let name = "what is written during a walk is found by the end of the next";
    run.check(group, name, during(stand)).await;
    let name = "a delete during a walk hides no other record";
    run.check(group, name, deleted_during(stand)).await;
    let name = "a deleted record shows as declared";
    run.check(group, name, deletes(stand)).await;
    let name = "a total that is told is right";
    run.check(group, name, total(stand)).await;
    let name = "stamps come as declared";
    run.check(group, name, stamps(stand)).await;
    let name = "versions that are declared ordered rise";
    run.check(group, name, ordered(stand)).await;
}

/// Makes several records in one batch, or one after the other.
pub(super) async fn several(stand: &Stand, count: usize) -> Result<Vec<(Made, Document)>> {
    let mut several = Vec::new();
    let mut items = Vec::new();
    for _ in 0..count {
        let document = stand.document(&stand.text("several"));
        items.push(stand.create(&stand.id("")?, &document));
    }
    let size = stand.capability.batch_items_max.clamp(1, count);
    for batch in items.chunks(size) {
        let pushed = match stand.push(batch.to_vec()).await {
            Ok(pushed) => pushed,
            Err(failure) => return failed("verdicts on a batch of creates", &failure),
        };
        for item in batch {
            let verdict = pushed.verdicts.iter().find(|(id, _)| *id == item.id);
            let Some((_, Verdict::Accepted { id, version, .. })) = verdict else {
                return trouble(
                    format!("the create of {} is accepted", item.record),
                    verdict,
                );
            };
            let made = Made {
                id: id.clone().unwrap_or_else(|| item.record.clone()),
                version: version.clone(),
            };
            let document = item.document.clone().unwrap_or_else(Document::empty);
            several.push((made, document));
        }
    }
    Ok(several)
}

/// That a record was seen with this document.
pub(super) fn shows(
    stand: &Stand,
    seen: &BTreeMap<RecordId, Seen>,
    id: &RecordId,
    document: &Document,
) -> Result<Option<Version>> {
    match seen.get(id) {
        Some(Seen::There(came, version)) if stand.same(document, came) => Ok(version.clone()),
        other => trouble(format!("{id} with {}", document.text()), other),
    }
}

async fn whole(stand: &Stand) -> Result<Held> {
    let several = several(stand, 3).await?;
    let seen = stand.seen(&stand.walk(None, 1_000).await?);
    for (made, document) in &several {
        let version = shows(stand, &seen, &made.id, document)?;
        if made.version.is_some() && version.is_some() && made.version != version {
            return trouble(format!("{} at {}", made.id, made.version.words()), version);
        }
    }
    Ok(Held::Passed)
}

async fn edges(stand: &Stand, page: usize) -> Result<Held> {
    let several = several(stand, 7).await?;
    let walk = stand.walk(None, page).await?;
    let seen = stand.seen(&walk);
    for (made, document) in &several {
        shows(stand, &seen, &made.id, document)?;
    }
    Ok(match walk.pages {
        0 | 1 => Held::Noted("the whole collection came in one page: no edge was met".to_owned()),
        _ => Held::Passed,
    })
}

async fn later(stand: &Stand) -> Result<Held> {
    let before = several(stand, 3).await?;
    let walk = stand.walk(None, 1_000).await?;
    let new = stand.text("later");
    let made = stand.make(&new).await?;
    let changed = stand.document(&stand.text("changed later"));
    stand
        .accept(stand.replace(&current(stand, &before[0].0, &walk), &changed))
        .await?;
    stand
        .accept(stand.delete(&current(stand, &before[1].0, &walk)))
        .await?;
    let seen = stand.seen(&stand.walk(walk.checkpoint, 2).await?);
    shows(stand, &seen, &made.id, &stand.document(&new))?;
    shows(stand, &seen, &before[0].0.id, &changed)?;
    match seen.get(&before[1].0.id) {
        Some(Seen::There(came, _)) => trouble("the deleted record is not there", came.text()),
        None if stand.capability.deletes != Deletes::Absent => {
            trouble("a tombstone of the deleted record", "nothing")
        }
        _ => Ok(Held::Passed),
    }
}

/// A record with the version that a walk showed, where its write told none.
fn current(stand: &Stand, made: &Made, walk: &Walk) -> Made {
    let version = made
        .version
        .clone()
        .or_else(|| match stand.seen(walk).remove(&made.id) {
            Some(Seen::There(_, version)) => version,
            _ => None,
        });
    Made {
        version,
        ..made.clone()
    }
}

async fn again(stand: &Stand) -> Result<Held> {
    several(stand, 3).await?;
    let first = match stand.page(None, 2).await {
        Ok(page) => page,
        Err(failure) => return failed("a page", &failure),
    };
    for _ in 0..2 {
        match stand.page(None, 2).await {
            Ok(page) if page.items == first.items => {}
            Ok(page) => {
                return trouble(
                    format!("the same items: {}", short(&first.items.words())),
                    page.items,
                );
            }
            Err(failure) => return failed("the same page", &failure),
        }
    }
    Ok(Held::Passed)
}

async fn during(stand: &Stand) -> Result<Held> {
    let before = several(stand, 5).await?;
    let mut walk = Walk::default();
    let mut ours = Vec::new();
    let mut step = 0;
    while stand.step(&mut walk, 2).await? {
        step += 1;
        // A few writes, then let the walk come to its end.
        if step <= 3 {
            let text = stand.text("during");
            ours.push((stand.make(&text).await?.id, stand.document(&text)));
        }
        if step == 2 {
            let made = current(stand, &before[0].0, &stand.walk(None, 1_000).await?);
            let document = stand.document(&stand.text("changed during"));
            stand.accept(stand.replace(&made, &document)).await?;
            ours.push((made.id, document));
        }
    }
    let next = stand.walk(walk.checkpoint.clone(), 2).await?;
    walk.items.extend(next.items);
    let seen = stand.seen(&walk);
    for (id, document) in &ours {
        shows(stand, &seen, id, document)?;
    }
    Ok(Held::Passed)
}

async fn deleted_during(stand: &Stand) -> Result<Held> {
    let several = several(stand, 9).await?;
    let mut walk = Walk::default();
    let mut deleted: Option<RecordId> = None;
    while stand.step(&mut walk, 3).await? {
        if deleted.is_none() {
            let seen = stand.seen(&walk);
            let first = several.iter().find(|(made, _)| seen.contains_key(&made.id));
            if let Some((made, _)) = first {
                stand
                    .accept(stand.delete(&current(stand, made, &walk)))
                    .await?;
                deleted = Some(made.id.clone());
            }
        }
    }
    let seen = stand.seen(&walk);
    for (made, document) in several
        .iter()
        .filter(|(made, _)| Some(&made.id) != deleted.as_ref())
    {
        shows(stand, &seen, &made.id, document)?;
    }
    Ok(match deleted {
        Some(_) => Held::Passed,
        None => Held::Noted("the whole collection came in one page of 3".to_owned()),
    })
}

async fn deletes(stand: &Stand) -> Result<Held> {
    let made = stand.make(&stand.text("to be deleted")).await?;
    let walk = stand.walk(None, 1_000).await?;
    stand
        .accept(stand.delete(&current(stand, &made, &walk)))
        .await?;
    let next = stand.walk(walk.checkpoint, 1_000).await?;
    match (stand.capability.deletes, stand.seen(&next).remove(&made.id)) {
        (_, Some(Seen::There(came, _))) => trouble("the deleted record is not there", came.text()),
        (Deletes::Feed | Deletes::Soft, None) => trouble("a tombstone", "nothing"),
        (Deletes::Absent, Some(Seen::Gone)) => trouble("no tombstone, as declared", "one"),
        _ => Ok(Held::Passed),
    }
}

async fn total(stand: &Stand) -> Result<Held> {
    let walk = stand.walk(None, 1_000).await?;
    let there = stand.seen(&walk).into_values();
    let there = there.filter(|seen| matches!(seen, Seen::There(..))).count() as u64;
    let bad = walk
        .items
        .iter()
        .filter(|item| matches!(item, Item::Bad { .. }))
        .count() as u64;
    match walk.total {
        None => Ok(Held::Skipped("the backend tells no total".to_owned())),
        Some(total) if total == there + bad => Ok(Held::Passed),
        Some(total) => trouble(format!("a total of {}", there + bad), total),
    }
}

async fn stamps(stand: &Stand) -> Result<Held> {
    let made = stand.make(&stand.text("stamped")).await?;
    let walk = stand.walk(None, 1_000).await?;
    let found = walk.items.iter().find_map(|item| match item {
        Item::Upsert {
            id, stamp, stamps, ..
        } if *id == made.id => Some((stamp, stamps)),
        _ => None,
    });
    let Some((stamp, stamps)) = found else {
        return trouble(format!("{} in the walk", made.id), "nothing");
    };
    match &stand.capability.stamps {
        RemoteStamps::None => Ok(Held::Passed),
        RemoteStamps::Fields if stamps.is_none() && stamp.is_none() => {
            trouble("stamps of the fields", "none")
        }
        RemoteStamps::Record | RemoteStamps::Arrival { .. } if stamp.is_none() => {
            trouble("a stamp of the record", "none")
        }
        _ => Ok(Held::Passed),
    }
}

async fn ordered(stand: &Stand) -> Result<Held> {
    if stand.capability.versions != Versions::Ordered {
        return Ok(Held::Skipped("versions tell equality only".to_owned()));
    }
    let mut made = stand.make(&stand.text("ordered")).await?;
    let number = |made: &Made| {
        let version = made.version.as_ref();
        version.and_then(|version| {
            version
                .ordinal()
                .map(|(epoch, number)| (epoch.to_owned(), number))
        })
    };
    for _ in 0..3 {
        let document = stand.document(&stand.text("ordered"));
        let next = stand.accept(stand.replace(&made, &document)).await?;
        match (number(&made), number(&next)) {
            (Some(before), Some(after)) if before.0 == after.0 && before.1 < after.1 => {}
            _ => {
                return trouble(
                    format!("a version above {}", made.version.words()),
                    next.version,
                );
            }
        }
        made = next;
    }
    Ok(Held::Passed)
}
