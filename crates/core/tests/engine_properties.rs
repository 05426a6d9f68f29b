//! One device, a small server, and chance: what must hold after every step, and at the end.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::*;
use tisync_core::store::{Durability, Keys, Load, Store, StoreErrorKind, Tx};
use tisync_json::Document;

const IDS: [&str; 3] = ["a", "b", "c"];
const FIELDS: [&str; 3] = ["t", "u", "v"];
/// Stories told with each rule: some ten seconds.
const SEEDS: u64 = 6;

/// A small generator: the same seed, the same story.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// Compares preconditions, applies groups whole, remembers keys, and never forgets a document.
#[derive(Default)]
struct Server {
    seq: u64,
    records: BTreeMap<String, (u64, Option<Document>)>,
    receipts: BTreeMap<MutationId, Verdict>,
    history: String,
}

impl Server {
    fn set(&mut self, id: &str, document: Option<Document>) -> Version {
        self.seq += 1;
        if let Some(document) = &document {
            self.history.push_str(document.text());
        }
        self.records.insert(id.to_owned(), (self.seq, document));
        name(&format!("e.{}", self.seq))
    }

    fn remote(&self, id: &str) -> Remote {
        let (seq, document) = self.records.get(id).cloned().unwrap_or_default();
        Remote {
            image: Image::from(document),
            version: (seq > 0).then(|| name(&format!("e.{seq}"))),
            stamp: Some(Stamp::at(1_600_000_000_000 + seq)),
            stamps: None,
        }
    }

    fn fits(&self, item: &PushItem) -> bool {
        let remote = self.remote(item.record.as_str());
        match &item.precondition {
            Precondition::Version(version) => {
                remote.image.is_present() && remote.version.as_ref() == Some(version)
            }
            Precondition::Absent => !remote.image.is_present(),
            Precondition::None => true,
        }
    }

    fn push(&mut self, items: &[PushItem], dice: &mut Dice) -> Vec<(MutationId, Verdict)> {
        let refused: BTreeSet<MutationId> = items
            .iter()
            .filter(|_| dice.below(12) == 0)
            .map(|item| item.id)
            .collect();
        let mut verdicts = Vec::new();
        for item in items {
            if let Some(verdict) = self.receipts.get(&item.id) {
                verdicts.push((item.id, verdict.clone()));
                continue;
            }
            let unit: Vec<&PushItem> = items
                .iter()
                .filter(|other| {
                    other.id == item.id || item.group.is_some() && other.group == item.group
                })
                .filter(|other| !self.receipts.contains_key(&other.id))
                .collect();
            let fails = |item: &PushItem| refused.contains(&item.id) || !self.fits(item);
            let verdict = if refused.contains(&item.id) {
                Verdict::Rejected {
                    reason: "no".to_owned(),
                }
            } else if !self.fits(item) {
                Verdict::Conflict {
                    remote: Some(self.remote(item.record.as_str())),
                }
            } else if unit.iter().any(|other| fails(other)) {
                Verdict::Returned
            } else {
                for other in unit {
                    let version = self.set(other.record.as_str(), other.document.clone());
                    let verdict = accepted(version.as_str());
                    self.receipts.insert(other.id, verdict);
                }
                self.receipts[&item.id].clone()
            };
            verdicts.push((item.id, verdict));
        }
        verdicts
    }

    fn page(&self, after: u64) -> Page {
        let mut changed: Vec<(&String, &(u64, Option<Document>))> = self
            .records
            .iter()
            .filter(|(_, (seq, _))| *seq > after)
            .collect();
        changed.sort_by_key(|(_, (seq, _))| *seq);
        let items = changed
            .into_iter()
            .map(|(id, (seq, document))| match document {
                Some(document) => upsert(id, &format!("e.{seq}"), document.text()),
                None => tombstone(id, &format!("e.{seq}")),
            })
            .collect();
        Page {
            checkpoint: Some(name(&self.seq.to_string())),
            ..page(items, "e", &[("e", 0)])
        }
    }
}

struct Story {
    device: Device,
    server: Server,
    dice: Dice,
    token: u64,
    orders: Vec<Order>,
    calm: bool,
    log: Vec<String>,
}

