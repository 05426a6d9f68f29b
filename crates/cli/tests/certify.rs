//! `tisync certify` against a server process.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;

#[test]
fn the_reference_server_is_certified_over_a_socket() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let lines = device.run(&["certify", "notes", "--json"]).exits(0).lines();
    let (report, checks) = lines.split_last().unwrap();
    assert_eq!(report["failed"], 0);
    // The server lets anybody in: no credentials can be wrong, and no session over. Its feed does not go by time.
    assert_eq!(report["passed"], checks.len() - 3);
    assert_eq!(report["skipped"], 3);
    assert_eq!(
        report["guarantee"],
        "no change missed; deletes followed; no lost update; no duplicate create; groups whole; latest by field"
    );
    let hints = checks
        .iter()
        .find(|check| check["name"] == "hints come as declared")
        .unwrap();
    assert_eq!(hints["outcome"], "passed");
    let text = device.run(&["certify", "notes"]).exits(0).out;
    assert!(text.contains("lost messages\n  ok    a create that cannot be sent happens once\n"));
    // Nothing is left behind, on the server or here.
    device.run(&["sync"]).exits(0);
    assert_eq!(device.run(&["query", "notes", "--json"]).exits(0).out, "");
}

#[test]
fn what_cannot_be_tried_says_why() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let error = device.run(&["certify", "other"]).exits(1).err;
    assert!(
        error.contains("expected one of the collections notes"),
        "{error}"
    );
    let error = device
        .run(&["certify", "notes", "--document", "[1]"])
        .exits(1)
        .err;
    assert!(error.contains("expected a JSON object"), "{error}");
    drop(world.server);
    let text = device.run(&["certify", "notes"]).exits(4).out;
    assert!(text.contains("FAIL  the backend answers a probe"), "{text}");
}
