//! Rows that a salvage looks for: each is what it says, or its seal is broken.
use super::tree::{self, Kind, Value};
use super::view::View;
use crate::sqlite::{codec, seal};
use tisync_core::model::{CollectionName, Entry, EntryState, Image, RecordId, Rid, Version};

/// Digits of a seal, and the space behind them.
const SEAL: usize = 17;
/// Braces in front of an entry that are tried as its beginning.
const BRACES_MAX: usize = 8;

/// Where a row lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a cell of a page.
    Cell { page: u32, at: usize },
    /// Somewhere in a page: only its text is whole.
    Text { page: u32, at: usize },
}

/// A row of the outbox.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) record: RecordId,
    pub(super) entry: Entry,
}

/// The image that a chain starts from.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) image: Image,
    pub(super) version: Option<Version>,
    pub(super) schema: u32,
    pub(super) migrated: bool,
}

/// What a cell of a table's leaf holds.
#[derive(Debug)]
pub(super) enum Row {
    Pending(Box<Pending>),
    /// An entry that is not what was written, by its place in the outbox.
    Broken(i64),
    Base(CollectionName, Rid, Base),
    Meta(String, String),
}

/// Reads a cell of a table's leaf.
pub(super) fn row(view: &View<'_>, page: &[u8], at: usize) -> Option<Row> {
    let (rowid, record) = tree::record(view, page, at, Kind::TableLeaf)?;
    let values = tree::values(&record)?;
    match values.as_slice() {
        [Value::Null, .., member, body, stands] if values.len() == 11 => {
            if !matches!(member, Value::Null | Value::Text(_)) {
                return None;
            }
            Some(
                pending(body, stands).map_or(Row::Broken(rowid), |row| Row::Pending(Box::new(row))),
            )
        }
        [Value::Null, _, Value::Text(sealed), _] => {
            let parts = seal::base_parts(seal::unseal(sealed)?)?;
            let version = parts.of.version.map(Version::new).transpose().ok()?;
            let base = Base {
                image: parts.image,
                version,
                schema: parts.of.schema,
                migrated: parts.of.migrated,
            };
            let collection = CollectionName::new(parts.collection).ok()?;
            Some(Row::Base(collection, parts.rid, base))
        }
        [Value::Text(key), Value::Text(sealed)] => {
            let value = seal::meta_value(key, sealed)?;
            Some(Row::Meta((*key).to_owned(), value.to_owned()))
        }
        _ => None,
    }
}

fn pending(body: &Value<'_>, stands: &Value<'_>) -> Option<Pending> {
    let Value::Text(body) = body else { return None };
    let mut pending = of_body(body)?;
    match stands {
        Value::Null => {}
        Value::Text(stands) => stand(&mut pending.entry, Some(stands)),
        _ => stand(&mut pending.entry, None),
    }
    Some(pending)
}

fn of_body(body: &str) -> Option<Pending> {
    let (record, json) = seal::entry_parts(seal::unseal(body)?)?;
    Some(Pending {
        record: RecordId::new(record?).ok()?,
        entry: codec::from_json(json).ok()?,
    })
}

/// Gives an entry what has become of it since it was written. When that is damaged nobody knows whether it was sent.
fn stand(entry: &mut Entry, stands: Option<&str>) {
    let stands = stands
        .and_then(seal::unseal)
        .and_then(|json| codec::from_json::<codec::Stands>(json).ok());
    match stands {
        Some(stands) => stands.put(entry),
        None => {
            entry.frozen = None;
            entry.state = EntryState::Unknown {
                since_ms: 0,
                tries: 0,
            };
        }
    }
}

/// The entry whose text begins at a place of a page, whatever the page says of itself.
pub(super) fn text(page: &[u8], at: usize) -> Option<Pending> {
    let (body, after) = sealed_text(page, at)?;
    let mut pending = of_body(body)?;
    stand(
        &mut pending.entry,
        sealed_text(page, after).map(|(stands, _)| stands),
    );
    Some(pending)
}

/// Places of a page at which a sealed text may begin.
pub(super) fn texts(page: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (0..page.len().saturating_sub(SEAL))
        .filter(move |at| page[at + SEAL - 1] == b' ' && page[*at..at + SEAL - 1].iter().all(hex))
}

/// The sealed text at a place, and the place behind it: it ends where its JSON ends.
fn sealed_text(page: &[u8], at: usize) -> Option<(&str, usize)> {
    let rest = page.get(at..)?;
    let rest = match std::str::from_utf8(rest) {
        Ok(rest) => rest,
        Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).ok()?,
    };
    // An id may hold braces of its own.
    let braces = rest.match_indices('{').take(BRACES_MAX);
    for (brace, _) in braces {
        let Some(json) = tisync_json::head(&rest[brace..]) else {
            continue;
        };
        let text = &rest[..brace + json.len()];
        if seal::unseal(text).is_some() {
            return Some((text, at + text.len()));
        }
    }
    None
}