type Rows = BTreeMap<String, (Record, Option<Dirty>)>;

impl Story {
    fn new(rule: Rule, seed: u64) -> Self {
        Story {
            device: Device::new(rule),
            server: Server::default(),
            dice: Dice(seed),
            token: 0,
            orders: Vec::new(),
            calm: false,
            log: Vec::new(),
        }
    }

    fn rows(&mut self) -> Rows {
        let mut tx = self.device.store.begin(Durability::Normal).unwrap();
        let ids: Vec<RecordId> = IDS.iter().map(|id| name(id)).collect();
        let loaded = tx
            .load(&name("notes"), Keys::Ids(&ids), Load::Whole)
            .unwrap();
        loaded
            .into_iter()
            .flatten()
            .map(|(record, dirty)| (record.id.to_string(), (record, dirty)))
            .collect()
    }

    /// One step, sometimes with a commit that fails first: the same input must then give the same.
    fn step(&mut self, input: Input) {
        self.log.push(format!("{input:?}"));
        let is_write = matches!(
            input,
            Input::Write { .. } | Input::Undo(_) | Input::Edit(..) | Input::Resolve { .. }
        );
        let before = self.rows();
        let now = self.device.now();
        if self.dice.below(6) == 0 {
            let (mut engine, mut store) = (self.device.engine.clone(), self.device.store.clone());
            let expected = engine.step(&mut store, now, input.clone());
            let hash = self.device.store.state_hash();
            self.device.store.fail_next_commit(StoreErrorKind::Busy);
            let failed = self
                .device
                .engine
                .step(&mut self.device.store, now, input.clone());
            assert!(failed.is_err());
            self.device.store.clear_faults();
            assert_eq!(self.device.store.state_hash(), hash);
            let again = self.device.engine.step(&mut self.device.store, now, input);
            assert_eq!(again, expected, "given again after a failed commit");
            assert_eq!(self.device.store.state_hash(), store.state_hash());
            self.take(again);
        } else {
            let outputs = self.device.engine.step(&mut self.device.store, now, input);
            self.take(outputs);
        }
        self.check(&before, is_write);
    }

    fn take(&mut self, outputs: Result<Vec<Output>, tisync_core::Error>) {
        let orders = outputs
            .into_iter()
            .flatten()
            .filter_map(|output| match output {
                Output::Order(order) => Some(order),
                _ => None,
            });
        self.orders.extend(orders);
    }

