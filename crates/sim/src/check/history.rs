//! What the server accepted, in order: found by comparing each answered push with the store.
use super::taken::Taken;
use super::{Checked, Key, Ledger, Token, Violation};
use crate::app;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::{EpochInfo, Version};
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
    /// Counts what happened to the server, as its one order of before and after.
    pub(super) moment: u64,
    /// Every image that the server ever had, by version.
    pub(super) images: BTreeMap<(Key, Version), Made>,
    /// Records that the server has lacked after it had them: they were deleted, or a restore lost them.
    pub(super) lacked: BTreeSet<Key>,
    /// When a record came to be there that was not there just before.
    pub(super) appeared: BTreeMap<Key, u64>,
    /// What each mutation's key stood for, and what was seen of it.
    contents: BTreeMap<String, Content>,
    /// The server's epochs.
    epochs: Option<EpochInfo>,
}

/// An image, and when the server got it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) document: Option<Document>,
    /// The number of its schema.
    pub(super) schema: u32,
    pub(super) at: u64,
}

/// An image that a record of the server has had.
pub(crate) struct Older {
    pub(crate) version: Version,
    document: Document,
    schema: u32,
}

impl Older {
    /// Its document as an app of a schema has it, with the number of its schema, and whether it was brought forward.
    pub(crate) fn forward(&self, schema: u32) -> (Document, u32, bool) {
        let document = app::forward(self.schema, schema, &self.document);
        (document, self.schema.max(schema), self.schema < schema)
    }
}

/// A record as the server's store has it.
pub(crate) struct Stored {
    pub(crate) version: Version,
    pub(crate) document: Option<Document>,
    pub(crate) schema: u32,
}

/// What a mutation's key stands for.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// Record, base and change.
    what: u64,
    /// When, and by whom, it was written.
    when: u64,
    /// The replica that sent it.
    from: usize,
    /// When the server saw it first.
    first: u64,
    /// Whether the server has answered that it did not take effect now.
    refused: bool,
}

impl Content {
    /// Whether both keys stand for one write of one replica.
    fn is_same_write(&self, other: &Content) -> bool {
        (self.what, self.when, self.from) == (other.what, other.when, other.from)
    }
}

