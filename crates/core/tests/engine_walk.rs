//! Walks from the beginning: what they cannot show, and what is missing from them.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// A device that applies one item a step, and holds a record before its first walk.
fn slicing() -> Device {
    let mut config = config(Policy::of(Rule::ServerWins));
    config.slice_items = Some(1);
    let mut device = Device::with(config);
    let request = device.pulled();
    let later = failure(FailureKind::Retry { after_ms: None }, true);
    device.answer(request, Reply::Pulled(Err(later)));
    device.put("own", "{}");
    device.accept(1);
    device
}

#[test]
fn the_first_page_is_taken_whole_also_when_records_are_here_already() {
    let mut device = slicing();
    let items = vec![
        upsert("own", "e.1", "{}"),
        upsert("a", "e.2", "{}"),
        upsert("b", "e.3", "{}"),
    ];
    let request = device.pulled();
    let reply = Reply::Pulled(Ok(page(items, "e", &[("e", 0)])));
    for from in 0..3 {
        let reply = reply.clone();
        device.step(Input::Answer {
            request,
            from,
            reply,
        });
    }
    assert!(device.record("b").is_some());
    assert!(device.feed().checkpoint.is_some());
    assert_eq!(device.feed().pass.unwrap().reason, PassReason::First);
}

#[test]
fn a_walk_that_begins_again_forgets_what_its_first_attempt_has_seen() {
    let mut device = slicing();
    let request = device.pulled();
    let items = vec![upsert("a", "e.1", "{}"), upsert("own", "e.2", "{}")];
    device.answer(request, Reply::Pulled(Ok(page(items, "e", &[("e", 0)]))));
    assert!(device.record("a").is_some());
    // The process dies before the second slice; the record is deleted before the next one begins to walk.
    device.start();
    device.pull(vec![upsert("own", "e.2", "{}")]);
    assert_eq!(answer_fetches(&mut device, &["own"]), 1);
    assert!(device.record("a").is_none());
    assert!(device.record("own").is_some());
}

#[test]
fn a_deletion_that_a_walk_cannot_show_settles_an_open_conflict_too() {
    let mut device = Device::new(Rule::Manual);
    device.pull(vec![]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let theirs = Verdict::Conflict {
        remote: Some(remote("e.1", Some(r#"{"t":2}"#))),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, theirs)].into())),
    );
    assert_eq!(device.conflicts().len(), 1);
    expire(&mut device);
    device.pull(vec![]);
    assert_eq!(answer_fetches_until_push(&mut device), 1);
    assert_eq!(device.conflicts(), []);
}

/// Answers every fetch with Gone, until something is pushed.
fn answer_fetches_until_push(device: &mut Device) -> usize {
    let mut fetched = 0;
    for _ in 0..50 {
        match device.order() {
            Some(Order {
                request,
                task: Task::Fetch(Wanted::Ids(ids)),
                ..
            }) => {
                fetched += ids.len();
                let found = ids
                    .into_iter()
                    .map(|(collection, id)| (collection, id, Found::Image(remote("e.9", None))));
                device.answer(request, Reply::Fetched(Ok(found.collect())));
            }
            Some(Order {
                task: Task::Push(_),
                ..
            }) => return fetched,
            Some(order) => {
                device.answer_pull(order.request, vec![]);
            }
            None => {
                device.advance(100);
                device.step(Input::Wake);
            }
        }
    }
    panic!("a push was expected");
}

/// Answers every fetch with Gone, or with these records.
fn answer_fetches(device: &mut Device, there: &[&str]) -> usize {
    let mut fetched = 0;
    for _ in 0..50 {
        match device.order() {
            Some(Order {
                request,
                task: Task::Fetch(Wanted::Ids(ids)),
                ..
            }) => {
                fetched += ids.len();
                let found = ids
                    .into_iter()
                    .map(|(collection, id)| {
                        let text = there.contains(&id.as_str()).then_some("{}");
                        (collection, id, Found::Image(remote("e.1", text)))
                    })
                    .collect();
                device.answer(request, Reply::Fetched(Ok(found)));
            }
            Some(Order {
                request,
                task: Task::Pull(_),
                ..
            }) => {
                device.answer_pull(request, vec![]);
            }
            Some(order) => panic!("unexpected {order:?}"),
            None => {
                device.advance(100);
                device.step(Input::Wake);
            }
        }
    }
    fetched
}

fn expire(device: &mut Device) {
    let request = device.pulled();
    let expired = FailureKind::ExpiredCheckpoint { epoch: None };
    device.answer(request, Reply::Pulled(Err(failure(expired, true))));
}

#[test]
fn after_an_expired_checkpoint_what_is_missing_goes_only_on_evidence() {
    let mut device = Device::new(Rule::ServerWins);
    let items = (0..10)
        .map(|n| upsert(&format!("r{n}"), "e.1", "{}"))
        .collect();
    device.pull(items);
    expire(&mut device);
    // The walk shows eight of ten; one of the missing two is still there.
    let items = (0..8)
        .map(|n| upsert(&format!("r{n}"), "e.1", "{}"))
        .collect();
    device.pull(items);
    assert!(device.record("r8").is_some(), "missing is not deleted");
    assert_eq!(answer_fetches(&mut device, &["r9"]), 2);
    assert!(device.record("r8").is_none());
    assert!(device.record("r9").is_some());
    assert!(device.feed().pass.is_none());
    assert!(device.health().is_synced());
}

#[test]
fn an_empty_listing_deletes_nothing_while_a_probe_is_still_there() {
    let mut device = Device::new(Rule::ServerWins);
    let items = (0..50)
        .map(|n| upsert(&format!("r{n}"), "e.1", "{}"))
        .collect();
    device.pull(items);
    expire(&mut device);
    device.pull(vec![]);
    let all: Vec<String> = (0..50).map(|n| format!("r{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(answer_fetches(&mut device, &all), 20);
    assert!(device.record("r0").is_some() && device.record("r49").is_some());
    let shrink = device.health().feeds[0].shrink.clone().unwrap();
    assert_eq!((shrink.missing, shrink.total), (50, 50));
    device.step(Input::ConfirmShrink {
        feed: feed_key(),
        delete: false,
    });
    assert!(device.record("r0").is_some());
    assert!(device.health().feeds[0].shrink.is_none());
}

#[test]
fn a_listing_that_is_really_empty_is_followed_after_the_probes() {
    let mut device = Device::new(Rule::ServerWins);
    let items = (0..50)
        .map(|n| upsert(&format!("r{n}"), "e.1", "{}"))
        .collect();
    device.pull(items);
    expire(&mut device);
    device.pull(vec![]);
    assert_eq!(answer_fetches(&mut device, &[]), 50);
    assert!(device.record("r0").is_none() && device.record("r49").is_none());
    assert!(device.health().is_synced());
}