    fn check(&mut self, before: &Rows, is_write: bool) {
        let rows = self.rows();
        let outbox = self.device.outbox();
        let conflicts = self.device.conflicts();
        let journal = self.device.journal();
        let log = self.log.join("\n");
        let mut seen = String::new();
        for row in &journal {
            for image in [&row.base, &row.ours, &row.theirs, &row.outcome] {
                seen.push_str(image.document().map_or("", Document::text));
            }
            if row.state == JournalState::Decided {
                assert!(
                    outbox.iter().any(|entry| Some(entry.id) == row.mutation),
                    "an open row without its mutation: {row:?}\n{log}"
                );
            }
        }
        for entry in &outbox {
            let id = rows
                .iter()
                .find(|(_, (record, _))| record.rid == entry.rid)
                .unwrap_or_else(|| panic!("no record of {entry:?}\n{log}"));
            assert_eq!(id.1.0.state, RecordState::Dirty, "{log}");
            if let EntryState::InFlight { request, .. } = entry.state {
                assert!(
                    self.orders.iter().any(|order| order.request == request),
                    "in flight without a request: {entry:?}\n{log}"
                );
            }
        }
        for (id, (record, dirty)) in &rows {
            let chain: Vec<&Entry> = outbox
                .iter()
                .filter(|entry| entry.rid == record.rid)
                .collect();
            let conflict = conflicts.iter().find(|conflict| conflict.rid == record.rid);
            assert_eq!(dirty.is_some(), !chain.is_empty(), "{id} {record:?}\n{log}");
            if let Some(dirty) = dirty {
                let shown = chain
                    .iter()
                    .fold(dirty.base.document().cloned(), |document, entry| {
                        entry.change.apply(document.as_ref())
                    });
                assert!(
                    Image::from(shown.clone()).same(&Image::from(record.document.clone())),
                    "{id}: {shown:?} but {record:?}\n{log}"
                );
                let is_out = chain.iter().any(|entry| entry.state.is_out());
                assert!(
                    dirty.remote.is_none() || is_out,
                    "{id} is not reconciled\n{log}"
                );
            }
            let held = |entry: &&&Entry| entry.state == EntryState::Held(Blocker::Conflict);
            let parked = |entry: &&&Entry| matches!(entry.state, EntryState::Parked { .. });
            let held = chain.iter().filter(held).count() + chain.iter().filter(parked).count();
            assert!(
                conflict.is_none() || held == chain.len(),
                "{id}: {chain:?}\n{log}"
            );
            assert!(conflict.is_none() || !chain.is_empty(), "{id}\n{log}");
        }
        for entry in &outbox {
            let Some(group) = entry.group else { continue };
            let stuck = outbox.iter().any(|other| {
                other.group == Some(group)
                    && matches!(
                        other.state,
                        EntryState::Parked { .. }
                            | EntryState::Held(Blocker::Conflict | Blocker::ParkedAncestor)
                    )
            });
            assert!(
                !stuck || entry.state != EntryState::Pending,
                "{entry:?}\n{log}"
            );
        }
        if is_write {
            return;
        }
        // Nothing that was visible goes without a trace.
        for (id, (record, _)) in before {
            let Some(old) = &record.document else {
                continue;
            };
            let now = rows
                .get(id)
                .and_then(|(record, _)| record.document.as_ref());
            let now = now.map_or("", Document::text).to_owned();
            for token in tokens(old.text()) {
                assert!(
                    now.contains(&token)
                        || seen.contains(&token)
                        || self.server.history.contains(&token),
                    "{token} of {id} is lost\n{log}"
                );
            }
        }
    }

    fn document(&mut self, shown: Option<&Document>) -> Document {
        let mut fields: BTreeMap<String, String> = shown
            .map(|shown| serde_json::from_str(shown.text()).unwrap())
            .unwrap_or_default();
        for _ in 0..=self.dice.below(2) {
            self.token += 1;
            let field = (*self.dice.one(&FIELDS)).to_owned();
            fields.insert(field, format!("w{}w", self.token));
        }
        document(&serde_json::to_string(&fields).unwrap())
    }

    fn write(&mut self, group: bool) {
        let rows = self.rows();
        let mut writes = Vec::new();
        for id in IDS {
            if self.dice.below(3) == 0 || writes.is_empty() && id == "c" {
                let shown = rows.get(id).and_then(|(record, _)| record.document.clone());
                let kind = match &shown {
                    Some(_) if self.dice.below(4) == 0 => WriteKind::Delete,
                    shown => WriteKind::Put(self.document(shown.as_ref())),
                };
                writes.push(Write {
                    collection: name("notes"),
                    id: Some(name(id)),
                    kind,
                });
            }
        }
        self.step(Input::Write { writes, group });
    }

    fn others(&mut self) {
        let id = *self.dice.one(&IDS);
        let shown = self.server.remote(id).image.document().cloned();
        let document = match shown {
            Some(_) if self.dice.below(4) == 0 => None,
            shown => Some(self.document(shown.as_ref())),
        };
        self.log.push(format!("others: {id} {document:?}"));
        self.server.set(id, document);
    }

