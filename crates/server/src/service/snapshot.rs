//! A first walk in the order of ids, as of the moment that it began: what is cheapest to store.
//!
//! What was written since is left out; the feed behind the snapshot brings it, commit by commit.
use super::page::Page;
use crate::ServiceError;
use crate::checkpoint::After;
use crate::store::{Range, Row, ServerTx};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Fills a page with records that are as they were at version `start`; returns where the next page goes on, if
/// there is one.
pub(super) fn fill<T: ServerTx>(
    tx: &mut T,
    collections: &BTreeSet<&str>,
    start: u64,
    after: &After,
    page: &mut Page<'_>,
) -> Result<Option<After>, ServiceError> {
    for &collection in collections.range(after.collection.as_str()..) {
        let from = Some(after.id.as_str()).filter(|_| after.collection == collection);
        let mut last = from.unwrap_or_default().to_owned();
        let range = Range {
            collection,
            after: from,
            documents: true,
            ..Range::default()
        };
        let mut is_full = false;
        tx.live(range, &mut |row| {
            is_full = page.is_full();
            if is_full {
                return ControlFlow::Break(());
            }
            last.clear();
            last.push_str(row.id);
            page.rows += 1;
            if let Some(content) = row.content.filter(|_| row.version <= start) {
                let row_of_feed = Row {
                    collection,
                    id: row.id,
                    document: Some(content.document),
                    stamp: content.stamp,
                    stamps: content.stamps,
                    schema: content.schema,
                };
                page.push(row.version, row_of_feed);
            }
            ControlFlow::Continue(())
        })?;
        if is_full {
            return Ok(Some(After {
                collection: collection.to_owned(),
                id: last,
            }));
        }
    }
    Ok(None)
}
