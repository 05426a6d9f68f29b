//! Records by id.
use super::{answer, names};
use crate::http::Response;
use crate::planted::{self, Bug};
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, Failure, Fetched, Found, RecordId, Wanted};
use tisync_json::Deserialize;
use tisync_protocol::FetchRequest;

/// What is sent; `None` for look-ups that the protocol does not need.
pub(super) fn body(wanted: &Wanted) -> Option<FetchRequest> {
    let Wanted::Ids(ids) = wanted else {
        return None;
    };
    let wanted = ids.iter().map(|(collection, id)| tisync_protocol::Wanted {
        collection: collection.as_str().to_owned(),
        id: id.as_str().to_owned(),
    });
    Some(FetchRequest {
        wanted: wanted.collect(),
        marks: Vec::new(),
    })
}

/// A fetch's answer with its entries unread.
#[derive(Deserialize)]
struct Envelope<'a> {
    epoch: String,
    #[serde(borrow)]
    found: Vec<&'a RawValue>,
}

/// Reads an answer: an entry that cannot be read is no evidence, and is left out.
pub(super) fn found(response: &Response) -> Result<Fetched, Failure> {
    let envelope: Envelope<'_> = answer::read(response)?;
    Ok(Fetched {
        epoch: Some(answer::epoch(&envelope.epoch)?).filter(|_| !planted::on(Bug::EpochUnsaid)),
        found: envelope.found.into_iter().filter_map(entry).collect(),
        marked: Vec::new(),
    })
}

fn entry(raw: &RawValue) -> Option<(CollectionName, RecordId, Found)> {
    let found: tisync_protocol::Found = tisync_json::read(raw.get()).ok()?;
    Some((
        names::read(&found.collection).ok()?,
        names::read(&found.id).ok()?,
        names::remote(found.found).map_or(Found::Unknown, Found::Image),
    ))
}
