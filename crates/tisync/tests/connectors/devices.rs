//! Two devices that edit offline and sync through a real server.
use tempfile::TempDir;
use tisync::model::Resolution;
use tisync::{Replica, Settings};

/// How devices reach a backend, and what its backend can carry.
pub struct Backend<'a> {
    pub kind: &'a str,
    pub url: &'a str,
    pub options: &'a str,
    pub token: &'a str,
    /// Declarations of the collection `notes` beside its policy.
    pub collection: &'a str,
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
        let Backend {
            kind,
            url,
            options,
            collection,
            ..
        } = &self.backend;
        let policy = self.policy;
        let text = format!(
            r#"{{"replica": "{name}.db",
                "connectors": {{"main": {{"kind": "{kind}", "url": "{url}", "token_file": "token", "options": {options}}}}},
                "collections": {{"notes": {{"policy": "{policy}"{collection}}}}}}}"#
        );
        let settings: Settings = serde_json::from_str(&text).unwrap();
        settings
            .builder(self.folder.path())
            .unwrap()
            .open()
            .unwrap()
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
    let open = replica.conflicts().list(100).unwrap();
    assert!(!open.is_empty(), "{:#?}", report.health);
    for conflict in open {
        replica
            .conflicts()
            .resolve("notes", conflict.id.as_str(), Resolution::Theirs)
            .unwrap();
    }
    let report = replica.blocking_sync().unwrap();
    assert!(report.is_synced(), "{:#?}", report.health);
}

/// Everything that two devices can do to the same records while both are offline, in turn: `a` syncs first.
///
/// Gives back the devices, which agree with each other and with a third that comes new.
pub fn converge(devices: &Devices<'_>) -> (Replica, Replica) {
    let (a, b) = (devices.open("a"), devices.open("b"));
    for id in [
        "both-edit",
        "other-fields",
        "a-deletes",
        "b-deletes",
        "both-delete",
        "untouched",
    ] {
        put(&a, id, r#"{"title": "start", "stars": 1}"#);
    }
    sync(&a);
    sync(&b);
    assert_eq!(all(&a), all(&b));
    assert_eq!(all(&b).len(), 6);

    put(&a, "both-edit", r#"{"title": "of a", "stars": 1}"#);
    put(&a, "other-fields", r#"{"title": "of a", "stars": 1}"#);
    put(&a, "b-deletes", r#"{"title": "of a", "stars": 1}"#);
    delete(&a, "a-deletes");
    delete(&a, "both-delete");
    put(&a, "only-a", r#"{"title": "of a", "stars": 1}"#);
    put(&a, "both-create", r#"{"title": "of a", "stars": 1}"#);

    put(&b, "both-edit", r#"{"title": "of b", "stars": 1}"#);
    put(&b, "other-fields", r#"{"title": "start", "stars": 2}"#);
    put(&b, "a-deletes", r#"{"title": "of b", "stars": 1}"#);
    delete(&b, "b-deletes");
    delete(&b, "both-delete");
    put(&b, "only-b", r#"{"title": "of b", "stars": 1}"#);
    put(&b, "both-create", r#"{"title": "of b", "stars": 1}"#);

    for replica in [&a, &b, &a, &b] {
        sync(replica);
    }
    agree(devices, &[&a, &b]);
    assert_eq!(text(&a, "both-delete"), "-");
    assert_eq!(text(&a, "only-a"), r#"{"stars":1,"title":"of a"}"#);
    assert_eq!(text(&a, "only-b"), r#"{"stars":1,"title":"of b"}"#);
    assert_eq!(text(&a, "untouched"), r#"{"stars":1,"title":"start"}"#);
    (a, b)
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
