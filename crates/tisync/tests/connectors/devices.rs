//! Two devices that edit offline and sync through a real server.
use crate::lossy::{Lossy, Network};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tisync::model::{FeedKey, Image, POSSIBLE_DUPLICATE, Resolution};
use tisync::{Replica, ReplicaBuilder, Settings};

/// How devices reach a backend, and what its backend can carry.
pub struct Backend<'a> {
    pub kind: &'a str,
    pub url: &'a str,
    pub options: &'a str,
    pub token: &'a str,
    /// Whether deletions are told; else they are found by a walk from the beginning, which comes each hour by itself.
    pub tells_deletes: bool,
}

pub struct Devices<'a> {
    backend: Backend<'a>,
    folder: TempDir,
    policy: &'a str,
}

impl<'a> Devices<'a> {
    pub fn new(backend: Backend<'a>, policy: &'a str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("token"), backend.token).unwrap();
        Devices {
            backend,
            folder,
            policy,
        }
    }

    /// A device with an empty file.
    pub fn open(&self, name: &str) -> Replica {
        self.builder(name).open().unwrap()
    }

    /// The same behind a network that loses, repeats and cuts.
    pub fn open_behind(&self, name: &str, network: &Arc<Network>) -> Replica {
        let network = network.clone();
        let seed = name.bytes().chain(self.policy.bytes()).map(u64::from).sum();
        self.builder(name)
            .http(move || Ok(Rc::new(Lossy::new(&network, seed))))
            .network_monitor(false)
            .open()
            .unwrap()
    }

    fn builder(&self, name: &str) -> ReplicaBuilder {
        let Backend {
            kind, url, options, ..
        } = &self.backend;
        let policy = self.policy;
        let text = format!(
            r#"{{"replica": "{name}.db",
                "connectors": {{"main": {{"kind": "{kind}", "url": "{url}", "token_file": "token", "options": {options}}}}},
                "collections": {{"notes": {{"policy": "{policy}"}}}}}}"#
        );
        let settings: Settings = serde_json::from_str(&text).unwrap();
        settings.builder(self.folder.path()).unwrap()
    }
}

pub fn put(replica: &Replica, id: &str, document: &str) {
    replica
        .collection("notes")
        .unwrap()
        .put(id, document)
        .unwrap();
}

pub fn delete(replica: &Replica, id: &str) {
    replica.collection("notes").unwrap().delete(id).unwrap();
}

/// The record's document, or `-`.
pub fn text(replica: &Replica, id: &str) -> String {
    let document = replica.collection("notes").unwrap().get(id).unwrap();
    document.map_or_else(|| "-".to_owned(), |document| document.canonical())
}

/// Every record of a device.
pub fn all(replica: &Replica) -> Vec<String> {
    let rows = replica
        .sql("SELECT id FROM notes ORDER BY id", &[])
        .unwrap();
    let ids = rows
        .rows
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned());
    ids.map(|id| format!("{id}={}", text(replica, &id)))
        .collect()
}

/// Syncs; what waits for a person is decided for the server.
pub fn sync(replica: &Replica) {
    let report = replica.blocking_sync().unwrap();
    if report.is_synced() {
        return;
    }
    assert!(decide(replica), "{:#?}", report.health);
    let report = replica.blocking_sync().unwrap();
    assert!(report.is_synced(), "{:#?}", report.health);
}

/// Decides open conflicts for the server; whether there was one.
fn decide(replica: &Replica) -> bool {
    let open = replica.conflicts().list(100).unwrap();
    for conflict in &open {
        replica
            .conflicts()
            .resolve("notes", conflict.id.as_str(), Resolution::Theirs)
            .unwrap();
    }
    !open.is_empty()
}

/// Syncs over a network that is not calm. Between two attempts the engine waits, a minute where an answer was lost, and
/// goes on by itself.
pub fn sync_behind(replica: &Replica, network: &Network) {
    let end = Instant::now() + Duration::from_secs(300);
    replica.start().unwrap();
    let mut changes = replica.watch_health();
    while Instant::now() < end {
        if replica
            .blocking_sync()
            .is_ok_and(|report| report.is_synced())
        {
            return replica.stop().unwrap();
        }
        while !decide(replica) && !replica.health().unwrap().is_synced() && Instant::now() < end {
            changes.blocking_next_within(Duration::from_secs(5));
        }
    }
    panic!(
        "{} faults: {:#?}",
        network.faults(),
        replica.health().unwrap()
    );
}