    fn answer(&mut self, order: &Order) {
        let trouble = if self.calm { 9 } else { self.dice.below(10) };
        let reply = match &order.task {
            Task::Push(_) if trouble == 0 => {
                Reply::Pushed(Err(failure(FailureKind::Offline, true)))
            }
            Task::Push(items) => {
                let verdicts = self.server.push(items, &mut self.dice);
                match trouble {
                    1 => Reply::Pushed(Err(failure(FailureKind::Offline, false))),
                    2 => Reply::Pushed(Ok(verdicts.into_iter().skip(1).collect())),
                    3 => Reply::Pushed(Ok(items
                        .iter()
                        .zip(verdicts)
                        .map(|(item, (id, verdict))| match verdict {
                            Verdict::Conflict { .. } => (id, Verdict::Conflict { remote: None }),
                            Verdict::Rejected { .. } => {
                                (item.id, Verdict::Deferred { after_ms: 100 })
                            }
                            verdict => (id, verdict),
                        })
                        .collect())),
                    _ => Reply::Pushed(Ok(verdicts)),
                }
            }
            Task::Pull(_) if trouble < 2 => {
                Reply::Pulled(Err(failure(FailureKind::Retry { after_ms: None }, true)))
            }
            Task::Pull(_) if trouble == 2 => Reply::Pulled(Err(failure(
                FailureKind::ExpiredCheckpoint { epoch: None },
                true,
            ))),
            Task::Pull(pull) => {
                let after = pull.checkpoint.as_ref().map_or("0", Checkpoint::as_str);
                // A feed may repeat itself.
                let back = if trouble == 3 { 5 } else { 0 };
                let after = after.parse::<u64>().unwrap().saturating_sub(back);
                Reply::Pulled(Ok(self.server.page(after)))
            }
            Task::Fetch(Wanted::Ids(ids)) => Reply::Fetched(Ok(ids
                .iter()
                .skip(usize::from(trouble == 0))
                .map(|(collection, id)| {
                    let found = Found::Image(self.server.remote(id.as_str()));
                    (collection.clone(), id.clone(), found)
                })
                .collect())),
            Task::Fetch(Wanted::Marks(_)) => Reply::Fetched(Ok(vec![])),
        };
        let input = Input::Answer {
            request: order.request,
            from: 0,
            reply,
        };
        self.orders.push(order.clone());
        let open = self.orders.len() - 1;
        if let (
            Input::Answer {
                reply: Reply::Pulled(Ok(_)),
                ..
            },
            true,
        ) = (&input, self.dice.below(4) == 0)
        {
            self.twice(&input);
        }
        self.log.push("answer".to_owned());
        // It is answered only when the step is done: a failed commit may need it again.
        self.step(input);
        if self
            .orders
            .get(open)
            .is_some_and(|other| other.request == order.request)
        {
            self.orders.remove(open);
        }
    }

    /// The same page twice changes nothing.
    fn twice(&mut self, page: &Input) {
        let (mut engine, mut store) = (self.device.engine.clone(), self.device.store.clone());
        let mut now = self.device.now();
        let mut step = |engine: &mut tisync_core::Engine, input: Input| {
            now.entropy[31] = now.entropy[31].wrapping_add(1);
            engine.step(&mut store, now, input).unwrap_or_default()
        };
        step(&mut engine, page.clone());
        let mut outputs = step(&mut engine, Input::Hint(name("main")));
        outputs.extend(step(&mut engine, Input::Wake));
        let orders: Vec<Order> = outputs
            .into_iter()
            .filter_map(|output| match output {
                Output::Order(order) => Some(order),
                _ => None,
            })
            .collect();
        let [
            Order {
                request,
                task: Task::Pull(_),
                ..
            },
        ] = &orders[..]
        else {
            return;
        };
        let Input::Answer { reply, .. } = page.clone() else {
            return;
        };
        // Hints and waits are none of the page's business: the state after each page is compared.
        let after_one = {
            let mut tx = store.begin(Durability::Normal).unwrap();
            (
                tx.entries(tisync_core::store::EntryFilter::All, None, 1_000)
                    .unwrap(),
                tx.conflicts(None, 1_000).unwrap(),
                tx.scan(&name("notes"), None, 1_000).unwrap(),
                tx.journal(tisync_core::store::JournalFilter::All, None, 1_000)
                    .unwrap(),
            )
        };
        now.entropy[31] = now.entropy[31].wrapping_add(1);
        let input = Input::Answer {
            request: *request,
            from: 0,
            reply,
        };
        engine.step(&mut store, now, input).unwrap();
        let mut tx = store.begin(Durability::Normal).unwrap();
        let after_two = (
            tx.entries(tisync_core::store::EntryFilter::All, None, 1_000)
                .unwrap(),
            tx.conflicts(None, 1_000).unwrap(),
            tx.scan(&name("notes"), None, 1_000).unwrap(),
            tx.journal(tisync_core::store::JournalFilter::All, None, 1_000)
                .unwrap(),
        );
        assert_eq!(
            after_one,
            after_two,
            "the same page twice\n{}\n{page:?}",
            self.log.join("\n")
        );
    }

