//! Verification: what differs from the server although nothing explains it is found and mended.
#![allow(clippy::unwrap_used)]
mod backend;
#[path = "../common/mod.rs"]
mod common;
mod schemas;

use backend::*;
use common::*;
use std::collections::BTreeSet;
use tisync_core::model::*;
use tisync_core::store::Op;

#[test]
fn once_a_day_what_is_here_is_compared() {
    let mut backend = Backend::with(20);
    let mut device = device(None, &mut backend);
    assert_eq!(backend.digests.len(), 0, "everything was pulled just now");
    device.advance(DAY_MS - 1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 0);
    device.advance(1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    // One question about the whole collection, and all is said.
    assert_eq!(backend.digests.len(), 1);
    let request = &backend.digests[0];
    assert_eq!(request.ranges, [IdRange::whole(name("notes"))]);
    assert_eq!((request.list_max, request.contents), (None, false));
    assert_eq!(backend.fetched.len(), 0);
    let last = Findings {
        ended_ms: device.wall_ms,
        mended: 0,
        left: 0,
    };
    let expected = Verified {
        at_ms: Some(device.wall_ms),
        comparing: false,
        last: Some(last),
    };
    assert_eq!(verified(&mut device), expected);
    // Also after a restart the next one is a day away.
    device.advance(DAY_MS / 2);
    device.start();
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 1);
    device.advance(DAY_MS / 2);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 2);
}

