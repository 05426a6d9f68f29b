//! The worked example of docs/CONNECTORS.md, on the server that it is for.
#![allow(clippy::unwrap_used)]
#[path = "../examples/own_connector/json_server.rs"]
mod json_server;

use json_server::JsonServer;
use tisync::{Replica, Sample};

const SOURCE: &str = include_str!("../examples/own_connector/json_server.rs");

#[test]
fn the_example_is_certified() {
    let server = xtask_backends::JSON_SERVER.start().unwrap();
    let url = server.url();
    let report = Replica::open("unused.db")
        .connector("main", move || Box::new(JsonServer { url: url.clone() }))
        .collection("notes", "merge")
        .blocking_certify("notes", Sample::default(), &mut |_| {})
        .unwrap();
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() > 80, "{report}");
}

#[test]
fn the_example_is_short_and_the_page_shows_it() {
    let lines = SOURCE.lines().filter(|line| !line.trim().is_empty());
    assert!(lines.count() < 150);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONNECTORS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut shown = 0;
    for block in page.split("```rust\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        assert!(SOURCE.contains(block), "not in the example:\n{block}");
        shown += 1;
    }
    assert!(shown >= 5);
}
