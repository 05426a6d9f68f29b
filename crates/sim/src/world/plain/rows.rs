//! Rows: what the backend lists, in the order and in the pages of its mix.
use super::query::{Row, Rows, Which};
use super::server::{Asked, LAG_MS, Plain};
use crate::world::replica::BASE_MS;
use tisync_core::model::*;

impl Plain {
    pub(super) fn rows(
        &mut self,
        asked: &Asked<'_>,
        collection: &CollectionName,
        which: &Which,
        limit: usize,
    ) -> Rows {
        let capability = &self.mix.capability;
        let lag_ms = match capability.stale_reads && !self.is_well {
            true => self.dice(1).below(LAG_MS),
            false => 0,
        };
        let seen_ms = asked.now_ms.saturating_sub(lag_ms);
        let records = self
            .past
            .iter()
            .find(|(until_ms, _)| *until_ms > seen_ms)
            .map_or(&self.records, |(_, records)| records);
        let shows_deletes = capability.deletes != Deletes::Absent;
        let mut rows: Vec<Row> = records
            .iter()
            .filter(|((of, _), _)| of == collection)
            .filter(|(_, stored)| stored.document.is_some() || shows_deletes)
            .map(|(key, stored)| (key, stored, self.is_hidden(key, asked.from)))
            .map(|((_, id), stored, hidden)| Row {
                id: id.clone(),
                hidden,
                document: stored.document.clone().filter(|_| !hidden),
                version: self.version(stored),
                number: stored.number,
                at_ms: stored.at_ms,
                stamp: stored.stamp,
            })
            .collect();
        let is_start = match which {
            Which::After(number) => {
                rows.retain(|row| row.number > *number);
                rows.sort_by_key(|row| row.number);
                *number == 0 || shows_deletes
            }
            Which::Since { ms, behind } => {
                rows.retain(|row| match behind {
                    Some(id) => (row.at_ms, &row.id) > (*ms, id),
                    None => row.at_ms >= *ms,
                });
                rows.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
                behind.is_none() && (*ms == 0 || shows_deletes)
            }
            Which::From(place) => {
                rows.drain(..(*place).min(rows.len()));
                *place == 0
            }
            Which::Behind(id) => {
                rows.retain(|row| id.as_ref().is_none_or(|id| row.id > *id));
                id.is_none()
            }
        };
        let whole = matches!(capability.feed, FeedKind::Listing(Paging::Single));
        let limit = match whole {
            true => usize::MAX,
            false => limit.min(self.page_items),
        };
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let walk = self
            .walks
            .entry((asked.from, collection.clone()))
            .or_insert((u64::MAX, u64::MAX, 0));
        if is_start {
            walk.0 = self.number;
        }
        if is_last && walk.0 == self.number && lag_ms == 0 {
            let count = if walk.1 == self.number { walk.2 + 1 } else { 1 };
            (walk.1, walk.2) = (self.number, count);
            walk.0 = u64::MAX;
        }
        Rows {
            rows,
            is_last,
            now_ms: BASE_MS + asked.now_ms,
        }
    }
}
