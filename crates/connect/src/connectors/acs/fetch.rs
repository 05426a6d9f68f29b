//! Objects by id, or by the mark of their create.
use super::names::Place;
use super::{Call, Server, names, row};
use crate::Session;
use crate::http::Http;
use tisync_core::model::{
    CollectionName, Failure, Fetched, Found, Image, Marked, MutationId, RecordId, Wanted,
};
use tisync_json::tree::BTreeMap;
use tisync_json::{Object, Value};

/// Ids in one query: they go into the address.
const IDS_MAX: usize = 50;

pub(super) async fn found(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    wanted: &Wanted,
) -> Result<Fetched, Failure> {
    let mut fetched = Fetched::default();
    match wanted {
        Wanted::Ids(ids) => {
            for (collection, ids) in by_collection(ids) {
                for ids in ids.chunks(IDS_MAX) {
                    by_id(server, http, session, collection, ids, &mut fetched).await?;
                }
            }
        }
        Wanted::Marks(marks) => {
            for (collection, marks) in by_collection(marks) {
                for marks in marks.chunks(IDS_MAX) {
                    by_mark(server, http, session, collection, marks, &mut fetched).await?;
                }
            }
        }
    }
    Ok(fetched)
}

fn by_collection<T: Clone>(wanted: &[(CollectionName, T)]) -> BTreeMap<&CollectionName, Vec<T>> {
    let mut grouped: BTreeMap<_, Vec<T>> = BTreeMap::new();
    for (collection, one) in wanted {
        grouped.entry(collection).or_default().push(one.clone());
    }
    grouped
}

async fn by_id(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    ids: &[RecordId],
    fetched: &mut Fetched,
) -> Result<(), Failure> {
    let place = names::place(&server.options, collection);
    let texts: Vec<&str> = ids
        .iter()
        .map(RecordId::as_str)
        .filter(|id| is_id(id))
        .collect();
    let rows = match texts.is_empty() {
        true => Vec::new(),
        false => {
            let limit = texts.len();
            let condition = one_of("_id", texts);
            query(server, http, session, &place, collection, condition, limit).await?
        }
    };
    let mut there: BTreeMap<RecordId, row::Marked> = rows
        .into_iter()
        .map(|marked| (marked.row.id.clone(), marked))
        .collect();
    for id in ids {
        let found = match there.remove(id) {
            Some(marked) => Found::Image(marked.row.remote()),
            // An id that no server made: nothing was ever there.
            None if !is_id(id.as_str()) => Found::Unknown,
            None => named(server, http, session, &place, collection, id).await?,
        };
        fetched.found.push((collection.clone(), id.clone(), found));
    }
    Ok(())
}

/// Asks for one object by name: what a query does not show may be another's.
pub(super) async fn named(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    place: &Place,
    collection: &CollectionName,
    id: &RecordId,
) -> Result<Found, Failure> {
    let params = vec![
        (place.id(), id.to_string()),
        ("response_json_depth", "1".to_owned()),
    ];
    let call = Call::new("GET", place.path("show"), params);
    let answer = server.call(http, session, call).await?;
    let row = answer.rows(place.rows()).first();
    let row = row.and_then(|raw| row::read(&server.options, place, raw).ok());
    match row {
        Some(marked) if marked.row.id == *id => Ok(Found::Image(marked.row.remote())),
        _ if answer.is_missing(id.as_str()) => Ok(Found::Image(Image::Gone.into())),
        _ if answer.is_ok() || answer.is_foreign() => Ok(Found::Unknown),
        _ => Err(answer.failure(&format!("a record of {collection} cannot be read"))),
    }
}

async fn by_mark(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    marks: &[MutationId],
    fetched: &mut Fetched,
) -> Result<(), Failure> {
    let place = names::place(&server.options, collection);
    if place == Place::Users {
        return Ok(());
    }
    let texts: Vec<String> = marks.iter().map(|mark| row::mark(*mark)).collect();
    let condition = one_of(&server.options.mark_field, texts);
    // An app that copies an object copies its mark: the first one is ours.
    let rows = query(server, http, session, &place, collection, condition, 1_000).await?;
    for mark in marks {
        let row = rows.iter().find(|marked| marked.mark == Some(*mark));
        let marked = match row {
            Some(marked) => Marked::Record {
                id: marked.row.id.clone(),
                remote: marked.row.clone().remote(),
            },
            None => Marked::Nowhere,
        };
        fetched.marked.push((*mark, marked));
    }
    Ok(())
}

async fn query(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    place: &Place,
    collection: &CollectionName,
    condition: Value,
    limit: usize,
) -> Result<Vec<row::Marked>, Failure> {
    let params = vec![
        ("where", condition.to_string()),
        ("order", "_id".to_owned()),
        ("limit", limit.to_string()),
        ("response_json_depth", "1".to_owned()),
    ];
    let call = Call::new("GET", place.path("query"), params);
    let answer = server.call(http, session, call).await?;
    if !answer.is_ok() {
        return Err(answer.failure(&format!("records of {collection} cannot be read")));
    }
    let rows = answer.rows(place.rows()).iter();
    Ok(rows
        .filter_map(|raw| row::read(&server.options, place, raw).ok())
        .collect())
}

/// The condition of a query that a field holds one of some texts.
fn one_of<T: Into<Value>>(field: &str, texts: Vec<T>) -> Value {
    let condition = Object::from([("$in".to_owned(), texts.into())]);
    Object::from([(field.to_owned(), condition.into())]).into()
}

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
