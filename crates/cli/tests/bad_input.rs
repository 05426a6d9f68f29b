//! What is wrong is said: what was expected, what came, what to do.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, Ran, Server, World};
use std::io::{Read, Write};
use std::net::TcpListener;
use tempfile::TempDir;

#[track_caller]
fn says(ran: Ran, code: i32, words: &[&str]) {
    let ran = ran.exits(code);
    assert!(ran.err.starts_with("error: "), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "expected {word:?} in {ran:?}");
    }
}

fn with_server(folder: &TempDir, url: &str) -> Device {
    let device = Device::bare(folder.path().join("device"));
    device
        .run(&["init", "--server", url, "--collection", "notes:merge"])
        .exits(0);
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    device
}

/// Answers every request with the login page of a hotel.
fn captive_portal() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let page = "<html><body>Welcome to the hotel</body></html>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    url
}

#[test]
fn without_a_configuration() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("empty"));
    says(device.run(&["status"]), 1, &["tisync.toml", "tisync init"]);
    let nowhere = Device {
        folder: folder.path().join("nowhere"),
    };
    says(nowhere.run(&["status"]), 1, &["nowhere"]);
}

#[test]
fn a_configuration_that_is_wrong() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    device.file("tisync.toml", "replica = 3");
    says(device.run(&["status"]), 1, &["tisync.toml", "string"]);
    device.file("tisync.toml", "replica = 'r.db'\ncolour = 'red'");
    says(device.run(&["status"]), 1, &["colour"]);
    device.file(
        "tisync.toml",
        "replica = 'r.db'\n[collections.notes]\npolicy = 'strongest-wins'",
    );
    says(
        device.run(&["status"]),
        1,
        &["notes", "server-wins", "strongest-wins"],
    );
    device.file(
        "tisync.toml",
        "replica = 'r.db'\n[collections.notes]\npolicy = 'merge'\nconnector = 'other'\n[connectors.main]\nurl = 'http://127.0.0.1:1'",
    );
    says(device.run(&["status"]), 1, &["notes", "main"]);
}

#[test]
fn a_password_in_an_address_is_refused_and_shown_nowhere() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    for url in ["http://anna:s3cret@127.0.0.1:1", "ftp://anna:s3cret@host"] {
        let ran = device.run(&["init", "--server", url, "--collection", "notes:merge"]);
        assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
        says(ran, 1, &["the address of the connector main", "…@"]);
        assert_eq!(device.folder.read_dir().unwrap().count(), 0, "{url}");
    }
    device.file(
        "tisync.toml",
        "replica = 'r.db'\n[collections.notes]\npolicy = 'merge'\n[connectors.main]\nurl = 'http://anna:s3cret@h'",
    );
    let ran = device.run(&["status"]);
    assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
    says(ran, 1, &["token_env"]);
    assert!(!device.folder.join("r.db").exists());
}

#[test]
fn init_refuses_what_it_does_not_know() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    let init = |server: &str, collection: &str| {
        device.run(&["init", "--server", server, "--collection", collection])
    };
    says(
        init("ftp://host", "notes:merge"),
        1,
        &["http://host", "ftp://host"],
    );
    says(init("host:7400", "notes:merge"), 1, &["http://host"]);
    says(
        init("http://127.0.0.1:1", "notes:best"),
        1,
        &["merge", "best"],
    );
    says(init("http://127.0.0.1:1", "notes"), 2, &["NAME:POLICY"]);
    says(
        init("http://127.0.0.1:1", "no tes:merge"),
        1,
        &["a collection name"],
    );
    assert!(!device.folder.join("tisync.toml").exists());
    init("http://127.0.0.1:1", "notes:merge").exits(0);
    says(
        init("http://127.0.0.1:1", "notes:merge"),
        1,
        &["there already"],
    );
    device.run(&["init"]).exits(2);
}

#[test]
fn another_server_for_the_same_file() {
    let folder = TempDir::new().unwrap();
    let device = with_server(&folder, "http://127.0.0.1:1");
    let settings = device
        .read("tisync.toml")
        .replace("127.0.0.1:1", "127.0.0.1:2");
    device.file("tisync.toml", &settings);
    says(device.run(&["status"]), 1, &["127.0.0.1:1", "127.0.0.1:2"]);
}

#[test]
fn a_server_that_is_not_there() {
    let folder = TempDir::new().unwrap();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let device = with_server(&folder, &format!("http://{free}"));
    says(device.run(&["sync"]), 4, &[&free.to_string()]);
    let ran = device.run(&["sync", "--json"]).exits(4);
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["exit"], 4);
    let status = device.run(&["status"]).exits(0);
    assert!(status.out.contains("1 pending"), "{status:?}");
    assert!(
        status.out.contains("the backend cannot be reached"),
        "{status:?}"
    );
}

