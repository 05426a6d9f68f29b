//! One page of a database's changes.
use super::{Server, names};
use crate::Session;
use crate::connectors::documents::bad;
use crate::http::{Http, Response, classify, date_ms, query, send};
use crate::limits::PAGE_ITEMS_MAX;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tisync_core::model::{
    Checkpoint, CollectionName, Failure, FailureKind, Item, Page, PageEnd, PullRequest, RecordId,
};
use tisync_json::Deserialize;

/// A page; each change with the document as it is now.
#[derive(Deserialize)]
struct Changes<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
    #[serde(borrow)]
    last_seq: &'a RawValue,
    /// Changes that follow, where the server counts them.
    pending: Option<u64>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    changes: Vec<Leaf<'a>>,
    #[serde(default)]
    deleted: bool,
    #[serde(borrow, default)]
    doc: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Leaf<'a> {
    #[serde(borrow)]
    rev: Cow<'a, str>,
}

pub(super) async fn page(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    request: &PullRequest,
) -> Result<Page, Failure> {
    let [collection] = &request.collections[..] else {
        return Err(classify::not_this_protocol(
            "a feed of one collection was expected: each has a database of its own",
        ));
    };
    let since = request.checkpoint.as_ref().map(place);
    let limit = request.items_max.clamp(1, server.options.page_items);
    let asked = query([
        ("include_docs", "true"),
        ("limit", &limit.to_string()),
        ("since", since.as_deref().unwrap_or("0")),
    ]);
    let sent = server.request(session, "GET", collection, &format!("/_changes?{asked}"))?;
    let response = send(http, sent).await.map_err(smaller)?;
    let changes: Changes<'_> = server.read(&response, collection)?;
    if changes.results.len() > PAGE_ITEMS_MAX {
        return Err(classify::not_this_protocol(&format!(
            "a page of at most {limit} changes was expected, but {} came",
            changes.results.len()
        )));
    }
    if let Some(since) = &since
        && changes.results.is_empty()
        && let Ok(before) = since.parse()
    {
        is_history(server, http, session, collection, before).await?;
    }
    // Only an explicit end counts: what follows is none, or nothing came.
    let is_last = changes.results.is_empty() || changes.pending == Some(0);
    Ok(Page {
        items: changes
            .results
            .iter()
            .filter_map(|raw| item(server, collection, raw))
            .collect(),
        checkpoint: Some(checkpoint(changes.last_seq)?),
        end: match is_last {
            true => PageEnd::Complete { total: None },
            false => PageEnd::More,
        },
        left: changes.pending,
        epoch: None,
        server_time_ms: response.header("date").and_then(date_ms),
    })
}

/// A page beyond the limit cannot be read at all: smaller ones can.
fn smaller(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::TooLarge {
        failure.message = classify::cut(&format!(
            "{}; lower `page_items` in the connector's options",
            failure.message
        ));
    }
    failure
}

/// `None` for what is no record.
fn item(server: &Server, collection: &CollectionName, raw: &RawValue) -> Option<Item> {
    let change = match tisync_json::read::<Change<'_>>(raw.get()) {
        Ok(change) => change,
        Err(error) => return Some(bad(raw, collection, None, error.to_string())),
    };
    if names::is_design(&change.id) {
        return None;
    }
    let known = match (change.doc, change.deleted) {
        (Some(doc), _) if doc.get() != "null" => {
            names::row(server, doc).map(|row| row.item(collection))
        }
        (_, true) => tombstone(collection, &change),
        _ => Err("a document was expected, but none came".to_owned()),
    };
    Some(known.unwrap_or_else(|reason| {
        let id = RecordId::new(&*change.id).ok();
        bad(raw, collection, id, reason)
    }))
}

/// A deletion that came without its document.
fn tombstone(collection: &CollectionName, change: &Change<'_>) -> Result<Item, String> {
    let rev = change
        .changes
        .first()
        .ok_or("a revision was expected, but none came")?;
    Ok(Item::Tombstone {
        collection: collection.clone(),
        id: crate::connectors::documents::id(&change.id)?,
        version: Some(rev.rev.parse().map_err(|error| format!("{error}"))?),
        stamp: None,
    })
}

/// The place as `since` takes it: a text without its quotes, anything else as it came.
fn place(checkpoint: &Checkpoint) -> String {
    let text = checkpoint.as_str();
    tisync_json::read::<String>(text).unwrap_or_else(|_| text.to_owned())
}

/// The place after a page, as the server wrote it: a number, or a text that only the server reads.
fn checkpoint(seq: &RawValue) -> Result<Checkpoint, Failure> {
    Checkpoint::new(seq.get())
        .map_err(|error| classify::not_this_protocol(&format!("the place after the page: {error}")))
}

/// Sees to it that the database has not gone back behind our place: servers that number their changes say nothing of
/// it. Others see by the place itself that it is of another history, and begin anew.
async fn is_history(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    before: u64,
) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct About {
        update_seq: Box<RawValue>,
    }
    let sent = server.request(session, "GET", collection, "")?;
    let response: Response = send(http, sent).await?;
    let about: About = server.read(&response, collection)?;
    match about.update_seq.get().parse::<u64>() {
        Ok(now) if now < before => Err(Failure::new(
            FailureKind::ExpiredCheckpoint { epoch: None },
            false,
            format!(
                "the database has fewer changes ({now}) than it had ({before}): it was made anew, or restored"
            ),
        )),
        _ => Ok(()),
    }
}
