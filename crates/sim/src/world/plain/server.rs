//! The backend: rows that are written and listed, as much as the mix allows.
use super::query::{Query, Row, Rows, Which};
use super::words;
use crate::app;
use crate::check::{Archive, Checked, History, Key, Ledger, Live, Took, Violation};
use crate::dice::Dice;
use crate::scenario::Mix;
use crate::world::replica::BASE_MS;
use std::collections::BTreeMap;
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::*;
use tisync_json::Document;
use tisync_server::{HttpRequest, HttpResponse};

/// How long before a write its record may have been read, on a backend without preconditions: one exchange and the
/// next, each up to its deadline.
const WINDOW_MS: u64 = 2 * REQUEST_DEADLINE_MS + 10_000;
/// How far a read may lag behind, where reads are stale.
const LAG_MS: u64 = 3_000;
/// How long before its commit a write may take its time.
const LATE_MS: u64 = 2_000;

type Records = BTreeMap<Key, Stored>;

/// A record, also one that is deleted.
#[derive(Clone, Debug)]
struct Stored {
    document: Option<Document>,
    number: u64,
    /// Its time in the feed.
    at_ms: u64,
    /// When it was committed.
    made_ms: u64,
    stamp: Stamp,
}

/// The backend.
pub(in crate::world) struct Plain {
    mix: Mix,
    page_items: usize,
    seed: u64,
    records: Records,
    number: u64,
    /// The records as they were, with the time until which they were so.
    past: Vec<(u64, Records)>,
    receipts: BTreeMap<MutationId, (u64, Verdict)>,
    /// The record that each create made.
    marks: BTreeMap<MutationId, Key>,
    /// What took effect.
    applied: BTreeMap<MutationId, Key>,
    /// When each mutation was sent first.
    pub(in crate::world) sent: BTreeMap<MutationId, u64>,
    /// When each replica read each record by id.
    reads: BTreeMap<(usize, Key), u64>,
    /// Walks of each replica through each collection: the latest number when the last one began, and how many have
    /// ended since anything changed.
    walks: BTreeMap<(usize, CollectionName), (u64, u64, usize)>,
    requests: u64,
    /// Whether everything works: reads are fresh.
    pub(in crate::world) is_well: bool,
}

/// A request with what belongs to it.
pub(in crate::world) struct Asked<'a> {
    pub(in crate::world) now_ms: u64,
    pub(in crate::world) from: usize,
    pub(in crate::world) token: &'a str,
    pub(in crate::world) defers: bool,
    pub(in crate::world) request: &'a HttpRequest,
}

/// What the checkers know of the server.
pub(in crate::world) struct Books<'a> {
    pub(in crate::world) history: &'a mut History,
    pub(in crate::world) archive: &'a mut Archive,
    pub(in crate::world) ledger: &'a mut Ledger,
}

impl Plain {
    pub(in crate::world) fn new(mix: &Mix, page_items: u64, seed: u64) -> Self {
        Plain {
            mix: mix.clone(),
            page_items: page_items as usize,
            seed,
            records: BTreeMap::new(),
            number: 0,
            past: Vec::new(),
            receipts: BTreeMap::new(),
            marks: BTreeMap::new(),
            applied: BTreeMap::new(),
            sent: BTreeMap::new(),
            reads: BTreeMap::new(),
            walks: BTreeMap::new(),
            requests: 0,
            is_well: false,
        }
    }