#[test]
fn drift_is_found_mended_and_told() {
    for slice_items in [None, Some(1), Some(7)] {
        let mut backend = Backend::with(40);
        backend.put("n00003", r#"{"n":"new"}"#);
        let mut device = device(slice_items, &mut backend);
        lose(&mut device, "n00007");
        set_back(&mut device, "n00003", "e.3", r#"{"n":3}"#);
        add(&mut device, "zzz", r#"{"n":"phantom"}"#);
        device.outputs.clear();
        let told = verify(&mut device, &mut backend, false);
        assert_eq!(told.last.unwrap().mended, 3, "{slice_items:?}");
        assert_eq!(told.at_ms, Some(device.wall_ms));
        same(&mut device, &backend);
        // Only what differs was fetched.
        let fetched: Vec<&str> = backend.fetched.iter().map(String::as_str).collect();
        assert_eq!(fetched, ["n00003", "n00007", "zzz"], "{slice_items:?}");
        let ids: BTreeSet<String> = device
            .outputs
            .iter()
            .flat_map(|output| match output {
                Output::Event(Event::Mended { ids, .. }) => ids.clone(),
                _ => Vec::new(),
            })
            .map(|id| id.to_string())
            .collect();
        assert_eq!(ids.len(), 3, "{ids:?}");
        // What could be seen here and is gone is kept.
        let kept: Vec<_> = device
            .journal()
            .into_iter()
            .map(|row| {
                (
                    row.record.to_string(),
                    row.situation,
                    row.ours.document().cloned(),
                    row.loser,
                )
            })
            .collect();
        let drift = |id: &str, text: &str| {
            (
                id.to_owned(),
                "drift".to_owned(),
                Some(document(text)),
                Loser::Ours,
            )
        };
        let mut expected = vec![
            drift("n00003", r#"{"n":3}"#),
            drift("zzz", r#"{"n":"phantom"}"#),
        ];
        let mut kept = kept;
        kept.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(kept, expected);
    }
}

#[test]
fn a_large_collection_is_narrowed_down_step_by_step() {
    let mut backend = Backend::with(12_000);
    let mut device = device(None, &mut backend);
    lose(&mut device, "n06001");
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 1);
    same(&mut device, &backend);
    assert_eq!(backend.pulls, pulls);
    let asked: Vec<_> = backend
        .digests
        .iter()
        .map(|request| (request.ranges.len(), request.list_max.is_some()))
        .collect();
    // The whole; three counted ranges; parts of the one that differs; the records of one part; once more, mended.
    assert_eq!(
        asked,
        [(1, false), (3, false), (16, false), (1, true), (1, true)]
    );
    let part = &backend.digests[3].ranges[0];
    let width = part.until.as_ref().unwrap().as_str()[1..]
        .parse::<u64>()
        .unwrap()
        - part.after.as_ref().unwrap().as_str()[1..]
            .parse::<u64>()
            .unwrap();
    assert!(width <= 314, "{part:?}");
}

#[test]
fn pending_writes_are_no_drift_and_outlive_its_mending() {
    let mut backend = Backend::with(9);
    backend.put("n00003", r#"{"a":1,"n":"new"}"#);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00003", "e.3", r#"{"n":3}"#);
    // Nothing can be sent; the comparison is made all the same.
    let offline = |device: &mut Device| {
        let next = Some(Deadline {
            generation: Generation(1),
            set_monotonic_ms: device.monotonic_ms,
            set_wall_ms: device.wall_ms,
            wait_ms: 3_600_000,
        });
        let state = ConnectorState {
            next,
            ..ConnectorState::default()
        };
        let name = name("main");
        tamper(
            device,
            vec![Op::Connector {
                name,
                state: Box::new(state),
            }],
        );
    };
    offline(&mut device);
    device.write("n00003", patch("/mine", "1"));
    device.write("n00004", patch("/mine", "1"));
    device.delete("n00005");
    device.put("fresh", "{}");
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 1);
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["n00003"]);
    assert_eq!(backend.pushed, 0);
    assert_eq!(
        device.get("n00003").unwrap(),
        r#"{"a":1,"mine":1,"n":"new"}"#
    );
    assert_eq!(device.outbox().len(), 4);
    device.advance(3_600_000);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.records["n00003"].1, r#"{"a":1,"mine":1,"n":"new"}"#);
    assert_eq!(device.outbox().len(), 0);
}

fn patch(path: &str, json: &str) -> WriteKind {
    let mut patch = tisync_json::Patch::default();
    let path = tisync_json::Path::parse(path).unwrap();
    let value = document(&format!(r#"{{"v":{json}}}"#))
        .object()
        .remove("v")
        .unwrap();
    patch.set.insert(path, value);
    WriteKind::Patch(patch)
}

#[test]
fn a_feed_that_has_moved_on_is_pulled_first() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    backend.put("n00002", r#"{"n":"newer"}"#);
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(
        told.last.unwrap().mended,
        0,
        "no drift: it had not been pulled yet"
    );
    assert_eq!((backend.pulls, backend.digests.len()), (pulls + 1, 2));
    same(&mut device, &backend);
    // A server that never rests is left alone for an hour.
    backend.ahead = 1_000;
    let told = verify(&mut device, &mut backend, false);
    assert!(told.comparing);
    assert_eq!(backend.digests.len(), 12);
    backend.ahead = 0;
    device.advance(3_599_999);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 12);
    device.advance(1);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert!(!verified(&mut device).comparing);
}

#[test]
fn a_document_that_changed_under_its_version_is_found_when_asked_for() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00002", "e.2", r#"{"n":22}"#);
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(told.last.unwrap().mended, 0);
    assert_eq!(device.get("n00002").unwrap(), r#"{"n":22}"#);
    let told = verify(&mut device, &mut backend, true);
    assert_eq!(told.last.unwrap().mended, 1);
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["n00002"]);
    same(&mut device, &backend);
}

#[test]
fn what_cannot_be_mended_is_told() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    lose(&mut device, "n00002");
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    for _ in 0..200 {
        let Some(order) = device.order() else {
            if !verified(&mut device).comparing {
                break;
            }
            device.step(Input::Wake);
            continue;
        };
        let reply = match order.task {
            // It does not say what it has.
            Task::Fetch(Wanted::Ids(ids)) => {
                let unknown = ids
                    .into_iter()
                    .map(|(collection, id)| (collection, id, Found::Unknown));
                Reply::Fetched(Ok(unknown.collect::<Vec<_>>().into()))
            }
            task => backend.reply(task),
        };
        device.answer(order.request, reply);
    }
    let told = verified(&mut device);
    assert_eq!(told.last.unwrap().left, 1);
    assert_eq!(told.at_ms, None);
    // The others are as they were, and the next day it is looked for again.
    device.advance(DAY_MS);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(verified(&mut device).last.unwrap().mended, 1);
    same(&mut device, &backend);
}

#[test]
fn a_device_that_has_lost_nearly_everything_pulls_anew() {
    let mut backend = Backend::with(3_000);
    let mut device = device(None, &mut backend);
    for number in 2..=2_999 {
        lose(&mut device, &format!("n{number:05}"));
    }
    add(&mut device, "phantom", "{}");
    let pulls = backend.pulls;
    let told = verify(&mut device, &mut backend, false);
    assert_eq!(backend.pulls, pulls + 1);
    assert_eq!(told.last.unwrap().left, 0);
    assert!(told.at_ms.is_some());
    // The one that is too many was found by the walk, and looked up before it went.
    assert_eq!(backend.fetched.iter().collect::<Vec<_>>(), ["phantom"]);
    same(&mut device, &backend);
}

#[test]
fn a_record_that_has_moved_on_is_left_alone() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    set_back(&mut device, "n00005", "e.4", "{}");
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    let (request, ids) = loop {
        let Some(order) = device.order() else {
            device.step(Input::Wake);
            continue;
        };
        match order.task {
            Task::Fetch(Wanted::Ids(ids)) => break (order.request, ids),
            task => device.answer(order.request, backend.reply(task)),
        };
    };
    let old = backend.found(ids);
    // Meanwhile a newer one comes, by an answer that was late.
    set_back(&mut device, "n00005", "e.7", r#"{"n":"newest"}"#);
    device.answer(request, Reply::Fetched(Ok(old.into())));
    assert_eq!(device.get("n00005").unwrap(), r#"{"n":"newest"}"#);
}

#[test]
fn trouble_with_digests_holds_nothing_else_up() {
    let mut backend = Backend::with(5);
    let mut device = device(None, &mut backend);
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    device.step(Input::Wake);
    device.step(Input::Wake);
    let order = device.order().unwrap();
    assert!(matches!(order.task, Task::Digest(_)), "{order:?}");
    let retry = failure(FailureKind::Retry { after_ms: None }, false);
    device.answer(order.request, Reply::Digested(Err(retry)));
    device.write("n00001", patch("/mine", "1"));
    settle(&mut device, &mut backend);
    assert_eq!(backend.pushed, 1);
    assert!(verified(&mut device).comparing);
    device.advance(2_000);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert!(!verified(&mut device).comparing);
}

#[test]
fn a_backend_without_digests_is_never_asked() {
    let mut without = config(Policy::of(Rule::Merge));
    let notes = without.collections.get_mut(&name("notes")).unwrap();
    notes.capability.digests = false;
    let mut backend = Backend::with(5);
    let mut device = Device::with(without);
    settle(&mut device, &mut backend);
    device.advance(3 * DAY_MS);
    device.step(Input::Wake);
    settle(&mut device, &mut backend);
    assert_eq!(backend.digests.len(), 0);
    let asked = Input::Verify {
        feed: feed_key(),
        contents: false,
    };
    let error = device.try_step(asked).unwrap_err();
    assert!(error.message.contains("resync"), "{error}");
}
