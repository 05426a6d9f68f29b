//! What a server has taken: the image that it made, and what that replaced.
use super::history::{Accepted, Archive, History, Made, number};
use super::{Checked, Key, Ledger, Violation, tokens};
use crate::app;
use tisync_core::model::Version;
use tisync_json::Document;

/// What a backend that knows nothing of sync has taken.
pub(crate) struct Took<'a> {
    pub(crate) from: usize,
    pub(crate) key: &'a Key,
    /// The number of the commit.
    pub(crate) number: u64,
    pub(crate) document: Option<Document>,
    /// The mutation.
    pub(crate) by: String,
    /// Whether it may have replaced what its writer has not seen.
    pub(crate) may_overwrite: bool,
}

/// The same with what the server's store has.
pub(super) struct Taken<'a> {
    pub(super) from: usize,
    pub(super) key: &'a Key,
    pub(super) by: String,
    pub(super) may_overwrite: bool,
    pub(super) version: Version,
    pub(super) document: Option<Document>,
    pub(super) schema: u32,
}

impl History {
    /// Notes what a backend that knows nothing of sync has taken.
    pub(crate) fn took(
        &mut self,
        archive: &mut Archive,
        ledger: &mut Ledger,
        took: Took<'_>,
    ) -> Checked {
        archive.moment += 1;
        let version = format!("p.{}", took.number);
        let version = Version::new(version)
            .map_err(|error| Violation::new("order", format!("a version: {error}")))?;
        let taken = Taken {
            from: took.from,
            key: took.key,
            by: took.by,
            may_overwrite: took.may_overwrite,
            version,
            document: took.document,
            schema: app::FIRST,
        };
        self.keep(archive, ledger, taken)
    }

    /// Notes an image that the server has made.
    pub(super) fn keep(
        &mut self,
        archive: &mut Archive,
        ledger: &mut Ledger,
        taken: Taken<'_>,
    ) -> Checked {
        let Taken {
            from,
            key,
            by,
            may_overwrite,
            version,
            document,
            schema,
        } = taken;
        let mut marks = Vec::new();
        match &document {
            Some(document) => tokens(document.text(), &mut marks),
            None => {
                archive.lacked.insert(key.clone());
            }
        }
        if document.is_some() && !self.has(key) {
            archive.appeared.insert(key.clone(), archive.moment);
        }
        if let Some(before) = self.latest.get(key) {
            for token in before.tokens.iter().filter(|token| !marks.contains(token)) {
                if may_overwrite {
                    // The backend's guarantee says so.
                    ledger.superseded.insert(*token);
                }
                if ledger.written.contains(token)
                    && !ledger.is_excused(*token)
                    && !ledger.is_carried(from, *token)
                {
                    let message = format!(
                        "{key:?}: mutation {by} replaced Q{token}Q, which its writer had not seen and no journal keeps"
                    );
                    return Err(Violation::new("ledger", message));
                }
            }
            if let Some(place) = self.by_number.get_mut(&number(before.version.as_str())) {
                place.retain(|other| other != key);
            }
        }
        ledger.accepted.extend(&marks);
        let made = Made {
            document: document.clone(),
            schema,
            at: archive.moment,
        };
        archive.images.insert((key.clone(), version.clone()), made);
        self.by_number
            .entry(number(version.as_str()))
            .or_default()
            .push(key.clone());
        self.latest.insert(
            key.clone(),
            Accepted {
                version,
                document,
                tokens: marks,
                by,
                at: archive.moment,
            },
        );
        Ok(())
    }
}
