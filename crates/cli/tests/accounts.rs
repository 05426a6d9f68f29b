//! Accounts with real processes: tokens that come and go, files that belong to somebody, logging out.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, Server};
use std::path::Path;
use tempfile::TempDir;

const ANNA: &str = "annas-s3cret-token";
const BEN: &str = "bens-s3cret-token";

fn tokens(folder: &Path, entries: &[(&str, &str, &str)]) {
    let text: String = entries
        .iter()
        .map(|(token, tenant, more)| {
            format!("[[token]]\ntoken = \"{token}\"\ntenant = \"{tenant}\"\n{more}\n")
        })
        .collect();
    // In one step, so that the server never reads half of it.
    std::fs::write(folder.join("tokens.new"), text).unwrap();
    std::fs::rename(folder.join("tokens.new"), folder.join("tokens.toml")).unwrap();
}

/// A server with accounts, in a folder that stays as long as the test.
fn server(entries: &[(&str, &str, &str)]) -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    tokens(folder.path(), entries);
    let file = folder.path().join("tokens.toml");
    let server = Server::start(folder.path(), &["--tokens", file.to_str().unwrap()], &[]);
    (folder, server)
}

fn device(folder: &TempDir, server: &Server, account: &str, token: &str) -> Device {
    let device = Device::bare(folder.path().join(account));
    device.file("token", token);
    let config = format!(
        "replica = \"tisync.db\"\naccount = \"{account}\"\n\n[connectors.main]\nurl = \"{}\"\n\
         token_file = \"token\"\n\n[collections.notes]\npolicy = \"merge\"\n",
        server.url
    );
    device.file("tisync.toml", &config);
    device
}

#[test]
fn tenants_are_apart_and_a_token_that_is_taken_back_stops_its_device_only() {
    let (folder, server) = server(&[(ANNA, "anna", ""), (BEN, "ben", "")]);
    let (anna, ben) = (
        device(&folder, &server, "anna", ANNA),
        device(&folder, &server, "ben", BEN),
    );
    anna.run(&["put", "notes", "n1", r#"{"of": "Anna"}"#])
        .exits(0);
    anna.run(&["sync"]).exits(0);
    ben.run(&["put", "notes", "n1", r#"{"of": "Ben"}"#])
        .exits(0);
    assert_eq!(ben.run(&["sync", "--json"]).exits(0).json()["pulled"], 0);

    tokens(folder.path(), &[("another", "anna", ""), (BEN, "ben", "")]);
    anna.run(&["put", "notes", "n2", "{}"]).exits(0);
    let ran = anna.run(&["sync"]).exits(6);
    assert!(ran.err.contains("unauthorized"), "{ran:?}");
    let status = anna.run(&["status"]).exits(0).out;
    assert!(
        status.contains("the backend refuses the credentials"),
        "{status}"
    );
    assert!(status.contains("account    anna"), "{status}");
    assert!(status.contains("network    online"), "{status}");
    ben.run(&["sync"]).exits(0);

    // A new process asks again, and finds the new token.
    anna.file("token", "another\n");
    assert_eq!(anna.run(&["sync", "--json"]).exits(0).json()["pushed"], 1);
    // A file that cannot be read changes nothing.
    tokens(folder.path(), &[("", "anna", "")]);
    anna.run(&["sync"]).exits(0);
}

#[test]
fn an_expired_token_is_refused_and_a_reader_s_writes_come_back() {
    let (folder, server) = server(&[
        (ANNA, "anna", "expires = 2001-01-01T00:00:00Z"),
        (
            BEN,
            "anna",
            "read_only = true\nexpires = 2999-12-31T23:59:59Z",
        ),
    ]);
    let late = device(&folder, &server, "late", ANNA);
    late.run(&["sync"]).exits(6);
    let reader = device(&folder, &server, "reader", BEN);
    reader.run(&["put", "notes", "n1", "{}"]).exits(0);
    let ran = reader.run(&["sync"]).exits(3);
    assert!(ran.out.contains("1 refused by the server"), "{ran:?}");
}

#[test]
fn a_bad_file_of_tokens_says_where_and_never_what() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("server"));
    device.file(
        "tokens.toml",
        &format!("[[token]]\ntenant = \"anna\"\ntoken = {ANNA}\n"),
    );
    let ran = device
        .run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tokens",
            "tokens.toml",
        ])
        .exits(1);
    assert!(ran.err.contains("line 3"), "{ran:?}");
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
}