    fn verb(&mut self) {
        let parked: Vec<MutationId> = self
            .device
            .outbox()
            .into_iter()
            .filter(|entry| matches!(entry.state, EntryState::Parked { .. }))
            .map(|entry| entry.id)
            .collect();
        if !parked.is_empty() {
            let id = *self.dice.one(&parked);
            let input = match self.dice.below(3) {
                0 => Input::Retry(id),
                1 => Input::Discard(id),
                _ => Input::Edit(id, self.document(None)),
            };
            return self.step(input);
        }
        if let Some(conflict) = self.device.conflicts().first().cloned() {
            let answers = [
                Resolution::Ours,
                Resolution::Theirs,
                Resolution::Delete,
                Resolution::Document(self.document(None)),
            ];
            let resolution = self.dice.one(&answers).clone();
            return self.step(Input::Resolve {
                collection: conflict.collection,
                id: conflict.id,
                resolution,
            });
        }
        let rows = self.device.journal();
        if !rows.is_empty() {
            let id = self.dice.one(&rows).id;
            self.step(Input::Undo(id));
        }
    }

    fn act(&mut self) {
        match self.dice.below(16) {
            0..=3 => self.write(false),
            4 => self.write(true),
            5..=6 => self.others(),
            7 => self.verb(),
            8 => {
                let ms = self.dice.below(40_000);
                self.device.advance(ms);
                self.step(Input::Wake);
            }
            9 if self.dice.below(4) == 0 => {
                self.log.push("restart".to_owned());
                self.orders.clear();
                self.device.start();
                let outputs = std::mem::take(&mut self.device.outputs);
                self.take(Ok(outputs));
            }
            10 => self.step(Input::SyncNow),
            _ if !self.orders.is_empty() => {
                let order = self.orders.remove(0);
                self.answer(&order);
            }
            _ => self.step(Input::Wake),
        }
    }

    /// Without trouble everything comes to rest, and both sides show the same.
    fn end(&mut self) {
        self.calm = true;
        for round in 0..400 {
            self.device.advance(20_000);
            if self.orders.is_empty() {
                self.step(Input::Wake);
            } else {
                let order = self.orders.remove(0);
                self.answer(&order);
            }
            let outbox = self.device.outbox();
            for entry in &outbox {
                if matches!(entry.state, EntryState::Parked { .. }) {
                    self.step(Input::Discard(entry.id));
                }
            }
            for conflict in self.device.conflicts() {
                self.step(Input::Resolve {
                    collection: conflict.collection,
                    id: conflict.id,
                    resolution: Resolution::Ours,
                });
            }
            if round > 40 && self.device.outbox().is_empty() && self.device.feed().pass.is_none() {
                break;
            }
        }
        let log = self.log.join("\n");
        assert!(
            self.device.outbox().is_empty(),
            "{:?}\n{log}",
            self.device.outbox()
        );
        for id in IDS {
            let theirs = self
                .server
                .remote(id)
                .image
                .document()
                .map(Document::canonical);
            assert_eq!(self.device.get(id), theirs, "{id}\n{log}");
        }
        assert!(
            self.device
                .journal()
                .iter()
                .all(|row| row.state != JournalState::Decided),
            "{log}"
        );
    }
}

fn tokens(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    parts
        .into_iter()
        .filter(|part| part.starts_with('w') && part.ends_with('w'))
        .map(|part| format!("\"{part}\""))
        .collect()
}

#[test]
fn whatever_happens_the_state_is_sound_and_nothing_is_lost() {
    let rules = [
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::LatestTimestampWins,
        Rule::Merge,
        Rule::Manual,
    ];
    for seed in 0..SEEDS {
        for rule in &rules {
            let mut story = Story::new(rule.clone(), seed);
            for order in std::mem::take(&mut story.device.outputs) {
                story.take(Ok(vec![order]));
            }
            for _ in 0..150 {
                story.act();
            }
            story.end();
        }
    }
}
