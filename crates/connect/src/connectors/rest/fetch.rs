//! Records by id, each by its own address; and by the mark of the write that made them.
use super::Server;
use super::ask::{field, rows};
use crate::Session;
use crate::connectors::documents::Row;
use crate::http::{Http, Response, classify, read_json, send};
use serde_json::value::RawValue;
use tisync_core::model::{
    CollectionName, Failure, Fetched, Found, Image, Marked, MutationId, RecordId, Wanted,
};
use tisync_json::tree::BTreeMap;

/// What a record's own address says.
pub(super) enum Answer {
    /// The record, or that it is marked as deleted.
    Row(Box<Row>),
    /// There is none: proof only together with a collection that answers.
    Nothing,
    /// Nothing that we know.
    Unclear,
}

pub(super) async fn found(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    wanted: &Wanted,
) -> Result<Fetched, Failure> {
    match wanted {
        Wanted::Ids(ids) => by_ids(server, http, session, ids).await,
        Wanted::Marks(marks) => by_marks(server, http, session, marks).await,
    }
}

async fn by_ids(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    ids: &[(CollectionName, RecordId)],
) -> Result<Fetched, Failure> {
    let mut found = Vec::with_capacity(ids.len());
    let mut answers = Collections::default();
    for (collection, id) in ids {
        match one_by_id(server, http, session, &mut answers, collection, id).await {
            Ok(said) => found.push((collection.clone(), id.clone(), said)),
            Err(failure) if found.is_empty() => return Err(failure),
            // What was read before it stands; the rest is asked for again.
            Err(_) => break,
        }
    }
    Ok(Fetched::from(found))
}

async fn one_by_id<'a>(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    answers: &mut Collections<'a>,
    collection: &'a CollectionName,
    id: &RecordId,
) -> Result<Found, Failure> {
    Ok(match look(server, http, session, collection, id).await? {
        Answer::Row(row) => Found::Image(row.remote()),
        Answer::Nothing if answers.does(server, http, session, collection).await? => {
            Found::Image(Image::Gone.into())
        }
        Answer::Nothing | Answer::Unclear => Found::Unknown,
    })
}

/// Reads one record.
pub(super) async fn look(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    id: &RecordId,
) -> Result<Answer, Failure> {
    let Some(url) = server.record(collection, id) else {
        return Ok(Answer::Unclear);
    };
    let response = send(http, server.request(session, "GET", url)).await?;
    match response.status {
        200 => {
            let row = server.one(&response)?;
            // An address that answers with another record proves nothing.
            let row = row.ok().filter(|row| row.id == *id);
            Ok(row.map_or(Answer::Unclear, |row| Answer::Row(Box::new(row))))
        }
        404 | 410 if classify::is_json(&response) => Ok(Answer::Nothing),
        404 | 410 | 403 => Ok(Answer::Unclear),
        _ => Err(server.refused(&response, collection)),
    }
}

impl Server {
    /// The record in an answer that holds one.
    pub(super) fn one(&self, response: &Response) -> Result<Result<Row, String>, Failure> {
        let whole: &RawValue = read_json(response)?;
        Ok(match &self.options.row {
            None => self.row(whole),
            Some(path) => field(whole, path)?
                .ok_or_else(|| format!("a record was expected in `{path}`, but none came"))
                .and_then(|raw| self.row(raw)),
        })
    }
}

/// Which collections answer as such: without that, a 404 may mean a wrong path.
#[derive(Default)]
pub(super) struct Collections<'a> {
    known: BTreeMap<&'a CollectionName, bool>,
}

impl<'a> Collections<'a> {
    pub(super) async fn does(
        &mut self,
        server: &Server,
        http: &dyn Http,
        session: &Session,
        collection: &'a CollectionName,
    ) -> Result<bool, Failure> {
        if let Some(known) = self.known.get(collection) {
            return Ok(*known);
        }
        let limit = server.limit_name().map(|name| (name, "1"));
        let asked: Vec<_> = limit.into_iter().collect();
        let response = send(http, server.listing(session, collection, &asked)).await?;
        let does =
            response.status == 200 && rows(&response, server.options.rows.as_deref()).is_ok();
        self.known.insert(collection, does);
        Ok(does)
    }
}

/// Looks marks up, each by a listing of the records that carry it.
async fn by_marks(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    marks: &[(CollectionName, MutationId)],
) -> Result<Fetched, Failure> {
    let Some(name) = &server.options.mark_field else {
        return Ok(Fetched::default());
    };
    let mut marked = Vec::new();
    for (collection, mark) in marks {
        let text = mark.to_string();
        let sent = server.listing(session, collection, &[(name, &text)]);
        let response = send(http, sent).await?;
        if response.status != 200 {
            return Err(server.refused(&response, collection));
        }
        let rows = rows(&response, server.options.rows.as_deref())?;
        let carries = |raw: &&RawValue| {
            let own = field(raw, name).ok().flatten();
            let own = own.and_then(|raw| tisync_json::read::<String>(raw.get()).ok());
            own.as_deref() == Some(&text)
        };
        let carrying: Vec<&RawValue> = rows.iter().copied().filter(carries).collect();
        match (carrying.first(), rows.is_empty()) {
            (Some(raw), _) => {
                if let Ok(row) = server.row(raw) {
                    let id = row.id.clone();
                    let remote = row.remote();
                    marked.push((*mark, Marked::Record { id, remote }));
                }
            }
            (None, true) => marked.push((*mark, Marked::Nowhere)),
            // It shows rows that do not carry it: it does not filter, and proves nothing.
            (None, false) => {}
        }
    }
    Ok(Fetched {
        marked,
        ..Fetched::default()
    })
}
