//! Two devices and a backend that makes the ids: offline, new records stand under ids of the device, and refer to each
//! other.
use crate::acs::Home;
use crate::devices::{sync, sync_behind};
use crate::lossy::{Lossy, Network};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tempfile::TempDir;
use tisync::model::FeedKey;
use tisync::{Replica, Settings};
use xtask_backends::JSON_SERVER;

const POLICIES: [&str; 4] = ["client-wins", "server-wins", "merge", "manual"];

/// How devices reach the backend; its ids may be numbers.
struct Site {
    kind: &'static str,
    url: String,
    options: &'static str,
    token: String,
    numeric: bool,
    folder: TempDir,
}

const ACS: &str = r#"{"key": "APPKEY", "classes": {"notes": "Note", "lists": "List"}}"#;
const REST: &str = r#"{"paths": {"notes": "notes", "lists": "lists"}, "auth": "none", "ids": "server",
    "mark_field": "mark", "page_items": 3, "paging": {"by": "page", "page": "_page", "limit": "_limit"},
    "total": {"header": "X-Total-Count"}}"#;

impl Site {
    fn acs(home: &Home) -> Self {
        Site {
            kind: "acs",
            url: home.url.clone(),
            options: ACS,
            token: home.sign_up("ann").0,
            numeric: false,
            folder: TempDir::new().unwrap(),
        }
    }

    fn rest(url: String) -> Self {
        Site {
            kind: "rest",
            url,
            options: REST,
            token: String::new(),
            numeric: true,
            folder: TempDir::new().unwrap(),
        }
    }

    fn open(&self, name: &str, policy: &str, network: Option<&Arc<Network>>) -> Replica {
        std::fs::write(self.folder.path().join("token"), &self.token).unwrap();
        let Site {
            kind,
            url,
            options,
            numeric,
            ..
        } = self;
        let to = |collection| {
            format!(r#"{{"collection": "{collection}", "nullable": true, "numeric": {numeric}}}"#)
        };
        let (lists, notes) = (to("lists"), to("notes"));
        let text = format!(
            r#"{{"replica": "{name}.db",
                "connectors": {{"main": {{"kind": "{kind}", "url": "{url}", "token_file": "token", "options": {options}}}}},
                "collections": {{
                    "lists": {{"policy": "{policy}"}},
                    "notes": {{"policy": "{policy}", "references": {{"/list": {lists}, "/next": {notes}}}}}}}}}"#
        );
        let settings: Settings = serde_json::from_str(&text).unwrap();
        let mut builder = settings.builder(self.folder.path()).unwrap();
        if let Some(network) = network {
            let network = network.clone();
            builder = builder
                .http(move || Ok(Rc::new(Lossy::new(&network, 1))))
                .network_monitor(false);
        }
        builder.open().unwrap()
    }
}

fn put(replica: &Replica, collection: &str, id: &str, text: &str) {
    replica
        .collection(collection)
        .unwrap()
        .put(id, text)
        .unwrap();
}

fn delete(replica: &Replica, id: &str) {
    replica.collection("notes").unwrap().delete(id).unwrap();
}

/// A record's document without what only the server writes.
fn own(replica: &Replica, collection: &str, id: &str) -> Option<serde_json::Value> {
    let document = replica.collection(collection).unwrap().get(id).unwrap()?;
    let mut value: serde_json::Value = serde_json::from_str(document.text()).unwrap();
    for name in ["created_at", "user_id"] {
        value.as_object_mut().unwrap().remove(name);
    }
    Some(value)
}

/// The ids of a collection.
fn ids(replica: &Replica, collection: &str) -> Vec<String> {
    let sql = format!("SELECT id FROM {collection} ORDER BY id");
    let rows = replica.sql(&sql, &[]).unwrap();
    rows.rows
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect()
}

/// Everything that a device shows.
fn all(replica: &Replica) -> Vec<String> {
    let of = |collection| {
        ids(replica, collection).into_iter().map(move |id| {
            format!(
                "{collection}/{id}={}",
                own(replica, collection, &id).unwrap()
            )
        })
    };
    of("lists").chain(of("notes")).collect()
}

/// The note with a title; there is one at most.
fn titled(replica: &Replica, title: &str) -> Option<(String, serde_json::Value)> {
    let mut found = ids(replica, "notes").into_iter().filter_map(|id| {
        let note = own(replica, "notes", &id)?;
        (note["title"] == title).then_some((id, note))
    });
    let first = found.next();
    assert!(found.next().is_none(), "{title} is there twice");
    first
}

/// An id as a reference holds it.
fn named(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) => number.to_string(),
        value => value.as_str().unwrap_or_default().to_owned(),
    }
}

fn walk(replica: &Replica) {
    for feed in ["lists", "notes"] {
        let key = FeedKey {
            connector: "main".parse().unwrap(),
            feed: feed.parse().unwrap(),
        };
        replica.resync(key).unwrap();
    }
    sync(replica);
}

