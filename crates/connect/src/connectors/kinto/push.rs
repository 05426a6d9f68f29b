//! Writes go up as a batch of requests; each has its own answer.
use super::{Refusal, Server, names};
use crate::Session;
use crate::http::{Http, classify, send};
use serde::Serialize;
use serde_json::value::RawValue;
use tisync_core::model::{
    Change, Failure, FailureKind, Image, Precondition, PushItem, Pushed, Verdict,
};
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// Milliseconds until a write goes again that was refused for what is not its own fault.
const REFUSED_MS: u64 = 60_000;
/// Kinto's own number of *there is no such record*.
const MISSING_RECORD: u32 = 110;
/// Kinto's own number of *there is no such collection*.
const MISSING_PARENT: u32 = 111;
/// Kinto's own number of *the record is another one by now*.
const MODIFIED: u32 = 114;

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
        Err(mut failure) if matches!(response.status, 400 | 413) && failure.not_sent => {
            failure.kind = FailureKind::TooLarge;
            failure.message = classify::cut(&format!(
                "{}; the server may take fewer writes at once: lower `batch_items` in the connector's options",
                failure.message
            ));
            return Err(failure);
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
    if let Some(failure) = refused(server, &items, &answers) {
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

/// When nothing of the batch has a collection to go to, or a user whose it is, the reason is told; what is to be done about
/// it is the same for all of it. The batch itself is answered with 200 then.
fn refused(server: &Server, items: &[&PushItem], answers: &[Answer<'_>]) -> Option<Failure> {
    let (first, answer) = (items.first()?, answers.first()?);
    let all = |is: &dyn Fn(&Answer<'_>) -> bool| answers.iter().all(is);
    let kind = if all(&|answer| answer.status == 401) {
        FailureKind::Credentials
    } else if all(&|answer| is_missing(answer, MISSING_PARENT)) {
        FailureKind::Retry { after_ms: None }
    } else {
        return None;
    };
    let refusal: Refusal = tisync_json::read(answer.body.get()).ok()?;
    Some(Failure::new(
        kind,
        true,
        server.refused(answer.status, &refusal, &first.collection),
    ))
}

/// Whether it is this that the server does not have.
fn is_missing(answer: &Answer<'_>, what: u32) -> bool {
    answer.status == 404
        && tisync_json::read::<Refusal>(answer.body.get())
            .is_ok_and(|refusal| refusal.errno == what)
}

/// `None` when nothing is said that we know.
fn verdict(server: &Server, item: &PushItem, answer: &Answer<'_>) -> Option<Verdict> {
    match answer.status {
        200 | 201 => accepted(item, answer),
        412 => Some(conflict(item, answer)),
        // What we wanted to delete is not there any more.
        404 if is_missing(answer, MISSING_RECORD) => Some(Verdict::Conflict {
            remote: Some(Image::Gone.into()),
        }),
        401 | 429 => Some(Verdict::Deferred {
            after_ms: REFUSED_MS,
        }),
        404 if is_missing(answer, MISSING_PARENT) => Some(Verdict::Deferred {
            after_ms: REFUSED_MS,
        }),
        404 | 408 => None,
        400..=499 => {
            let refusal: Refusal = tisync_json::read(answer.body.get()).ok()?;
            let reason = server.refused(answer.status, &refusal, &item.collection);
            Some(Verdict::Rejected { reason })
        }
        _ => None,
    }
}

fn accepted(item: &PushItem, answer: &Answer<'_>) -> Option<Verdict> {
    let Data { data }: Data<&RawValue> = tisync_json::read(answer.body.get()).ok()?;
    let row = names::row(data).ok().filter(|row| row.id == item.record)?;
    let is_as_sent = match (&row.document, &item.document) {
        (Some(kept), Some(sent)) => kept.same(sent),
        (None, None) => true,
        // A record as the answer to a delete, or a tombstone to a write, tells of neither.
        _ => return None,
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

/// The refusal shows what is there. Of a write on a version that meets a tombstone it shows nothing; any other that shows
/// nothing proves nothing, and the record is looked up.
fn conflict(item: &PushItem, answer: &Answer<'_>) -> Verdict {
    #[derive(Deserialize)]
    struct Modified<'a> {
        #[serde(default)]
        errno: u32,
        #[serde(borrow, default)]
        details: Option<Details<'a>>,
    }
    #[derive(Deserialize)]
    struct Details<'a> {
        #[serde(borrow)]
        existing: Option<&'a RawValue>,
    }
    let Ok(modified) = tisync_json::read::<Modified<'_>>(answer.body.get()) else {
        return Verdict::Conflict { remote: None };
    };
    let existing = modified.details.and_then(|details| details.existing);
    let has_version = matches!(item.precondition, Precondition::Version(_));
    let remote = match existing {
        Some(raw) => names::row(raw).ok().map(|row| row.remote()),
        None => (has_version && modified.errno == MODIFIED).then(|| Image::Gone.into()),
    };
    Verdict::Conflict { remote }
}
