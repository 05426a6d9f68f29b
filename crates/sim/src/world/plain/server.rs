//! The backend: rows that are written and listed, as much as the mix allows.
use super::query::Query;
use crate::app;
use crate::check::{Archive, Checked, History, Key, Ledger, Live, Violation};
use crate::dice::Dice;
use crate::scenario::Mix;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::*;
use tisync_json::Document;
use tisync_server::{HttpRequest, HttpResponse};

/// How far a read may lag behind, where reads are stale.
pub(super) const LAG_MS: u64 = 3_000;
pub(super) type Records = BTreeMap<Key, Stored>;

/// A record, also one that is deleted.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) document: Option<Document>,
    pub(super) number: u64,
    /// Its time in the feed.
    pub(super) at_ms: u64,
    /// When it was committed.
    pub(super) made_ms: u64,
    pub(super) stamp: Stamp,
}

/// The backend.
pub(in crate::world) struct Plain {
    pub(super) mix: Mix,
    pub(super) page_items: usize,
    pub(super) seed: u64,
    pub(super) records: Records,
    pub(super) number: u64,
    /// The records as they were, with the time until which they were so.
    pub(super) past: Vec<(u64, Records)>,
    pub(super) receipts: BTreeMap<MutationId, (u64, Verdict)>,
    /// The record that each create made.
    pub(super) marks: BTreeMap<MutationId, Key>,
    /// The number of the last write of each replica to each record.
    pub(super) own: BTreeMap<(usize, Key), u64>,
    /// The ids that were made for records, by the ids that those had on the devices.
    pub(super) made: BTreeMap<Key, Vec<RecordId>>,
    /// The devices out of whose scope each record is.
    pub(super) hidden: BTreeMap<Key, BTreeSet<usize>>,
    /// What took effect.
    pub(super) applied: BTreeMap<MutationId, Key>,
    /// When each mutation was sent first, and when its record was read last before that.
    pub(super) sent: BTreeMap<MutationId, (u64, Option<u64>)>,
    /// When each replica read each record by id.
    pub(super) reads: BTreeMap<(usize, Key), u64>,
    /// Walks of each replica through each collection: the latest number when the last one began, and how many have
    /// ended since anything changed.
    pub(super) walks: BTreeMap<(usize, CollectionName), (u64, u64, usize)>,
    pub(super) requests: u64,
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
            own: BTreeMap::new(),
            made: BTreeMap::new(),
            hidden: BTreeMap::new(),
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
        let writes = matches!(query, Query::Push(_) | Query::Fetch(Wanted::Marks(_)));
        if writes && self.is_in_a_mood(asked.now_ms) {
            return Ok(response(503, b"{}".to_vec()));
        }
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

    fn is_in_a_mood(&self, now_ms: u64) -> bool {
        let spell = now_ms / 30_000;
        self.mix.moody && !self.is_well && Dice::of(self.seed, &[0x6d6f, spell]).chance(400)
    }

    /// Whether a write is sent for the first time.
    pub(in crate::world) fn is_first(&self, item: &PushItem) -> bool {
        !self.sent.contains_key(&item.id)
    }

    /// Notes that a replica sends these.
    pub(in crate::world) fn sends(&mut self, from: usize, items: &[PushItem], now_ms: u64) {
        for item in items {
            let key = (item.collection.clone(), item.record.clone());
            let read_ms = self.reads.get(&(from, key)).copied();
            self.sent.entry(item.id).or_insert((now_ms, read_ms));
        }
    }

    /// Whether a record is out of a device's scope.
    pub(in crate::world) fn is_hidden(&self, key: &Key, from: usize) -> bool {
        self.hidden
            .get(key)
            .is_some_and(|devices| devices.contains(&from))
    }

    /// All that is there, or all that a device may see of it.
    pub(in crate::world) fn live(&self, of: Option<usize>) -> Live {
        let mut live = Live::new();
        for (key, stored) in &self.records {
            let (collection, id) = key;
            if of.is_some_and(|of| self.is_hidden(key, of)) {
                continue;
            }
            if let Some(document) = &stored.document {
                live.entry(collection.clone())
                    .or_default()
                    .insert(id.as_str().to_owned(), (document.clone(), app::FIRST));
            }
        }
        live
    }

    /// Whether an id may stand for another: it was made for a record of that id, or for one of its later ids.
    pub(in crate::world) fn is_made_for(&self, former: &Key, id: &RecordId) -> bool {
        let made = self.made.get(former);
        made.into_iter().flatten().any(|next| {
            next == id
                || *next != former.1 && self.is_made_for(&(former.0.clone(), next.clone()), id)
        })
    }

    /// The mutation that made a record, where its mark tells.
    pub(in crate::world) fn maker(&self, key: &Key) -> Option<MutationId> {
        let has_marks = self.mix.capability.idempotency == Idempotency::Mark;
        let mut applied = self.applied.iter().filter(|_| has_marks);
        applied.find(|(_, made)| *made == key).map(|(id, _)| *id)
    }

    /// The number of a replica's last write to a record.
    pub(in crate::world) fn own(&self, replica: usize, key: &Key) -> Option<u64> {
        self.own.get(&(replica, key.clone())).copied()
    }

    /// Counts walks anew.
    pub(in crate::world) fn forget_walks(&mut self) {
        self.walks.clear();
    }

    /// How many walks of a replica through a collection have begun and ended since anything changed.
    pub(in crate::world) fn walks(&self, replica: usize, collection: &CollectionName) -> usize {
        match self.walks.get(&(replica, collection.clone())) {
            Some((_, number, count)) if *number == self.number => *count,
            _ => 0,
        }
    }

    pub(super) fn dice(&self, kind: u64) -> Dice {
        Dice::of(self.seed, &[0x706c, self.requests, kind])
    }

    pub(super) fn version(&self, stored: &Stored) -> Option<Version> {
        let text = match self.mix.capability.versions {
            Versions::Ordered => format!("p.{}", stored.number),
            Versions::Equality => format!("v{}", stored.number),
        };
        self.mix.versions.then(|| text.parse().ok()).flatten()
    }

    pub(super) fn remote(&self, stored: Option<&Stored>) -> Remote {
        let document = stored.and_then(|stored| stored.document.clone());
        Remote {
            out_of_scope: false,
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

    fn fetch(&mut self, asked: &Asked<'_>, wanted: Wanted) -> Checked<Fetched> {
        let mut fetched = Fetched::default();
        match wanted {
            Wanted::Ids(ids) => {
                if !self.mix.capability.fetch {
                    let message = "records are looked up by id where that cannot be done";
                    return Err(Violation::new("order", message));
                }
                for key in ids {
                    if self.mix.makes_ids() && !self.records.contains_key(&key) {
                        let message = format!("{key:?} is looked up by an id that was never made");
                        return Err(Violation::new("order", message));
                    }
                    let found = match self.is_hidden(&key, asked.from) {
                        true => Found::Unknown,
                        false => Found::Image(self.remote(self.records.get(&key))),
                    };
                    self.reads.insert((asked.from, key.clone()), asked.now_ms);
                    fetched.found.push((key.0, key.1, found));
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
