//! Writes go up in batches, one a database; each document is accepted or refused for itself.
use super::fetch::{Answer, look};
use super::{Server, names};
use crate::Session;
use crate::connectors::documents::has_wide_number;
use crate::http::{Http, classify, send};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tisync_core::model::{
    Change, CollectionName, Failure, Image, MutationId, Precondition, PushItem, Pushed, Remote,
    Verdict,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object, Value};

#[derive(Serialize)]
struct Docs {
    docs: Vec<Document>,
}

/// What the server says of one document.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rev: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
}

/// Milliseconds until a database that is not there is asked for again.
const MISSING_DATABASE_MS: u64 = 60_000;

pub(super) async fn verdicts(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    batch: &[PushItem],
) -> Result<Pushed, Failure> {
    let mut by_collection: BTreeMap<&CollectionName, Vec<&PushItem>> = BTreeMap::new();
    for item in batch {
        by_collection
            .entry(&item.collection)
            .or_default()
            .push(item);
    }
    let mut verdicts = Vec::new();
    let mut failures = Vec::new();
    let count = by_collection.len();
    for (collection, items) in by_collection {
        match of_database(server, http, session, collection, &items).await {
            Ok(of_these) => verdicts.extend(of_these),
            Err(failure) => failures.push((failure, items)),
        }
    }
    if failures.len() == count
        && let Some((failure, _)) = failures.pop()
    {
        let not_sent = failure.not_sent && failures.iter().all(|(other, _)| other.not_sent);
        return Err(failure.not_sent(not_sent));
    }
    // Others of the batch have their verdicts: what was certainly not written waits, the rest is unknown.
    for (_, items) in failures.iter().filter(|(failure, _)| failure.not_sent) {
        let after_ms = MISSING_DATABASE_MS;
        verdicts.extend(
            items
                .iter()
                .map(|item| (item.id, Verdict::Deferred { after_ms })),
        );
    }
    Ok(Pushed::from(verdicts))
}

async fn of_database(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    items: &[&PushItem],
) -> Result<Vec<(MutationId, Verdict)>, Failure> {
    let mut verdicts = Vec::new();
    let mut sent_items = Vec::new();
    let mut docs = Vec::new();
    for item in items {
        match names::refusal(server, &item.record, item.document.as_ref()) {
            Some(reason) => verdicts.push((item.id, Verdict::Rejected { reason })),
            None => {
                docs.push(doc(server, item));
                sent_items.push(*item);
            }
        }
    }
    if docs.is_empty() {
        return Ok(verdicts);
    }
    let sent = server
        .request(session, "POST", collection, "/_bulk_docs")?
        .with_body(&Docs { docs });
    let response = send(http, sent).await?;
    let results: Vec<&RawValue> = match server.read(&response, collection) {
        // One document that the server refuses outright costs the batch: alone, it is parked.
        Err(failure) if matches!(response.status, 400 | 422) && failure.not_sent => {
            return refused(&sent_items, failure, verdicts);
        }
        results => results?,
    };
    let said = results
        .iter()
        .map(|raw| tisync_json::read::<Said<'_>>(raw.get()));
    // In the order in which they were sent; what does not fit is no answer.
    let answered: Vec<(&PushItem, Said<'_>)> = sent_items
        .into_iter()
        .zip(said)
        .filter_map(|(item, said)| {
            let said = said.ok()?;
            (said.id.as_deref() == Some(item.record.as_str())).then_some((item, said))
        })
        .collect();
    let unclear: Vec<_> = answered
        .iter()
        .filter(|(item, said)| is_conflict(said) || is_changed(item))
        .map(|(item, _)| &item.record)
        .collect();
    let seen: BTreeMap<_, _> = match unclear.is_empty() {
        true => BTreeMap::new(),
        // Without an answer a conflict has no image, and the engine looks it up itself.
        false => look(server, http, session, collection, &unclear)
            .await
            .unwrap_or_default()
            .into_iter()
            .collect(),
    };
    verdicts.extend(answered.iter().filter_map(|(item, said)| {
        let verdict = verdict(item, said, seen.get(&item.record))?;
        Some((item.id, verdict))
    }));
    Ok(verdicts)
}

/// The document as it is sent.
fn doc(server: &Server, item: &PushItem) -> Document {
    let mut fields: Object = item
        .document
        .as_ref()
        .map(Document::object)
        .unwrap_or_default();
    let mut put = |name: &str, value| fields.insert(name.to_owned(), value);
    put("_id", Value::String(item.record.as_str().to_owned()));
    if let Precondition::Version(version) = &item.precondition {
        put("_rev", Value::String(version.as_str().to_owned()));
    }
    if item.change == Change::Delete {
        put("_deleted", Value::Bool(true));
    }
    if let Some(field) = &server.options.stamp_field {
        put(field, Value::String(item.stamps.latest.to_string()));
    }
    Document::from_object(&fields)
}

fn is_conflict(said: &Said<'_>) -> bool {
    said.error.as_deref() == Some("conflict")
}

/// Whether a server that keeps numbers as doubles, as pouchdb-server does, may have changed what was sent.
fn is_changed(item: &PushItem) -> bool {
    item.document.as_ref().is_some_and(has_wide_number)
}

/// `None` when nothing is said that we know.
fn verdict(item: &PushItem, said: &Said<'_>, seen: Option<&Answer>) -> Option<Verdict> {
    if is_conflict(said) {
        let remote: Option<Remote> = match seen {
            Some(Answer::Row(row)) => Some((**row).clone().remote()),
            // It refuses our revision because it has never had the record: another history of the database had.
            Some(Answer::Missing) => Some(Image::Gone.into()),
            None => None,
        };
        return Some(Verdict::Conflict { remote });
    }
    if let Some(error) = &said.error {
        let reason = said.reason.as_deref().unwrap_or_default();
        let reason = classify::cut(&format!("{error}: {reason}"));
        return Some(match &**error {
            // A validation function of the database says no, or the document cannot be kept.
            "forbidden" | "unauthorized" | "doc_validation" | "bad_request" | "too_large" => {
                Verdict::Rejected { reason }
            }
            // An error inside the server proves nothing.
            _ => return None,
        });
    }
    let version = said.rev.as_deref()?.parse().ok()?;
    let image = match seen {
        Some(Answer::Row(row)) if row.version.as_ref() == Some(&version) => {
            row.document.clone().map(Image::Present)
        }
        _ => None,
    };
    Some(Verdict::Accepted {
        id: None,
        version: Some(version),
        image,
        stamp: Some(item.stamps.latest),
        schema: None,
        migrated: false,
    })
}

/// A batch that was refused as a whole is halved, until the poison stands alone and is parked.
fn refused(
    items: &[&PushItem],
    failure: Failure,
    mut verdicts: Vec<(MutationId, Verdict)>,
) -> Result<Vec<(MutationId, Verdict)>, Failure> {
    match items {
        [item] => {
            let reason = failure.into_message();
            verdicts.push((item.id, Verdict::Rejected { reason }));
            Ok(verdicts)
        }
        _ => Err(failure.of_kind(tisync_core::model::FailureKind::TooLarge)),
    }
}
