//! Reads, writes and errors, without a network.
use crate::device::Device;
use serde_json::json;

#[test]
fn what_is_written_is_read_in_every_way() {
    let mut device = Device::open(json!({}));
    let written = device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "a", "kind": {"put": {"title": "Grüße 👋", "stars": 3}}},
        {"collection": "notes", "id": "b", "kind": {"put": {"title": "Milk", "stars": 1}}},
        {"collection": "notes", "id": null, "kind": {"insert": {"title": "Own id", "stars": 2}}},
    ]}}));
    assert_eq!(written.as_array().unwrap().len(), 3);
    device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "b", "kind": {"patch": {"set": {"/done": true}, "unset": []}}},
    ]}}));
    let a = device.ok(json!({"get": {"collection": "notes", "id": "a"}}));
    assert_eq!(a["document"], json!({"title": "Grüße 👋", "stars": 3}));
    assert_eq!(a["state"], "dirty");
    let query =
        json!({"filter": {"ge": ["/stars", 2]}, "order": [{"path": "/stars", "descending": true}]});
    let found = device.ok(json!({"query": {"collection": "notes", "query": query}}));
    let stars: Vec<_> = (found.as_array().unwrap().iter())
        .map(|record| record["document"]["stars"].as_u64().unwrap())
        .collect();
    assert_eq!(stars, [3, 2]);
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 3);
    let sql = "SELECT id, stars FROM notes WHERE stars < ? ORDER BY stars";
    let rows = device.ok(json!({"sql": {"sql": sql, "values": [3]}}));
    assert_eq!(rows["columns"], json!(["id", "stars"]));
    assert_eq!(rows["rows"][0], json!(["b", 1]));
    let events = device
        .told
        .iter()
        .filter(|told| told["event"].get("changed").is_some());
    assert_eq!(events.count(), 2);
}

#[test]
fn errors_have_a_kind_and_change_nothing() {
    let mut device = Device::new();
    assert_eq!(device.kind(json!("health")), "closed");
    let mut device = Device::open(json!({}));
    assert_eq!(
        device.kind(json!({"get": {"collection": "none", "id": "a"}})),
        "not_found"
    );
    assert_eq!(device.kind(json!({"teleport": {}})), "invalid");
    let missing =
        json!({"write": {"writes": [{"collection": "notes", "id": "x", "kind": "delete"}]}});
    assert_eq!(device.kind(missing), "not_found");
    assert_eq!(
        device.kind(json!({"sql": {"sql": "DELETE FROM tisync_outbox"}})),
        "invalid"
    );
    let sneaky = "WITH x AS (SELECT 1) DELETE FROM tisync_outbox";
    assert_eq!(device.kind(json!({"sql": {"sql": sneaky}})), "invalid");
    let open = json!({"open": {"entropy": "too short"}});
    assert_eq!(Device::new().kind(open), "invalid");
    let unknown = json!({"open": {
        "entropy": "22".repeat(32),
        "connectors": {"main": {"kind": "telepathy", "url": "http://127.0.0.1:1"}},
    }});
    assert_eq!(Device::new().kind(unknown), "bad_config");
    let unnamed = json!({"open": {
        "entropy": "22".repeat(32),
        "collections": {"notes": {"policy": "function:mine"}},
    }});
    assert_eq!(Device::new().kind(unnamed), "bad_config");
}

#[test]
fn a_group_is_written_whole_or_not_at_all() {
    let mut device = Device::open(json!({}));
    let group = json!({"write": {"group": true, "writes": [
        {"collection": "notes", "id": "a", "kind": {"put": {"n": 1}}},
        {"collection": "notes", "id": "gone", "kind": {"update": {"n": 2}}},
    ]}});
    assert_eq!(device.kind(group), "not_found");
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 0);
}
