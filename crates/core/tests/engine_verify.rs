//! Verification: what differs from the server although nothing explains it is found and mended.
#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::*;
use tisync_core::store::{Durability, Keys, Load, Op, Store, Tx};

const DAY_MS: u64 = 24 * 3_600_000;

/// A server that answers everything, and notes what it was asked.
#[derive(Default)]
struct Backend {
    records: BTreeMap<String, (u64, String)>,
    last: u64,
    /// Answers digests from a place that the device has not come to, so often.
    ahead: usize,
    digests: Vec<DigestRequest>,
    fetched: BTreeSet<String>,
    pulls: usize,
    pushed: usize,
}

impl Backend {
    fn with(count: u64) -> Self {
        let mut backend = Backend::default();
        for number in 1..=count {
            backend.put(&format!("n{number:05}"), &format!(r#"{{"n":{number}}}"#));
        }
        backend
    }

    fn put(&mut self, id: &str, text: &str) {
        self.last += 1;
        self.records
            .insert(id.to_owned(), (self.last, text.to_owned()));
    }

    fn place(&self) -> Checkpoint {
        name(&format!("e.{}", self.last))
    }

    fn digest(&mut self, request: &DigestRequest) -> DigestAnswer {
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
                    Listed { id, term }
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

    fn page(&mut self, request: &PullRequest) -> Page {
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
        let items = rows
            .iter()
            .map(|(id, (version, text))| upsert(id, &format!("e.{version}"), text));
        Page {
            checkpoint: Some(self.place()),
            ..page(items.collect(), "e", &[("e", 0)])
        }
    }

    fn found(&mut self, ids: Vec<(CollectionName, RecordId)>) -> Vec<FoundRecord> {
        let found = ids.into_iter().map(|(collection, id)| {
            self.fetched.insert(id.to_string());
            let remote = match self.records.get(id.as_str()) {
                Some((version, text)) => remote(&format!("e.{version}"), Some(text)),
                None => Remote {
                    version: None,
                    ..remote("e.0", None)
                },
            };
            (collection, id, Found::Image(remote))
        });
        found.collect()
    }

    fn accept(&mut self, items: &[PushItem]) -> Vec<(MutationId, Verdict)> {
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

    fn reply(&mut self, task: Task) -> Reply {
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
fn settle(device: &mut Device, backend: &mut Backend) {
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

fn device(slice_items: Option<usize>, backend: &mut Backend) -> Device {
    let mut device = Device::with(Config {
        slice_items,
        ..config(Policy::of(Rule::Merge))
    });
    settle(&mut device, backend);
    device
}

fn verify(device: &mut Device, backend: &mut Backend, contents: bool) -> Verified {
    let feed = feed_key();
    device.step(Input::Verify { feed, contents });
    device.step(Input::Wake);
    settle(device, backend);
    verified(device)
}

fn verified(device: &mut Device) -> Verified {
    device.health().feeds[0].verified.unwrap_or_default()
}

fn feed_key() -> FeedKey {
    FeedKey {
        connector: name("main"),
        feed: name("all"),
    }
}

/// Changes the store behind the engine's back.
fn tamper(device: &mut Device, changes: Vec<Op>) {
    let tx = device.store.begin(Durability::Full).unwrap();
    tx.commit(changes).unwrap();
}

fn stored(device: &mut Device, id: &str) -> Record {
    device.record(id).unwrap()
}

fn lose(device: &mut Device, id: &str) {
    let rid = stored(device, id).rid;
    let collection = name("notes");
    tamper(device, vec![Op::Remove { collection, rid }]);
}

fn set_back(device: &mut Device, id: &str, version: &str, text: &str) {
    let record = Record {
        version: Some(name(version)),
        document: Some(document(text)),
        ..stored(device, id)
    };
    let collection = name("notes");
    tamper(device, vec![Op::Update { collection, record }]);
}

fn add(device: &mut Device, id: &str, text: &str) {
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
    };
    let collection = name("notes");
    tamper(device, vec![Op::Insert { collection, record }]);
}

fn same(device: &mut Device, backend: &Backend) {
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

#[test]
fn once_a_day_what_is_here_is_compared() {
    let mut backend = Backend::with(20);
    let mut device = device(None, &mut backend);
    assert_eq!(backend.digests.len(), 0, "everything was pulled just now");
    device.advance(DAY_MS - 1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 0);
    device.advance(1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    // One question about the whole collection, and all is said.
    assert_eq!(backend.digests.len(), 1);
    let request = &backend.digests[0];
    assert_eq!(request.ranges, [IdRange::whole(name("notes"))]);
    assert_eq!((request.list_max, request.contents), (None, false));
    assert_eq!(backend.fetched.len(), 0);
    let last = Findings {
        ended_ms: device.wall_ms,
        mended: 0,
        left: 0,
    };
    let expected = Verified {
        at_ms: Some(device.wall_ms),
        comparing: false,
        last: Some(last),
    };
    assert_eq!(verified(&mut device), expected);
    // Also after a restart the next one is a day away.
    device.advance(DAY_MS / 2);
    device.start();
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 1);
    device.advance(DAY_MS / 2);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 2);
}

#[test]
fn drift_is_found_mended_and_told() {
    for slice_items in [None, Some(1), Some(7)] {
        let mut backend = Backend::with(40);
        backend.put("n00003", r#"{"n":"new"}"#);
        let mut device = device(slice_items, &mut backend);
        lose(&mut device, "n00007");
        set_back(&mut device, "n00003", "e.3", r#"{"n":3}"#);
        add(&mut device, "zzz", r#"{"n":"phantom"}"#);
        device.outputs.clear();
        let told = verify(&mut device, &mut backend, false);
        assert_eq!(told.last.unwrap().mended, 3, "{slice_items:?}");
        assert_eq!(told.at_ms, Some(device.wall_ms));
        same(&mut device, &backend);
        // Only what differs was fetched.
        let fetched: Vec<&str> = backend.fetched.iter().map(String::as_str).collect();
        assert_eq!(fetched, ["n00003", "n00007", "zzz"], "{slice_items:?}");
        let ids: BTreeSet<String> = device
            .outputs
            .iter()
            .flat_map(|output| match output {
                Output::Event(Event::Mended { ids, .. }) => ids.clone(),
                _ => Vec::new(),
            })
            .map(|id| id.to_string())
            .collect();
        assert_eq!(ids.len(), 3, "{ids:?}");
        // What could be seen here and is gone is kept.
        let kept: Vec<_> = device
            .journal()
            .into_iter()
            .map(|row| {
                (
                    row.record.to_string(),
                    row.situation,
                    row.ours.document().cloned(),
                    row.loser,
                )
            })
            .collect();
        let drift = |id: &str, text: &str| {
            (
                id.to_owned(),
                "drift".to_owned(),
                Some(document(text)),
                Loser::Ours,
            )
        };
        let mut expected = vec![
            drift("n00003", r#"{"n":3}"#),
            drift("zzz", r#"{"n":"phantom"}"#),
        ];
        let mut kept = kept;
        kept.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(kept, expected);
    }
}

#[test]
fn a_large_collection_is_narrowed_down_step_by_step() {
    let mut backend = Backend::with(12_000);
    let mut device = device(None, &mut backend);
    lose(&mut device, "n06001");
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 1);
    same(&mut device, &backend);
    assert_eq!(backend.pulls, pulls);
    let asked: Vec<_> = backend
        .digests
        .iter()
        .map(|request| (request.ranges.len(), request.list_max.is_some()))
        .collect();
    // The whole; three counted ranges; parts of the one that differs; the records of one part; once more, mended.
    assert_eq!(
        asked,
        [(1, false), (3, false), (16, false), (1, true), (1, true)]
    );
    let part = &backend.digests[3].ranges[0];
    let width = part.until.as_ref().unwrap().as_str()[1..]
        .parse::<u64>()
        .unwrap()
        - part.after.as_ref().unwrap().as_str()[1..]
            .parse::<u64>()
            .unwrap();
    assert!(width <= 314, "{part:?}");
}

#[test]
fn pending_writes_are_no_drift_and_outlive_its_mending() {
    let mut backend = Backend::with(9);
    backend.put("n00003", r#"{"a":1,"n":"new"}"#);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00003", "e.3", r#"{"n":3}"#);
    // Nothing can be sent; the comparison is made all the same.
    let offline = |device: &mut Device| {
        let next = Some(Deadline {
            generation: Generation(1),
            set_monotonic_ms: device.monotonic_ms,
            set_wall_ms: device.wall_ms,
            wait_ms: 3_600_000,
        });
        let state = ConnectorState {
            next,
            ..ConnectorState::default()
        };
        let name = name("main");
        tamper(
            device,
            vec![Op::Connector {
                name,
                state: Box::new(state),
            }],
        );
    };
    offline(&mut device);
    device.write("n00003", patch("/mine", "1"));
    device.write("n00004", patch("/mine", "1"));
    device.delete("n00005");
    device.put("fresh", "{}");
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 1);
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["n00003"]);
    assert_eq!(backend.pushed, 0);
    assert_eq!(
        device.get("n00003").unwrap(),
        r#"{"a":1,"mine":1,"n":"new"}"#
    );
    assert_eq!(device.outbox().len(), 4);
    device.advance(3_600_000);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.records["n00003"].1, r#"{"a":1,"mine":1,"n":"new"}"#);
    assert_eq!(device.outbox().len(), 0);
}

fn patch(path: &str, json: &str) -> WriteKind {
    let mut patch = tisync_json::Patch::default();
    let path = tisync_json::Path::parse(path).unwrap();
    let value = document(&format!(r#"{{"v":{json}}}"#))
        .object()
        .remove("v")
        .unwrap();
    patch.set.insert(path, value);
    WriteKind::Patch(patch)
}

#[test]
fn a_feed_that_has_moved_on_is_pulled_first() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    backend.put("n00002", r#"{"n":"newer"}"#);
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(
        told.last.unwrap().mended,
        0,
        "no drift: it had not been pulled yet"
    );
    assert_eq!((backend.pulls, backend.digests.len()), (pulls + 1, 2));
    same(&mut device, &backend);
    // A server that never rests is left alone for an hour.
    backend.ahead = 1_000;
    let told = verify(&mut device, &mut backend, false);
    assert!(told.comparing);
    assert_eq!(backend.digests.len(), 12);
    backend.ahead = 0;
    device.advance(3_599_999);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 12);
    device.advance(1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert!(!verified(&mut device).comparing);
}

#[test]
fn a_document_that_changed_under_its_version_is_found_when_asked_for() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00002", "e.2", r#"{"n":22}"#);
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 0);
    assert_eq!(device.get("n00002").unwrap(), r#"{"n":22}"#);
    let told = verify(&mut device, &mut backend, true);
    assert_eq!(told.last.unwrap().mended, 1);
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["n00002"]);
    same(&mut device, &backend);
}

#[test]
fn what_cannot_be_mended_is_told() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    lose(&mut device, "n00002");
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    for _ in 0..200 {
        let Some(order) = device.order() else {
            if !verified(&mut device).comparing {
                break;
            }
            device.step(Input::Wake);
            continue;
        };
        let reply = match order.task {
            // It does not say what it has.
            Task::Fetch(Wanted::Ids(ids)) => {
                let unknown = ids
                    .into_iter()
                    .map(|(collection, id)| (collection, id, Found::Unknown));
                Reply::Fetched(Ok(unknown.collect::<Vec<_>>().into()))
            }
            task => backend.reply(task),
        };
        device.answer(order.request, reply);
    }
    let told = verified(&mut device);
    assert_eq!(told.last.unwrap().left, 1);
    assert_eq!(told.at_ms, None);
    // The others are as they were, and the next day it is looked for again.
    device.advance(DAY_MS);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(verified(&mut device).last.unwrap().mended, 1);
    same(&mut device, &backend);
}

#[test]
fn a_device_that_has_lost_nearly_everything_pulls_anew() {
    let mut backend = Backend::with(3_000);
    let mut device = device(None, &mut backend);
    for number in 2..=2_999 {
        lose(&mut device, &format!("n{number:05}"));
    }
    add(&mut device, "phantom", "{}");
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(backend.pulls, pulls + 1);
    assert_eq!(told.last.unwrap().left, 0);
    assert!(told.at_ms.is_some());
    // The one that is too many was found by the walk, and looked up before it went.
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["phantom"]);
    same(&mut device, &backend);
}

#[test]
fn a_record_that_has_moved_on_is_left_alone() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00005", "e.4", "{}");
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    let (request, ids) = loop {
        let Some(order) = device.order() else {
            device.step(Input::Wake);
            continue;
        };
        match order.task {
            Task::Fetch(Wanted::Ids(ids)) => break (order.request, ids),
            task => device.answer(order.request, backend.reply(task)),
        };
    };
    let old = backend.found(ids);
    // Meanwhile a newer one comes, by an answer that was late.
    set_back(&mut device, "n00005", "e.7", r#"{"n":"newest"}"#);
    device.answer(request, Reply::Fetched(Ok(old.into())));
    assert_eq!(device.get("n00005").unwrap(), r#"{"n":"newest"}"#);
}

#[test]
fn trouble_with_digests_holds_nothing_else_up() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    device.step(Input::Wake);
    let order = device.order().unwrap();
    assert!(matches!(order.task, Task::Digest(_)), "{order:?}");
    let retry = failure(FailureKind::Retry { after_ms: None }, false);
    device.answer(order.request, Reply::Digested(Err(retry)));
    device.write("n00001", patch("/mine", "1"));
    settle(&mut device, &mut backend);
    assert_eq!(backend.pushed, 1);
    assert!(verified(&mut device).comparing);
    device.advance(2_000);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert!(!verified(&mut device).comparing);
}

#[test]
fn a_backend_without_digests_is_never_asked() {
    let mut without = config(Policy::of(Rule::Merge));
    let notes = without.collections.get_mut(&name("notes")).unwrap();
    notes.capability.digests = false;
    let mut backend = Backend::with(5);
    let mut device = Device::with(without);
    settle(&mut device, &mut backend);
    device.advance(3 * DAY_MS);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 0);
    let asked = Input::Verify {
        feed: feed_key(),
        contents: false,
    };
    let error = device.try_step(asked).unwrap_err();
    assert!(error.message.contains("resync"), "{error}");
}
