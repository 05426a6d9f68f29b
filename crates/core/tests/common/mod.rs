//! A device whose server is the test: orders come out, answers go in.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]
use tisync_core::memory::MemoryStore;
use tisync_core::model::*;
use tisync_core::store::{EntryFilter, JournalFilter, Keys, Load, Store, Tx};
use tisync_core::{Engine, Error};
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

pub fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

pub fn name<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// One collection `notes` on a native server, with this policy.
pub fn config(policy: Policy) -> Config {
    let connector: ConnectorName = name("main");
    let notes: CollectionName = name("notes");
    Config {
        node: 7,
        account: None,
        connectors: BTreeMap::from([(
            connector.clone(),
            ConnectorConfig {
                endpoint: None,
                moved_from: None,
                feeds: BTreeMap::from([(name("all"), vec![notes.clone()])]),
                poll_ms: 30_000,
                live: false,
            },
        )]),
        collections: BTreeMap::from([(
            notes,
            CollectionConfig {
                connector: Some(connector),
                capability: Capability::native(),
                schema: Schema::default(),
                policy,
            },
        )]),
        slice_items: None,
        journal: JournalLimits::default(),
    }
}

/// The same, on a backend that does not remember keys.
pub fn forgetful(fetch: bool) -> Config {
    let mut config = config(Policy::of(Rule::ServerWins));
    for collection in config.collections.values_mut() {
        collection.capability.idempotency = Idempotency::None;
        collection.capability.fetch = fetch;
    }
    config
}

pub struct Device {
    pub engine: Engine,
    pub store: MemoryStore,
    pub config: Config,
    pub wall_ms: u64,
    pub monotonic_ms: u64,
    pub outputs: Vec<Output>,
    drawn: u64,
}

impl Device {
    pub fn new(rule: Rule) -> Self {
        Device::with(config(Policy::of(rule)))
    }

    pub fn with(config: Config) -> Self {
        let mut device = Device {
            engine: Engine::new(),
            store: MemoryStore::new(),
            config,
            wall_ms: 1_700_000_000_000,
            monotonic_ms: 0,
            outputs: Vec::new(),
            drawn: 0,
        };
        device.start();
        device
    }

    /// A new process on the same store.
    pub fn start(&mut self) {
        self.engine = Engine::new();
        self.monotonic_ms = 0;
        let config = self.config.clone();
        self.step(Input::Configure(Box::new(config)));
        self.step(Input::LeaseTaken);
    }