#[test]
fn a_file_is_not_opened_for_another_account_or_server() {
    let (folder, server) = server(&[(ANNA, "anna", ""), (BEN, "ben", "")]);
    let anna = device(&folder, &server, "anna", ANNA);
    anna.run(&["put", "notes", "n1", "{}"]).exits(0);
    anna.run(&["sync"]).exits(0);
    let config = anna.read("tisync.toml");
    anna.file(
        "tisync.toml",
        &config.replace("account = \"anna\"", "account = \"ben\""),
    );
    for command in [&["get", "notes", "n1"][..], &["sync"], &["status"]] {
        let ran = anna.run(command).exits(1);
        assert!(
            ran.err
                .contains("belongs to the account anna, but ben came"),
            "{ran:?}"
        );
        assert!(ran.err.contains("open another file"), "{ran:?}");
    }
    let url = format!("url = \"{}\"", server.url);
    let moved = "url = \"http://127.0.0.1:9\"";
    anna.file("tisync.toml", &config.replace(&url, moved));
    let ran = anna.run(&["status"]).exits(1);
    assert!(
        ran.err.contains(&format!("belongs to {}", server.url)),
        "{ran:?}"
    );
    assert!(ran.err.contains("moved_from"), "{ran:?}");
    let moved = format!("{moved}\nmoved_from = \"{}\"", server.url);
    anna.file("tisync.toml", &config.replace(&url, &moved));
    assert_eq!(anna.document("notes", "n1"), "{}");
}

#[test]
fn logging_out_asks_what_becomes_of_pending_writes() {
    let (folder, server) = server(&[(ANNA, "anna", "")]);
    let anna = device(&folder, &server, "anna", ANNA);
    anna.run(&["put", "notes", "n1", r#"{"title": "Milk"}"#])
        .exits(0);
    let ran = anna.run(&["logout"]).exits(3);
    for word in ["1 write was", "--keep", "--export FILE", "--discard"] {
        assert!(ran.err.contains(word), "{ran:?}");
    }
    anna.run(&["logout", "--keep", "--discard"]).exits(2);

    let ran = anna.run(&["logout", "--keep", "--json"]).exits(0);
    assert_eq!(ran.json()["kept"], 1);
    let ran = anna.run(&["sync"]).exits(6);
    assert!(ran.err.contains("tisync login"), "{ran:?}");
    let status = anna.run(&["status"]).exits(0).out;
    assert!(status.contains("session    logged out for"), "{status}");
    anna.run(&["login"]).exits(0);
    assert_eq!(anna.run(&["sync", "--json"]).exits(0).json()["pushed"], 1);

    anna.run(&["patch", "notes", "n1", "title=Oat milk"])
        .exits(0);
    let ran = anna.run(&["logout", "--export", "anna.lifeboat"]).exits(0);
    assert!(
        ran.out.contains("tisync import --lifeboat anna.lifeboat"),
        "{ran:?}"
    );
    assert_eq!(anna.document("notes", "n1"), r#"{"title":"Milk"}"#);
    anna.run(&["login"]).exits(0);
    anna.run(&["import", "--lifeboat", "anna.lifeboat"])
        .exits(0);
    anna.run(&["sync"]).exits(0);
    assert_eq!(anna.document("notes", "n1"), r#"{"title":"Oat milk"}"#);

    anna.run(&["delete", "notes", "n1"]).exits(0);
    let ran = anna.run(&["logout", "--discard"]).exits(0);
    assert!(
        ran.out.contains("1 write is given up, and in the journal"),
        "{ran:?}"
    );
    assert_eq!(anna.document("notes", "n1"), r#"{"title":"Oat milk"}"#);
    let rows = anna.run(&["journal", "--json"]).exits(0).lines();
    assert_eq!(rows[0]["policy"], "discarded at logout");
    // Nothing is pending: no choice is needed.
    anna.run(&["login"]).exits(0);
    anna.run(&["logout"]).exits(0);
}

#[test]
fn a_token_reaches_neither_a_file_nor_a_log() {
    let (folder, server) = server(&[(ANNA, "anna", "")]);
    let anna = device(&folder, &server, "anna", ANNA);
    let mut logs = String::new();
    anna.run(&["put", "notes", "n1", r#"{"body": "pr1vate"}"#])
        .exits(0);
    for command in [
        &["sync", "--verbose"][..],
        &["status", "--verbose", "--json"],
        &["logout", "--verbose"],
        &["login", "--verbose"],
    ] {
        let ran = anna.run(command).exits(0);
        logs.push_str(&ran.out);
        logs.push_str(&ran.err);
    }
    // Refused, and asked again.
    tokens(folder.path(), &[("another", "anna", "")]);
    anna.run(&["put", "notes", "n2", "{}"]).exits(0);
    let ran = anna.run(&["sync", "--verbose"]).exits(6);
    logs.push_str(&ran.err);
    let boat = anna
        .run(&["logout", "--verbose", "--export", "boat"])
        .exits(0);
    logs.push_str(&boat.err);
    assert!(
        logs.contains("push"),
        "expected a log of the exchange, but {logs} came"
    );
    assert!(!logs.contains("s3cret"), "{logs}");
    assert!(!logs.contains("pr1vate"), "{logs}");
    let mut looked = Vec::new();
    for entry in std::fs::read_dir(&anna.folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "token" {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!contains(&bytes, b"s3cret"), "{name}");
        looked.push(name);
    }
    assert!(looked.len() >= 4, "{looked:?}");
    let db = std::fs::read(folder.path().join("server.db")).unwrap();
    assert!(!contains(&db, b"s3cret"));
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
