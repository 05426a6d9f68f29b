//! A record as it stands in the file, before anything is made of it.
use super::Visible;
use crate::sqlite::codec;
use tisync_core::model::{RecordId, RecordState, Version};
use tisync_core::store::StoreError;
use tisync_json::Document;

/// A record that a read stands on: its document is text, which nobody has looked at yet. What an app reads into
/// a type of its own is so parsed once.
#[derive(Debug)]
pub struct VisibleRow<'r> {
    /// Its id.
    pub id: RecordId,
    /// The text of its document.
    pub text: &'r str,
    /// How it stands to the server.
    pub state: RecordState,
    /// The version of its base.
    pub version: Option<Version>,
    /// The document, if it was looked at already.
    pub(super) document: Option<&'r Document>,
}

impl<'r> VisibleRow<'r> {
    pub(crate) fn new(
        id: RecordId,
        text: &'r str,
        state: RecordState,
        version: Option<Version>,
    ) -> Self {
        VisibleRow {
            id,
            text,
            state,
            version,
            document: None,
        }
    }

    pub(crate) fn of(record: &'r Visible) -> Self {
        VisibleRow {
            id: record.id.clone(),
            text: record.document.text(),
            state: record.state,
            version: record.version.clone(),
            document: Some(&record.document),
        }
    }

    /// The document; a text that is none says that the file is damaged.
    pub fn document(&self) -> Result<Document, StoreError> {
        match self.document {
            Some(document) => Ok(document.clone()),
            None => codec::parsed(Document::parse(self.text)),
        }
    }

    /// The record with its document.
    pub fn visible(self) -> Result<Visible, StoreError> {
        Ok(Visible {
            document: self.document()?,
            id: self.id,
            state: self.state,
            version: self.version,
        })
    }
}

/// Puts rows in the order of their ids.
pub(crate) fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> &RecordId) -> Vec<T> {
    // Sorted are small keys, not the rows: nearly always the first bytes tell.
    let mut keys: Vec<(u64, usize)> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (first_bytes(id(row).as_str()), index))
        .collect();
    keys.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| id(&rows[*x]).cmp(id(&rows[*y]))));
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    keys.into_iter()
        .filter_map(|(_, index)| rows[index].take())
        .collect()
}

/// Orders like the text, as far as it reaches.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_ordered_by_all_their_bytes() {
        let ids = [
            "b",
            "a\u{7f}",
            "ab",
            "a",
            "12345678z",
            "12345678",
            "12345678a",
            "é",
            "~",
        ];
        let ids: Vec<RecordId> = ids.iter().filter_map(|id| RecordId::new(id).ok()).collect();
        let mut expected = ids.clone();
        expected.sort();
        assert_eq!(by_id(ids, |id| id), expected);
    }
}
