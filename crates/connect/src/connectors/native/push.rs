//! Mutations go up, verdicts come back.
use super::{answer, names};
use crate::http::{Response, classify};
use crate::planted::{self, Bug};
use serde::Serialize;
use serde_json::value::RawValue;
use tisync_core::model::{
    Change, Failure, FailureKind, Image, MutationId, Precondition, PushItem, Pushed, Verdict,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;
use tisync_protocol::{Mutation, PatchChange, Problem};

/// What is sent.
#[derive(Serialize)]
pub(super) struct Body {
    mutations: Vec<Mutation>,
}

impl Body {
    pub(super) fn of(batch: &[PushItem]) -> Self {
        Body {
            mutations: batch.iter().map(mutation).collect(),
        }
    }
}

fn mutation(item: &PushItem) -> Mutation {
    let latest = item.stamps.latest;
    let fields = item
        .stamps
        .fields
        .iter()
        .filter(|(_, stamp)| **stamp != latest);
    Mutation {
        id: item.id.to_string(),
        collection: item.collection.as_str().to_owned(),
        record: item.record.as_str().to_owned(),
        base: match &item.precondition {
            Precondition::Version(version) => {
                tisync_protocol::Precondition::Version(version.as_str().to_owned())
            }
            Precondition::Absent => tisync_protocol::Precondition::Absent,
            Precondition::None => tisync_protocol::Precondition::None,
        },
        stamp: Some(latest.to_string()),
        stamps: fields
            .map(|(path, stamp)| (path.to_string(), stamp.to_string()))
            .collect(),
        group: item.group.map(|group| group.to_string()),
        schema: item.schema,
        change: match &item.change {
            Change::Create(document) => tisync_protocol::Change::Create(document.clone()),
            Change::Replace(document) => tisync_protocol::Change::Replace(document.clone()),
            Change::Delete => tisync_protocol::Change::Delete,
            // The server applies the patch to the version that it names; the whole document stays here.
            Change::Patch(patch) => {
                tisync_protocol::Change::Patch(PatchChange::new(patch.clone(), None))
            }
        },
    }
}

/// A push's answer with its results unread, so that one bad result leaves only its own mutation unknown.
#[derive(Deserialize)]
struct Envelope<'a> {
    epoch: String,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

/// Reads an answer: the verdicts on what was sent. A mutation that the answer does not name, or names in a way
/// that cannot be read, is left out and so counts as unknown.
pub(super) fn verdicts(response: &Response, batch: &[PushItem]) -> Result<Pushed, Failure> {
    if response.status != 200 {
        return refused(response, batch).map(Pushed::from);
    }
    let envelope: Envelope<'_> = answer::read(response)?;
    let epoch = answer::epoch(&envelope.epoch)?;
    let sent: BTreeMap<MutationId, &PushItem> = batch.iter().map(|item| (item.id, item)).collect();
    let mut verdicts = BTreeMap::new();
    for (id, verdict) in envelope.results.into_iter().filter_map(result) {
        // Two results for one mutation contradict each other: neither counts.
        if sent.contains_key(&id) && verdicts.insert(id, Some(verdict)).is_some() {
            verdicts.insert(id, None);
        }
    }
    if planted::on(Bug::NoVerdictIsAccepted) {
        for item in batch {
            verdicts.entry(item.id).or_insert(Some(Verdict::Accepted {
                id: None,
                version: None,
                image: None,
                stamp: None,
                schema: None,
                migrated: false,
            }));
        }
    }
    // In the order of the batch, so that the trace does not depend on the server's.
    let ordered = batch
        .iter()
        .filter_map(|item| Some((item.id, verdicts.remove(&item.id)??)));
    Ok(Pushed {
        epoch: Some(epoch).filter(|_| !planted::on(Bug::EpochUnsaid)),
        verdicts: ordered.collect(),
    })
}

fn result(raw: &RawValue) -> Option<(MutationId, Verdict)> {
    let result: tisync_protocol::PushResult = tisync_json::read(raw.get()).ok()?;
    Some((names::read(&result.id).ok()?, verdict(result.verdict)?))
}

fn verdict(verdict: tisync_protocol::Verdict) -> Option<Verdict> {
    Some(match verdict {
        tisync_protocol::Verdict::Accepted(accepted) => Verdict::Accepted {
            id: None,
            version: Some(names::read(&accepted.version).ok()?),
            schema: accepted.document.as_ref().map(|_| accepted.schema),
            image: accepted.document.map(Image::Present),
            stamp: None,
            migrated: false,
        },
        tisync_protocol::Verdict::Conflict(conflict) => Verdict::Conflict {
            remote: names::remote(conflict.remote).ok(),
        },
        tisync_protocol::Verdict::Rejected(rejected) => Verdict::Rejected {
            reason: format!("{}: {}", rejected.code, rejected.reason),
        },
        tisync_protocol::Verdict::Deferred(deferred) => Verdict::Deferred {
            after_ms: deferred.after_ms,
        },
        tisync_protocol::Verdict::OutOfScope => Verdict::OutOfScope,
        tisync_protocol::Verdict::Outdated => Verdict::Outdated,
        tisync_protocol::Verdict::Returned => Verdict::Returned,
    })
}

/// Makes of a refusal of the whole batch a verdict, when our server proves by a problem document that it
/// concerns what was sent: nothing of a refused request takes effect.
///
/// A batch of several is halved, until the poison stands alone and is parked; the others go on.
fn refused(response: &Response, batch: &[PushItem]) -> Result<Vec<(MutationId, Verdict)>, Failure> {
    let failure = answer::failure(response);
    let concerns_items = matches!(response.status, 400 | 403 | 409 | 412 | 413 | 422);
    let Some(problem) = answer::problem(response).filter(|_| concerns_items) else {
        return Err(failure);
    };
    if !is_one_unit(batch) {
        return Err(failure.of_kind(FailureKind::TooLarge));
    }
    let Problem { kind, detail, .. } = problem;
    let reason = classify::cut(&format!("{kind}: {detail}"));
    let parked = batch.iter().map(|item| {
        let reason = reason.clone();
        (item.id, Verdict::Rejected { reason })
    });
    Ok(parked.collect())
}

/// Whether the batch cannot be halved: one mutation, or one group.
fn is_one_unit(batch: &[PushItem]) -> bool {
    match batch {
        [] | [_] => true,
        [first, rest @ ..] => {
            first.group.is_some() && rest.iter().all(|item| item.group == first.group)
        }
    }
}