/// [`converge`] over a network that loses, repeats and cuts; answers to creates are lost too where one that is sent again
/// meets its precondition. Elsewhere each would take a minute.
pub fn converge_behind(devices: &Devices<'_>, compares: bool) -> (Replica, Replica) {
    // Where each record takes requests of its own, a third of them would let nothing through.
    let network = Network::new(if compares { 3 } else { 12 });
    let (a, b) = (
        devices.open_behind("a", &network),
        devices.open_behind("b", &network),
    );
    let loses = |on| network.loses_writes.store(on, Ordering::Relaxed);
    loses(compares);
    begin(&a, &b, &|replica| sync_behind(replica, &network));
    loses(false);
    edit(&a, &b);
    for replica in [&a, &b, &a, &b] {
        sync_behind(replica, &network);
    }
    assert!(network.faults() > 0);
    network.calm.store(true, Ordering::Relaxed);
    for replica in [&a, &b, &a, &b] {
        sync(replica);
    }
    end(devices, &a, &b);
    (a, b)
}

/// Everything that two devices can do to the same records while both are offline, in turn: `a` syncs first.
///
/// Gives back the devices, which agree with each other and with a third that comes new.
pub fn converge(devices: &Devices<'_>) -> (Replica, Replica) {
    let (a, b) = (devices.open("a"), devices.open("b"));
    begin(&a, &b, &sync);
    edit(&a, &b);
    for replica in [&a, &b, &a, &b] {
        sync(replica);
    }
    end(devices, &a, &b);
    (a, b)
}

