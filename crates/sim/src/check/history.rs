//! What the server accepted, in order: found by comparing each answered push with the store.
use super::{Checked, Key, Ledger, Token, Violation, tokens};
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::Version;
use tisync_json::Document;
use tisync_protocol::{Change, Mutation, Precondition, PushAnswer, PushRequest, Verdict};

/// The images that the server has had. A clone goes with each backup.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The latest image of each record.
    pub(crate) latest: BTreeMap<Key, Accepted>,
    /// The records by the number of their latest version.
    pub(crate) by_number: BTreeMap<u64, Vec<Key>>,
    /// The version that each mutation made.
    mutations: BTreeMap<String, String>,
}

/// What never goes, not even when a backup is restored.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    /// Every image that the server ever had, by version.
    images: BTreeMap<(Key, Version), Option<Document>>,
    /// Records that were deleted at some time.
    pub(crate) deleted: BTreeSet<Key>,
    /// What each mutation's key stood for.
    contents: BTreeMap<String, Content>,
    /// The server's first epoch.
    epoch: Option<String>,
}

/// What a mutation's key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    /// Record, base and change.
    what: u64,
    /// When, and by whom, it was written.
    when: u64,
}

/// An image that the server accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) version: Version,
    pub(crate) document: Option<Document>,
    tokens: Vec<Token>,
    by: String,
}

