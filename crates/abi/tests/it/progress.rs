//! How far a pull is, and answers that come in parts.
use crate::device::{Database, Device};
use serde_json::{Value, json};
use std::rc::Rc;

const HEADERS: [(&str, &str); 1] = [("content-type", "application/json")];

fn rest(options: &Value) -> Device {
    Device::open(json!({"main": {"kind": "rest", "url": "http://server", "options": options}}))
}

fn rows(range: std::ops::Range<u32>) -> Value {
    range
        .map(|n| json!({"id": format!("r{n}"), "stars": n}))
        .collect()
}

/// What was told of progress since the last look: `[stored, total, complete]`.
fn progress(device: &mut Device) -> Vec<Value> {
    let told = std::mem::take(&mut device.told).into_iter();
    told.filter_map(|told| {
        let told = told.get("progress")?;
        assert_eq!(told["collection"], "notes");
        Some(json!([told["stored"], told["total"], told["complete"]]))
    })
    .collect()
}

#[test]
fn each_slice_is_told_with_what_the_backend_says_of_the_whole() {
    let options = json!({"probe": "notes", "paging": {"by": "offset", "skip": "from", "limit": "limit"}, "page_items": 4, "total": {"header": "x-total"}});
    let mut device = rest(&options);
    device.ok(json!("sync"));
    let mut headers = HEADERS.to_vec();
    headers.push(("x-total", "7"));
    let shown = |device: &mut Device, from: u32, until: u32| {
        let (id, url, _) = device.request().unwrap();
        assert!(url.contains(&format!("from={from}")), "{url}");
        let answer = json!({"http": {"id": id, "status": 200, "headers": headers}});
        device.call(&answer, rows(from..until).to_string().as_bytes());
        device.work();
    };
    shown(&mut device, 0, 4);
    assert_eq!(
        progress(&mut device),
        [json!([2, 7, false]), json!([4, 7, false])]
    );
    // The page begins with the last row again, to see that nothing has shifted.
    shown(&mut device, 3, 7);
    assert_eq!(
        progress(&mut device),
        [json!([6, 7, false]), json!([7, 7, true])]
    );
    // The same once more is nothing new.
    device.ok(json!("sync"));
    shown(&mut device, 0, 4);
    shown(&mut device, 3, 7);
    assert_eq!(progress(&mut device), [] as [Value; 0]);
}

#[test]
fn an_answer_that_holds_everything_may_come_in_parts() {
    let mut device = rest(&json!({"probe": "notes"}));
    device.ok(json!("sync"));
    let (id, _, _) = device.request().unwrap();
    let body = rows(0..5).to_string();
    let (first, rest) = body.as_bytes().split_at(20);
    let (second, last) = rest.split_at(20);
    for part in [first, second] {
        device.call(&json!({"body": {"id": id, "bytes": body.len()}}), part);
    }
    device.call(
        &json!({"http": {"id": id, "status": 200, "headers": HEADERS}}),
        last,
    );
    device.work();
    assert_eq!(
        progress(&mut device),
        [
            json!([2, 5, false]),
            json!([4, 5, false]),
            json!([5, 5, true])
        ]
    );
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 5);
    // Nobody waits for it any more.
    device.call(&json!({"body": {"id": id, "bytes": 9}}), b"too late");
    device.ok(json!("health"));
}

#[test]
fn where_the_backend_tells_of_no_total_the_last_page_does() {
    let mut device = Device::open(json!({"main": {"url": "http://server"}}));
    device.ok(json!("sync"));
    let item = |id: &str, number: u64| json!({"collection": "notes", "id": id, "version": format!("e1.{number}"), "schema": 0, "doc": {"stars": number}});
    for (from, more) in [(1, true), (4, false)] {
        let (id, _, _) = device.request().unwrap();
        let items: Vec<_> = (from..from + 3)
            .map(|n| item(&format!("r{n}"), n))
            .collect();
        device.answer(id, 200, &json!({"items": items, "checkpoint": from.to_string(), "more": more, "epochs": [["e1", 0]], "server_time_ms": 1_700_000_000_000_u64}));
    }
    let told = progress(&mut device);
    assert_eq!(
        told[..3],
        [
            json!([2, null, false]),
            json!([3, null, false]),
            json!([5, 6, false])
        ]
    );
    assert_eq!(told[3..], [json!([6, 6, true])]);
}

#[test]
fn checkpoints_of_the_database_are_as_small_as_slices_and_never_off() {
    for (items, pages) in [
        (json!(null), 4_000),
        (json!(0), 8),
        (json!(50), 400),
        (json!(u64::MAX), 4_000),
    ] {
        let database = Rc::new(Database::in_memory());
        let mut device = Device::on(database.clone());
        device.ok(json!({"open": {
            "entropy": "11".repeat(32),
            "connectors": {},
            "collections": {},
            "slice_items": items,
        }}));
        let found = database.integer("PRAGMA wal_autocheckpoint");
        assert_eq!(found, pages, "slices of {items}");
    }
}

#[test]
fn a_page_that_the_engine_does_not_take_counts_for_nothing() {
    let mut device = Device::open(json!({"main": {"url": "http://server"}}));
    device.ok(json!("sync"));
    let page = |device: &mut Device, ids: std::ops::Range<u64>, more: bool, epoch: &str| {
        let (id, _, _) = device.request().unwrap();
        let item = |n| json!({"collection": "notes", "id": format!("r{n}"), "version": format!("{epoch}.{n}"), "schema": 0, "doc": {"stars": n}});
        let items: Vec<_> = ids.clone().map(item).collect();
        device.answer(id, 200, &json!({"items": items, "checkpoint": ids.end.to_string(), "more": more, "epochs": [[epoch, 0]], "server_time_ms": 1_700_000_000_000_u64}));
        progress(device)
    };
    let told = page(&mut device, 1..3, true, "e1");
    assert_eq!(told, [json!([2, null, false])]);
    // The server was restored meanwhile: this page is dropped, and the feed begins anew.
    let told = page(&mut device, 3..7, true, "e2");
    assert_eq!(told, [] as [Value; 0]);
    let told = page(&mut device, 11..13, false, "e2");
    assert_eq!(told, [json!([2, 2, true])]);
}
