//! Exchanges, driven by a test that is the network.
use crate::device::Device;
use serde_json::{Value, json};

fn native() -> Value {
    json!({"main": {"url": "http://server"}})
}

fn page(items: &[Value], checkpoint: &str, more: bool) -> Value {
    json!({"items": items, "checkpoint": checkpoint, "more": more, "epochs": [["e1", 0]], "server_time_ms": 1_700_000_000_000_u64})
}

fn item(id: &str, number: u64) -> Value {
    json!({"collection": "notes", "id": id, "version": format!("e1.{number}"), "schema": 0, "doc": {"stars": number}})
}

#[test]
fn a_pull_comes_in_pages_and_slices_and_a_write_goes_out() {
    let mut device = Device::open(native());
    device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "mine", "kind": {"put": {"title": "Milk"}}},
    ]}}));
    let sync = device.ok(json!("sync"));
    let (mut pulls, mut pushes) = (0, 0);
    while let Some((id, url, body)) = device.request() {
        match url.rsplit('/').next().unwrap() {
            "pull" if body["checkpoint"].is_null() => {
                pulls += 1;
                let items: Vec<_> = (1..6).map(|n| item(&format!("r{n}"), n)).collect();
                device.answer(id, 200, &page(&items, "5", true));
            }
            "pull" => {
                pulls += 1;
                let mine = json!({"collection": "notes", "id": "mine", "version": "e1.7", "schema": 0, "doc": {"title": "Milk"}});
                assert_eq!(pushes, 1, "the write goes first");
                device.answer(id, 200, &page(&[item("r6", 6), mine], "7", false));
            }
            "push" => {
                pushes += 1;
                let mutation = body["mutations"][0]["id"].clone();
                let result = json!({"id": mutation, "verdict": {"accepted": {"version": "e1.7"}}});
                let answer = json!({"epoch": "e1", "results": [result], "server_time_ms": 1_700_000_000_000_u64});
                device.answer(id, 200, &answer);
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert_eq!((pulls, pushes), (2, 1), "{:?}", device.told);
    let synced = device.told.iter().find_map(|told| told.get("synced"));
    let synced = synced.unwrap_or_else(|| panic!("{:?}", device.told));
    assert_eq!(synced["sync"], sync);
    assert_eq!(
        (
            synced["report"]["pulled"].as_u64(),
            synced["report"]["pushed"].as_u64()
        ),
        (Some(6), Some(1))
    );
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 7);
    let mine = device.ok(json!({"get": {"collection": "notes", "id": "mine"}}));
    assert_eq!(mine["state"], "clean");
}

#[test]
fn without_a_network_a_sync_fails_and_the_write_waits() {
    let mut device = Device::open(native());
    device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "a", "kind": {"put": {"n": 1}}},
    ]}}));
    device.ok(json!("sync"));
    while let Some((id, ..)) = device.request() {
        let failed = json!({"id": id, "kind": "not_sent", "message": "connection refused"});
        device.ok(json!({"http_failed": failed}));
    }
    let failed = device.told.iter().find_map(|told| told.get("sync_failed"));
    assert_eq!(failed.unwrap()["error"]["kind"], "offline");
    let health = device.ok(json!("health"));
    assert_eq!(health["outbox"]["pending"], 1, "{health}");
    let waits = device.ok(json!({"outbox": {}}));
    assert_eq!(waits[0]["record"], "a");
}

#[test]
fn an_answer_that_never_comes_is_given_up_and_the_host_is_told() {
    let mut device = Device::open(native());
    device.ok(json!("start"));
    let (id, ..) = device.request().unwrap();
    let wake = device.call(&json!("run"), b"")["wake_at_ms"]
        .as_u64()
        .unwrap();
    device.now_ms = wake.max(device.now_ms + 60_000);
    device.work();
    assert!(
        device.asks.contains(&json!({"cancel": id})),
        "{:?}",
        device.asks
    );
    // Too late: nobody waits for it.
    device.answer(id, 200, &page(&[item("late", 1)], "1", false));
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 0);
}

