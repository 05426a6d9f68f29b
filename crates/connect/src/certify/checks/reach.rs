//! Whether the backend can be worked with at all.
use super::{Held, Result, Run, Stand, failed, is_gone, is_there};
use crate::certify::stand::{Seen, Trouble};
use tisync_core::model::Ids;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) -> bool {
    let group = "reach";
    run.check(group, "the backend answers a probe", probe(stand))
        .await
        && run
            .check(
                group,
                "the collection can be pulled to its end",
                pull(stand),
            )
            .await
        && run
            .check(
                group,
                "a record can be made, read and deleted",
                write(stand),
            )
            .await
}

async fn probe(stand: &Stand) -> Result<Held> {
    match stand.probe().await {
        Ok(()) => Ok(Held::Passed),
        Err(failure) => failed("an answer that only the backend gives", &failure),
    }
}

async fn pull(stand: &Stand) -> Result<Held> {
    let walk = stand.walk(None, 1_000).await?;
    let bad = walk
        .items
        .iter()
        .filter(|item| matches!(item, super::Item::Bad { .. }));
    Ok(match (walk.items.len(), bad.count()) {
        (0, _) => Held::Passed,
        (_, bad @ 1..) => Held::Noted(format!("{bad} rows are no records")),
        (there, _) => Held::Noted(format!(
            "the collection holds {there} records of others: walks take longer"
        )),
    })
}

async fn write(stand: &Stand) -> Result<Held> {
    let text = stand.text("first");
    let made = stand.make(&text).await?;
    if let Err(trouble) = is_there(stand, &made.id, &stand.document(&text)).await {
        return Err(elsewhere(stand, &text).await.unwrap_or(trouble));
    }
    stand.accept(stand.delete(&made)).await?;
    is_gone(stand, &made.id).await?;
    Ok(Held::Passed)
}

/// That a record went to an id that the backend made, though the connector says that the client makes them.
async fn elsewhere(stand: &Stand, text: &str) -> Option<Trouble> {
    if stand.capability.ids == Ids::Server {
        return None;
    }
    let seen = stand.seen(&stand.walk(None, 1_000).await.ok()?);
    let (id, _) = seen.iter().find(|(_, seen)| match seen {
        Seen::There(document, _) => stand.text_of(document).as_deref() == Some(text),
        Seen::Gone => false,
    })?;
    stand.remember(id);
    Some(Trouble {
        expected: "the record under the id that it was sent with".to_owned(),
        came: format!(
            "it is under {id}, an id that the backend made: the connector must say so (rest: `ids = \"server\"`), or \
             records come twice"
        ),
    })
}