/// The number of a version: its part behind the last dot.
pub(crate) fn number(version: &str) -> u64 {
    version
        .rsplit('.')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

impl Archive {
    /// The image of a version; `None` when the server never gave it.
    pub(crate) fn image(&self, key: &Key, version: &Version) -> Option<&Option<Document>> {
        self.images.get(&(key.clone(), version.clone()))
    }

    fn check_content(&mut self, mutation: &Mutation) -> Checked {
        let what = (
            &mutation.collection,
            &mutation.record,
            &mutation.base,
            &mutation.change,
        );
        let text = serde_json::to_string(&what).unwrap_or_default();
        let stamp = mutation.stamp.as_deref().unwrap_or_default();
        let content = Content {
            what: tisync_json::hash64(text.as_bytes()),
            when: tisync_json::hash64(stamp.as_bytes()),
        };
        let known = self.contents.entry(mutation.id.clone()).or_insert(content);
        if known.what != content.what {
            let message = format!(
                "the key {} stands for two contents, now for {text}",
                mutation.id
            );
            return Err(Violation::new("frozen", message));
        }
        Ok(())
    }
}

impl History {
    /// Notes what a push did; `read` reads a record of the server's store.
    pub(crate) fn pushed(
        &mut self,
        archive: &mut Archive,
        ledger: &mut Ledger,
        request: &PushRequest,
        answer: &PushAnswer,
        mut read: impl FnMut(&Key) -> Option<(Version, Option<Document>)>,
    ) -> Checked {
        let verdicts: BTreeMap<&str, &Verdict> = answer
            .results
            .iter()
            .map(|result| (result.id.as_str(), &result.verdict))
            .collect();
        groups(request, &verdicts)?;
        // After a restore several replicas may offer one lost write again, each under a key of its own.
        let restored = archive.epoch.get_or_insert_with(|| answer.epoch.clone()) != &answer.epoch;
        let mut written: BTreeSet<(Key, String)> = BTreeSet::new();
        for mutation in &request.mutations {
            archive.check_content(mutation)?;
            let key = key(mutation)?;
            match verdicts.get(mutation.id.as_str()) {
                Some(Verdict::Accepted(accepted)) => {
                    if !self.is_new(mutation, &accepted.version)? {
                        continue;
                    }
                    // A second write of one record in one group stands on the first.
                    if written.insert((key.clone(), accepted.version.clone())) {
                        overwrite(mutation, &key, self.latest.get(&key))?;
                    }
                    self.mutations
                        .insert(mutation.id.clone(), accepted.version.clone());
                    self.take(archive, ledger, mutation, &key, &mut read)?;
                }
                Some(Verdict::Conflict(_)) => {
                    // A group that was returned goes again under new keys, and may meet itself.
                    let own = |by: &str| {
                        by == mutation.id
                            || mutation.group.is_none()
                                && !restored
                                && archive.contents.get(by) == archive.contents.get(&mutation.id)
                    };
                    if let Some(latest) = self.latest.get(&key)
                        && own(&latest.by)
                    {
                        let message = format!(
                            "{key:?}: mutation {} is told to conflict with itself",
                            mutation.id
                        );
                        return Err(Violation::new("self-conflict", message));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a mutation took effect just now, and not in an earlier push.
    fn is_new(&self, mutation: &Mutation, version: &str) -> Checked<bool> {
        match self.mutations.get(&mutation.id) {
            None => Ok(true),
            Some(before) if before == version => Ok(false),
            Some(before) => {
                let message = format!(
                    "mutation {} took effect at {before} and again at {version}",
                    mutation.id
                );
                Err(Violation::new("once", message))
            }
        }
    }

    fn take(
        &mut self,
        archive: &mut Archive,
        ledger: &mut Ledger,
        mutation: &Mutation,
        key: &Key,
        read: &mut impl FnMut(&Key) -> Option<(Version, Option<Document>)>,
    ) -> Checked {
        let Some((version, document)) = read(key) else {
            let message = format!("{key:?}: accepted, but the server's store has nothing of it");
            return Err(Violation::new("once", message));
        };
        let mut marks = Vec::new();
        match &document {
            Some(document) => tokens(document.text(), &mut marks),
            None => {
                archive.deleted.insert(key.clone());
            }
        }
        if let Some(before) = self.latest.get(key) {
            for token in before.tokens.iter().filter(|token| !marks.contains(token)) {
                if ledger.written.contains(token) && !ledger.is_excused(*token) {
                    let message = format!(
                        "{key:?}: mutation {} replaced Q{token}Q, which its writer had not seen and no journal keeps",
                        mutation.id
                    );
                    return Err(Violation::new("ledger", message));
                }
            }
            if let Some(place) = self.by_number.get_mut(&number(before.version.as_str())) {
                place.retain(|other| other != key);
            }
        }
        ledger.accepted.extend(&marks);
        archive
            .images
            .insert((key.clone(), version.clone()), document.clone());
        self.by_number
            .entry(number(version.as_str()))
            .or_default()
            .push(key.clone());
        let by = mutation.id.clone();
        self.latest.insert(
            key.clone(),
            Accepted {
                version,
                document,
                tokens: marks,
                by,
            },
        );
        Ok(())
    }
}

fn key(mutation: &Mutation) -> Checked<Key> {
    let read = || {
        Some((
            mutation.collection.parse().ok()?,
            mutation.record.parse().ok()?,
        ))
    };
    read()
        .ok_or_else(|| Violation::new("order", format!("mutation {} names no record", mutation.id)))
}

/// An accepted write must have replaced exactly the image that it names.
fn overwrite(mutation: &Mutation, key: &Key, before: Option<&Accepted>) -> Checked {
    let live = before.filter(|accepted| accepted.document.is_some());
    let held = match &mutation.base {
        Precondition::Version(version) => {
            live.is_some_and(|accepted| accepted.version.as_str() == version)
        }
        Precondition::Absent => live.is_none(),
        Precondition::None => false,
    };
    if held {
        return Ok(());
    }
    let was = before.map_or("nothing".to_owned(), |accepted| {
        format!("{} ({:?})", accepted.version, accepted.document)
    });
    let message = format!(
        "{key:?}: mutation {} on {:?} replaced {was}",
        mutation.id, mutation.base
    );
    let back = before.is_some_and(|accepted| accepted.document.is_none())
        && mutation.change != Change::Delete;
    Err(Violation::new(
        if back {
            "resurrection"
        } else {
            "blind-overwrite"
        },
        message,
    ))
}

/// A group is accepted whole, or nothing of it is.
fn groups(request: &PushRequest, verdicts: &BTreeMap<&str, &Verdict>) -> Checked {
    let mut groups: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for mutation in &request.mutations {
        if let Some(group) = &mutation.group {
            let (members, accepted) = groups.entry(group).or_default();
            *members += 1;
            *accepted += usize::from(matches!(
                verdicts.get(mutation.id.as_str()),
                Some(Verdict::Accepted(_))
            ));
        }
    }
    for (group, (members, accepted)) in groups {
        if accepted != 0 && accepted != members {
            let message =
                format!("{accepted} of {members} mutations of the group {group} took effect");
            return Err(Violation::new("group", message));
        }
    }
    Ok(())
}