    pub fn now(&mut self) -> Now {
        self.drawn += 1;
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&self.drawn.to_le_bytes());
        Now {
            wall_ms: self.wall_ms,
            monotonic_ms: self.monotonic_ms,
            entropy,
        }
    }

    pub fn advance(&mut self, ms: u64) {
        self.wall_ms += ms;
        self.monotonic_ms += ms;
    }

    pub fn try_step(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let now = self.now();
        let outputs = self.engine.step(&mut self.store, now, input)?;
        self.outputs.extend(outputs.clone());
        Ok(outputs)
    }

    pub fn step(&mut self, input: Input) -> Vec<Output> {
        self.try_step(input).unwrap()
    }

    pub fn write(&mut self, id: &str, kind: WriteKind) -> Option<MutationId> {
        let writes = vec![Write {
            collection: name("notes"),
            id: Some(name(id)),
            kind,
        }];
        let outputs = self.step(Input::Write {
            writes,
            group: false,
        });
        written(&outputs)[0].mutation
    }

    pub fn put(&mut self, id: &str, text: &str) -> Option<MutationId> {
        self.write(id, WriteKind::Put(document(text)))
    }

    pub fn delete(&mut self, id: &str) -> Option<MutationId> {
        self.write(id, WriteKind::Delete)
    }

    pub fn group(&mut self, writes: &[(&str, WriteKind)]) -> Vec<Written> {
        let writes = writes
            .iter()
            .map(|(id, kind)| Write {
                collection: name("notes"),
                id: Some(name(id)),
                kind: kind.clone(),
            })
            .collect();
        written(&self.step(Input::Write {
            writes,
            group: true,
        }))
    }

    /// The last order that was handed out and not taken yet.
    pub fn order(&mut self) -> Option<Order> {
        let index = self
            .outputs
            .iter()
            .rposition(|output| matches!(output, Output::Order(_)))?;
        let Output::Order(order) = self.outputs.remove(index) else {
            unreachable!()
        };
        Some(order)
    }

    /// Takes orders until one is a push; pulls on the way find nothing.
    pub fn pushed(&mut self) -> (RequestId, Vec<PushItem>) {
        for _ in 0..10 {
            let Some(order) = self.order() else {
                self.step(Input::Wake);
                continue;
            };
            match order.task {
                Task::Push(items) => return (order.request, items),
                Task::Pull(_) => self.answer_pull(order.request, vec![]),
                Task::Fetch(wanted) => self.answer_unknown(order.request, wanted),
                Task::Probe | Task::Listen(_) => {
                    self.reached(order.request);
                    continue;
                }
                Task::Digest(request) => panic!("nothing was to be compared, but {request:?} came"),
            };
        }
        panic!("a push was expected, but nothing was ordered");
    }

    /// Answers a look-up without evidence either way.
    fn answer_unknown(&mut self, request: RequestId, wanted: Wanted) -> Vec<Output> {
        let Wanted::Ids(ids) = wanted else {
            panic!("a look-up by id was expected, but {wanted:?} came");
        };
        let found = ids
            .into_iter()
            .map(|(collection, id)| (collection, id, Found::Unknown));
        let found = found.collect();
        self.answer(request, Reply::Fetched(Ok(found)))
    }

    pub fn pulled(&mut self) -> RequestId {
        for _ in 0..10 {
            match self.order() {
                Some(Order {
                    request,
                    task: Task::Pull(_),
                    ..
                }) => return request,
                Some(Order {
                    request,
                    task: Task::Push(_),
                    ..
                }) => {
                    let offline = failure(FailureKind::Offline, true);
                    self.answer(request, Reply::Pushed(Err(offline)));
                }
                Some(Order {
                    request,
                    task: Task::Probe,
                    ..
                }) => self.reached(request),
                Some(order) => panic!("a pull was expected, but {order:?} came"),
                None => self.advance(30_000),
            }
            self.step(Input::Wake);
        }
        panic!("a pull was expected, but nothing was ordered");
    }

    pub fn answer(&mut self, request: RequestId, reply: Reply) -> Vec<Output> {
        self.step(Input::Answer {
            request,
            from: 0,
            reply,
        })
    }

    /// Lets a probe through.
    pub fn reached(&mut self, request: RequestId) {
        self.answer(request, Reply::Probed(Ok(())));
    }

    pub fn answer_pull(&mut self, request: RequestId, items: Vec<Item>) -> Vec<Output> {
        self.answer(request, Reply::Pulled(Ok(page(items, "e", &[("e", 0)]))))
    }

    /// Lets the server accept everything that is pushed, with versions from `e.<from>` on.
    pub fn accept(&mut self, from: u64) -> Vec<PushItem> {
        let (request, items) = self.pushed();
        let verdicts = items
            .iter()
            .enumerate()
            .map(|(index, item)| (item.id, accepted(&format!("e.{}", from + index as u64))))
            .collect();
        self.answer(request, Reply::Pushed(Ok(verdicts)));
        items
    }

    /// Pulls these items as the next page.
    pub fn pull(&mut self, items: Vec<Item>) {
        let request = self.pulled();
        self.answer_pull(request, items);
    }

    pub fn get(&mut self, id: &str) -> Option<String> {
        self.record(id)
            .and_then(|record| record.document)
            .map(|document| document.canonical())
    }

    pub fn record(&mut self, id: &str) -> Option<Record> {
        let mut tx = self
            .store
            .begin(tisync_core::store::Durability::Normal)
            .unwrap();
        let loaded = tx
            .load(&name("notes"), Keys::Ids(&[name(id)]), Load::Whole)
            .unwrap();
        loaded
            .into_iter()
            .next()
            .flatten()
            .map(|(record, _)| record)
    }

    pub fn outbox(&mut self) -> Vec<Entry> {
        let mut tx = self
            .store
            .begin(tisync_core::store::Durability::Normal)
            .unwrap();
        tx.entries(EntryFilter::All, None, usize::MAX).unwrap()
    }

    pub fn journal(&mut self) -> Vec<JournalRow> {
        let mut tx = self
            .store
            .begin(tisync_core::store::Durability::Normal)
            .unwrap();
        tx.journal(JournalFilter::All, None, usize::MAX).unwrap()
    }

    pub fn conflicts(&mut self) -> Vec<Conflict> {
        let mut tx = self
            .store
            .begin(tisync_core::store::Durability::Normal)
            .unwrap();
        tx.conflicts(None, usize::MAX).unwrap()
    }

    pub fn feed(&mut self) -> FeedState {
        let mut tx = self
            .store
            .begin(tisync_core::store::Durability::Normal)
            .unwrap();
        tx.feed(&feed_key()).unwrap().unwrap()
    }

    pub fn health(&mut self) -> Health {
        let now = self.now();
        self.engine.health(&mut self.store, now).unwrap()
    }
}

/// The one feed of a device.
pub fn feed_key() -> FeedKey {
    FeedKey {
        connector: name("main"),
        feed: name("all"),
    }
}

pub fn written(outputs: &[Output]) -> Vec<Written> {
    outputs
        .iter()
        .find_map(|output| match output {
            Output::Written(written) => Some(written.clone()),
            _ => None,
        })
        .unwrap()
}

pub fn accepted(version: &str) -> Verdict {
    Verdict::Accepted {
        id: None,
        version: Some(name(version)),
        image: None,
        stamp: None,
        schema: None,
        migrated: false,
    }
}

pub fn remote(version: &str, text: Option<&str>) -> Remote {
    Remote {
        out_of_scope: false,
        image: text.map_or(Image::Gone, |text| Image::Present(document(text))),
        version: Some(name(version)),
        stamp: Some(Stamp::at(1_600_000_000_000)),
        stamps: None,
        schema: None,
        migrated: false,
    }
}

pub fn upsert(id: &str, version: &str, text: &str) -> Item {
    Item::Upsert {
        collection: name("notes"),
        id: name(id),
        document: document(text),
        version: Some(name(version)),
        stamp: Some(Stamp::at(1_600_000_000_000)),
        stamps: None,
        schema: None,
        migrated: false,
    }
}

pub fn tombstone(id: &str, version: &str) -> Item {
    Item::Tombstone {
        collection: name("notes"),
        id: name(id),
        version: Some(name(version)),
        stamp: None,
    }
}

pub fn page(items: Vec<Item>, epoch: &str, history: &[(&str, u64)]) -> Page {
    Page {
        items,
        checkpoint: Some(name("c")),
        end: PageEnd::Complete { total: None },
        left: None,
        epoch: Some(EpochInfo {
            epoch: name(epoch),
            history: history
                .iter()
                .map(|(epoch, start)| (name(epoch), *start))
                .collect(),
        }),
        server_time_ms: None,
    }
}

pub fn failure(kind: FailureKind, not_sent: bool) -> Failure {
    Failure::new(kind, not_sent, "the test says so")
}
