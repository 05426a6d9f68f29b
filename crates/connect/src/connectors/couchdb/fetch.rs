//! Records by id.
use super::{Server, names};
use crate::Session;
use crate::connectors::documents::{Row, id};
use crate::http::{Http, send};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tisync_core::model::{CollectionName, Failure, Fetched, Found, RecordId, Wanted};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// What a database says of an id.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It has the record, or a tombstone of it.
    Row(Box<Row>),
    /// It has never had it: no proof that another history of the database had not.
    Missing,
}

#[derive(Serialize)]
struct Keys<'a> {
    keys: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    rows: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value: Option<State<'a>>,
    #[serde(borrow, default)]
    doc: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct State<'a> {
    #[serde(borrow)]
    rev: Cow<'a, str>,
    #[serde(default)]
    deleted: bool,
}

pub(super) async fn found(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    wanted: &Wanted,
) -> Result<Fetched, Failure> {
    let Wanted::Ids(ids) = wanted else {
        // Ids are ours: nobody has to ask for a mark.
        return Ok(Fetched::default());
    };
    let mut by_collection: BTreeMap<&CollectionName, Vec<&RecordId>> = BTreeMap::new();
    for (collection, id) in ids {
        by_collection.entry(collection).or_default().push(id);
    }
    let mut found = Vec::new();
    for (collection, ids) in by_collection {
        for (id, answer) in look(server, http, session, collection, &ids).await? {
            let said = match answer {
                Answer::Row(row) => Found::Image(row.remote()),
                Answer::Missing => Found::Unknown,
            };
            found.push((collection.clone(), id, said));
        }
    }
    Ok(Fetched::from(found))
}

/// Looks records of one database up. What cannot be read of an answer is left out.
pub(super) async fn look(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    ids: &[&RecordId],
) -> Result<Vec<(RecordId, Answer)>, Failure> {
    let keys = ids.iter().map(|id| id.as_str()).collect();
    let sent = server
        .request(session, "POST", collection, "/_all_docs?include_docs=true")?
        .with_body(&Keys { keys });
    let response = send(http, sent).await?;
    let rows: Rows<'_> = server.read(&response, collection)?;
    Ok(rows
        .rows
        .iter()
        .filter_map(|raw| line(server, raw))
        .collect())
}

fn line(server: &Server, raw: &RawValue) -> Option<(RecordId, Answer)> {
    let line: Line<'_> = tisync_json::read(raw.get()).ok()?;
    let key = id(&line.key).ok()?;
    if line.error.as_deref() == Some("not_found") {
        return Some((key, Answer::Missing));
    }
    let state = line.value?;
    let row = match line.doc {
        Some(doc) if !state.deleted && doc.get() != "null" => names::row(server, doc).ok()?,
        _ if state.deleted => Row {
            id: key.clone(),
            version: Some(state.rev.parse().ok()?),
            stamp: None,
            document: None,
        },
        _ => return None,
    };
    Some((key, Answer::Row(Box::new(row))))
}