/// Both devices know the same records.
pub fn begin(a: &Replica, b: &Replica, sync: &dyn Fn(&Replica)) {
    for id in [
        "both-edit",
        "other-fields",
        "a-deletes",
        "b-deletes",
        "both-delete",
        "untouched",
    ] {
        put(a, id, r#"{"title": "start", "stars": 1}"#);
    }
    sync(a);
    sync(b);
    assert_eq!(all(a), all(b));
    assert_eq!(all(b).len(), 6);
}

/// Both edit while they are offline.
fn edit(a: &Replica, b: &Replica) {
    put(a, "both-edit", r#"{"title": "of a", "stars": 1}"#);
    put(a, "other-fields", r#"{"title": "of a", "stars": 1}"#);
    put(a, "b-deletes", r#"{"title": "of a", "stars": 1}"#);
    delete(a, "a-deletes");
    delete(a, "both-delete");
    put(a, "only-a", r#"{"title": "of a", "stars": 1}"#);
    put(a, "both-create", r#"{"title": "of a", "stars": 1}"#);

    put(b, "both-edit", r#"{"title": "of b", "stars": 1}"#);
    put(b, "other-fields", r#"{"title": "start", "stars": 2}"#);
    put(b, "a-deletes", r#"{"title": "of b", "stars": 1}"#);
    delete(b, "b-deletes");
    delete(b, "both-delete");
    put(b, "only-b", r#"{"title": "of b", "stars": 1}"#);
    put(b, "both-create", r#"{"title": "of b", "stars": 1}"#);
}

/// What [`edit`] writes, each by a text that only it has in its record.
const EDITS: [(&str, &str); 10] = [
    ("both-edit", "of a"),
    ("both-edit", "of b"),
    ("other-fields", "of a"),
    ("other-fields", r#""stars":2"#),
    ("b-deletes", "of a"),
    ("a-deletes", "of b"),
    ("only-a", "of a"),
    ("only-b", "of b"),
    ("both-create", "of a"),
    ("both-create", "of b"),
];

/// Nothing is lost in silence: each write is there, or in the journal of a device. None may have happened twice: every
/// backend of these tests takes the ids of its records from us.
pub fn ledger(replicas: &[&Replica], writes: &[(&str, &str)]) {
    let rows: Vec<_> = replicas
        .iter()
        .flat_map(|replica| replica.journal().list(None, 1_000).unwrap())
        .collect();
    for (id, written) in writes {
        let holds = |image: &Image| {
            let document = image.document();
            document.is_some_and(|document| document.canonical().contains(written))
        };
        let journalled = rows
            .iter()
            .any(|row| row.record.as_str() == *id && (holds(&row.ours) || holds(&row.theirs)));
        assert!(
            journalled || text(replicas[0], id).contains(written),
            "{written} of {id} is lost: {}, {rows:#?}",
            text(replicas[0], id)
        );
    }
    let twice = rows.iter().find(|row| row.situation == POSSIBLE_DUPLICATE);
    assert_eq!(twice, None);
}

/// Walks from the beginning, as it happens each hour where deletions are not told.
pub fn resync(replica: &Replica) {
    let key = FeedKey {
        connector: "main".parse().unwrap(),
        feed: "notes".parse().unwrap(),
    };
    replica.resync(key).unwrap();
    sync(replica);
}

/// They agree, and nothing is lost.
fn end(devices: &Devices<'_>, a: &Replica, b: &Replica) {
    if !devices.backend.tells_deletes {
        resync(a);
        resync(b);
    }
    agree(devices, &[a, b]);
    ledger(&[a, b], &EDITS);
    assert_eq!(text(a, "both-delete"), "-");
    assert_eq!(text(a, "only-a"), r#"{"stars":1,"title":"of a"}"#);
    assert_eq!(text(a, "only-b"), r#"{"stars":1,"title":"of b"}"#);
    assert_eq!(text(a, "untouched"), r#"{"stars":1,"title":"start"}"#);
}

/// Sees to it that devices show the same, and that it is what the server has.
pub fn agree(devices: &Devices<'_>, replicas: &[&Replica]) {
    let new = devices.open("new");
    sync(&new);
    for replica in replicas {
        assert_eq!(all(replica), all(&new));
        assert!(replica.outbox().list(None, 1).unwrap().is_empty());
    }
}

/// What each policy makes of the same edits; where `b` is later in every way.
pub fn outcome(policy: &str, a: &Replica) {
    let show = |id| {
        let text = text(a, id);
        let title = ["of a", "of b", "start"]
            .into_iter()
            .find(|title| text.contains(title));
        title.unwrap_or("-")
    };
    let of = |id| (show(id), text(a, id).contains(r#""stars":2"#));
    let (edited, fields) = (show("both-edit"), of("other-fields"));
    let deletes = (show("a-deletes"), show("b-deletes"));
    match policy {
        "client-wins" => {
            assert_eq!((edited, fields), ("of b", ("start", true)));
            assert_eq!(deletes, ("of b", "-"));
        }
        "server-wins" | "manual" => {
            assert_eq!((edited, fields), ("of a", ("of a", false)));
            assert_eq!(deletes, ("-", "of a"));
        }
        "latest-timestamp-wins" => {
            assert_eq!((edited, fields), ("of b", ("start", true)));
            // A delete that came without a stamp follows the rule `edit-wins`.
            assert_eq!(deletes.0, "of b");
        }
        "merge" => {
            // The field that both changed goes to the fallback; the others are taken from who changed them.
            assert_eq!(fields, ("of a", true));
            assert_eq!(deletes, ("of b", "of a"));
        }
        other => panic!("no policy {other}"),
    }
}

/// A write of one device reaches another that polls once an hour, because the backend tells.
pub fn heard(devices: &Devices<'_>) {
    let a = devices.open("a");
    let b = devices
        .builder("b")
        .poll_ms("main", 3_600_000)
        .open()
        .unwrap();
    let (mut health, mut record) = (
        b.watch_health(),
        b.collection("notes").unwrap().watch_record("n1").unwrap(),
    );
    let limit = Duration::from_secs(30);
    b.start().unwrap();
    let listens = || {
        let health = b.health().unwrap();
        health.is_synced() && health.connectors[0].listening
    };
    while !listens() {
        assert!(
            health.blocking_next_within(limit).is_some(),
            "it never listens"
        );
    }
    put(&a, "n1", r#"{"title": "of a", "stars": 1}"#);
    sync(&a);
    while text(&b, "n1") == "-" {
        assert!(
            record.blocking_next_within(limit).is_some(),
            "it never hears"
        );
    }
    b.stop().unwrap();
}
