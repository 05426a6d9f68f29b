//! Random requests: every store gives the same answers, and they keep the promises of the protocol.
use crate::harness::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tisync_server::{MemoryServerStore, ServerStore, SqliteServerStore, service};

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<Write>),
    /// The n-th push once more.
    Repeat(usize),
    Pull {
        limit: u64,
    },
    Prune,
    NewEpoch,
    Wait(u64),
}

#[derive(Clone, Debug)]
struct Write {
    record: u8,
    notes: bool,
    /// 0: absent, 1: none, 2: the version seen last, 3: one before it.
    base: u8,
    change: u8,
    group: Option<u8>,
    value: u8,
}

fn write() -> impl Strategy<Value = Write> {
    let group = prop_oneof![3 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    (0..5_u8, any::<bool>(), 0..4_u8, 0..5_u8, group, any::<u8>()).prop_map(
        |(record, notes, base, change, group, value)| Write {
            record,
            notes,
            base,
            change,
            group,
            value,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(write(), 1..5).prop_map(Step::Push),
        2 => any::<prop::sample::Index>().prop_map(|index| Step::Repeat(index.index(64))),
        4 => (0..4_u64).prop_map(|limit| Step::Pull { limit }),
        1 => Just(Step::Prune),
        1 => Just(Step::NewEpoch),
        2 => (0..3000_u64).prop_map(Step::Wait),
    ]
}

/// A client that follows the feed, and the requests that it sent.
struct Client<S> {
    server: Pair<S>,
    next: u64,
    pushed: Vec<Value>,
    checkpoint: Option<String>,
    /// collection/id → version and document.
    replica: BTreeMap<String, (Value, Value)>,
    /// collection/id → versions, the latest last.
    seen: BTreeMap<String, Vec<String>>,
    trace: Vec<Value>,
}

impl<S: ServerStore> Client<S> {
    fn new(store: S) -> Self {
        let mut server = Pair::over(store);
        server.config.receipts_kept_ms = 4000;
        server.config.tombstones_kept_ms = 4000;
        Client {
            server,
            next: 0,
            pushed: Vec::new(),
            checkpoint: None,
            replica: BTreeMap::new(),
            seen: BTreeMap::new(),
            trace: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Push(writes) => {
                let mutations: Vec<Value> =
                    writes.iter().map(|write| self.mutation(write)).collect();
                let request = json!({ "mutations": mutations });
                self.pushed.push(request.clone());
                self.push(&request);
            }
            Step::Repeat(index) => {
                if let Some(request) = self.pushed.get(*index).cloned() {
                    self.push(&request);
                }
            }
            Step::Pull { limit } => self.pull(*limit),
            Step::Prune => {
                let pruned = self
                    .server
                    .change(|tx, now, config| service::prune(tx, now, config).unwrap());
                self.trace.push(json!([pruned.receipts, pruned.horizon]));
            }
            Step::NewEpoch => {
                self.server.now.entropy[0] = self.server.now.entropy[0].wrapping_add(1);
                self.server
                    .change(|tx, now, _| service::new_epoch(tx, now).unwrap());
            }
            Step::Wait(ms) => self.server.now.wall_ms += ms,
        }
        self.check_digests();
    }

    fn mutation(&mut self, write: &Write) -> Value {
        self.next += 1;
        let (collection, record) = (
            if write.notes { "notes" } else { "todos" },
            format!("r{}", write.record),
        );
        let seen = self
            .seen
            .get(&format!("{collection}/{record}"))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let back = usize::from(write.base == 3);
        let base = match (write.base, seen.iter().rev().nth(back)) {
            (2 | 3, Some(version)) => json!({ "version": version }),
            (1, _) => json!("none"),
            _ => json!("absent"),
        };
        let document = json!({"v": write.value, "by": self.next});
        let change = match write.change {
            0 => json!({ "create": document }),
            1 => json!({ "replace": document }),
            2 => json!({"patch": {"set": {"/v": write.value}, "unset": ["/gone"]}}),
            3 => json!({"patch": {"set": {"/p": write.value}, "doc": document}}),
            _ => json!("delete"),
        };
        let mut mutation = json!({"id": id(self.next), "collection": collection, "record": record, "base": base, "change": change});
        if let Some(group) = write.group {
            mutation["group"] = format!("g{group}").into();
        }
        mutation
    }

    fn push(&mut self, request: &Value) {
        let answer = self.server.ok("/v1/push", request.clone());
        for (mutation, result) in request["mutations"]
            .as_array()
            .unwrap()
            .iter()
            .zip(answer["results"].as_array().unwrap())
        {
            let text = |name: &str| mutation[name].as_str().unwrap().to_owned();
            if let Some(version) = result["verdict"]["accepted"]["version"].as_str() {
                let seen = self
                    .seen
                    .entry(format!("{}/{}", text("collection"), text("record")))
                    .or_default();
                if !seen.iter().any(|known| known == version) {
                    seen.push(version.to_owned());
                }
            }
        }
        self.check_groups(request, &answer);
        self.trace.push(answer);
    }

    /// A group is accepted at one version, or none of it is.
    fn check_groups(&self, request: &Value, answer: &Value) {
        let mut verdicts: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for (mutation, result) in request["mutations"]
            .as_array()
            .unwrap()
            .iter()
            .zip(answer["results"].as_array().unwrap())
        {
            if let Some(group) = mutation["group"].as_str() {
                verdicts
                    .entry(group)
                    .or_default()
                    .push(&result["verdict"]["accepted"]["version"]);
            }
        }
        for (group, versions) in verdicts {
            assert!(
                versions.windows(2).all(|pair| pair[0] == pair[1]),
                "{group}: {answer}"
            );
        }
    }

    /// Follows the feed to its end; then the replica is what the server holds.
    fn pull(&mut self, limit: u64) {
        let request = json!({"collections": ["todos", "notes"], "checkpoint": self.checkpoint});
        if self.server.call("/v1/pull", &request).0 == 410 {
            self.checkpoint = None;
            self.replica.clear();
        }
        let pages = match &self.checkpoint {
            None if limit.is_multiple_of(2) => self.server.snapshot(limit),
            checkpoint => self.server.pull_all(checkpoint.as_deref(), limit),
        };
        for page in &pages {
            for item in page["items"].as_array().unwrap() {
                let name = format!(
                    "{}/{}",
                    item["collection"].as_str().unwrap(),
                    item["id"].as_str().unwrap()
                );
                if item["deleted"] == true {
                    self.replica.remove(&name);
                } else {
                    self.replica
                        .insert(name, (item["version"].clone(), item["doc"].clone()));
                }
            }
        }
        let last = pages.last().unwrap();
        if !last["total"].is_null() {
            assert_eq!(
                last["total"],
                self.replica.len(),
                "a first walk brings as many records as it counts"
            );
        }
        self.checkpoint = last["checkpoint"].as_str().map(str::to_owned);
        self.trace.extend(pages);
        self.check_replica();
    }

    fn check_replica(&mut self) {
        for collection in ["todos", "notes"] {
            for record in 0..5 {
                let wanted =
                    json!({"wanted": [{"collection": collection, "id": format!("r{record}")}]});
                let answer = self.server.ok("/v1/fetch", wanted);
                let held = &answer["found"][0]["found"]["present"];
                let ours = self.replica.get(&format!("{collection}/r{record}"));
                let (version, document) = ours.cloned().unwrap_or_default();
                assert_eq!(
                    (&held["version"], &held["doc"]),
                    (&version, &document),
                    "{collection}/r{record}"
                );
            }
        }
    }

    /// The digest that is kept is the one that is counted.
    fn check_digests(&mut self) {
        let ranges =
            json!([{"collection": "todos", "after": ""}, {"collection": "notes", "after": ""}]);
        let answer = self.server.ok(
            "/v1/digest",
            json!({"collections": ["todos", "notes"], "ranges": ranges}),
        );
        for (kept, counted) in [(0, 2), (1, 3)] {
            let of = |index: usize| {
                (
                    &answer["digests"][index]["count"],
                    &answer["digests"][index]["hash"],
                )
            };
            assert_eq!(of(kept), of(counted));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_store_gives_the_same_answers(steps in proptest::collection::vec(step(), 1..40)) {
        let mut memory = Client::new(MemoryServerStore::default());
        let mut sqlite = Client::new(SqliteServerStore::in_memory().unwrap());
        for step in &steps {
            memory.step(step);
            sqlite.step(step);
        }
        memory.pull(1);
        sqlite.pull(1);
        prop_assert_eq!(memory.trace, sqlite.trace);
    }
}