#[test]
fn a_token_is_asked_for_once_and_again_when_it_is_refused() {
    let mut device = Device::open(json!({"main": {"url": "http://server", "credentials": true}}));
    device.ok(json!("sync"));
    assert!(device.request().is_none());
    assert_eq!(
        device.asks,
        [json!({"token": {"connector": "main", "again": false}})]
    );
    device.asks.clear();
    device.ok(json!({"credentials": {"connector": "main", "token": "old"}}));
    let (id, ..) = device.request().unwrap();
    device.answer(id, 401, &json!({}));
    assert!(
        device
            .asks
            .contains(&json!({"token": {"connector": "main", "again": true}})),
        "{:?}",
        device.asks
    );
    device.ok(json!({"credentials": {"connector": "main", "token": "new"}}));
    let (id, ..) = device.request().unwrap();
    device.answer(id, 200, &page(&[], "0", false));
    assert!(
        device.told.iter().any(|told| told.get("synced").is_some()),
        "{:?}",
        device.told
    );
}

#[test]
fn a_connector_of_the_hosts_is_called_with_json() {
    let options = json!({"capability": {"conditional": true}});
    let mut device =
        Device::open(json!({"mine": {"kind": "host", "url": "my://backend", "options": options}}));
    device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "a", "kind": {"put": {"n": 1}}},
    ]}}));
    device.ok(json!("sync"));
    let mut kinds = Vec::new();
    for _ in 0..20 {
        device.work();
        let Some(ask) = device.asks.pop() else { break };
        let call = &ask["connector"];
        let task = call["task"]
            .as_object()
            .map(|task| task.keys().next().unwrap().clone());
        let task = task.unwrap_or_else(|| call["task"].as_str().unwrap().to_owned());
        kinds.push(task.clone());
        let reply = match task.as_str() {
            "pull" => json!({"page": {
                "items": [{"upsert": {"collection": "notes", "id": "b", "document": {"n": 2}}}],
                "end": {"complete": {"total": null}},
            }}),
            "push" => {
                let id = call["task"]["push"][0]["id"].clone();
                json!({"pushed": {"verdicts": [[id, {"accepted": {"version": "1"}}]]}})
            }
            "fetch" => json!({"fetched": {"found": []}}),
            _ => json!("reached"),
        };
        device.ok(json!({"connector": {"call": call["call"], "reply": reply}}));
    }
    assert!(
        kinds.contains(&"pull".to_owned()) && kinds.contains(&"push".to_owned()),
        "{kinds:?}"
    );
    assert_eq!(
        device.ok(json!({"get": {"collection": "notes", "id": "b"}}))["document"],
        json!({"n": 2})
    );
    let a = device.ok(json!({"get": {"collection": "notes", "id": "a"}}));
    assert_ne!(a["state"], "dirty", "{a}");
}

#[test]
fn a_backend_that_tells_is_listened_to_until_sync_stops() {
    let mut device = Device::open(native());
    device.ok(json!("start"));
    let mut pulls = 0;
    while let Some((id, ..)) = device.request() {
        pulls += 1;
        device.answer(id, 200, &page(&[], "1", false));
    }
    let is_stream = |ask: &Value| ask.get("stream").is_some();
    let place = device.asks.iter().position(is_stream);
    let stream = device.asks.remove(place.expect("it listens"))["stream"].clone();
    let id = stream["id"].clone();
    let url = stream["url"].as_str().unwrap();
    assert!(url.starts_with("http://server/"), "{stream}");
    let listening =
        |device: &mut Device| device.ok(json!("health"))["connectors"][0]["listening"].clone();
    assert_eq!(listening(&mut device), false);
    let headers = [["content-type", "text/event-stream"]];
    device.ok(json!({"stream_opened": {"id": id, "status": 200, "headers": headers}}));
    device.work();
    assert_eq!(listening(&mut device), true);
    // A hint that comes in two pieces.
    for piece in ["event: hi", "nt\ndata: {}\n\n"] {
        device.call(&json!({"stream_piece": {"id": id}}), piece.as_bytes());
        device.work();
    }
    // Hints that come together cause one pull.
    device.now_ms += 1_000;
    while let Some((id, ..)) = device.request() {
        pulls += 1;
        device.answer(id, 200, &page(&[item("heard", 2)], "2", false));
    }
    assert_eq!(pulls, 2);
    assert_eq!(device.ok(json!({"count": {"collection": "notes"}})), 1);
    device.ok(json!("stop"));
    device.work();
    assert!(
        device.asks.contains(&json!({"cancel": id})),
        "{:?}",
        device.asks
    );
    assert_eq!(listening(&mut device), false);
    // Too late: nobody listens.
    device.ok(json!({"stream_ended": {"id": id}}));
}

