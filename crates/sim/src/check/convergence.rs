//! After the faults: everything is equal, and nothing is left over.
use super::record::unreadable;
use super::{Checked, Ledger, Token, Violation, tokens};
use crate::app;
use crate::world::as_kept;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::{CollectionName, RecordState};
use tisync_core::store::{Durability, Store, Tx};
use tisync_json::Document;

/// The server's live records, each with the number of its schema.
pub(crate) type Live = BTreeMap<CollectionName, BTreeMap<String, (Document, u32)>>;

/// What the server holds at the end.
pub(crate) struct Ends<'a> {
    pub(crate) live: &'a Live,
    /// The schema of the app's version.
    pub(crate) schema: u32,
    /// Whether the server writes what it takes in its own words.
    pub(crate) normalises: bool,
}

/// Checks that a replica holds what the server holds.
pub(crate) fn converged<S: Store>(
    store: &mut S,
    replica: usize,
    ends: &Ends<'_>,
    collections: &[CollectionName],
) -> Checked {
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for collection in collections {
        let nothing = BTreeMap::new();
        let server = ends.live.get(collection).unwrap_or(&nothing);
        let rows = tx.scan(collection, None, usize::MAX).map_err(unreadable)?;
        let mut here: BTreeMap<String, Document> = BTreeMap::new();
        for (record, _) in rows {
            if record.state != RecordState::Tombstone
                && let Some(document) = record.document
            {
                here.insert(record.id.as_str().to_owned(), document);
            }
        }
        for id in server.keys().chain(here.keys()) {
            let (theirs, ours) = (server.get(id), here.get(id));
            let theirs = theirs.map(|(document, from)| app::forward(*from, ends.schema, document));
            let (theirs, ours) = match ends.normalises {
                // What says the same in other words is equal.
                true => (theirs.as_ref().map(as_kept), ours.map(as_kept)),
                false => (theirs, ours.cloned()),
            };
            if theirs.as_ref().map(Document::canonical) != ours.as_ref().map(Document::canonical) {
                let message = format!(
                    "{collection}/{id}: replica {replica} has {ours:?}, the server {theirs:?}"
                );
                return Err(Violation::new("converged", message));
            }
        }
    }
    Ok(())
}

/// Checks that every write is on the server, unless someone who had seen it replaced it or a journal keeps it.
pub(crate) fn nothing_lost(ledger: &Ledger, live: &Live) -> Checked {
    let mut found = Vec::new();
    for (document, _) in live.values().flat_map(BTreeMap::values) {
        tokens(document.text(), &mut found);
    }
    let found: BTreeSet<Token> = found.into_iter().collect();
    match ledger
        .written
        .iter()
        .find(|token| !found.contains(token) && !ledger.is_excused(**token))
    {
        None => Ok(()),
        Some(token) => {
            let message = format!(
                "the write Q{token}Q is not on the server, was not superseded and is in no journal"
            );
            Err(Violation::new("ledger", message))
        }
    }
}
