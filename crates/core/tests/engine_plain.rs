//! Backends that know nothing of sync: writes without preconditions, listings without deletes, answers that are lost.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// A backend that takes writes as they come, and lists everything.
fn plain(change: impl Fn(&mut Capability)) -> Device {
    let mut config = config(Policy::of(Rule::Manual));
    for collection in config.collections.values_mut() {
        collection.capability = Capability {
            batch_items_max: 10,
            stamps: RemoteStamps::Record,
            feed: FeedKind::Listing(Paging::Keyset),
            ..Capability::plain()
        };
        change(&mut collection.capability);
    }
    Device::with(config)
}

fn row(id: &str, text: &str) -> Item {
    Item::upsert(name("notes"), name(id), document(text))
}

fn order(device: &mut Device) -> Order {
    for _ in 0..20 {
        match device.order() {
            Some(order) => return order,
            None => {
                device.step(Input::Wake);
                device.advance(500);
            }
        }
    }
    panic!("nothing was ordered");
}

/// Lets everything that is listed be walked once.
fn walk(device: &mut Device, items: Vec<Item>) {
    device.advance(30_000);
    loop {
        let Order { request, task, .. } = order(device);
        match task {
            Task::Pull(_) => {
                let mut page = page(items, "e", &[("e", 0)]);
                page.epoch = None;
                device.answer(request, Reply::Pulled(Ok(page)));
                break;
            }
            Task::Fetch(wanted) => found(device, request, wanted, None),
            other => panic!("a pull was expected, but {other:?} came"),
        }
    }
    for _ in 0..5 {
        device.step(Input::Wake);
    }
}

/// Answers a look-up by id: everything it asks for is this document, or gone.
fn found(device: &mut Device, request: RequestId, wanted: Wanted, text: Option<&str>) {
    let Wanted::Ids(ids) = wanted else {
        panic!("a look-up by id was expected, but {wanted:?} came");
    };
    let found = ids.into_iter().map(|(collection, id)| {
        let mut remote = remote("v1", text);
        remote.version = None;
        (collection, id, Found::Image(remote))
    });
    let found = found.collect();
    device.answer(request, Reply::Fetched(Ok(found)));
}

fn looked_at(device: &mut Device, text: Option<&str>) {
    loop {
        let Order { request, task, .. } = order(device);
        match task {
            Task::Fetch(wanted) => return found(device, request, wanted, text),
            Task::Pull(_) => {
                let offline = failure(FailureKind::Retry { after_ms: None }, true);
                device.answer(request, Reply::Pulled(Err(offline)));
            }
            other => panic!("a look-up was expected, but {other:?} came"),
        }
    }
}

fn sent(device: &mut Device) -> (RequestId, Vec<PushItem>) {
    let Order { request, task, .. } = order(device);
    let Task::Push(items) = task else {
        panic!("a push was expected right after the look, but {task:?} came");
    };
    (request, items)
}

fn take(device: &mut Device) -> Vec<PushItem> {
    let (request, items) = sent(device);
    let verdicts = items.iter().map(|item| (item.id, Verdict::accepted(None)));
    let verdicts = verdicts.collect();
    device.answer(request, Reply::Pushed(Ok(verdicts)));
    items
}