#[test]
fn a_page_instead_of_the_protocol() {
    let folder = TempDir::new().unwrap();
    let device = with_server(&folder, &captive_portal());
    let ran = device.run(&["sync"]).exits(4);
    assert!(
        !ran.err.contains("hotel"),
        "a foreign page is not shown: {ran:?}"
    );
    assert_eq!(device.document("notes", "n1"), "{}");
    let status = device.run(&["status", "--json"]).exits(0).json();
    assert_eq!(status["outbox"]["parked"], 0);
}

#[test]
fn a_token_that_is_wrong_missing_or_right() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(
        folder.path(),
        &["--token-env", "SERVER_TOKEN"],
        &[("SERVER_TOKEN", "right")],
    );
    let device = Device::bare(folder.path().join("device"));
    let init = [
        "init",
        "--server",
        &server.url,
        "--collection",
        "notes:merge",
        "--token-env",
        "MY_TOKEN",
    ];
    device.run(&init).exits(0);
    says(device.run(&["sync"]), 6, &["MY_TOKEN", "not set"]);
    let with = |token: &str| {
        let output = device
            .command(&["sync"])
            .env("MY_TOKEN", token)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, error) = with("wr0ng");
    assert_eq!(code, 6, "{error}");
    assert!(!error.contains("wr0ng"), "a token is not shown: {error}");
    assert_eq!(with("right").0, 0);

    let settings = device.read("tisync.toml");
    let named = "token_env = \"MY_TOKEN\"";
    assert!(settings.contains(named), "{settings}");
    device.file("token", "right\n");
    device.file(
        "tisync.toml",
        &settings.replace(named, "token_file = \"token\""),
    );
    device.run(&["sync"]).exits(0);
    let command = "token_command = [\"printf\", \"right\"]";
    device.file("tisync.toml", &settings.replace(named, command));
    device.run(&["sync"]).exits(0);
    let command = "token_command = [\"false\"]";
    device.file("tisync.toml", &settings.replace(named, command));
    says(
        device.run(&["sync"]),
        6,
        &["expected false to print the token"],
    );
    let ran =
        Device::bare(folder.path().join("other")).run(&["serve", "--token-env", "UNSET_TOKEN"]);
    says(ran, 1, &["UNSET_TOKEN"]);
}

#[test]
fn an_address_that_is_taken() {
    let world = World::new();
    let taken = world.server.url.trim_start_matches("http://").to_owned();
    let device = Device::bare(world.folder.path().join("second"));
    says(
        device.run(&["serve", "--listen", &taken]),
        1,
        &[&taken, "--listen"],
    );
}

#[test]
fn names_and_documents_that_do_not_fit() {
    let folder = TempDir::new().unwrap();
    let device = with_server(&folder, "http://127.0.0.1:1");
    says(device.run(&["get", "bikes", "b1"]), 1, &["notes", "bikes"]);
    says(
        device.run(&["put", "notes", "n2", "{"]),
        1,
        &["JSON object"],
    );
    says(
        device.run(&["put", "notes", "n2", "[1]"]),
        1,
        &["JSON object"],
    );
    says(
        device.run(&["put", "notes", "n2", r#"{"a":1,"a":2}"#]),
        1,
        &["JSON object"],
    );
    says(
        device.run(&["put", "notes", "n2", "@nowhere.json"]),
        1,
        &["nowhere.json"],
    );
    says(device.run(&["put", "notes", "", "{}"]), 1, &["a record id"]);
    says(device.run(&["patch", "notes", "n1"]), 2, &["NAME=TEXT"]);
    says(
        device.run(&["patch", "notes", "nobody", "a=1"]),
        1,
        &["nobody"],
    );
    says(device.run(&["delete", "notes", "nobody"]), 1, &["nobody"]);
    says(device.run(&["query", "notes", "stars"]), 2, &["stars"]);
    says(device.run(&["outbox", "retry", "zz"]), 1, &["outbox list"]);
    says(
        device.run(&["conflicts", "resolve", "notes", "n1", "--ours"]),
        1,
        &["n1"],
    );
    says(
        device.run(&["confirm", "main", "--keep"]),
        2,
        &["CONNECTOR/FEED"],
    );
    device
        .run(&["conflicts", "resolve", "notes", "n1"])
        .exits(2);
    device.run(&["frobnicate"]).exits(2);
}

#[test]
fn a_file_that_is_no_replica_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    device.file(
        "tisync.toml",
        "replica = 'notes.txt'\n[collections.notes]\npolicy = 'merge'",
    );
    let text = "not a database\n".repeat(100);
    device.file("notes.txt", &text);
    device.run(&["status"]).exits(1);
    assert_eq!(device.read("notes.txt"), text);
}
