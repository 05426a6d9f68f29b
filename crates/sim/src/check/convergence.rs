//! After the faults: everything is equal, and nothing is left over.
use super::record::unreadable;
use super::{Checked, Ledger, Token, Violation, tokens};
use crate::app;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::{CollectionName, RecordState};
use tisync_core::store::{Durability, Store, Tx};
use tisync_json::Document;

/// The server's live records, each with the number of its schema.
pub(crate) type Live = BTreeMap<CollectionName, BTreeMap<String, (Document, u32)>>;

/// Checks that a replica holds what the server holds.
pub(crate) fn converged<S: Store>(
    store: &mut S,
    replica: usize,
    live: &Live,
    collections: &[CollectionName],
    schema: u32,
) -> Checked {
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for collection in collections {
        let nothing = BTreeMap::new();
        let server = live.get(collection).unwrap_or(&nothing);
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
            let theirs = theirs.map(|(document, from)| app::forward(*from, schema, document));
            if theirs.as_ref().map(Document::canonical) != ours.map(Document::canonical) {
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
