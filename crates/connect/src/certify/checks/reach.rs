//! Whether the backend can be worked with at all.
use super::{Held, Result, Run, Stand, failed, is_gone, is_there};

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
    is_there(stand, &made.id, &stand.document(&text)).await?;
    stand.accept(stand.delete(&made)).await?;
    is_gone(stand, &made.id).await?;
    Ok(Held::Passed)
}
