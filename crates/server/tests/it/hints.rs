//! Streams of hints, over real HTTP.
use crate::harness::create;
use crate::socket::Served;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tisync_server::edge::ServeConfig;
use tisync_server::{Grant, ServerNow};

/// A listener's connection, with what it has read and not looked at yet.
struct Ear {
    response: reqwest::Response,
    text: String,
}

impl Ear {
    async fn open(served: &Served, query: &str, token: &str) -> Self {
        let url = format!("{}/v1/hints{query}", served.url);
        let request = served.client.get(url).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ear {
            response,
            text: String::new(),
        }
    }

    /// Reads up to the end of the next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece = within(self.response.chunk()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn hint(&mut self) {
        assert_eq!(self.next().await.unwrap(), "event: hint\ndata: pull");
    }
}

/// A hang ends the test.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("nothing came in time")
}

fn push(number: u64, collection: &str) -> Value {
    let mut mutation = create(number, &format!("r{number}"), json!({}));
    mutation["collection"] = collection.into();
    json!({"mutations": [mutation]})
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_named_collection_gives_a_hint_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(ServeConfig::new(folder.path().join("server.db"))).await;
    let mut todos = Ear::open(&served, "?collections=todos,notes", "any").await;
    let mut all = Ear::open(&served, "", "any").await;
    todos.hint().await;
    all.hint().await;

    served.ok("/v1/push", push(1, "other")).await;
    all.hint().await;
    served.ok("/v1/push", push(2, "todos")).await;
    all.hint().await;
    todos.hint().await;
    // What the first push would have given stands before it.
    served.ok("/v1/push", push(3, "notes")).await;
    todos.hint().await;
    served.stop().await;
    assert_eq!(todos.next().await, None, "the server ends it when it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_listener_gets_one_hint_for_many_changes() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(ServeConfig::new(folder.path().join("server.db"))).await;
    let mut ear = Ear::open(&served, "", "any").await;
    ear.hint().await;
    let began = std::time::Instant::now();
    for number in 1..=50 {
        served.ok("/v1/push", push(number, "todos")).await;
    }
    let elapsed = began.elapsed();
    // The rejected take no effect.
    let mut bad = push(51, "todos");
    bad["mutations"][0]["record"] = "".into();
    served.ok("/v1/push", bad).await;
    ear.hint().await;
    served.stop().await;
    let mut hints = 1;
    while ear.next().await.is_some() {
        hints += 1;
    }
    let most = 2 + elapsed.as_millis() / 50;
    assert!(hints <= most, "{hints} hints in {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_hear_of_each_other_and_a_stream_ends_with_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServeConfig::new(folder.path().join("server.db"));
    let until_ms = wall_ms() + 1_500;
    config.service.authorise = Some(Arc::new(
        move |token: Option<&str>, now: &ServerNow| match token {
            Some("anna") => Ok(Grant::to("anna")),
            Some("ben") => Ok(Grant::to("ben")),
            Some("short") if now.wall_ms < until_ms => Ok(Grant {
                until_ms: Some(until_ms),
                ..Grant::to("ben")
            }),
            _ => Err("the token is not known".to_owned()),
        },
    ));
    let served = Served::start(config).await;
    let mut anna = Ear::open(&served, "", "anna").await;
    let mut short = Ear::open(&served, "", "short").await;
    anna.hint().await;
    short.hint().await;
    let push_as = |token: &'static str, number| {
        let request = served.post("/v1/push", push(number, "todos").to_string());
        let request = request.bearer_auth(token);
        async { within(request.send()).await.unwrap().status() }
    };
    assert_eq!(push_as("ben", 1).await, 200);
    while short.next().await.is_some() {}
    assert!(wall_ms() >= until_ms, "it ends when the token does");
    let url = format!("{}/v1/hints", served.url);
    let again = served.client.get(url).bearer_auth("short").send().await;
    assert_eq!(again.unwrap().status(), 401);

    assert_eq!(push_as("anna", 2).await, 200);
    anna.hint().await;
    served.stop().await;
    assert_eq!(anna.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_reads_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServeConfig::new(folder.path().join("server.db"));
    config.service.authorise = Some(Arc::new(|token: Option<&str>, _: &ServerNow| {
        Ok(Grant {
            read_only: token != Some("writer"),
            ..Grant::to("shared")
        })
    }));
    let served = Served::start(config).await;
    // The tenant is not there yet, and a reader cannot make it.
    let page = served
        .ok("/v1/pull", json!({"collections": ["todos"]}))
        .await;
    assert_eq!(page["total"], 0);
    let answer = served.ok("/v1/push", push(1, "todos")).await;
    assert_eq!(answer["results"][0]["verdict"], "out-of-scope");
    let request = served.post("/v1/push", push(1, "todos").to_string());
    let answer = request.bearer_auth("writer").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let page = served
        .ok("/v1/pull", json!({"collections": ["todos"]}))
        .await;
    assert_eq!(page["total"], 1, "the refusal left no receipt");
    served.stop().await;
}
