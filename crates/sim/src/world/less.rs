//! Answers that say less than the truth: a walk that leaves records out, a push whose answer leaves a verdict out.
use super::World;
use crate::disk::Disk;
use crate::scenario::Fault;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tisync_protocol::{PullRequest, Route};
use tisync_server::HttpRequest;

/// The members of an answer, with those that nobody reads left as they are.
type Members = BTreeMap<String, Box<RawValue>>;

impl<D: Disk> World<D> {
    /// Leaves something out of the answer to a replica's request, when that strikes.
    pub(super) fn say_less(
        &mut self,
        replica: usize,
        exchange: u64,
        request: &HttpRequest,
        body: &mut Vec<u8>,
    ) {
        let mut dice = self.dice(replica, 11, exchange);
        let fault = match Route::at(&request.path) {
            Some(Route::Pull) if is_walk(&request.body) => Fault::ShortWalk,
            Some(Route::Push) => Fault::NoVerdict,
            _ => return,
        };
        if !self.strikes(&mut dice, fault) {
            return;
        }
        let pick = dice.next();
        let less = match fault {
            Fault::ShortWalk => without(body, "items", |_, row| self.is_held(replica, row)),
            _ => without(body, "results", |place, _| place == pick as usize % 4),
        };
        if let Some(less) = less {
            *body = less;
        }
    }

    /// Whether a replica has a row of a feed already. What is new to it is not left out: no walk shows it again.
    fn is_held(&self, replica: usize, row: &RawValue) -> bool {
        #[derive(serde::Deserialize)]
        struct Row {
            collection: String,
            id: String,
            version: String,
        }
        let Ok(row) = serde_json::from_str::<Row>(row.get()) else {
            return false;
        };
        let records = &self.replicas[replica].shadow.records;
        records.iter().any(|((collection, _), record)| {
            collection.as_str() == row.collection
                && record.id.as_str() == row.id
                && record
                    .newest
                    .as_ref()
                    .is_some_and(|newest| newest.as_str() == row.version)
        })
    }
}

/// Whether a pull asks for a page of a walk from the beginning.
fn is_walk(request: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<PullRequest>(request) else {
        return false;
    };
    // Within a walk a checkpoint has three parts.
    request
        .checkpoint
        .is_none_or(|checkpoint| checkpoint.split('.').count() > 2)
}

/// An answer without some entries of a list.
fn without(
    body: &[u8],
    list: &str,
    is_left_out: impl Fn(usize, &RawValue) -> bool,
) -> Option<Vec<u8>> {
    let mut members: Members = serde_json::from_slice(body).ok()?;
    let entries: Vec<Box<RawValue>> = serde_json::from_str(members.get(list)?.get()).ok()?;
    let mut kept = Vec::new();
    for (place, entry) in entries.into_iter().enumerate() {
        if !is_left_out(place, &entry) {
            kept.push(entry);
        }
    }
    members.insert(
        list.to_owned(),
        serde_json::value::to_raw_value(&kept).ok()?,
    );
    serde_json::to_vec(&members).ok()
}
