//! What came, in words for people.
use super::stand::Seen;
use crate::Hint;
use tisync_core::model::*;

/// Characters of what came that a report shows.
const CHARS_MAX: usize = 600;

/// Something that came, told to a person.
pub(super) trait Words {
    /// What it is.
    fn words(&self) -> String;
}

/// Cuts what came to what a report shows.
pub(super) fn short(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

/// A kind of failure.
pub(super) fn kind(kind: &FailureKind) -> String {
    match kind {
        FailureKind::Offline => "no answer".into(),
        FailureKind::Retry { after_ms: None } => "to try again".into(),
        FailureKind::Retry {
            after_ms: Some(after_ms),
        } => format!("to try again after {after_ms} ms"),
        FailureKind::Credentials => "refused credentials".into(),
        FailureKind::WrongAccount => "the credentials of another account".into(),
        FailureKind::TooLarge => "too large".into(),
        FailureKind::ExpiredCheckpoint { .. } => "a place in the feed that is no more".into(),
        FailureKind::NotThisProtocol => "an answer that is not this backend's".into(),
        FailureKind::UpgradeRequired => "a newer app is asked for".into(),
    }
}

impl Words for Failure {
    fn words(&self) -> String {
        let proven = match self.not_sent {
            true => ", nothing was carried out",
            false => "",
        };
        format!("{}{proven}: {}", kind(&self.kind), self.message)
    }
}

impl Words for Verdict {
    fn words(&self) -> String {
        match self {
            Verdict::Accepted {
                id, version, image, ..
            } => {
                let id = id
                    .as_ref()
                    .map_or(String::new(), |id| format!(" under the id {id}"));
                let version = version.as_ref().map_or(String::new(), |version| {
                    format!(" at the version {version}")
                });
                let image = image
                    .as_ref()
                    .map_or(String::new(), |image| format!(" as {}", image.words()));
                format!("accepted{id}{version}{image}")
            }
            Verdict::Conflict { remote: None } => "a conflict that shows nothing".into(),
            Verdict::Conflict {
                remote: Some(remote),
            } => format!("a conflict that shows {}", remote.words()),
            Verdict::Returned => "given back with its group".into(),
            Verdict::Outdated => "of a schema that is too old".into(),
            Verdict::Rejected { reason } => format!("refused for good: {reason}"),
            Verdict::OutOfScope => "not this user's to write".into(),
            Verdict::Deferred { after_ms } => format!("put off for {after_ms} ms"),
            Verdict::Unknown => "no verdict".into(),
        }
    }
}

impl Words for Image {
    fn words(&self) -> String {
        match self {
            Image::Present(document) => document.text().to_owned(),
            Image::Absent => "that it was never there".into(),
            Image::Gone => "that it is gone".into(),
        }
    }
}

impl Words for Remote {
    fn words(&self) -> String {
        match &self.version {
            Some(version) => format!("{} at the version {version}", self.image.words()),
            None => self.image.words(),
        }
    }
}

impl Words for Seen {
    fn words(&self) -> String {
        match self {
            Seen::There(document, None) => document.text().to_owned(),
            Seen::There(document, Some(version)) => {
                format!("{} at the version {version}", document.text())
            }
            Seen::Gone => "that it is gone".into(),
        }
    }
}

impl Words for Item {
    fn words(&self) -> String {
        match self {
            Item::Upsert { id, document, .. } => format!("{id} with {}", document.text()),
            Item::Tombstone { id, .. } => format!("{id} deleted"),
            Item::OutOfScope { id, .. } => format!("{id} out of sight"),
            Item::Bad { reason, .. } => format!("a row that is no record: {reason}"),
        }
    }
}

impl Words for Page {
    fn words(&self) -> String {
        let end = match self.end {
            PageEnd::More => "more to come",
            PageEnd::Complete { .. } => "the end",
        };
        match self.items.is_empty() {
            true => format!("an empty page, {end}"),
            false => format!("a page, {end}: {}", self.items.words()),
        }
    }
}

impl Words for (MutationId, Verdict) {
    fn words(&self) -> String {
        self.1.words()
    }
}

impl Words for Pushed {
    fn words(&self) -> String {
        self.verdicts.words()
    }
}

impl Words for (CollectionName, RecordId, Found) {
    fn words(&self) -> String {
        match &self.2 {
            Found::Image(remote) => format!("of {}: {}", self.1, remote.words()),
            Found::Unknown => format!("of {}: nothing", self.1),
        }
    }
}

impl Words for (MutationId, Marked) {
    fn words(&self) -> String {
        match &self.1 {
            Marked::Record { id, .. } => format!("that {id} carries the mark {}", self.0),
            Marked::Nowhere => format!("that nothing carries the mark {}", self.0),
        }
    }
}

impl Words for Fetched {
    fn words(&self) -> String {
        match self.marked.is_empty() {
            true => self.found.words(),
            false => self.marked.words(),
        }
    }
}

impl Words for DigestAnswer {
    fn words(&self) -> String {
        self.digests.words()
    }
}

impl Words for Digest {
    fn words(&self) -> String {
        self.tally.words()
    }
}

impl Words for Tally {
    fn words(&self) -> String {
        format!("{} records with the sum {:016x}", self.count, self.hash)
    }
}

impl Words for Hint {
    fn words(&self) -> String {
        match self {
            Hint::Listening => "that the backend will tell".into(),
            Hint::Changed => "that something changed".into(),
        }
    }
}

impl Words for () {
    fn words(&self) -> String {
        "success".into()
    }
}

impl<T: Words> Words for Option<T> {
    fn words(&self) -> String {
        self.as_ref().map_or_else(|| "nothing".into(), T::words)
    }
}

impl<T: Words, E: Words> Words for Result<T, E> {
    fn words(&self) -> String {
        match self {
            Ok(came) => came.words(),
            Err(error) => error.words(),
        }
    }
}

impl<T: Words> Words for [T] {
    fn words(&self) -> String {
        match self.is_empty() {
            true => "nothing".into(),
            false => self.iter().map(T::words).collect::<Vec<_>>().join("; "),
        }
    }
}

impl<T: Words> Words for Vec<T> {
    fn words(&self) -> String {
        self.as_slice().words()
    }
}

impl<T: Words + ?Sized> Words for &T {
    fn words(&self) -> String {
        (**self).words()
    }
}

macro_rules! shown {
    ($($type:ty),*) => {
        $(impl Words for $type {
            fn words(&self) -> String {
                self.to_string()
            }
        })*
    };
}

shown!(str, String, u64, usize, RecordId, Version, NameError);
