//! Carries a query out: walks through the records that may pass, and keeps the part that is answered.
use super::{Candidates, Filter, Query};
use crate::faces::acs::fault::Fault;
use crate::faces::acs::limits::{SCANNED_MAX, SLICE_BYTES, SLICE_RECORDS, SLICE_RECORDS_FIRST};
use crate::faces::acs::query::order::Key;
use crate::store::{Key as RecordKey, Range, ServerTx};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use tisync_json::Object;

/// A kind of records, as queries see it.
pub(in crate::faces::acs) trait Source<T: ServerTx> {
    /// The transaction that the records are in.
    fn tx(&mut self) -> &mut T;
    /// The collection that they are in.
    fn collection(&self) -> String;
    /// The fields that a filter sees.
    fn fields(&mut self, candidate: &Candidate) -> Result<Object, Fault>;
    /// Whether the caller may see the record with these fields at all.
    fn is_visible(&mut self, id: &str, fields: &Object) -> Result<bool, Fault>;
}

/// A record that may pass, on its own, so that the store can be asked for others meanwhile.
#[derive(Debug)]
pub(in crate::faces::acs) struct Candidate {
    pub(in crate::faces::acs) id: String,
    pub(in crate::faces::acs) updated_ms: u64,
    /// The text of its document.
    pub(in crate::faces::acs) document: String,
}

/// What a query found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::faces::acs) struct Found {
    /// The records that are answered, in order.
    pub(in crate::faces::acs) ids: Vec<String>,
    /// How many there are altogether, as far as they were counted.
    pub(in crate::faces::acs) total: u64,
}

/// How a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::faces::acs) enum Walked {
    /// At the last record.
    ToTheEnd,
    /// Where the visitor broke it off.
    Broken,
    /// Below this id: it had looked at as many records as one call may.
    Tired(String),
}

impl Walked {
    /// Refuses an answer that would not be the whole.
    pub(in crate::faces::acs) fn whole(self) -> Result<(), Fault> {
        match self {
            Walked::ToTheEnd | Walked::Broken => Ok(()),
            Walked::Tired(_) => Err(Fault::bad(format!(
                "The query would look at more than {SCANNED_MAX} records. Narrow it with where={{\"_id\": {{\"$lt\": …}}}}."
            ))),
        }
    }
}

/// Runs a query.
pub(in crate::faces::acs) fn run<T: ServerTx>(
    source: &mut impl Source<T>,
    query: &Query,
) -> Result<Found, Fault> {
    let (end, until) = (query.window.end(), query.window.count_until());
    let newest = matches!(query.order, super::Order::Newest);
    // The greatest key is on top and goes first, so that the least `end` of them stay.
    let mut kept: BinaryHeap<(Key, u64, String)> = BinaryHeap::new();
    let mut total = 0;
    walk(source, &query.filter, None, &mut |id, fields| {
        let key = query.order.key(fields, &query.filter);
        if !newest || total < end {
            kept.push((key, total, id.to_owned()));
        }
        if kept.len() as u64 > end {
            kept.pop();
        }
        total += 1;
        if newest && total >= until {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?
    .whole()?;
    let kept = kept.into_sorted_vec().into_iter();
    let ids = kept
        .skip(query.window.skip as usize)
        .map(|(_, _, id)| id)
        .collect();
    Ok(Found { ids, total })
}

/// Counts the records that pass a filter.
pub(in crate::faces::acs) fn count<T: ServerTx>(
    source: &mut impl Source<T>,
    filter: &Filter,
) -> Result<u64, Fault> {
    let mut total = 0;
    walk(source, filter, None, &mut |_, _| {
        total += 1;
        ControlFlow::Continue(())
    })?
    .whole()?;
    Ok(total)
}

/// Visits the records that pass a filter and that the caller may see, the greatest id first, beginning
/// below `before`.
pub(in crate::faces::acs) fn walk<T: ServerTx>(
    source: &mut impl Source<T>,
    filter: &Filter,
    before: Option<&str>,
    visit: &mut dyn FnMut(&str, &Object) -> ControlFlow<()>,
) -> Result<Walked, Fault> {
    let (least, greatest) = match Candidates::of(filter) {
        Candidates::Ids(ids) => return walk_named(source, filter, before, ids, visit),
        Candidates::Between { least, greatest } => (least, greatest),
    };
    // The walk begins behind an id: behind the least text that is greater than the greatest.
    let greatest = greatest.map(|id| format!("{id}\0"));
    let mut after = match (before.map(str::to_owned), greatest) {
        (Some(before), Some(greatest)) => Some(before.min(greatest)),
        (before, greatest) => before.or(greatest),
    };
    let collection = source.collection();
    let (mut scanned, mut records) = (0, SLICE_RECORDS_FIRST);
    loop {
        let range = Range {
            collection: &collection,
            after: after.as_deref(),
            until: least.as_deref(),
            backwards: true,
            documents: true,
        };
        let slice = slice(source.tx(), range, records)?;
        records = (records * 4).min(SLICE_RECORDS);
        if let Some(tired) = after.take_if(|_| scanned >= SCANNED_MAX && !slice.is_empty()) {
            return Ok(Walked::Tired(tired));
        }
        let Some(last) = slice.last() else {
            return Ok(Walked::ToTheEnd);
        };
        after = Some(last.id.clone());
        scanned += slice.len() as u64;
        for candidate in slice {
            if visit_one(source, filter, &candidate, visit)?.is_break() {
                return Ok(Walked::Broken);
            }
        }
    }
}

fn walk_named<T: ServerTx>(
    source: &mut impl Source<T>,
    filter: &Filter,
    before: Option<&str>,
    ids: Vec<String>,
    visit: &mut dyn FnMut(&str, &Object) -> ControlFlow<()>,
) -> Result<Walked, Fault> {
    let collection = source.collection();
    for id in ids {
        if before.is_some_and(|before| id.as_str() >= before) {
            continue;
        }
        let key = RecordKey {
            collection: &collection,
            id: &id,
        };
        let Some(record) = source.tx().record(key)? else {
            continue;
        };
        let Some(document) = record.document else {
            continue;
        };
        let candidate = Candidate {
            id,
            updated_ms: record.updated_ms,
            document: document.text().to_owned(),
        };
        if visit_one(source, filter, &candidate, visit)?.is_break() {
            return Ok(Walked::Broken);
        }
    }
    Ok(Walked::ToTheEnd)
}

fn visit_one<T: ServerTx>(
    source: &mut impl Source<T>,
    filter: &Filter,
    candidate: &Candidate,
    visit: &mut dyn FnMut(&str, &Object) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Fault> {
    let fields = source.fields(candidate)?;
    if !filter.passes(&fields) || !source.is_visible(&candidate.id, &fields)? {
        return Ok(ControlFlow::Continue(()));
    }
    Ok(visit(&candidate.id, &fields))
}

fn slice<T: ServerTx>(
    tx: &mut T,
    range: Range<'_>,
    records: usize,
) -> Result<Vec<Candidate>, Fault> {
    let (mut slice, mut bytes) = (Vec::new(), 0);
    tx.live(range, &mut |row| {
        if let Some(content) = row.content {
            bytes += content.document.len();
            slice.push(Candidate {
                id: row.id.to_owned(),
                updated_ms: content.updated_ms,
                document: content.document.to_owned(),
            });
        }
        if slice.len() < records && bytes < SLICE_BYTES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(slice)
}
