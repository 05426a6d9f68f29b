//! A replica whose server is the test.
use tisync_core::Engine;
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Store, Tx};
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

pub fn name<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub fn config() -> Config {
    let (connector, notes): (ConnectorName, CollectionName) = (name("main"), name("notes"));
    let tasks: CollectionName = name("tasks");
    let collection = CollectionConfig {
        connector: Some(connector.clone()),
        capability: Capability::native(),
        schema: Schema::default(),
        policy: Policy::of(Rule::Merge),
    };
    Config {
        node: 7,
        account: Some(name("anna")),
        connectors: BTreeMap::from([(
            connector,
            ConnectorConfig {
                endpoint: Some("http://a".to_owned()),
                moved_from: None,
                feeds: BTreeMap::from([(name("all"), vec![notes.clone(), tasks.clone()])]),
                poll_ms: 30_000,
                live: false,
            },
        )]),
        collections: BTreeMap::from([(notes, collection.clone()), (tasks, collection)]),
        slice_items: None,
        journal: JournalLimits::default(),
    }
}

/// A replica whose server is the test.
pub struct Device<S> {
    pub engine: Engine,
    pub store: S,
    pub drawn: u64,
    pub outputs: Vec<Output>,
}

impl<S: Store> Device<S> {
    pub fn with(store: S) -> Self {
        let mut device = Device {
            engine: Engine::new(),
            store,
            drawn: 0,
            outputs: Vec::new(),
        };
        device.step(Input::Configure(Box::new(config())));
        device.step(Input::LeaseTaken);
        device
    }

    pub fn step(&mut self, input: Input) {
        self.drawn += 1;
        let mut entropy = [0; 32];
        entropy[..8].copy_from_slice(&self.drawn.to_le_bytes());
        let now = Now {
            wall_ms: 1_700_000_000_000 + self.drawn,
            monotonic_ms: self.drawn,
            entropy,
        };
        let outputs = self.engine.step(&mut self.store, now, input).unwrap();
        self.outputs.extend(outputs);
    }

    pub fn order(&mut self) -> Order {
        for _ in 0..9 {
            while let Some(output) = self.outputs.pop() {
                if let Output::Order(order) = output {
                    return order;
                }
            }
            self.step(Input::SyncNow);
            self.step(Input::Wake);
        }
        panic!("an order was expected");
    }

    pub fn answer(&mut self, request: RequestId, reply: Reply) {
        self.step(Input::Answer {
            request,
            from: 0,
            reply,
        });
    }

    pub fn pull(&mut self, items: Vec<Item>) {
        let order = self.order();
        assert!(matches!(order.task, Task::Pull(_)), "{order:?}");
        self.answer_pull(order.request, items);
    }

    pub fn answer_pull(&mut self, request: RequestId, items: Vec<Item>) {
        let epoch = EpochInfo {
            epoch: name("e"),
            history: vec![(name("e"), 0)],
        };
        let page = Page {
            items,
            checkpoint: Some(name("c")),
            end: PageEnd::Complete { total: None },
            left: None,
            epoch: Some(epoch),
            server_time_ms: None,
        };
        self.answer(request, Reply::Pulled(Ok(page)));
    }

    /// Lets the server accept what is pushed next, or never answers.
    pub fn push(&mut self, accept: bool) {
        for _ in 0..9 {
            let order = self.order();
            let items = match order.task {
                Task::Push(items) => items,
                Task::Pull(_) => {
                    self.answer_pull(order.request, Vec::new());
                    continue;
                }
                other => panic!("{other:?} was not expected"),
            };
            if accept {
                let verdicts = items.iter().enumerate().map(|(index, item)| {
                    let verdict = Verdict::Accepted {
                        id: None,
                        schema: None,
                        migrated: false,
                        version: Some(name(&format!("e.9{index}"))),
                        image: None,
                        stamp: None,
                    };
                    (item.id, verdict)
                });
                let verdicts = verdicts.collect();
                self.answer(order.request, Reply::Pushed(Ok(verdicts)));
            }
            return;
        }
        panic!("a push was expected");
    }

    pub fn write(&mut self, collection: &str, id: &str, kind: WriteKind) {
        let writes = vec![Write {
            collection: name(collection),
            id: Some(name(id)),
            kind,
        }];
        self.step(Input::Write {
            writes,
            group: false,
        });
    }

    pub fn put(&mut self, id: &str, text: &str) {
        self.write("notes", id, WriteKind::Put(Document::parse(text).unwrap()));
    }

    pub fn entries(&mut self) -> Vec<Entry> {
        let mut tx = self.store.begin(Durability::Normal).unwrap();
        tx.entries(EntryFilter::All, None, usize::MAX).unwrap()
    }
}

/// What the server has.
pub fn documents() -> Vec<Item> {
    let item = |number| Item::Upsert {
        schema: None,
        migrated: false,
        collection: name("notes"),
        id: name(&format!("n{number}")),
        document: Document::parse(&format!(r#"{{"title":"as it was {number}","n":{number}}}"#))
            .unwrap(),
        version: Some(name(&format!("e.{number}"))),
        stamp: None,
        stamps: None,
    };
    (0..60).map(item).collect()
}
