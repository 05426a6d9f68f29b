//! One page of a collection's changes.
use super::{Server, names};
use crate::Session;
use crate::connectors::documents::{bad, object};
use crate::http::{Http, Response, classify, date_ms, query, send};
use crate::limits::PAGE_ITEMS_MAX;
use serde_json::value::RawValue;
use tisync_core::model::{
    Checkpoint, CollectionName, Failure, FailureKind, Item, Page, PageEnd, PullRequest,
};
use tisync_json::Deserialize;

#[derive(Deserialize)]
struct Records<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

pub(super) async fn page(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    request: &PullRequest,
) -> Result<Page, Failure> {
    let [collection] = &request.collections[..] else {
        return Err(classify::not_this_protocol(
            "a feed of one collection was expected: each has a feed of its own",
        ));
    };
    // A place that is none, such as one of an older version of the connector, begins anew.
    let since: Option<u64> = request
        .checkpoint
        .as_ref()
        .and_then(|place| place.as_str().parse().ok());
    let limit = request.items_max.clamp(1, server.options.page_items);
    let limit = limit.to_string();
    let place = since.map(|since| format!("\"{since}\""));
    let mut asked = vec![("_sort", "last_modified"), ("_limit", &limit)];
    // From the beginning no deletions are told: nothing is here that they could concern.
    asked.extend(place.as_deref().map(|place| ("_since", place)));
    let path = names::records(&server.options, collection);
    let rest = format!("{path}?{}", query(asked));
    let response = send(http, server.request(session, "GET", &rest)).await?;
    let records: Records<'_> = server.read(&response, collection)?;
    if records.data.len() > PAGE_ITEMS_MAX {
        return Err(classify::not_this_protocol(&format!(
            "a page of at most {limit} records was expected, but {} came",
            records.data.len()
        )));
    }
    let now = etag(&response);
    if let (Some(since), Some(now)) = (since, now)
        && now < since
    {
        return Err(Failure::new(
            FailureKind::ExpiredCheckpoint { epoch: None },
            false,
            format!(
                "the collection was last changed at {now}, before the place of this feed ({since}): it was restored"
            ),
        ));
    }
    let is_last = response.header("next-page").is_none();
    let last = records.data.iter().filter_map(|raw| time(raw)).next_back();
    if !is_last && last <= since {
        return Err(Failure::new(
            FailureKind::Retry { after_ms: None },
            false,
            "no progress: a page that is not the last ends where it began, so that the server does not sort by \
             last_modified",
        ));
    }
    let checkpoint = last.or(since).or(now).unwrap_or_default();
    Ok(Page {
        items: records
            .data
            .iter()
            .map(|raw| item(collection, raw))
            .collect(),
        checkpoint: Checkpoint::new(checkpoint.to_string()).ok(),
        end: match is_last {
            true => PageEnd::Complete { total: None },
            false => PageEnd::More,
        },
        left: None,
        epoch: None,
        server_time_ms: response.header("date").and_then(date_ms),
    })
}

fn item(collection: &CollectionName, raw: &RawValue) -> Item {
    match names::row(raw) {
        Ok(row) => row.item(collection),
        Err(reason) => {
            let named = object(raw).ok().and_then(|mut fields| {
                let key = crate::connectors::documents::take_text(&mut fields, "id").ok()?;
                crate::connectors::documents::id(&key).ok()
            });
            bad(raw, collection, named, reason)
        }
    }
}

/// A row's place, also of one that is no record.
fn time(raw: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct Timed {
        last_modified: u64,
    }
    let timed: Timed = tisync_json::read(raw.get()).ok()?;
    Some(timed.last_modified)
}

/// When the collection was last changed, as the server knew before it read the records.
fn etag(response: &Response) -> Option<u64> {
    response.header("etag")?.trim_matches('"').parse().ok()
}
