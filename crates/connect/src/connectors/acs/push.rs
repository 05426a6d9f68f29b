//! Writes go up one by one: the interface has no batch for users.
use super::names::Place;
use super::{Call, Server, fetch, names, row};
use crate::Session;
use crate::http::{Http, classify};
use tisync_core::model::{Change, Failure, Found, Image, PushItem, Pushed, RecordId, Verdict};
use tisync_json::tree::BTreeSet;
use tisync_json::{Document, Object, Value};

pub(super) async fn verdicts(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    batch: &[PushItem],
) -> Result<Pushed, Failure> {
    let mut verdicts = Vec::new();
    for item in batch {
        let place = names::place(&server.options, &item.collection);
        let refusal = item.document.as_ref();
        if let Some(reason) = refusal.and_then(|whole| row::refusal(&server.options, whole)) {
            verdicts.push((item.id, Verdict::Rejected { reason }));
            continue;
        }
        let verdict = match place {
            Place::Users => user(server, http, session, item).await,
            Place::Objects(_) => object(server, http, session, &place, item).await,
        };
        match verdict {
            Ok(verdict) => verdicts.push((item.id, verdict)),
            Err(failure) if verdicts.is_empty() => return Err(failure),
            // What was answered before it stands.
            Err(_) => break,
        }
    }
    Ok(Pushed::from(verdicts))
}

async fn object(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    place: &Place,
    item: &PushItem,
) -> Result<Verdict, Failure> {
    let call = match (&item.change, &item.document) {
        (Change::Delete, _) => {
            let params = vec![("id", item.record.to_string())];
            Call::new("DELETE", place.path("delete"), params)
        }
        (_, None) => {
            return Ok(rejected("a write without a document"));
        }
        (Change::Create(_), Some(document)) => {
            let mut fields = row::fields(&document.object(), |_| true);
            let mark = Value::String(row::mark(item.id));
            fields.insert(server.options.mark_field.clone(), mark);
            let params = vec![
                ("fields", text(&fields)),
                ("response_json_depth", "1".to_owned()),
            ];
            Call::new("POST", place.path("create"), params)
        }
        (change, Some(document)) => {
            let known = match change {
                // A replace must name what goes away.
                Change::Replace(_) => match before(server, http, session, place, item).await? {
                    Before::Fields(names) => names,
                    Before::Gone => return Ok(conflict_gone()),
                    Before::Hidden => return Ok(Verdict::OutOfScope),
                },
                _ => BTreeSet::new(),
            };
            let fields = changed(change, document, &known);
            let params = vec![
                ("id", item.record.to_string()),
                ("fields", text(&fields)),
                ("response_json_depth", "1".to_owned()),
            ];
            Call::new("PUT", place.path("update"), params)
        }
    };
    let answer = server.call(http, session, call).await?;
    let is_create = matches!(item.change, Change::Create(_));
    if answer.is_missing(item.record.as_str()) && !is_create {
        return Ok(conflict_gone());
    }
    if answer.is_foreign() && !is_create {
        return Ok(Verdict::OutOfScope);
    }
    if !answer.is_ok() {
        return refused(&answer);
    }
    if item.change == Change::Delete {
        return Ok(Verdict::accepted(None));
    }
    accepted(server, place, item, &answer)
}

/// The record as the server has it now.
fn accepted(
    server: &Server,
    place: &Place,
    item: &PushItem,
    answer: &super::Answer,
) -> Result<Verdict, Failure> {
    let raw = answer.rows(place.rows()).first();
    let row = raw.map(|raw| row::read(&server.options, place, raw));
    match row {
        Some(Ok(marked)) => Ok(Verdict::Accepted {
            id: Some(marked.row.id.clone()).filter(|id| *id != item.record),
            version: marked.row.version,
            image: marked.row.document.map(Image::Present),
            stamp: marked.row.stamp,
            schema: None,
            migrated: false,
        }),
        _ => Err(classify::not_this_protocol(
            "the object that was written was expected in the answer, but it is not there",
        )),
    }
}

enum Before {
    Fields(BTreeSet<String>),
    Gone,
    Hidden,
}

/// The names of the fields that the server has.
async fn before(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    place: &Place,
    item: &PushItem,
) -> Result<Before, Failure> {
    let found = fetch::named(server, http, session, place, &item.collection, &item.record).await?;
    Ok(match found {
        Found::Image(remote) => match remote.image.document() {
            Some(document) => Before::Fields(document.object().into_keys().collect()),
            None => Before::Gone,
        },
        Found::Unknown => Before::Hidden,
    })
}

/// The top-level fields that a write touches, whole; those that go away are null.
fn changed(change: &Change, document: &Document, known: &BTreeSet<String>) -> Object {
    let object = document.object();
    let touched: Option<BTreeSet<&str>> = match change {
        Change::Patch(patch) => Some(
            patch
                .paths()
                .filter_map(|path| path.keys().first().map(String::as_str))
                .collect(),
        ),
        _ => None,
    };
    let is_touched = |name: &str| {
        touched
            .as_ref()
            .is_none_or(|touched| touched.contains(name))
    };
    let mut fields = row::fields(&object, is_touched);
    let gone = touched
        .iter()
        .flatten()
        .copied()
        .chain(known.iter().map(String::as_str))
        .filter(|name| !object.contains_key(*name) && !row::is_server_field(name));
    for name in gone {
        fields.insert(name.to_owned(), Value::Null);
    }
    fields
}

/// A user changes only by that user's own hand.
async fn user(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    item: &PushItem,
) -> Result<Verdict, Failure> {
    let place = Place::Users;
    let (Change::Patch(_) | Change::Replace(_), Some(document)) = (&item.change, &item.document)
    else {
        return Ok(rejected(
            "users sign up and leave by themselves: an app calls users/create and users/delete",
        ));
    };
    if me(server, http, session).await?.as_ref() != Some(&item.record) {
        return Ok(Verdict::OutOfScope);
    }
    let fields = changed(&item.change, document, &BTreeSet::new());
    let mut params = vec![("response_json_depth", "1".to_owned())];
    for (name, value) in &fields {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.canonical(),
        };
        params.push((name.as_str(), value));
    }
    let call = Call::new("PUT", place.path("update"), params);
    let answer = server.call(http, session, call).await?;
    match answer.is_ok() {
        true => accepted(server, &place, item, &answer),
        false => refused(&answer),
    }
}

/// What a refusal says of a write. One of the credentials, or of none of the codes that refuse, says nothing of it.
fn refused(answer: &super::Answer) -> Result<Verdict, Failure> {
    match answer.code {
        401 | 408 => Err(answer.failure("the write is not taken")),
        400..=499 => Ok(rejected(&answer.message)),
        _ => Err(answer.failure("the write is not answered")),
    }
}

/// The user of the session.
async fn me(
    server: &Server,
    http: &dyn Http,
    session: &Session,
) -> Result<Option<RecordId>, Failure> {
    let params = vec![("response_json_depth", "1".to_owned())];
    let call = Call::new("GET", Place::Users.path("show/me"), params);
    let answer = server.call(http, session, call).await?;
    if !answer.is_ok() {
        return Err(answer.failure("the user of the session cannot be read"));
    }
    Ok(answer.rows("users").first().and_then(|raw| row::id_of(raw)))
}

fn text(fields: &Object) -> String {
    Document::from_object(fields).text().to_owned()
}

fn rejected(reason: &str) -> Verdict {
    Verdict::Rejected {
        reason: classify::cut(reason),
    }
}

fn conflict_gone() -> Verdict {
    Verdict::Conflict {
        remote: Some(Image::Gone.into()),
    }
}