/// An image that the server accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) version: Version,
    pub(crate) document: Option<Document>,
    pub(super) tokens: Vec<Token>,
    pub(super) by: String,
    pub(super) at: u64,
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
    /// The image of a version as an app of a schema shows it; `None` when the server never gave it.
    pub(crate) fn image(
        &self,
        key: &Key,
        version: &Version,
        schema: u32,
    ) -> Option<Option<Document>> {
        let made = self.images.get(&(key.clone(), version.clone()))?;
        let document = made.document.as_ref();
        Some(document.map(|document| app::forward(made.schema, schema, document)))
    }

    /// The number of the latest image of a record that is this document.
    pub(crate) fn latest(&self, key: &Key, document: &Document) -> Option<u64> {
        let images = self.images.iter().filter(|((of, _), _)| of == key);
        images
            .filter(|(_, made)| made.document.as_ref().is_some_and(|was| was.same(document)))
            .map(|((_, version), _)| number(version.as_str()))
            .max()
    }

    /// A present image of a record under an epoch, with a lesser number than `before`.
    pub(crate) fn older(&self, key: &Key, epoch: &str, before: u64) -> Option<Older> {
        let images = self.images.iter().filter(|((of, _), _)| of == key);
        images
            .filter(|((_, version), _)| {
                version
                    .ordinal()
                    .is_some_and(|(of, number)| of == epoch && number < before)
            })
            .filter_map(|((_, version), image)| {
                Some(Older {
                    version: version.clone(),
                    document: image.document.clone()?,
                    schema: image.schema,
                })
            })
            .next_back()
    }

    /// Whether the server has ever lacked a record that it had before.
    pub(crate) fn has_lacked(&self, key: &Key) -> bool {
        self.lacked.contains(key)
    }

    /// Whether the server has lacked a record at some time after it had this version of it. `history`: what it
    /// has now.
    pub(crate) fn has_lacked_since(
        &self,
        history: &History,
        key: &Key,
        version: Option<&Version>,
    ) -> bool {
        if !history.has(key) {
            return true;
        }
        let made = version.and_then(|version| self.images.get(&(key.clone(), version.clone())));
        match (made, self.appeared.get(key)) {
            (Some(made), Some(appeared)) => made.at < *appeared,
            _ => false,
        }
    }

    /// Whether a restore has lost a version.
    pub(crate) fn has_lost(&self, version: &Version) -> bool {
        self.epochs
            .as_ref()
            .is_some_and(|epochs| epochs.has_lost(version))
    }

    /// Notes that the server goes on from a backup, under new epochs.
    pub(crate) fn restored(&mut self, before: &History, after: &History, epochs: EpochInfo) {
        self.moment += 1;
        self.epochs = Some(epochs);
        for key in before.latest.keys().filter(|key| before.has(key)) {
            if !after.has(key) {
                self.lacked.insert(key.clone());
            }
        }
        for key in after.latest.keys().filter(|key| after.has(key)) {
            if !before.has(key) {
                self.appeared.insert(key.clone(), self.moment);
            }
        }
    }

    /// Some fields of a document of one schema fit no document of an older one.
    fn check_schema(&self, mutation: &Mutation, key: &Key) -> Checked {
        let (Change::Patch(_), Precondition::Version(version)) = (&mutation.change, &mutation.base)
        else {
            return Ok(());
        };
        let known = version.parse().ok().map(|version| (key.clone(), version));
        let made = known.and_then(|place| self.images.get(&place));
        match made.filter(|made| made.schema < mutation.schema) {
            None => Ok(()),
            Some(made) => {
                let message = format!(
                    "{key:?}: mutation {} changes fields of schema {} in a document of schema {}",
                    mutation.id, mutation.schema, made.schema
                );
                Err(Violation::new("schema", message))
            }
        }
    }

    fn check_content(&mut self, mutation: &Mutation, from: usize) -> Checked {
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
            from,
            first: self.moment,
            refused: false,
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
    /// Whether the server has a record.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.latest
            .get(key)
            .is_some_and(|latest| latest.document.is_some())
    }

    /// Notes what a push of a replica did; `read` reads a record of the server's store.
    pub(crate) fn pushed(
        &mut self,
        archive: &mut Archive,
        ledger: &mut Ledger,
        from: usize,
        request: &PushRequest,
        answer: &PushAnswer,
        mut read: impl FnMut(&Key) -> Option<Stored>,
    ) -> Checked {
        let verdicts: BTreeMap<&str, &Verdict> = answer
            .results
            .iter()
            .map(|result| (result.id.as_str(), &result.verdict))
            .collect();
        groups(request, &verdicts)?;
        let mut written: BTreeSet<(Key, String)> = BTreeSet::new();
        for mutation in &request.mutations {
            archive.moment += 1;
            archive.check_content(mutation, from)?;
            let key = key(mutation)?;
            match verdicts.get(mutation.id.as_str()) {
                Some(Verdict::Accepted(accepted)) => {
                    if !self.is_new(mutation, &accepted.version)? {
                        continue;
                    }
                    // A second write of one record in one group stands on the first.
                    if written.insert((key.clone(), accepted.version.clone())) {
                        overwrite(mutation, &key, self.latest.get(&key))?;
                        archive.check_schema(mutation, &key)?;
                    }
                    self.mutations
                        .insert(mutation.id.clone(), accepted.version.clone());
                    self.take(archive, ledger, from, mutation, &key, &mut read)?;
                }
                Some(verdict) => {
                    let is_conflict = matches!(verdict, Verdict::Conflict(_));
                    if is_conflict && self.meets_itself(archive, mutation, &key) {
                        let message = format!(
                            "{key:?}: mutation {} is told to conflict with itself",
                            mutation.id
                        );
                        return Err(Violation::new("self-conflict", message));
                    }
                    if let Some(content) = archive.contents.get_mut(&mutation.id) {
                        content.refused = true;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Whether a mutation finds its own effect in its way: under its key, or because its replica sends under a
    /// new key what has taken effect already. No fault is
    ///
    /// - an old request that arrives once more: its replica has long heard that it was refused, and has written
    ///   it anew; that is why only a key that came after the effect counts;
    /// - the effect of such an old request: the server had refused it before, so that its replica wrote it anew.
    fn meets_itself(&self, archive: &Archive, mutation: &Mutation, key: &Key) -> bool {
        let Some(latest) = self.latest.get(key) else {
            return false;
        };
        let contents = &archive.contents;
        let (Some(then), Some(now)) = (contents.get(&latest.by), contents.get(&mutation.id)) else {
            return false;
        };
        latest.by == mutation.id
            || then.is_same_write(now) && now.first > latest.at && !then.refused
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
        from: usize,
        mutation: &Mutation,
        key: &Key,
        read: &mut impl FnMut(&Key) -> Option<Stored>,
    ) -> Checked {
        let Some(Stored {
            version,
            document,
            schema,
        }) = read(key)
        else {
            let message = format!("{key:?}: accepted, but the server's store has nothing of it");
            return Err(Violation::new("once", message));
        };
        let took = Taken {
            from,
            key,
            by: mutation.id.clone(),
            may_overwrite: false,
            version,
            document,
            schema,
        };
        self.keep(archive, ledger, took)
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
