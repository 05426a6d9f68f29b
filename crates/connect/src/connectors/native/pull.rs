//! One page of a feed.
use super::{answer, names};
use crate::http::{Http, Response, classify, each_row};
use crate::limits::PAGE_ITEMS_MAX;
use crate::planted::{self, Bug};
use serde_json::value::RawValue;
use std::borrow::Cow;
use tisync_core::model::{CollectionName, Failure, Item, Page, PageEnd, PullRequest, Version};
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// What is sent.
pub(super) fn body(request: &PullRequest) -> tisync_protocol::PullRequest {
    let collections = request.collections.iter();
    tisync_protocol::PullRequest {
        collections: collections.map(|name| name.as_str().to_owned()).collect(),
        checkpoint: request
            .checkpoint
            .as_ref()
            .map(|place| place.as_str().to_owned()),
        snapshot: request.snapshot,
        limit: Some(request.items_max as u64),
        bytes_max: Some(request.bytes_max as u64),
    }
}

/// A page's envelope with its items unread, so that one bad item does not cost the others.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    checkpoint: String,
    more: bool,
    #[serde(default)]
    total: Option<u64>,
    epochs: Vec<(String, u64)>,
    server_time_ms: u64,
}

/// An item of the wire, borrowed from the answer where it can be.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    collection: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    stamp: Option<Cow<'a, str>>,
    #[serde(default)]
    stamps: BTreeMap<String, String>,
    #[serde(default)]
    schema: u32,
    #[serde(default)]
    deleted: bool,
    #[serde(rename = "doc", default)]
    document: Option<Document>,
}

/// What can be read of a row that is no record.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// Reads an answer. What cannot be read of a row becomes [`Item::Bad`]; what cannot be read of the page is a
/// failure, and nothing of it counts.
pub(super) async fn page(http: &dyn Http, response: &Response) -> Result<Page, Failure> {
    let envelope: Envelope<'_> = match answer::read(response) {
        Err(_) if response.status == 200 && planted::on(Bug::CutIsEmpty) => {
            return Ok(Page {
                items: Vec::new(),
                checkpoint: None,
                end: PageEnd::Complete { total: Some(0) },
                left: None,
                epoch: None,
                server_time_ms: None,
            });
        }
        envelope => envelope?,
    };
    if envelope.items.len() > PAGE_ITEMS_MAX {
        return Err(classify::not_this_protocol(&format!(
            "a page of at most {PAGE_ITEMS_MAX} items was expected, but {} came",
            envelope.items.len()
        )));
    }
    let unreadable =
        |error: String| classify::not_this_protocol(&format!("the page's envelope: {error}"));
    let mut collections = names::Collections::default();
    let rows = envelope.items.iter();
    let items = each_row(http, rows, |raw| item(raw, &mut collections)).await;
    Ok(Page {
        items,
        checkpoint: Some(names::read(&envelope.checkpoint).map_err(unreadable)?),
        end: match envelope.more {
            true => PageEnd::More,
            false => PageEnd::Complete {
                total: envelope.total,
            },
        },
        left: None,
        epoch: Some(answer::history(&envelope.epochs).map_err(unreadable)?),
        server_time_ms: Some(envelope.server_time_ms),
    })
}

fn item(raw: &RawValue, collections: &mut names::Collections) -> Item {
    let row = match tisync_json::read::<Row<'_>>(raw.get()) {
        Ok(row) => row,
        Err(error) => return bad(raw, None, error.to_string()),
    };
    let collection = match collections.read(&row.collection) {
        Ok(collection) => collection,
        Err(reason) => return bad(raw, None, reason),
    };
    match known(row, collection.clone()) {
        Ok(item) => item,
        Err(reason) => bad(raw, Some(collection), reason),
    }
}

fn known(row: Row<'_>, collection: CollectionName) -> Result<Item, String> {
    let id = names::read(&row.id)?;
    let version: Version = names::read(&row.version)?;
    let stamp = names::stamp(row.stamp.as_deref())?;
    match (row.deleted, row.document) {
        (true, None) => Ok(Item::Tombstone {
            collection,
            id,
            version: Some(version),
            stamp,
        }),
        (false, Some(document)) => Ok(Item::Upsert {
            collection,
            id,
            document,
            version: Some(version),
            stamp,
            stamps: names::stamps(stamp, row.stamps)?,
            schema: Some(row.schema),
            migrated: false,
        }),
        (true, Some(_)) => {
            Err("a deleted record without a document was expected, but one came".to_owned())
        }
        (false, None) => Err("a document was expected, but none came".to_owned()),
    }
}

fn bad(raw: &RawValue, collection: Option<CollectionName>, reason: String) -> Item {
    let named = tisync_json::read::<Named<'_>>(raw.get());
    Item::Bad {
        collection,
        id: named.ok().and_then(|row| names::read(&row.id).ok()),
        text: raw.get().to_owned(),
        reason,
    }
}
