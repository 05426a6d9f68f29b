//! A server that answers digests, and what happens to a device behind the engine's back.
use crate::common::*;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::*;
use tisync_core::store::{Durability, Keys, Load, Op, Store, Tx};
use tisync_json::Document;

pub(crate) const DAY_MS: u64 = 24 * 3_600_000;

/// A server that answers everything, and notes what it was asked.
#[derive(Default)]
pub(crate) struct Backend {
    pub(crate) records: BTreeMap<String, (u64, String)>,
    pub(crate) last: u64,
    /// Answers digests from a place that the device has not come to, so often.
    pub(crate) ahead: usize,
    pub(crate) digests: Vec<DigestRequest>,
    pub(crate) fetched: BTreeSet<String>,
    pub(crate) pulls: usize,
    pub(crate) pushed: usize,
    /// What it shows is of schema 0, and this brings it to schema 1.
    pub(crate) forward: Option<fn(&Document) -> Document>,
}

impl Backend {
    pub(crate) fn with(count: u64) -> Self {
        let mut backend = Backend::default();
        for number in 1..=count {
            backend.put(&format!("n{number:05}"), &format!(r#"{{"n":{number}}}"#));
        }
        backend
    }

    pub(crate) fn put(&mut self, id: &str, text: &str) {
        self.last += 1;
        self.records
            .insert(id.to_owned(), (self.last, text.to_owned()));
    }

    pub(crate) fn place(&self) -> Checkpoint {
        name(&format!("e.{}", self.last))
    }

    pub(crate) fn digest(&mut self, request: &DigestRequest) -> DigestAnswer {
        self.digests.push(request.clone());
        if self.ahead > 0 || request.at != self.place() {
            self.ahead = self.ahead.saturating_sub(1);
            return DigestAnswer {
                at: name("e.9999999"),
                digests: Vec::new(),
            };
        }
        let digests = request.ranges.iter().map(|range| {
            let inside = |id: &str| {
                range.after.as_ref().is_none_or(|after| id > after.as_str())
                    && range
                        .until
                        .as_ref()
                        .is_none_or(|until| id <= until.as_str())
            };
            let listed: Vec<Listed> = self
                .records
                .iter()
                .filter(|(id, _)| inside(id))
                .map(|(id, (version, text))| {
                    let (id, version) = (name(id), name(&format!("e.{version}")));
                    let document = document(text);
                    let contents = request.contents.then_some(&document);
                    let term = term(&id, Some(&version), contents);
                    let version = Some(version);
                    Listed { id, version, term }
                })
                .collect();
            let mut tally = Tally::default();
            listed.iter().for_each(|row| tally.add(row.term));
            Digest {
                tally,
                records: request
                    .list_max
                    .filter(|max| listed.len() <= *max)
                    .map(|_| listed),
            }
        });
        DigestAnswer {
            at: request.at.clone(),
            digests: digests.collect(),
        }
    }

    pub(crate) fn page(&mut self, request: &PullRequest) -> Page {
        self.pulls += 1;
        let after = match &request.checkpoint {
            Some(place) => place.as_str()[2..].parse().unwrap(),
            None => 0,
        };
        let mut rows: Vec<_> = self
            .records
            .iter()
            .filter(|(_, (version, _))| *version > after)
            .collect();
        rows.sort_by_key(|(_, (version, _))| *version);
        let items = rows.iter().map(|(id, (version, text))| {
            let mut item = upsert(id, &format!("e.{version}"), text);
            if let Item::Upsert { schema, .. } = &mut item {
                *schema = self.schema();
            }
            item
        });
        Page {
            checkpoint: Some(self.place()),
            ..page(items.collect(), "e", &[("e", 0)])
        }
    }

    /// The number of what it shows, where it tells.
    fn schema(&self) -> Option<u32> {
        self.forward.map(|_| 0)
    }

    pub(crate) fn found(&mut self, ids: Vec<(CollectionName, RecordId)>) -> Vec<FoundRecord> {
        let found = ids.into_iter().map(|(collection, id)| {
            self.fetched.insert(id.to_string());
            let remote = match self.records.get(id.as_str()) {
                Some((version, text)) => Remote {
                    schema: self.schema(),
                    ..remote(&format!("e.{version}"), Some(text))
                },
                None => Remote {
                    version: None,
                    ..remote("e.0", None)
                },
            };
            (collection, id, Found::Image(remote))
        });
        found.collect()
    }

    pub(crate) fn accept(&mut self, items: &[PushItem]) -> Vec<(MutationId, Verdict)> {
        self.pushed += items.len();
        let verdicts = items.iter().map(|item| {
            let now = self.records.get(item.record.as_str());
            let at = now.map(|(version, _)| format!("e.{version}"));
            let fits = match &item.precondition {
                Precondition::Version(version) => at.as_deref() == Some(version.as_str()),
                Precondition::Absent => at.is_none(),
                Precondition::None => true,
            };
            if !fits {
                let remote = now.map_or(remote("e.0", None), |(version, text)| {
                    remote(&format!("e.{version}"), Some(text))
                });
                return (
                    item.id,
                    Verdict::Conflict {
                        remote: Some(remote),
                    },
                );
            }
            self.last += 1;
            match &item.document {
                Some(document) => {
                    let text = document.text().to_owned();
                    self.records
                        .insert(item.record.to_string(), (self.last, text));
                }
                None => {
                    self.records.remove(item.record.as_str());
                }
            }
            (item.id, accepted(&format!("e.{}", self.last)))
        });
        verdicts.collect()
    }

    /// What it answers, as the device's driver gives it to the engine.
    pub(crate) fn reply(&mut self, task: Task) -> Reply {
        let mut reply = self.answer(task.clone());
        if let Some(forward) = self.forward {
            let mut config = config(Policy::of(Rule::Merge));
            for settings in config.collections.values_mut() {
                settings.schema.number = 1;
            }
            reply.migrate(&config, &task, &mut |_, _, _, document| {
                Ok(forward(document))
            });
        }
        reply
    }

    fn answer(&mut self, task: Task) -> Reply {
        match task {
            Task::Pull(request) => Reply::Pulled(Ok(self.page(&request))),
            Task::Push(items) => Reply::Pushed(Ok(self.accept(&items).into())),
            Task::Fetch(Wanted::Ids(ids)) => Reply::Fetched(Ok(self.found(ids).into())),
            Task::Fetch(Wanted::Marks(_)) => Reply::Fetched(Ok(Vec::new().into())),
            Task::Digest(request) => Reply::Digested(Ok(self.digest(&request))),
            Task::Probe => Reply::Probed(Ok(())),
            Task::Listen(_) => Reply::Listened(Ok(())),
        }
    }
}

/// Lets device and server exchange until nothing is due now.
pub(crate) fn settle(device: &mut Device, backend: &mut Backend) {
    for _ in 0..2_000 {
        if let Some(order) = device.order() {
            let reply = backend.reply(order.task);
            let mut outputs = device.answer(order.request, reply.clone());
            while let Some((request, from)) = outputs.iter().find_map(|output| match output {
                Output::Continue { request, from } => Some((*request, *from)),
                _ => None,
            }) {
                let reply = reply.clone();
                outputs = device.step(Input::Answer {
                    request,
                    from,
                    reply,
                });
            }
            continue;
        }
        let wake = device.outputs.iter().rev().find_map(|output| match output {
            Output::WakeAt { monotonic_ms } => Some(*monotonic_ms),
            _ => None,
        });
        if wake.flatten().is_none_or(|at| at > device.monotonic_ms) {
            return;
        }
        device.step(Input::Wake);
    }
    panic!("it goes round in circles: {:?}", device.feed());
}

pub(crate) fn device(slice_items: Option<usize>, backend: &mut Backend) -> Device {
    let mut device = Device::with(Config {
        slice_items,
        ..config(Policy::of(Rule::Merge))
    });
    settle(&mut device, backend);
    device
}

pub(crate) fn verify(device: &mut Device, backend: &mut Backend, contents: bool) -> Verified {
    let feed = feed_key();
    device.step(Input::Verify { feed, contents });
    device.step(Input::Wake);
    settle(device, backend);
    verified(device)
}

pub(crate) fn verified(device: &mut Device) -> Verified {
    device.health().feeds[0].verified.unwrap_or_default()
}

/// Changes the store behind the engine's back.
pub(crate) fn tamper(device: &mut Device, changes: Vec<Op>) {
    let tx = device.store.begin(Durability::Full).unwrap();
    tx.commit(changes).unwrap();
}

pub(crate) fn stored(device: &mut Device, id: &str) -> Record {
    device.record(id).unwrap()
}

pub(crate) fn lose(device: &mut Device, id: &str) {
    let rid = stored(device, id).rid;
    let collection = name("notes");
    tamper(device, vec![Op::Remove { collection, rid }]);
}

pub(crate) fn set_back(device: &mut Device, id: &str, version: &str, text: &str) {
    let record = Record {
        version: Some(name(version)),
        document: Some(document(text)),
        ..stored(device, id)
    };
    let collection = name("notes");
    tamper(device, vec![Op::Update { collection, record }]);
}

pub(crate) fn add(device: &mut Device, id: &str, text: &str) {
    let rid = {
        let mut tx = device.store.begin(Durability::Normal).unwrap();
        tx.next_rid(&name("notes")).unwrap()
    };
    let record = Record {
        rid,
        id: name(id),
        version: Some(name("e.1")),
        state: RecordState::Clean,
        document: Some(document(text)),
        stamp: None,
        schema: 0,
        migrated: false,
    };
    let collection = name("notes");
    tamper(device, vec![Op::Insert { collection, record }]);
}

pub(crate) fn same(device: &mut Device, backend: &Backend) {
    let ids: Vec<RecordId> = backend.records.keys().map(|id| name(id)).collect();
    let mut tx = device.store.begin(Durability::Normal).unwrap();
    let rows = tx
        .load(&name("notes"), Keys::Ids(&ids), Load::Whole)
        .unwrap();
    for (row, (id, (version, text))) in rows.into_iter().zip(&backend.records) {
        let (record, _) = row.unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(record.document.unwrap().text(), text, "{id}");
        assert_eq!(
            record.version.unwrap().as_str(),
            format!("e.{version}"),
            "{id}"
        );
    }
    assert_eq!(tx.count(&name("notes"), None).unwrap().0, ids.len() as u64);
}
