//! Writes: what the backend takes, and what it says of it.
use super::server::{Asked, Books, LAG_MS, Plain, Records, Stored};
use super::words;
use crate::check::{Checked, Key, Took, Violation};
use crate::world::replica::BASE_MS;
use std::collections::BTreeMap;
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::*;
use tisync_json::Document;

/// How long before a write its record may have been read, on a backend without preconditions: one exchange and the
/// next, each up to its deadline.
const WINDOW_MS: u64 = 2 * REQUEST_DEADLINE_MS + 10_000;
/// How long before its commit a write may take its time.
const LATE_MS: u64 = 2_000;

impl Plain {
    pub(super) fn push(
        &mut self,
        asked: &Asked<'_>,
        books: &mut Books<'_>,
        items: Vec<PushItem>,
    ) -> Checked<Pushed> {
        if items.len() > self.mix.capability.batch_items_max {
            let message = format!(
                "{} writes in one push, where {} are taken",
                items.len(),
                self.mix.capability.batch_items_max
            );
            return Err(Violation::new("order", message));
        }
        let mut verdicts = Vec::new();
        let mut groups: BTreeMap<GroupId, Vec<PushItem>> = BTreeMap::new();
        for item in items {
            match item.group {
                Some(group) if self.mix.capability.atomic => {
                    groups.entry(group).or_default().push(item);
                }
                _ => verdicts.push((item.id, self.write(asked, books, item)?)),
            }
        }
        for (_, members) in groups {
            verdicts.extend(self.write_all(asked, books, members)?);
        }
        Ok(verdicts.into())
    }

    fn write_all(
        &mut self,
        asked: &Asked<'_>,
        books: &mut Books<'_>,
        members: Vec<PushItem>,
    ) -> Checked<Vec<(MutationId, Verdict)>> {
        let mut trial = self.records.clone();
        let mut refused = None;
        for item in &members {
            if self.known(asked, item).is_some() {
                continue;
            }
            match self.outcome(&trial, asked, item) {
                Ok(document) => {
                    let stored = self.stored(asked, item, document);
                    trial.insert(key(item), stored);
                }
                Err(verdict) => {
                    refused = Some((item.id, *verdict));
                    break;
                }
            }
        }
        let Some((of, verdict)) = refused else {
            let mut verdicts = Vec::new();
            for item in members {
                verdicts.push((item.id, self.write(asked, books, item)?));
            }
            return Ok(verdicts);
        };
        let verdicts = members.iter().map(|item| match item.id == of {
            true => (item.id, verdict.clone()),
            false => (item.id, Verdict::Returned),
        });
        Ok(verdicts.collect())
    }

    /// The answer to a write that was taken already, where the server remembers.
    fn known(&self, asked: &Asked<'_>, item: &PushItem) -> Option<Verdict> {
        let (at_ms, verdict) = self.receipts.get(&item.id)?;
        match self.mix.capability.idempotency {
            Idempotency::Replays { remembers_ms } if asked.now_ms < at_ms + remembers_ms => {
                Some(verdict.clone())
            }
            // The connector knows what it means that the key is taken.
            Idempotency::Refuses { remembers_ms } if asked.now_ms < at_ms + remembers_ms => {
                Some(Verdict::Accepted {
                    id: None,
                    version: None,
                    image: None,
                    stamp: None,
                    schema: None,
                    migrated: false,
                })
            }
            _ => None,
        }
    }

