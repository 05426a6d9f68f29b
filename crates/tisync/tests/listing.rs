//! A backend that can only list, with 50,000 records: one test, since it measures the memory of its process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tisync::model::Event;
use tisync::{Events, Notice, Replica, Settings};
use xtask_backends::{JSON_SERVER, Running};

const RECORDS: usize = 50_000;

fn open(folder: &Path, name: &str, server: &Running) -> Replica {
    let text = format!(
        r#"{{"replica": "{name}.db",
            "connectors": {{"main": {{"kind": "rest", "url": "{}", "options": {{
                "paths": {{"notes": "notes"}}, "auth": "none", "page_items": 500,
                "paging": {{"by": "page", "page": "_page", "limit": "_limit"}},
                "total": {{"header": "X-Total-Count"}}}}}}}},
            "collections": {{"notes": {{"policy": "merge"}}}}}}"#,
        server.url()
    );
    let settings: Settings = serde_json::from_str(&text).unwrap();
    settings.builder(folder).unwrap().open().unwrap()
}

fn ask(server: &Running, method: &str, path: &str, body: &str) {
    let url = server.url();
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

/// Bytes of memory that this process has had at most.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

fn sync(replica: &Replica) {
    let report = replica.blocking_sync().unwrap();
    assert!(report.is_synced(), "{:#?}", report.health);
}

fn count(replica: &Replica) -> u64 {
    replica.collection("notes").unwrap().count().unwrap()
}

/// Bytes that the next writes to a replica's file leave in its log: what was there is brought into the file first.
fn log_of(path: &Path) -> u64 {
    std::fs::metadata(path.with_extension("db-wal")).map_or(0, |about| about.len())
}

/// The records that events tell of, without a word on any that was missed.
fn changed_by(events: &mut Events) -> Vec<String> {
    let mut changed = Vec::new();
    while let Some(notice) = events.try_next() {
        match notice {
            Notice::Event(Event::Changed { records, .. }) => {
                changed.extend(records.into_iter().map(|(id, _)| id.as_str().to_owned()));
            }
            Notice::Event(_) | Notice::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    }
    changed
}

#[test]
fn many_records_take_no_more_memory_than_few_and_one_change_rewrites_no_other() {
    let server = JSON_SERVER.start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    ask(&server, "POST", "/fill/notes/5000", "");
    let few = open(folder.path(), "few", &server);
    sync(&few);
    sync(&few);
    drop(few);
    let of_few = peak();

    ask(&server, "POST", &format!("/fill/notes/{RECORDS}"), "");
    let many = open(folder.path(), "many", &server);
    // The first pull, and a whole pass over what is here then.
    sync(&many);
    sync(&many);
    let grown = peak() - of_few;
    assert_eq!(count(&many), RECORDS as u64);
    let path = many.path().clone();
    drop(many);
    let whole = std::fs::metadata(&path).unwrap().len();
    // SQLite may keep pages of the file; nobody keeps the documents besides.
    assert!(
        grown < whole + (4 << 20),
        "{grown} bytes more, and a file of {whole}"
    );

    let many = open(folder.path(), "many", &server);
    assert_eq!(log_of(&path), 0);
    let mut events = many.events();
    ask(&server, "PATCH", "/notes/n77", r#"{"title": "changed"}"#);
    sync(&many);
    let changed = many.collection("notes").unwrap().get("n77").unwrap();
    assert!(changed.unwrap().text().contains("changed"));
    assert_eq!(changed_by(&mut events), ["n77"]);
    // The pass notes which records it has seen, some bytes each.
    let written = log_of(&path);
    assert!(written < whole / 4, "{written} bytes written of {whole}");
    println!("{grown} bytes of memory and {written} bytes of writes, for a file of {whole}");
}