#[test]
fn a_record_is_looked_at_right_before_it_is_written() {
    let mut device = plain(|_| {});
    walk(&mut device, vec![row("a", r#"{"t":1}"#)]);
    device.put("a", r#"{"t":2}"#);
    looked_at(&mut device, Some(r#"{"t":1}"#));
    let items = take(&mut device);
    assert_eq!(items[0].precondition, Precondition::None);
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
    assert_eq!(device.health().outbox.total(), 0);
}

#[test]
fn what_the_look_shows_is_met_before_anything_is_written() {
    let mut device = plain(|_| {});
    walk(&mut device, vec![row("a", r#"{"t":1}"#)]);
    device.put("a", r#"{"t":2}"#);
    looked_at(&mut device, Some(r#"{"t":3}"#));
    assert_eq!(device.conflicts().len(), 1);
    device.step(Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    });
    looked_at(&mut device, Some(r#"{"t":3}"#));
    let items = take(&mut device);
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":2}"#
    );
}

#[test]
fn a_look_that_is_old_is_taken_again() {
    let mut device = plain(|_| {});
    walk(&mut device, vec![row("a", r#"{"t":1}"#)]);
    device.put("a", r#"{"t":2}"#);
    looked_at(&mut device, Some(r#"{"t":1}"#));
    device.advance(5_000);
    looked_at(&mut device, Some(r#"{"t":1}"#));
    take(&mut device);
}

#[test]
fn a_full_pass_of_what_has_not_changed_writes_no_record() {
    let mut device = plain(|capability| capability.equality.instants = true);
    walk(
        &mut device,
        vec![row("a", r#"{"at":"2024-01-01T10:00:00Z"}"#)],
    );
    let before = device.record("a");
    device.outputs.clear();
    walk(
        &mut device,
        vec![row("a", r#"{"at":"2024-01-01T10:00:00.0Z"}"#)],
    );
    assert_eq!(device.record("a"), before);
    let told = device
        .outputs
        .iter()
        .any(|output| matches!(output, Output::Event(Event::Changed { .. })));
    assert!(!told, "nothing has changed");
    assert!(
        device.feed().checkpoint.is_none(),
        "the next walk begins at the beginning"
    );
}

#[test]
fn where_nothing_can_be_looked_up_two_passes_in_a_row_must_miss_a_record() {
    let mut device = plain(|capability| capability.fetch = false);
    let (a, b, c) = (row("a", "{}"), row("b", "{}"), row("c", "{}"));
    walk(&mut device, vec![a.clone(), b.clone(), c.clone()]);
    walk(&mut device, vec![b.clone(), c.clone()]);
    assert!(device.record("a").is_some(), "missed once");
    walk(&mut device, vec![a.clone(), b.clone(), c.clone()]);
    walk(&mut device, vec![b.clone(), c.clone()]);
    assert!(device.record("a").is_some(), "shown in between");
    walk(&mut device, vec![b, c]);
    assert!(device.record("a").is_none(), "missed twice in a row");
}

#[test]
fn an_empty_listing_never_wipes_what_is_here() {
    let mut device = plain(|capability| capability.fetch = false);
    walk(&mut device, vec![row("a", "{}"), row("b", "{}")]);
    for _ in 0..4 {
        walk(&mut device, vec![]);
    }
    assert!(device.record("a").is_some() && device.record("b").is_some());
    let shrink = device.health().feeds[0].shrink.clone().unwrap();
    assert_eq!((shrink.missing, shrink.total), (2, 2));
    // The pulls go on meanwhile, and what they show is here after all.
    walk(&mut device, vec![row("a", "{}"), row("b", r#"{"n":1}"#)]);
    assert_eq!(device.get("b").unwrap(), r#"{"n":1}"#);
    device.step(Input::ConfirmShrink {
        feed: feed_key(),
        delete: true,
    });
    device.step(Input::Wake);
    assert!(device.record("a").is_some(), "it was shown again");
}

#[test]
fn what_is_pending_on_a_record_that_is_gone_is_decided_by_the_delete_rule() {
    let mut device = plain(|capability| {
        capability.fetch = false;
        capability.conditional = true;
    });
    walk(
        &mut device,
        vec![row("a", r#"{"t":1}"#), row("b", "{}"), row("c", "{}")],
    );
    let request = device.pulled();
    device.put("a", r#"{"t":2}"#);
    let offline = failure(
        FailureKind::Retry {
            after_ms: Some(3_600_000),
        },
        true,
    );
    device.answer(request, Reply::Pulled(Err(offline)));
    device.advance(3_600_000);
    for _ in 0..2 {
        let items = vec![row("b", "{}"), row("c", "{}")];
        let request = device.pulled();
        let mut page = page(items, "e", &[("e", 0)]);
        page.epoch = None;
        device.answer(request, Reply::Pulled(Ok(page)));
        for _ in 0..3 {
            device.step(Input::Wake);
            if let Some(Order {
                request,
                task: Task::Push(_),
                ..
            }) = device.order()
            {
                let offline = failure(FailureKind::Retry { after_ms: None }, true);
                device.answer(request, Reply::Pushed(Err(offline)));
            }
        }
        device.advance(600_000);
    }
    assert_eq!(device.conflicts().len(), 1, "an edit of what is gone");
}

fn lost(device: &mut Device) -> MutationId {
    let (request, items) = loop {
        let Order { request, task, .. } = order(device);
        match task {
            Task::Push(items) => break (request, items),
            Task::Fetch(wanted) => found(device, request, wanted, None),
            _ => {
                let offline = failure(FailureKind::Retry { after_ms: None }, true);
                device.answer(request, Reply::Pulled(Err(offline)));
            }
        }
    };
    let broken = failure(FailureKind::Retry { after_ms: None }, false);
    device.answer(request, Reply::Pushed(Err(broken)));
    device.advance(61_000);
    items[0].id
}

fn marks(device: &mut Device) -> (RequestId, MutationId) {
    loop {
        let Order { request, task, .. } = order(device);
        match task {
            Task::Fetch(Wanted::Marks(marks)) => return (request, marks[0].1),
            Task::Pull(_) => {
                let offline = failure(FailureKind::Retry { after_ms: None }, true);
                device.answer(request, Reply::Pulled(Err(offline)));
            }
            other => panic!("a look for a mark was expected, but {other:?} came"),
        }
    }
}

#[test]
fn a_mark_tells_whether_a_create_was_taken() {
    for taken in [true, false] {
        let mut device = plain(|capability| capability.idempotency = Idempotency::Mark);
        device.put("a", r#"{"t":1}"#);
        let id = lost(&mut device);
        let (request, asked) = marks(&mut device);
        assert_eq!(asked, id);
        let marked = match taken {
            true => Marked::Record {
                id: name("a"),
                remote: remote("v1", Some(r#"{"t":1}"#)),
            },
            false => Marked::Nowhere,
        };
        let fetched = Fetched {
            marked: vec![(id, marked)],
            ..Fetched::default()
        };
        device.answer(request, Reply::Fetched(Ok(fetched)));
        match taken {
            true => assert_eq!(device.outbox(), []),
            false => assert_eq!(device.outbox()[0].id, id, "it goes again, with its mark"),
        }
    }
}

#[test]
fn what_others_wrote_on_a_create_since_is_a_change_of_theirs() {
    let mut device = plain(|capability| capability.idempotency = Idempotency::Mark);
    device.put("a", r#"{"t":1}"#);
    let id = lost(&mut device);
    device.put("a", r#"{"t":2}"#);
    let (request, _) = marks(&mut device);
    let remote = remote("v2", Some(r#"{"t":3}"#));
    let marked = vec![(
        id,
        Marked::Record {
            id: name("a"),
            remote,
        },
    )];
    let fetched = Fetched {
        marked,
        ..Fetched::default()
    };
    device.answer(request, Reply::Fetched(Ok(fetched)));
    assert_eq!(device.conflicts().len(), 1);
}

#[test]
fn what_may_have_taken_effect_twice_is_reported_once() {
    let mut device = plain(|capability| {
        capability.idempotency = Idempotency::None;
        capability.fetch = false;
    });
    device.put("a", r#"{"t":1}"#);
    let id = lost(&mut device);
    assert_eq!(device.journal(), []);
    assert_eq!(lost(&mut device), id, "it goes again under its key");
    let journal = device.journal();
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].situation, POSSIBLE_DUPLICATE);
    assert_eq!(
        (journal[0].decided.clone(), journal[0].loser),
        (vec![id], Loser::None)
    );
    assert_eq!(lost(&mut device), id);
    assert_eq!(device.journal().len(), 1);
}

#[test]
fn ids_that_the_server_makes_are_refused() {
    let mut config = config(Policy::of(Rule::Merge));
    for collection in config.collections.values_mut() {
        collection.capability.ids = Ids::Server;
    }
    let mut device = Device::new(Rule::Merge);
    let error = device
        .try_step(Input::Configure(Box::new(config)))
        .unwrap_err();
    assert!(error.to_string().contains("makes the ids"), "{error}");
}

#[test]
fn a_feed_that_shows_no_deletes_is_walked_again_now_and_then() {
    let mut device = plain(|capability| {
        capability.feed = FeedKind::Commits;
        capability.fetch = true;
    });
    walk(&mut device, vec![row("a", "{}"), row("b", "{}")]);
    walk(&mut device, vec![]);
    assert_eq!(device.feed().pass, None, "nothing new is no absence");
    device.advance(3_600_000);
    walk(&mut device, vec![row("b", "{}")]);
    looked_at(&mut device, None);
    assert!(device.record("a").is_none());
    assert!(device.record("b").is_some());
}
