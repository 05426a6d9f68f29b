//! What the log shows, at its most talkative, of syncs in which much goes wrong: each step and exchange, and nothing
//! of records, credentials and addresses. Alone in its process, whose whole log it reads.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Server, World};
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tisync::connect::connectors::Native;
use tisync::connect::http::{Http, HttpError, Request, Response};
use tisync::connect::{Connector, LocalFuture, Session};
use tisync::model::{
    Capability, CollectionName, Failure, Fetched, Page, PullRequest, PushItem, Pushed, Resolution,
    Wanted,
};
use tisync::{CollectionOptions, Credentials, Replica};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is planted contains this.
const PLANTED: &str = "pr1vate";
const TOKEN: &str = "pr1vate-token";

#[test]
fn the_log_shows_what_happens_and_nothing_that_is_private() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::start(folder.path(), Some(TOKEN), true);
    let mut world = World { server, folder };

    let (a, b) = (device(&world, "a", TOKEN), device(&world, "b", TOKEN));
    let mut watch = b.collection("notes").unwrap().query().watch();
    for id in ["merged", "fought"] {
        put(&a, id, "from a");
    }
    sync(&a);
    sync(&b);
    for replica in [&a, &b] {
        put(
            replica,
            "merged",
            &format!("again {replica:?}").replace(['\\', '"'], ""),
        );
    }
    sync(&a);
    sync(&b);
    // Two sides that a person settles, and a refusal.
    for (replica, text) in [(&a, "here"), (&b, "there")] {
        let tasks = replica.collection("tasks").unwrap();
        tasks
            .put("t1", format!(r#"{{"text": "pr1vate {text}"}}"#))
            .unwrap();
    }
    sync(&a);
    assert!(b.blocking_sync().unwrap().needs_person());
    let ours = b.conflicts().resolve("tasks", "t1", Resolution::Ours);
    ours.unwrap();
    b.collection("notes")
        .unwrap()
        .put("bad-1", r#"{"bad": true, "text": "pr1vate"}"#)
        .unwrap();
    sync(&b);
    assert_eq!(b.health().unwrap().outbox.parked, 1);
    b.outbox()
        .discard(b.outbox().waiting().unwrap()[0].entry.id)
        .unwrap();
    assert!(watch.blocking_next().unwrap().is_ok());

    // Wrong credentials, a sign-in page, no server.
    let wrong = device(&world, "wrong", "pr1vate-wrong-token");
    put(&wrong, "n1", "x");
    assert!(wrong.blocking_sync().unwrap_err().is_credentials());
    let portal = world
        .device("portal")
        .http(|| Ok(Rc::new(Portal)))
        .collection("notes", "merge")
        .open()
        .unwrap();
    put(&portal, "n1", "x");
    assert!(portal.blocking_sync().is_err());
    world.server.pause();
    put(&a, "later", "x");
    assert!(a.blocking_sync().unwrap_err().is_offline());

    let log = String::from_utf8(log.lines.lock().unwrap().clone()).unwrap();
    for expected in [
        "the lease is taken",
        "step{input=\"write\"}: tisync::local: done outputs=",
        "exchange{connector=main request=",
        "kind=\"push\"}: tisync::log: push mutations=1",
        "tisync::log: handed out mutation=",
        "tisync::log: pushed verdicts={\"accepted\": 1}",
        "verdict=\"rejected\"",
        "tisync::log: page upserts=",
        "tisync::log: failed kind=Credentials",
        "tisync::meter: answer method=\"POST\" url=http://127.0.0.1:",
        "tisync::meter: no answer method=",
        "/about?key=…",
    ] {
        assert!(log.contains(expected), "expected {expected:?} in\n{log}");
    }
    let leaks: Vec<&str> = log.lines().filter(|line| line.contains(PLANTED)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");

    let totals = b.traffic();
    assert_eq!(b.traffic_by_connector().values().next(), Some(&totals));
    assert!(
        totals.bytes_sent > 0 && totals.bytes_received > 0,
        "{totals:?}"
    );
    assert!(totals.requests >= 4 && totals.pulled >= 3, "{totals:?}");
    // The merge, and the one that a person settled.
    assert_eq!(totals.conflicts, 2, "{totals:?}");
    assert_eq!(b.traffic().since(&totals), tisync::Totals::default());
}

fn device(world: &World, name: &str, token: &str) -> Replica {
    let native = Native::new(&world.server.url());
    let url = world.server.url();
    Replica::open(world.folder.path().join(format!("{name}.db")))
        .connector("main", move || {
            Box::new(Talkative {
                native: native.clone(),
                url: format!("{url}/about?key=pr1vate-key"),
            })
        })
        .credentials(Credentials::token(token))
        .collection(
            "notes",
            CollectionOptions::policy("merge").and_then(|options| options.fallback("server")),
        )
        .collection("tasks", "manual")
        .open()
        .unwrap()
}

fn put(replica: &Replica, id: &str, text: &str) {
    let notes = replica.collection("notes").unwrap();
    notes
        .put(id, format!(r#"{{"text": "pr1vate {text}"}}"#))
        .unwrap();
}

fn sync(replica: &Replica) {
    replica.blocking_sync().unwrap();
}

/// The native connector, which also sends a secret in the query of an address.
struct Talkative {
    native: Native,
    url: String,
}

impl Connector for Talkative {
    fn endpoint(&self) -> String {
        self.native.endpoint()
    }

    fn capability(&self, collection: &CollectionName) -> Capability {
        self.native.capability(collection)
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let first = http.send(Request {
            method: "GET",
            url: self.url.clone(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 10_000,
            answer_bytes_max: 1 << 20,
        });
        let pull = self.native.pull(http, session, request);
        Box::pin(async move {
            let _ = first.await;
            pull.await
        })
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        self.native.push(http, session, batch)
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        self.native.fetch(http, session, wanted)
    }

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        self.native.probe(http, session)
    }
}

/// A network that answers everything with its own page.
struct Portal;

impl Http for Portal {
    fn send(&self, _: Request) -> LocalFuture<Result<Response, HttpError>> {
        Box::pin(std::future::ready(Ok(Response {
            status: 200,
            headers: vec![("content-type".into(), "text/html".into())],
            body: b"<html>pr1vate sign-in</html>".to_vec(),
        })))
    }
}

#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lines.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;
    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
