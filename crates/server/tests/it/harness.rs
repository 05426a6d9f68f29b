//! A server without a socket, and short ways to talk to it.
use serde_json::{Value, json};
use tisync_server::{
    Access, HttpRequest, HttpResponse, MemoryServerStore, ServerNow, ServerStore, ServerTx,
    ServiceConfig, faces, service,
};

/// When tests happen, unless they say otherwise.
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

/// A server over any store, at a time that only the test moves.
pub(crate) struct Pair<S = MemoryServerStore> {
    pub(crate) store: S,
    pub(crate) now: ServerNow,
    pub(crate) config: ServiceConfig,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Pair::over(MemoryServerStore::default())
    }
}

impl<S: ServerStore> Pair<S> {
    pub(crate) fn over(mut store: S) -> Self {
        let now = ServerNow {
            wall_ms: NOW_MS,
            entropy: [0xe1; 32],
        };
        service::ensure(&mut store, "main", &now).unwrap();
        Pair {
            store,
            now,
            config: ServiceConfig::default(),
        }
    }

    pub(crate) fn send(&mut self, request: &HttpRequest) -> HttpResponse {
        faces::handle(&mut self.store, &self.now, &self.config, request)
    }

    /// Status and JSON of an answer.
    pub(crate) fn call(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let method = if path == "/v1/about" { "GET" } else { "POST" };
        let response = self.send(&HttpRequest::new(method, path, body.to_string()));
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        )
    }

    pub(crate) fn ok(&mut self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(path, &body);
        assert_eq!(status, 200, "{path} {body} → {answer}");
        answer
    }

    /// The verdicts of a push, in the order of its mutations.
    pub(crate) fn push(&mut self, mutations: &[Value]) -> Vec<Value> {
        let answer = self.ok("/v1/push", json!({ "mutations": mutations }));
        let results = answer["results"].as_array().unwrap();
        let ids = |values: &[Value]| {
            values
                .iter()
                .map(|one| one["id"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(results), ids(mutations));
        results
            .iter()
            .map(|result| result["verdict"].clone())
            .collect()
    }

    /// The verdict on one mutation.
    pub(crate) fn push_one(&mut self, mutation: Value) -> Value {
        self.push(&[mutation]).remove(0)
    }

    /// The version of a mutation that must be accepted.
    pub(crate) fn accept(&mut self, mutation: Value) -> String {
        let verdict = self.push_one(mutation.clone());
        let version = verdict["accepted"]["version"].as_str();
        version
            .unwrap_or_else(|| panic!("{mutation} → {verdict}"))
            .to_owned()
    }

    /// What the server holds of a record.
    pub(crate) fn fetch(&mut self, id: &str) -> Value {
        let answer = self.ok(
            "/v1/fetch",
            json!({"wanted": [{"collection": "todos", "id": id}]}),
        );
        answer["found"][0]["found"].clone()
    }

    /// All pages from a checkpoint on; `limit` 0 asks for no limit.
    pub(crate) fn pull_all(&mut self, checkpoint: Option<&str>, limit: u64) -> Vec<Value> {
        self.pages(
            json!({"collections": ["todos", "notes"], "checkpoint": checkpoint}),
            limit,
        )
    }

    /// All pages of a first walk as a snapshot.
    pub(crate) fn snapshot(&mut self, limit: u64) -> Vec<Value> {
        self.pages(
            json!({"collections": ["todos", "notes"], "snapshot": true}),
            limit,
        )
    }

    fn pages(&mut self, mut request: Value, limit: u64) -> Vec<Value> {
        let mut pages = Vec::new();
        loop {
            if limit > 0 {
                request["limit"] = limit.into();
            }
            let page = self.ok("/v1/pull", request.clone());
            request["checkpoint"] = page["checkpoint"].clone();
            let more = page["more"] == true;
            pages.push(page);
            if !more {
                return pages;
            }
        }
    }

    /// Changes the store beside the requests.
    pub(crate) fn change<R>(
        &mut self,
        work: impl FnOnce(&mut S::Tx<'_>, &ServerNow, &ServiceConfig) -> R,
    ) -> R {
        let mut tx = self.store.begin("main", Access::Write).unwrap();
        let result = work(&mut tx, &self.now, &self.config);
        tx.commit().unwrap();
        result
    }
}

/// The id of the `n`-th mutation.
pub(crate) fn id(n: u64) -> String {
    format!("{n:032x}")
}

pub(crate) fn mutation(n: u64, record: &str, base: Value, change: Value) -> Value {
    json!({"id": id(n), "collection": "todos", "record": record, "base": base, "change": change})
}

pub(crate) fn create(n: u64, record: &str, document: Value) -> Value {
    mutation(n, record, json!("absent"), json!({ "create": document }))
}

pub(crate) fn replace(n: u64, record: &str, version: &str, document: Value) -> Value {
    mutation(
        n,
        record,
        json!({ "version": version }),
        json!({ "replace": document }),
    )
}

pub(crate) fn delete(n: u64, record: &str, version: &str) -> Value {
    mutation(n, record, json!({ "version": version }), json!("delete"))
}

pub(crate) fn in_group(group: &str, mut mutation: Value) -> Value {
    mutation["group"] = group.into();
    mutation
}

/// The epoch of [`Pair`].
pub(crate) const EPOCH: &str = "e1e1e1e1e1e1e1e1";

/// The `n`-th version of that epoch.
pub(crate) fn version(n: u64) -> String {
    format!("{EPOCH}.{n}")
}

/// `collection/id@number` of every item, a deletion as `-collection/id@number`.
pub(crate) fn items(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let minus = if item["deleted"] == true { "-" } else { "" };
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            let version = text("version");
            let number = version.rsplit('.').next().unwrap();
            format!("{minus}{}/{}@{number}", text("collection"), text("id"))
        })
        .collect()
}