/// A device whose connector the test is, on a backend that cannot tell a repeated write.
fn hosted() -> Device {
    let capability =
        json!({"conditional": true, "server_fields": ["/made"], "idempotency": "none"});
    let mut device = Device::open(json!({"mine": {
        "kind": "host", "url": "my://backend", "credentials": true, "options": {"capability": capability},
    }}));
    device.ok(json!({"write": {"writes": [
        {"collection": "notes", "id": "a", "kind": {"put": {"n": 1}}},
    ]}}));
    device.ok(json!("sync"));
    device.work();
    device.ok(json!({"credentials": {"connector": "mine", "token": "a-long-secret"}}));
    device
}

/// Answers the calls of the connector, as long as there are any.
fn serve(device: &mut Device, mut answer: impl FnMut(&str, &Value) -> Value) {
    for _ in 0..20 {
        device.work();
        let is_call = |ask: &Value| ask.get("connector").is_some();
        let Some(place) = device.asks.iter().position(is_call) else {
            return;
        };
        let call = device.asks.remove(place)["connector"].clone();
        let name = match &call["task"] {
            Value::String(name) => name.clone(),
            task => task.as_object().unwrap().keys().next().unwrap().clone(),
        };
        let reply = answer(&name, &call["task"][&name]);
        device.ok(json!({"connector": {"call": call["call"], "reply": reply}}));
    }
}

fn empty() -> Value {
    json!({"page": {"items": [], "end": {"complete": {"total": null}}}})
}

#[test]
fn a_token_that_a_backend_repeats_is_told_to_nobody() {
    let mut device = hosted();
    serve(&mut device, |task, asked| match task {
        "push" => json!({"pushed": {"verdicts": [
            [asked[0]["id"], {"rejected": {"reason": "a-long-secret may not write"}}],
        ]}}),
        "pull" => json!({"failure": {
            "kind": {"retry": {"after_ms": null}}, "not_sent": false, "message": "who is a-long-secret?",
        }}),
        _ => json!("reached"),
    });
    let told = format!("{:?}", device.told);
    assert!(told.contains("… may not write"), "{told}");
    assert!(!told.contains("a-long-secret"), "{told}");
    let health = device.ok(json!("health")).to_string();
    assert!(health.contains("who is …?"), "{health}");
}

#[test]
fn a_sync_succeeds_once_a_write_that_went_up_in_vain_was_looked_up() {
    let mut device = hosted();
    let unheard = json!({"failure": {
        "kind": "offline", "not_sent": false, "message": "the answer was lost",
    }});
    let is_there = std::cell::Cell::new(false);
    let answer = |task: &str, asked: &Value| match task {
        "push" => {
            is_there.set(true);
            unheard.clone()
        }
        "pull" => empty(),
        "fetch" => {
            let image = match is_there.get() {
                true => json!({"present": {"n": 1, "made": 7}}),
                false => json!("gone"),
            };
            let remote = json!({"image": image, "version": "1", "stamp": null, "stamps": null});
            json!({"fetched": {"found": [[asked["ids"][0][0], asked["ids"][0][1], {"image": remote}]]}})
        }
        _ => json!("reached"),
    };
    serve(&mut device, answer);
    assert_eq!(device.ok(json!("health"))["outbox"]["unknown"], 1);
    device.told.clear();
    // The look-up that settles it is no push.
    device.now_ms += 61_000;
    device.ok(json!("sync"));
    serve(&mut device, answer);
    assert_eq!(device.ok(json!("health"))["outbox"]["unknown"], 0);
    let last = device
        .told
        .iter()
        .rfind(|told| told.get("synced").is_some() || told.get("sync_failed").is_some());
    assert!(
        last.is_some_and(|told| told.get("synced").is_some()),
        "{:?}",
        device.told
    );
}
