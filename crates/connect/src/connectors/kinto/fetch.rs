//! Records by id: those that are there, and tombstones.
use super::{Server, names};
use crate::Session;
use crate::http::{Http, query, send};
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, Failure, Fetched, Found, FoundRecord, Wanted};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// Bytes of ids in one address: servers refuse longer ones.
const IDS_BYTES_MAX: usize = 1_500;

#[derive(Deserialize)]
struct Records<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
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
    let mut by_collection: BTreeMap<&CollectionName, Vec<String>> = BTreeMap::new();
    for (collection, id) in ids.iter().filter(|(_, id)| names::is_name(id.as_str())) {
        let lists = by_collection.entry(collection).or_default();
        // In quotes, so that one of digits is not taken for a number.
        let quoted = format!("\"{id}\"");
        match lists.last_mut() {
            Some(list) if list.len() + quoted.len() < IDS_BYTES_MAX => {
                list.push(',');
                list.push_str(&quoted);
            }
            _ => lists.push(quoted),
        }
    }
    let mut found = Vec::new();
    for (collection, lists) in by_collection {
        for list in lists {
            found.extend(look(server, http, session, collection, &list).await?);
        }
    }
    Ok(Fetched::from(found))
}

/// Looks some ids up. What is not among the records is unknown: its tombstone may have been purged.
async fn look(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    collection: &CollectionName,
    ids: &str,
) -> Result<Vec<FoundRecord>, Failure> {
    let path = names::records(&server.options, collection);
    let asked = query([("in_id", ids), ("_since", "0")]);
    let sent = server.request(session, "GET", &format!("{path}?{asked}"));
    let response = send(http, sent).await?;
    let records: Records<'_> = server.read(&response, collection)?;
    let rows = records.data.iter().filter_map(|raw| names::row(raw).ok());
    Ok(rows
        .map(|row| {
            (
                collection.clone(),
                row.id.clone(),
                Found::Image(row.remote()),
            )
        })
        .collect())
}
