//! Writes go up as a batch of requests; each has its own answer.
use super::{Refusal, Server, names};
use crate::Session;
use crate::connectors::documents::gone;
use crate::http::{Http, classify, send};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tisync_core::model::{
    Change, Failure, FailureKind, Image, Precondition, PushItem, Pushed, Verdict,
};
use tisync_json::Document;

/// Milliseconds until a collection that is not there is asked for again.
const MISSING_COLLECTION_MS: u64 = 60_000;

#[derive(Serialize)]
struct Requests<'a> {
    requests: Vec<Sub<'a>>,
}

#[derive(Serialize)]
struct Sub<'a> {
    method: &'static str,
    path: String,
    headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Data<&'a Document>>,
}

#[derive(Serialize, Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Responses<'a> {
    #[serde(borrow)]
    responses: Vec<Answer<'a>>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    status: u16,
    #[serde(borrow)]
    body: &'a RawValue,
}

pub(super) async fn verdicts(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    batch: &[PushItem],
) -> Result<Pushed, Failure> {
    let mut verdicts = Vec::new();
    let mut items = Vec::new();
    for item in batch {
        match names::refusal(&item.record, item.document.as_ref()) {
            Some(reason) => verdicts.push((item.id, Verdict::Rejected { reason })),
            None => items.push(item),
        }
    }
    let Some(first) = items.first() else {
        return Ok(Pushed::from(verdicts));
    };
    let requests = items.iter().map(|item| sub(server, item)).collect();
    let sent = server
        .request(session, "POST", "/batch")
        .with_body(&Requests { requests });
    let response = send(http, sent).await?;
    let answers: Responses<'_> = match server.read(&response, &first.collection) {
        Err(failure) if matches!(response.status, 400 | 413) && failure.not_sent => {
            return Err(Failure {
                kind: FailureKind::TooLarge,
                message: classify::cut(&format!(
                    "{}; the server may take fewer writes at once: lower `batch_items` in the connector's options",
                    failure.message
                )),
                ..failure
            });
        }
        answers => answers?,
    };
    let answers = answers.responses;
    // The server takes back the whole batch when a part of it fails inside: nothing of it is sure.
    let failed = answers
        .iter()
        .any(|answer| answer.status >= 500 || answer.status == 409);
    if failed || answers.len() != items.len() {
        return Ok(Pushed::from(verdicts));
    }
    if let Some(failure) = missing(server, &items, &answers) {
        return Err(failure);
    }
    verdicts.extend(items.iter().zip(&answers).filter_map(|(item, answer)| {
        let verdict = verdict(server, item, answer)?;
        Some((item.id, verdict))
    }));
    Ok(Pushed::from(verdicts))
}

fn sub<'a>(server: &Server, item: &'a PushItem) -> Sub<'a> {
    let path = names::records(&server.options, &item.collection);
    let (name, value) = match &item.precondition {
        Precondition::Version(version) => ("If-Match", format!("\"{version}\"")),
        Precondition::Absent => ("If-None-Match", "*".to_owned()),
        Precondition::None => ("", String::new()),
    };
    let headers = [(name, value)]
        .into_iter()
        .filter(|(name, _)| !name.is_empty());
    Sub {
        method: match item.change {
            Change::Delete => "DELETE",
            _ => "PUT",
        },
        path: format!("{path}/{}", item.record),
        headers: headers.collect(),
        body: match item.change {
            Change::Delete => None,
            _ => item.document.as_ref().map(|data| Data { data }),
        },
    }
}

/// When nothing of the batch has a collection to go to, the reason is told; what is to be done about it is the same for
/// all of it.
fn missing(server: &Server, items: &[&PushItem], answers: &[Answer<'_>]) -> Option<Failure> {
    let is_missing = |answer: &Answer<'_>| has_no_collection(answer);
    let first = items.first()?;
    if !answers.iter().all(is_missing) {
        return None;
    }
    let refusal: Refusal = serde_json::from_str(answers.first()?.body.get()).ok()?;
    Some(Failure {
        kind: FailureKind::Retry { after_ms: None },
        not_sent: true,
        message: server.refused(404, &refusal, &first.collection),
    })
}

/// Whether it is the collection that is missing, not the record.
fn has_no_collection(answer: &Answer<'_>) -> bool {
    const MISSING_RESOURCE: u32 = 111;
    answer.status == 404
        && serde_json::from_str::<Refusal>(answer.body.get())
            .is_ok_and(|refusal| refusal.errno == MISSING_RESOURCE)
}

/// `None` when nothing is said that we know.
fn verdict(server: &Server, item: &PushItem, answer: &Answer<'_>) -> Option<Verdict> {
    match answer.status {
        200 | 201 => accepted(item, answer),
        412 => Some(conflict(answer)),
        404 if has_no_collection(answer) => Some(Verdict::Deferred {
            after_ms: MISSING_COLLECTION_MS,
        }),
        // What we wanted to delete is not there any more.
        404 => Some(Verdict::Conflict {
            remote: Some(gone()),
        }),
        400..=499 => {
            let refusal: Refusal = serde_json::from_str(answer.body.get()).ok()?;
            let reason = server.refused(answer.status, &refusal, &item.collection);
            Some(Verdict::Rejected { reason })
        }
        _ => None,
    }
}

fn accepted(item: &PushItem, answer: &Answer<'_>) -> Option<Verdict> {
    let Data { data }: Data<&RawValue> = serde_json::from_str(answer.body.get()).ok()?;
    let row = names::row(data).ok().filter(|row| row.id == item.record)?;
    let is_as_sent = match (&row.document, &item.document) {
        (Some(kept), Some(sent)) => kept.same(sent),
        _ => true,
    };
    Some(Verdict::Accepted {
        id: None,
        version: row.version,
        image: match is_as_sent {
            true => None,
            false => row.document.map(Image::Present),
        },
        stamp: row.stamp,
        schema: None,
        migrated: false,
    })
}

/// The refusal shows what is there, or nothing when nothing is.
fn conflict(answer: &Answer<'_>) -> Verdict {
    #[derive(Deserialize)]
    struct Modified<'a> {
        #[serde(borrow, default)]
        details: Option<Details<'a>>,
    }
    #[derive(Deserialize)]
    struct Details<'a> {
        #[serde(borrow)]
        existing: Option<&'a RawValue>,
    }
    let Ok(modified) = serde_json::from_str::<Modified<'_>>(answer.body.get()) else {
        return Verdict::Conflict { remote: None };
    };
    let existing = modified.details.and_then(|details| details.existing);
    let remote = match existing {
        Some(raw) => names::row(raw).ok().map(|row| row.remote()),
        None => Some(gone()),
    };
    Verdict::Conflict { remote }
}