/// A list, notes on it, and two notes that name each other.
fn write_offline(replica: &Replica) {
    put(replica, "lists", "my-list", r#"{"name":"things"}"#);
    for title in ["one", "two", "three", "four"] {
        let text = format!(r#"{{"title":"{title}","stars":1,"list":"my-list"}}"#);
        put(replica, "notes", &format!("my-{title}"), &text);
    }
    put(replica, "notes", "egg", r#"{"title":"egg","next":"hen"}"#);
    put(replica, "notes", "hen", r#"{"title":"hen","next":"egg"}"#);
}

/// What [`write_offline`] wrote is on the server, once, and each reference names what it named.
fn check_first(replica: &Replica) {
    let lists = ids(replica, "lists");
    assert_eq!(lists.len(), 1);
    assert_eq!(ids(replica, "notes").len(), 6);
    for title in ["one", "two", "three", "four"] {
        let (id, note) = titled(replica, title).unwrap();
        assert!(!id.starts_with("my-"), "{id}");
        assert_eq!(named(&note["list"]), lists[0]);
    }
    let (egg, hen) = (
        titled(replica, "egg").unwrap(),
        titled(replica, "hen").unwrap(),
    );
    assert_eq!(
        (named(&egg.1["next"]), named(&hen.1["next"])),
        (hen.0, egg.0)
    );
}

fn converge(site: &Site, policy: &str) {
    let (a, b) = (site.open("a", policy, None), site.open("b", policy, None));
    write_offline(&a);
    sync(&a);
    sync(&b);
    check_first(&a);
    assert_eq!(all(&a), all(&b));
    // The ids that the app wrote are found as well.
    for (former, title) in [("my-one", "one"), ("egg", "egg")] {
        let (_, note) = titled(&a, title).unwrap();
        assert_eq!(own(&a, "notes", former), Some(note));
    }

    // Both edit while they are offline; `a` still by its own ids.
    let edit = |replica: &Replica, id: &str, title: &str, stars: u32| {
        let mut note = own(replica, "notes", id).unwrap();
        (note["title"], note["stars"]) = (title.into(), stars.into());
        put(replica, "notes", id, &note.to_string());
    };
    let at_b = |title: &str| titled(&b, title).unwrap().0;
    let (one, two, three, four) = (at_b("one"), at_b("two"), at_b("three"), at_b("four"));
    edit(&a, "my-one", "one of a", 1);
    edit(&b, &one, "one of b", 1);
    delete(&a, "my-two");
    edit(&b, &two, "two", 2);
    edit(&a, "my-three", "three", 3);
    delete(&b, &three);
    delete(&a, "my-four");
    delete(&b, &four);
    put(
        &a,
        "notes",
        "new",
        r#"{"title":"new of a","list":"my-list"}"#,
    );
    put(&b, "notes", "new", r#"{"title":"new of b","next":"new"}"#);
    for replica in [&a, &b, &a, &b] {
        sync(replica);
    }
    for replica in [&a, &b, &a, &b] {
        walk(replica);
    }
    let new = site.open("new", policy, None);
    sync(&new);
    assert_eq!(all(&a), all(&new), "{policy}");
    assert_eq!(all(&b), all(&new), "{policy}");
    for replica in [&a, &b] {
        assert!(replica.outbox().list(None, 1).unwrap().is_empty());
    }
    assert_eq!(titled(&new, "four"), None);
    let of_a = titled(&new, "new of a").unwrap().1;
    assert_eq!(named(&of_a["list"]), ids(&new, "lists")[0]);
    let (id, of_b) = titled(&new, "new of b").unwrap();
    assert_eq!(named(&of_b["next"]), id);
    let is_there = |title| titled(&new, title).is_some();
    let shown = (is_there("two"), is_there("three"));
    match policy {
        "client-wins" => {
            assert!(is_there("one of b"));
            assert_eq!(shown, (true, false));
        }
        "merge" => assert_eq!(shown, (true, true)),
        // What arrived last is later, and an edit wins against a deletion that has no time.
        "latest-timestamp-wins" => assert!(shown.0),
        _ => {
            assert!(is_there("one of a"));
            assert_eq!(shown, (false, true));
        }
    }
    if let Some((id, note)) = titled(&new, "two") {
        // It was deleted, and is made again under another id.
        assert_ne!(id, two);
        assert_eq!(own(&b, "notes", &two), Some(note));
    }
}

#[test]
fn two_devices_converge_under_every_policy_on_acs() {
    for policy in POLICIES.into_iter().chain(["latest-timestamp-wins"]) {
        converge(&Site::acs(&Home::new()), policy);
    }
}

#[test]
fn two_devices_converge_under_every_policy_on_json_server() {
    for policy in POLICIES {
        let server = JSON_SERVER.start().unwrap();
        converge(&Site::rest(server.url()), policy);
    }
}

/// Answers to six creates, an update and a deletion are lost, one way or another; each create is found by its mark.
fn lose_answers(site: &Site) {
    let network = Network::new(1);
    let (a, b) = (
        site.open("a", "merge", Some(&network)),
        site.open("b", "merge", None),
    );
    network.calm.store(true, Ordering::Relaxed);
    network.loses_answers.store(6, Ordering::Relaxed);
    write_offline(&a);
    sync_behind(&a, &network);
    assert_eq!(network.faults(), 6);
    sync(&b);
    check_first(&b);
    assert_eq!(all(&a), all(&b));
    assert!(a.journal().list(None, 10).unwrap().is_empty());

    // Of an update and a deletion it is looked up, once the first request is surely over.
    let mut note = own(&a, "notes", "my-one").unwrap();
    note["title"] = "one of a".into();
    network.loses_answers.store(2, Ordering::Relaxed);
    put(&a, "notes", "my-one", &note.to_string());
    delete(&a, "my-two");
    sync_behind(&a, &network);
    assert_eq!(network.faults(), 8);
    walk(&b);
    assert_eq!(all(&a), all(&b));
    assert!(titled(&b, "one of a").is_some() && titled(&b, "two").is_none());
}

#[test]
fn lost_answers_are_made_up_for_on_acs() {
    lose_answers(&Site::acs(&Home::new()));
}

#[test]
fn lost_answers_are_made_up_for_on_json_server() {
    let server = JSON_SERVER.start().unwrap();
    lose_answers(&Site::rest(server.url()));
}