    fn write(
        &mut self,
        asked: &Asked<'_>,
        books: &mut Books<'_>,
        item: PushItem,
    ) -> Checked<Verdict> {
        if let Some(verdict) = self.known(asked, &item) {
            return Ok(verdict);
        }
        let document = match self.outcome(&self.records, asked, &item) {
            Ok(document) => document,
            Err(verdict) => return Ok(*verdict),
        };
        self.check_once(books, &item)?;
        let may_overwrite = self.may_overwrite(asked, &item)?;
        let before = self.records.clone();
        self.number += 1;
        let key = self.key_of(&item);
        let made = (key.1 != item.record).then(|| key.1.clone());
        let stored = self.stored(asked, &item, document);
        if self.mix.capability.stale_reads {
            self.past.push((asked.now_ms, before));
            let kept_ms = asked.now_ms.saturating_sub(2 * LAG_MS);
            self.past.retain(|(until_ms, _)| *until_ms >= kept_ms);
        }
        let took = Took {
            from: asked.from,
            key: &key,
            number: self.number,
            document: stored.document.clone(),
            by: item.id.to_string(),
            may_overwrite,
        };
        books.history.took(books.archive, books.ledger, took)?;
        if matches!(item.change, Change::Create(_)) {
            self.marks.insert(item.id, key.clone());
        }
        self.applied.insert(item.id, key.clone());
        if let Some(id) = &made {
            let former = (item.collection.clone(), item.record.clone());
            self.made.entry(former).or_default().push(id.clone());
        }
        self.own.insert((asked.from, key.clone()), self.number);
        let answers = self.mix.capability.answers;
        let verdict = Verdict::Accepted {
            id: made,
            version: match answers {
                Answers::Image | Answers::Version => self.version(&stored),
                Answers::Nothing => None,
            },
            image: (answers == Answers::Image).then(|| Image::from(stored.document.clone())),
            stamp: Some(stored.stamp),
            schema: None,
            migrated: false,
        };
        if self.mix.scopes && !self.is_well && self.dice(4).chance(100) {
            let device = self.dice(5).below(3) as usize;
            self.hidden.entry(key.clone()).or_default().insert(device);
        }
        self.records.insert(key, stored);
        self.receipts
            .insert(item.id, (asked.now_ms, verdict.clone()));
        Ok(verdict)
    }

    fn stored(&self, asked: &Asked<'_>, item: &PushItem, document: Option<Document>) -> Stored {
        let (at_ms, stamp) = match self.mix.capability.feed {
            FeedKind::Timestamps { precision_ms, .. } => {
                let taken_ms =
                    BASE_MS + asked.now_ms - self.dice(2).below(LATE_MS).min(asked.now_ms);
                (taken_ms - taken_ms % precision_ms, taken_ms)
            }
            _ => (BASE_MS + asked.now_ms, BASE_MS + asked.now_ms),
        };
        let number = self.number;
        Stored {
            document: document.map(|document| match self.mix.normalises() {
                true => words::with_revision(&document, number),
                false => document,
            }),
            number,
            at_ms,
            made_ms: asked.now_ms,
            stamp: match self.mix.capability.stamps {
                RemoteStamps::Record => item.stamps.latest,
                _ => Stamp::at(stamp),
            },
        }
    }

    /// What a write leads to, or why it is not taken.
    fn outcome(
        &self,
        records: &Records,
        asked: &Asked<'_>,
        item: &PushItem,
    ) -> Result<Option<Document>, Box<Verdict>> {
        refuse(item, asked.defers)?;
        if self.is_hidden(&key(item), asked.from) {
            return Err(Box::new(Verdict::OutOfScope));
        }
        let capability = &self.mix.capability;
        let current = records
            .get(&key(item))
            .filter(|_| !self.makes_id(item))
            .filter(|stored| stored.document.is_some());
        let conflict = || {
            let remote = (capability.answers != Answers::Nothing).then(|| self.remote(current));
            Err(Box::new(Verdict::Conflict { remote }))
        };
        let holds = match &item.precondition {
            Precondition::Version(version) => {
                current.and_then(|stored| self.version(stored)).as_ref() == Some(version)
            }
            Precondition::Absent => current.is_none(),
            Precondition::None => true,
        };
        if !holds {
            return conflict();
        }
        match (&item.change, current) {
            (Change::Create(_), Some(_)) if capability.idempotency != Idempotency::ClientIds => {
                conflict()
            }
            (Change::Create(document) | Change::Replace(document), None)
                if matches!(item.change, Change::Create(_)) =>
            {
                Ok(Some(document.clone()))
            }
            (_, None) => conflict(),
            (Change::Delete, Some(_)) => Ok(None),
            (Change::Patch(_), Some(stored)) if capability.partial_update => {
                Ok(item.change.apply(stored.document.as_ref()))
            }
            (_, Some(_)) => Ok(item.document.clone()),
        }
    }