    /// Answers a request, and checks what it did.
    pub(in crate::world) fn answer(
        &mut self,
        asked: &Asked<'_>,
        books: &mut Books<'_>,
    ) -> Checked<HttpResponse> {
        self.requests += 1;
        let bearer = format!("Bearer {}", asked.token);
        let is_known = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("authorization") && *value == bearer
        };
        if !asked.request.headers.iter().any(is_known) {
            return Ok(response(401, b"{}".to_vec()));
        }
        let query: Query = serde_json::from_slice(&asked.request.body).map_err(unreadable)?;
        let body = match query {
            Query::About => serde_json::to_vec(&()),
            Query::Rows {
                collection,
                which,
                limit,
            } => serde_json::to_vec(&self.rows(asked, &collection, &which, limit)),
            Query::Push(items) => serde_json::to_vec(&self.push(asked, books, items)?),
            Query::Fetch(wanted) => serde_json::to_vec(&self.fetch(asked, wanted)?),
        };
        Ok(response(200, body.map_err(unreadable)?))
    }

    /// All that is there.
    pub(in crate::world) fn live(&self) -> Live {
        let mut live = Live::new();
        for ((collection, id), stored) in &self.records {
            if let Some(document) = &stored.document {
                live.entry(collection.clone())
                    .or_default()
                    .insert(id.as_str().to_owned(), (document.clone(), app::FIRST));
            }
        }
        live
    }

    /// How many walks of a replica through a collection have begun and ended since anything changed.
    pub(in crate::world) fn walks(&self, replica: usize, collection: &CollectionName) -> usize {
        match self.walks.get(&(replica, collection.clone())) {
            Some((_, number, count)) if *number == self.number => *count,
            _ => 0,
        }
    }

    fn dice(&self, kind: u64) -> Dice {
        Dice::of(self.seed, &[0x706c, self.requests, kind])
    }

    fn version(&self, stored: &Stored) -> Option<Version> {
        let text = match self.mix.capability.versions {
            Versions::Ordered => format!("p.{}", stored.number),
            Versions::Equality => format!("v{}", stored.number),
        };
        self.mix.versions.then(|| text.parse().ok()).flatten()
    }

    fn remote(&self, stored: Option<&Stored>) -> Remote {
        let document = stored.and_then(|stored| stored.document.clone());
        Remote {
            version: stored.and_then(|stored| self.version(stored)),
            stamp: stored
                .filter(|_| document.is_some())
                .map(|stored| stored.stamp),
            image: Image::from(document),
            stamps: None,
            schema: None,
            migrated: false,
        }
    }

    fn rows(
        &mut self,
        asked: &Asked<'_>,
        collection: &CollectionName,
        which: &Which,
        limit: usize,
    ) -> Rows {
        let capability = &self.mix.capability;
        let lag_ms = match capability.stale_reads && !self.is_well {
            true => self.dice(1).below(LAG_MS),
            false => 0,
        };
        let seen_ms = asked.now_ms.saturating_sub(lag_ms);
        let records = self
            .past
            .iter()
            .find(|(until_ms, _)| *until_ms > seen_ms)
            .map_or(&self.records, |(_, records)| records);
        let shows_deletes = capability.deletes != Deletes::Absent;
        let mut rows: Vec<Row> = records
            .iter()
            .filter(|((of, _), _)| of == collection)
            .filter(|(_, stored)| stored.document.is_some() || shows_deletes)
            .map(|((_, id), stored)| Row {
                id: id.clone(),
                document: stored.document.clone(),
                version: self.version(stored),
                number: stored.number,
                at_ms: stored.at_ms,
                stamp: stored.stamp,
            })
            .collect();
        let is_start = match which {
            Which::After(number) => {
                rows.retain(|row| row.number > *number);
                rows.sort_by_key(|row| row.number);
                *number == 0 || shows_deletes
            }
            Which::Since { ms, behind } => {
                rows.retain(|row| match behind {
                    Some(id) => (row.at_ms, &row.id) > (*ms, id),
                    None => row.at_ms >= *ms,
                });
                rows.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
                behind.is_none() && (*ms == 0 || shows_deletes)
            }
            Which::From(place) => {
                rows.drain(..(*place).min(rows.len()));
                *place == 0
            }
            Which::Behind(id) => {
                rows.retain(|row| id.as_ref().is_none_or(|id| row.id > *id));
                id.is_none()
            }
        };
        let whole = matches!(capability.feed, FeedKind::Listing(Paging::Single));
        let limit = match whole {
            true => usize::MAX,
            false => limit.min(self.page_items),
        };
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let walk = self
            .walks
            .entry((asked.from, collection.clone()))
            .or_insert((u64::MAX, u64::MAX, 0));
        if is_start {
            walk.0 = self.number;
        }
        if is_last && walk.0 == self.number && lag_ms == 0 {
            let count = if walk.1 == self.number { walk.2 + 1 } else { 1 };
            (walk.1, walk.2) = (self.number, count);
            walk.0 = u64::MAX;
        }
        Rows {
            rows,
            is_last,
            now_ms: BASE_MS + asked.now_ms,
        }
    }

    fn fetch(&mut self, asked: &Asked<'_>, wanted: Wanted) -> Checked<Fetched> {
        let mut fetched = Fetched::default();
        match wanted {
            Wanted::Ids(ids) => {
                if !self.mix.capability.fetch {
                    let message = "records are looked up by id where that cannot be done";
                    return Err(Violation::new("order", message));
                }
                for key in ids {
                    let remote = self.remote(self.records.get(&key));
                    self.reads.insert((asked.from, key.clone()), asked.now_ms);
                    fetched.found.push((key.0, key.1, Found::Image(remote)));
                }
            }
            Wanted::Marks(marks) => {
                if self.mix.capability.idempotency != Idempotency::Mark {
                    let message = "marks are looked for where records carry none";
                    return Err(Violation::new("order", message));
                }
                for (_, mutation) in marks {
                    let key = self.marks.get(&mutation);
                    let there = key.and_then(|key| Some((key, self.records.get(key)?)));
                    let marked = match there.filter(|(_, stored)| stored.document.is_some()) {
                        Some(((_, id), stored)) => Marked::Record {
                            id: id.clone(),
                            remote: self.remote(Some(stored)),
                        },
                        None => Marked::Nowhere,
                    };
                    fetched.marked.push((mutation, marked));
                }
            }
        }
        Ok(fetched)
    }

    fn push(
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
                    refused = Some((item.id, verdict));
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
            Err(verdict) => return Ok(verdict),
        };
        self.check_once(books, &item)?;
        let may_overwrite = self.may_overwrite(asked, &item)?;
        let key = key(&item);
        let before = self.records.clone();
        self.number += 1;
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
        let answers = self.mix.capability.answers;
        let verdict = Verdict::Accepted {
            id: None,
            version: match answers {
                Answers::Image | Answers::Version => self.version(&stored),
                Answers::Nothing => None,
            },
            image: (answers == Answers::Image).then(|| Image::from(stored.document.clone())),
            stamp: Some(stored.stamp),
            schema: None,
            migrated: false,
        };
        self.records.insert(key, stored);
        self.receipts
            .insert(item.id, (asked.now_ms, verdict.clone()));
        Ok(verdict)
    }

    fn stored(&self, asked: &Asked<'_>, item: &PushItem, document: Option<Document>) -> Stored {
        let (at_ms, stamp) = match self.mix.capability.feed {
            FeedKind::Timestamps { precision_ms, .. } => {
                let taken_ms = BASE_MS + asked.now_ms - self.dice(2).below(LATE_MS).min(asked.now_ms);
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
    ) -> Result<Option<Document>, Verdict> {
        refuse(item, asked.defers)?;
        let capability = &self.mix.capability;
        let current = records
            .get(&key(item))
            .filter(|stored| stored.document.is_some());
        let conflict = || {
            let remote = (capability.answers != Answers::Nothing).then(|| self.remote(current));
            Err(Verdict::Conflict { remote })
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

    /// A write takes effect once, as far as the backend can tell; else it was reported.
    fn check_once(&self, books: &Books<'_>, item: &PushItem) -> Checked {
        let upserts = self.mix.capability.idempotency == Idempotency::ClientIds
            && matches!(item.change, Change::Create(_));
        let may_repeat = upserts || books.ledger.is_reported(item.id);
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
        let sent_ms = self.sent.get(&item.id).copied().unwrap_or(asked.now_ms);
        match self.reads.get(&(asked.from, key.clone())) {
            Some(read_ms) if sent_ms.saturating_sub(*read_ms) <= WINDOW_MS => {
                Ok(current.made_ms >= *read_ms)
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
fn refuse(item: &PushItem, defers: bool) -> Result<(), Verdict> {
    let text = serde_json::to_string(&item.change).unwrap_or_default();
    let has = |field: &str| {
        text.contains(&format!("\"{field}\":true")) || text.contains(&format!("\"/{field}\":true"))
    };
    if has("forbidden") {
        let reason = "nobody may write this field".to_owned();
        return Err(Verdict::Rejected { reason });
    }
    if has("scope") {
        return Err(Verdict::OutOfScope);
    }
    match has("later") && defers {
        true => Err(Verdict::Deferred { after_ms: 3_000 }),
        false => Ok(()),
    }
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body,
        cause: None,
        changed: None,
        listens: None,
    }
}

fn unreadable(error: serde_json::Error) -> Violation {
    Violation::new("order", format!("a request cannot be read: {error}"))
}
