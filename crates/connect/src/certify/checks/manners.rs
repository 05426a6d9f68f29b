//! Manners: no secret in a word, no request elsewhere, nothing left behind.
use super::{Held, Result, Run, Stand, trouble};
use crate::certify::BY_ITSELF;
use crate::certify::stand::{Made, Seen};
use crate::limits::MESSAGE_CHARS_MAX;
use tisync_json::Path;

const GROUP: &str = "manners";

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let name = "every message says something, in a line, without the credentials";
    run.check(GROUP, name, messages(stand)).await;
    run.check(GROUP, "no request goes to another origin", origins(stand))
        .await;
    run.check(GROUP, "what the kit wrote can be deleted", clean(stand))
        .await;
    run.check(
        GROUP,
        "fields that only the server writes are told",
        added(stand),
    )
    .await;
}

async fn messages(stand: &Stand) -> Result<Held> {
    for message in stand.heard.borrow().iter() {
        let is_told = stand.session.token().is_some_and(|token| {
            let secrets = std::iter::once(token).chain(token.split(':'));
            secrets
                .filter(|secret| secret.len() >= 4)
                .any(|secret| message.contains(secret))
        });
        if is_told {
            return trouble("no message holds the credentials", "one does");
        }
        if message.trim().is_empty()
            || message.contains(['\n', '\r'])
            || message.chars().count() > 2 * MESSAGE_CHARS_MAX
        {
            return trouble("a message of one line", message);
        }
    }
    Ok(Held::Passed)
}

async fn origins(stand: &Stand) -> Result<Held> {
    match stand.http.strange() {
        _ if stand.http.is_unused() => Ok(Held::Skipped(BY_ITSELF.to_owned())),
        strange if strange.is_empty() => Ok(Held::Passed),
        strange => trouble(format!("only {}", stand.connector.endpoint()), strange),
    }
}

/// Deletes what is still there.
async fn clean(stand: &Stand) -> Result<Held> {
    let walk = stand.walk(None, 1_000).await?;
    let seen = stand.seen(&walk);
    // A request that arrived twice may have made a record of which nobody was told.
    for (id, seen) in &seen {
        if matches!(seen, Seen::There(document, _) if stand.is_ours(document)) {
            stand.remember(id);
        }
    }
    for id in stand.made() {
        if let Some(Seen::There(_, version)) = seen.get(&id) {
            let made = Made {
                id: id.clone(),
                version: version.clone(),
            };
            stand.accept(stand.delete(&made)).await?;
        }
        stand.forget(&id);
    }
    Ok(Held::Passed)
}

async fn added(stand: &Stand) -> Result<Held> {
    let declared = &stand.capability.server_fields;
    let is_told = |name: &&str| !declared.contains(&Path::key(*name));
    let added = stand.added.borrow();
    let names: Vec<_> = added.iter().map(String::as_str).filter(is_told).collect();
    if names.is_empty() {
        return Ok(Held::Passed);
    }
    Ok(Held::Noted(format!(
        "the backend adds {}: declare them as server_fields",
        names.join(", ")
    )))
}