    /// Whether the backend makes the id of what a write makes.
    fn makes_id(&self, item: &PushItem) -> bool {
        self.mix.makes_ids() && matches!(item.change, Change::Create(_))
    }

    /// The record that a write makes or changes, once the number of its commit is drawn.
    fn key_of(&self, item: &PushItem) -> Key {
        if !self.makes_id(item) {
            return key(item);
        }
        // In the order of their making, or in none.
        let text = match self.seed % 2 {
            0 => format!("s{:08}", self.number),
            _ => format!("s{:02x}-{}", self.dice(3).below(256), self.number),
        };
        let id = text
            .parse()
            .unwrap_or_else(|_| unreachable!("{text} is an id"));
        (item.collection.clone(), id)
    }

    /// A write takes effect once, as far as the backend can tell; else it was reported.
    fn check_once(&self, books: &Books<'_>, item: &PushItem) -> Checked {
        let upserts = self.mix.capability.idempotency == Idempotency::ClientIds
            && matches!(item.change, Change::Create(_));
        // Whoever deletes a record takes its mark along.
        let has_marks = self.mix.capability.idempotency == Idempotency::Mark;
        let of = self
            .applied
            .get(&item.id)
            .and_then(|key| self.records.get(key));
        // And nothing tells that what is absent was there once.
        let is_absent = item.precondition == Precondition::Absent;
        let forgets =
            (has_marks || is_absent) && of.is_some_and(|stored| stored.document.is_none());
        // What can be looked for is never sent again at a venture.
        let can_look = has_marks && matches!(item.change, Change::Create(_));
        let is_reported = books.ledger.is_reported(item.id) && !can_look;
        let may_repeat = upserts || forgets || is_reported;
        match self.applied.get(&item.id) {
            Some(key) if !may_repeat => {
                let message = format!(
                    "{key:?}: mutation {} took effect again, and nobody reported it",
                    item.id
                );
                Err(Violation::new("once", message))
            }
            _ => Ok(()),
        }
    }

    /// Whether a write may replace what its writer has not seen: what was committed between its look and its write,
    /// and anything where nobody can look.
    fn may_overwrite(&self, asked: &Asked<'_>, item: &PushItem) -> Checked<bool> {
        let capability = &self.mix.capability;
        let key = key(item);
        let current = self
            .records
            .get(&key)
            .filter(|stored| stored.document.is_some());
        if capability.conditional {
            return Ok(false);
        }
        let (true, Some(current)) = (capability.fetch, current) else {
            return Ok(true);
        };
        let unsent = (asked.now_ms, None);
        let (sent_ms, read_ms) = self.sent.get(&item.id).copied().unwrap_or(unsent);
        match read_ms {
            Some(read_ms) if sent_ms.saturating_sub(read_ms) <= WINDOW_MS => {
                Ok(current.made_ms >= read_ms)
            }
            read => {
                let message = format!(
                    "{key:?}: mutation {} was sent at {sent_ms} ms without a look at its record (the last was {read:?})",
                    item.id
                );
                Err(Violation::new("blind-overwrite", message))
            }
        }
    }
}

fn key(item: &PushItem) -> Key {
    (item.collection.clone(), item.record.clone())
}

/// The rules of the application on the server.
fn refuse(item: &PushItem, defers: bool) -> Result<(), Box<Verdict>> {
    let text = serde_json::to_string(&item.change).unwrap_or_default();
    let has = |field: &str| {
        text.contains(&format!("\"{field}\":true")) || text.contains(&format!("\"/{field}\":true"))
    };
    if has("forbidden") {
        let reason = "nobody may write this field".to_owned();
        return Err(Box::new(Verdict::Rejected { reason }));
    }
    if has("scope") {
        return Err(Box::new(Verdict::OutOfScope));
    }
    match has("later") && defers {
        true => Err(Box::new(Verdict::Deferred { after_ms: 3_000 })),
        false => Ok(()),
    }
}
