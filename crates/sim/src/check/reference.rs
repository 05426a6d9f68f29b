//! Ids that a server makes: what refers to a record goes under the id that it has there.
use super::record::unreadable;
use super::{Checked, Key, Token, Violation, tokens};
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Store, Tx};
use tisync_json::{Document, Path, Value};

/// The field that refers to another record: its id, and a mark beside it.
pub(crate) const REFERENCE: &str = "r";

/// The ids in a value of that field, and the mark.
pub(crate) fn reference(value: &Value) -> (Option<RecordId>, Option<Token>) {
    let (mut id, mut mark) = (None, None);
    for text in value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let mut found = Vec::new();
        tokens(text, &mut found);
        match found.first() {
            Some(token) => mark = Some(*token),
            None => id = text.parse().ok(),
        }
    }
    (id, mark)
}

/// The same of a document.
pub(crate) fn reference_of(document: &Document) -> (Option<RecordId>, Option<Token>) {
    document
        .field(REFERENCE)
        .map_or((None, None), |value| reference(&value))
}

/// What is sent names no record by an id that the server does not know it by.
pub(crate) fn sent<S: Store>(store: &mut S, config: &Config, item: &PushItem) -> Checked {
    let Some(declared) = config.collection(&item.collection) else {
        return Ok(());
    };
    let path = Path::key(REFERENCE);
    let Some(to) = declared.schema.references.get(&path) else {
        return Ok(());
    };
    let id = match &item.change {
        Change::Create(document) | Change::Replace(document) => reference_of(document).0,
        Change::Patch(patch) => patch.set.get(&path).and_then(|value| reference(value).0),
        Change::Delete => None,
    };
    let Some(id) = id else { return Ok(()) };
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    let found = tx
        .load(
            &to.collection,
            Keys::Ids(std::slice::from_ref(&id)),
            Load::Whole,
        )
        .map_err(unreadable)?;
    let Some((record, dirty)) = found.into_iter().next().flatten() else {
        return Ok(());
    };
    let rids = [record.rid];
    let chain = tx
        .entries(EntryFilter::Chains(&to.collection, &rids), None, usize::MAX)
        .map_err(unreadable)?;
    let creates = |entry: &Entry| matches!(entry.change, Change::Create(_));
    let is_new = dirty.is_some_and(|dirty| !dirty.base.is_present()) && chain.iter().any(creates);
    if record.id == id && !is_new {
        return Ok(());
    }
    let message = format!(
        "{}/{}: mutation {} names {}/{id}, which the server knows by {}",
        item.collection,
        item.record,
        item.id,
        to.collection,
        if is_new {
            "no id yet"
        } else {
            record.id.as_str()
        },
    );
    Err(Violation::new("reference", message))
}

/// A record that has another id now is still found by the one that it had.
pub(crate) fn resolves<T: Tx>(tx: &mut T, former: &Key, record: &Record) -> Checked {
    let found = tx
        .load(
            &former.0,
            Keys::Ids(std::slice::from_ref(&former.1)),
            Load::Heads,
        )
        .map_err(unreadable)?;
    match found.into_iter().next().flatten() {
        Some((found, _)) if found.rid == record.rid || found.id == former.1 => Ok(()),
        _ => {
            let message = format!(
                "{former:?} does not resolve, though it is {} now",
                record.id
            );
            Err(Violation::new("reference", message))
        }
    }
}
