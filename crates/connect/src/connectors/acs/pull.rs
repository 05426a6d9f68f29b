//! A complete walk in the order of ids, over ranges that hold no more than the server looks at.
use super::range::Range;
use super::{Call, Server, names, row};
use crate::Session;
use crate::connectors::documents::bad;
use crate::http::{Http, classify};
use tisync_core::model::{Checkpoint, Failure, Item, Page, PageEnd, PullRequest};

/// Halves of ranges in one pull: ids have 96 bits.
const HALVES_MAX: usize = 96;

pub(super) async fn page(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    request: &PullRequest,
) -> Result<Page, Failure> {
    let Some(collection) = request.collections.first() else {
        return Ok(Page::whole(Vec::new()));
    };
    let place = names::place(&server.options, collection);
    let limit = request.items_max.clamp(1, server.options.page_items);
    let mut range: Range = request
        .checkpoint
        .as_ref()
        .and_then(|text| tisync_json::read(text.as_str()).ok())
        .unwrap_or_default();
    for _ in 0..=HALVES_MAX {
        let mut params = vec![
            ("order", "_id".to_owned()),
            ("limit", limit.to_string()),
            ("count", "true".to_owned()),
            ("response_json_depth", "1".to_owned()),
        ];
        if let Some(condition) = range.condition() {
            params.push(("where", condition.to_string()));
        }
        let call = Call::new("GET", place.path("query"), params);
        let answer = server.call(http, session, call).await?;
        if !answer.is_ok() {
            return Err(answer.failure(&format!("the collection {collection} cannot be read")));
        }
        let rows = answer.rows(place.rows());
        let Some(count) = answer.count else {
            // More than the server looks at: what it showed is some of them, in no order to rely on.
            match range.half() {
                Some(half) => range = half,
                None => break,
            }
            continue;
        };
        let items: Vec<Item> = rows
            .iter()
            .map(|raw| match row::read(&server.options, &place, raw) {
                Ok(marked) => marked.row.item(collection),
                Err(reason) => bad(raw, collection, row::id_of(raw), reason),
            })
            .collect();
        let last = rows.last().and_then(|raw| row::id_of(raw));
        let ids = rows.iter().filter_map(|raw| row::id_of(raw));
        if !range.holds_in_order(ids) {
            return Err(classify::not_this_protocol(
                "objects were expected in the order of their ids, each after the place of the walk, but others came",
            ));
        }
        let next = match last {
            Some(last) if (rows.len() as u64) < count => Some(range.rest(last.as_str())),
            None if count > 0 => {
                return Err(classify::not_this_protocol(
                    "the server counts objects that it does not show",
                ));
            }
            _ => range.next(),
        };
        let (place, end) = match next {
            Some(next) => (next, PageEnd::More),
            None => (Range::default(), PageEnd::Complete { total: None }),
        };
        let text = tisync_json::write(&place);
        return Ok(Page {
            items,
            checkpoint: Checkpoint::new(text).ok(),
            end,
            left: None,
            epoch: None,
            server_time_ms: None,
        });
    }
    Err(classify::not_this_protocol(
        "the server counts more than 5,000 objects in every range of ids",
    ))
}
