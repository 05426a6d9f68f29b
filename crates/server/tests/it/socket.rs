//! The server over real HTTP.
use crate::harness::{create, id};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use tisync_server::edge::{Compress, EdgeError, ServeConfig, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<(), EdgeError>>,
}

impl Served {
    pub(crate) async fn start(config: ServeConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(serve(config, listener, async { drop(stopped.await) }));
        let client = reqwest::Client::builder()
            .no_gzip()
            .no_proxy()
            .build()
            .unwrap();
        Served {
            url,
            client,
            stop,
            done,
        }
    }

    pub(crate) fn post(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).body(body)
    }

    pub(crate) async fn ok(&self, path: &str, body: Value) -> Value {
        let response = self.post(path, body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    pub(crate) async fn stop(self) {
        // Idle connections are closed with the client, so that the server need not wait for them.
        drop(self.client);
        self.stop.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

async fn problem(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

fn config(folder: &Path) -> ServeConfig {
    ServeConfig::new(folder.join("server.db"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(config(folder.path())).await;
    let answer = served
        .ok(
            "/v1/push",
            json!({"mutations": [create(1, "a", json!({"n": 1}))]}),
        )
        .await;
    let version = answer["results"][0]["verdict"]["accepted"]["version"].clone();
    served.stop().await;

    let served = Served::start(config(folder.path())).await;
    let page = served
        .ok("/v1/pull", json!({"collections": ["todos"]}))
        .await;
    assert_eq!(
        (&page["items"][0]["version"], &page["items"][0]["doc"]),
        (&version, &json!({"n": 1}))
    );
    assert_eq!(page["epoch"], answer["epoch"]);
    let again = served
        .ok(
            "/v1/push",
            json!({"mutations": [create(1, "a", json!({"n": 1}))]}),
        )
        .await;
    assert_eq!(again["results"], answer["results"]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_once_get_each_their_own_version() {
    let folder = tempfile::tempdir().unwrap();
    let served = Arc::new(Served::start(config(folder.path())).await);
    let pushes: Vec<_> = (0..8_u64)
        .map(|client| {
            let served = served.clone();
            tokio::spawn(async move {
                let mut versions = Vec::new();
                for n in 0..20 {
                    let number = client * 100 + n;
                    let mutations = json!({"mutations": [create(number, &number.to_string(), json!({"n": n}))]});
                    let answer = served.ok("/v1/push", mutations).await;
                    versions.push(answer["results"][0]["verdict"]["accepted"]["version"].to_string());
                    served.ok("/v1/pull", json!({"collections": ["todos"], "limit": 5})).await;
                }
                versions
            })
        })
        .collect();
    let mut versions = std::collections::BTreeSet::new();
    for push in pushes {
        versions.extend(push.await.unwrap());
    }
    assert_eq!(versions.len(), 160);
    let page = served
        .ok("/v1/pull", json!({"collections": ["todos"]}))
        .await;
    assert_eq!(page["total"], 160);
    Arc::into_inner(served).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_packed_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(ServeConfig {
        compress: Compress::Always,
        ..config(folder.path())
    })
    .await;
    let mutations: Vec<Value> = (0..100)
        .map(|n| create(n, &n.to_string(), json!({"text": "again and again"})))
        .collect();
    let body = gzip(json!({ "mutations": mutations }).to_string().as_bytes());
    let answer = served
        .post("/v1/push", body)
        .header("content-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    let pull = || served.post("/v1/pull", json!({"collections": ["todos"]}).to_string());
    let plain = pull()
        .header("accept-encoding", "gzip;q=0")
        .send()
        .await
        .unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    let packed = pull()
        .header("accept-encoding", "br, gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            &packed.headers()["content-encoding"],
            &packed.headers()["vary"]
        ),
        (
            &"gzip".parse().unwrap(),
            &"accept-encoding".parse().unwrap()
        )
    );
    let packed = packed.bytes().await.unwrap();
    assert!(
        packed.len() * 4 < plain.len(),
        "{} {}",
        packed.len(),
        plain.len()
    );
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    let items = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["items"].clone();
    assert_eq!(items(&unpacked), items(&plain));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.service.limits.push_bytes_max = 100_000;
    let served = Served::start(config).await;

    let long = problem(served.post("/v1/push", vec![b' '; 1_000_000])).await;
    assert_eq!((long.0, &long.1["limit"]), (413, &json!(100_000)));
    // A bomb: a gigabyte of zeros in a megabyte. It is unpacked no further than the limit.
    let bomb = gzip(&vec![0; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let bomb = problem(
        served
            .post("/v1/push", bomb)
            .header("content-encoding", "gzip"),
    )
    .await;
    assert_eq!((bomb.0, &bomb.1["type"]), (413, &json!("too-large")));
    let torn = problem(
        served
            .post("/v1/push", "not gzip")
            .header("content-encoding", "gzip"),
    )
    .await;
    assert_eq!((torn.0, &torn.1["type"]), (400, &json!("bad-encoding")));
    let strange = problem(
        served
            .post("/v1/push", "{}")
            .header("content-encoding", "zstd"),
    )
    .await;
    assert_eq!(
        (strange.0, &strange.1["type"]),
        (415, &json!("bad-encoding"))
    );
    let nested = problem(served.post("/v1/pull", "[".repeat(90_000))).await;
    assert_eq!((nested.0, &nested.1["type"]), (422, &json!("bad-request")));
    let binary = problem(served.post("/v1/pull", vec![0xff; 1000])).await;
    assert_eq!((binary.0, &binary.1["type"]), (400, &json!("bad-json")));
    let nowhere = problem(
        served
            .client
            .get(format!("{}/v1/../../etc/passwd", served.url)),
    )
    .await;
    assert_eq!((nowhere.0, &nowhere.1["type"]), (404, &json!("not-found")));

    assert_eq!(
        served.ok("/v1/push", json!({"mutations": []})).await["results"],
        json!([])
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_panics_costs_its_request_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.service.validate = Some(Arc::new(|mutation: &tisync_protocol::Mutation| {
        assert_ne!(mutation.record, "boom", "a rule's bug");
        Ok(())
    }));
    let served = Served::start(config).await;
    let both = json!({"mutations": [create(1, "a", json!({})), create(2, "boom", json!({}))]});
    let (status, failed) = problem(served.post("/v1/push", both.to_string())).await;
    assert_eq!((status, &failed["type"]), (500, &json!("internal")));
    // Nothing of the request took effect, and the writer is still there.
    let answer = served
        .ok(
            "/v1/push",
            json!({"mutations": [create(3, "c", json!({}))]}),
        )
        .await;
    assert_eq!(answer["results"][0]["id"], id(3));
    let page = served
        .ok("/v1/pull", json!({"collections": ["todos"]}))
        .await;
    assert_eq!(page["total"], 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_ours_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    std::fs::write(
        &path,
        b"not a database, but long enough to be taken for a header of one",
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = serve(ServeConfig::new(&path), listener, async {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("server.db"), "{error}");
    assert!(std::fs::read(&path).unwrap().starts_with(b"not a database"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_begins_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    tisync_server::edge::setup(&path, "main").unwrap();
    let meta = tisync_server::edge::new_epoch(&path, "main").unwrap();
    let served = Served::start(config(folder.path())).await;
    let about: Value = serde_json::from_slice(
        &served
            .client
            .get(format!("{}/v1/about", served.url))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    assert_eq!(about["epoch"], meta.epoch());
    assert_eq!(about["epochs"].as_array().unwrap().len(), 2);
    served.stop().await;
}
