//! Two devices and a server process.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, World};
use std::time::Duration;

/// Both know `n1`, then both change it; `a` syncs first.
fn both_change(world: &World, policy: &str) -> (Device, Device) {
    let collection = format!("notes:{policy}");
    let (a, b) = (
        world.device("a", &[&collection]),
        world.device("b", &[&collection]),
    );
    a.run(&["put", "notes", "n1", r#"{"title": "Milk", "stars": 1}"#])
        .exits(0);
    a.run(&["sync"]).exits(0);
    b.run(&["sync"]).exits(0);
    a.run(&["patch", "notes", "n1", "title=Milk a"]).exits(0);
    b.run(&["patch", "notes", "n1", "title=Milk b", "stars:=2"])
        .exits(0);
    a.run(&["sync"]).exits(0);
    (a, b)
}

#[test]
fn a_write_travels_and_the_report_counts() {
    let world = World::new();
    let (a, b) = (
        world.device("a", &["notes:merge"]),
        world.device("b", &["notes:merge"]),
    );
    a.run(&["put", "notes", "n1", r#"{"title": "Milk"}"#])
        .exits(0);
    let plan = a.run(&["plan", "--json"]).exits(0).lines();
    assert_eq!(plan.len(), 1);
    assert_eq!(plan[0]["id"], "n1");
    let entries = a.run(&["outbox", "list", "--json"]).exits(0).lines();
    assert_eq!(entries[0]["record"], "n1");

    let ran = a.run(&["sync"]).exits(0);
    assert_eq!(ran.out, "pulled 0, pushed 1; everything is synced\n");
    let ran = b.run(&["sync", "--json"]).exits(0);
    assert_eq!(ran.json()["pulled"], 1);
    assert_eq!(ran.json()["synced"], true);
    assert_eq!(b.document("notes", "n1"), r#"{"title":"Milk"}"#);

    let status = b.run(&["status", "--json"]).exits(0).json();
    assert_eq!(status["synced"], true);
    assert_eq!(status["lease"], "free");
    let status = b.run(&["status"]).exits(0).out;
    assert!(status.contains("everything is synced"), "{status}");
    assert!(
        status.contains("no change missed; deletes followed; no lost update"),
        "{status}"
    );
    assert_eq!(a.run(&["outbox", "list"]).exits(0).out, "nothing waits\n");
}

#[test]
fn a_conflict_waits_for_a_person_and_is_settled() {
    let world = World::new();
    let (a, b) = both_change(&world, "manual");
    let ran = b.run(&["sync"]).exits(3);
    assert!(
        ran.out.contains("1 in conflict (tisync conflicts list)"),
        "{ran:?}"
    );
    b.run(&["status"]).exits(3);
    let listed = b.run(&["conflicts", "list", "--json"]).exits(0).lines();
    assert_eq!(
        (&listed[0]["collection"], &listed[0]["id"]),
        (&"notes".into(), &"n1".into())
    );

    let shown = b.run(&["conflicts", "show", "notes", "n1"]).exits(0);
    let row = |name: &str| {
        let line = shown.out.lines().find(|line| line.contains(name)).unwrap();
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(
        row("title"),
        r#"*|title|"Milk"|"Milk b"|"Milk a""#,
        "{}",
        shown.out
    );
    assert_eq!(row("stars"), "*|stars|1|2|1");

    let document = r#"{"title": "Milk ab", "stars": 3}"#;
    b.run(&[
        "conflicts",
        "resolve",
        "notes",
        "n1",
        "--document",
        document,
    ])
    .exits(0);
    b.run(&["sync"]).exits(0);
    a.run(&["sync"]).exits(0);
    assert_eq!(
        a.document("notes", "n1"),
        r#"{"stars":3,"title":"Milk ab"}"#
    );
    b.run(&["conflicts", "show", "notes", "n1"]).exits(1);
}

#[test]
fn a_decision_is_journalled_and_undone() {
    let world = World::new();
    let (a, b) = both_change(&world, "server-wins");
    b.run(&["sync"]).exits(0);
    assert_eq!(b.document("notes", "n1"), r#"{"stars":1,"title":"Milk a"}"#);
    let rows = b.run(&["journal", "--json"]).exits(0).lines();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["loser"], "ours");
    let row = rows[0]["id"].to_string();
    assert_eq!(
        b.run(&["journal", "--of", "notes", "n1", "--json"]).lines(),
        rows
    );
    let shown = b.run(&["journal", "show", &row]).exits(0).out;
    assert!(
        shown.contains("server-wins") && shown.contains("Milk b"),
        "{shown}"
    );

    b.run(&["conflicts", "undo", &row]).exits(0);
    b.run(&["sync"]).exits(0);
    a.run(&["sync"]).exits(0);
    assert_eq!(a.document("notes", "n1"), r#"{"stars":2,"title":"Milk b"}"#);
    let why = b.run(&["why", "notes", "n1"]).exits(0).out;
    assert!(
        why.contains("the server has it so") && why.contains("server-wins"),
        "{why}"
    );
    b.run(&["journal", "undo", "999"]).exits(1);
}

#[test]
fn one_process_syncs_and_the_others_write() {
    use std::io::{BufRead, BufReader};
    let world = World::new();
    let a = world.device("a", &["notes:merge"]);
    let mut watcher = a
        .command(&["sync", "--watch"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(watcher.stdout.take().unwrap());
    let (told, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        stdout
            .lines()
            .map(Result::unwrap)
            .try_for_each(|line| told.send(line))
    });
    let until = |wanted: &str| loop {
        let line = lines.recv_timeout(Duration::from_secs(30)).unwrap();
        if line.contains(wanted) {
            break;
        }
    };
    until("everything is synced");
    let ran = a.run(&["sync"]).exits(5);
    let pid = watcher.id().to_string();
    assert!(ran.err.contains(&format!("process {pid}")), "{ran:?}");
    let status = a.run(&["status"]).exits(0);
    assert!(
        status.out.contains(&format!("process {pid}, for")),
        "{status:?}"
    );

    a.run(&["put", "notes", "n1", "{}"]).exits(0);
    until("pushed 1");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    let b = world.device("b", &["notes:merge"]);
    b.run(&["sync"]).exits(0);
    assert_eq!(b.document("notes", "n1"), "{}");
}
