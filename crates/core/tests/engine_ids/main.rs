//! Ids that the server makes: a record takes its id with its create, and what refers to it follows.
#![allow(clippy::unwrap_used)]
#[path = "../common/mod.rs"]
mod common;
mod twins;
use common::*;
use tisync_core::ErrorKind;
use tisync_core::model::*;
use tisync_core::store::{Durability, Store, Tx};
use tisync_json::Patch;

/// Notes that may refer to another note, on a server that makes their ids.
fn device(idempotency: Idempotency, nullable: bool) -> Device {
    let mut config = config(Policy::of(Rule::Merge));
    for collection in config.collections.values_mut() {
        let capability = &mut collection.capability;
        (capability.ids, capability.atomic) = (Ids::Server, false);
        capability.idempotency = idempotency;
        let reference = Reference {
            collection: name("notes"),
            nullable,
            numeric: false,
        };
        collection.schema.references = [(name("/to"), reference)].into();
    }
    Device::with(config)
}

const REPLAYS: Idempotency = Idempotency::Replays {
    remembers_ms: 86_400_000,
};

fn made(id: &str, version: &str) -> Verdict {
    Verdict::Accepted {
        id: Some(name(id)),
        version: Some(name(version)),
        image: None,
        stamp: None,
        schema: None,
        migrated: false,
    }
}

/// Lets the server take the next push, and make these ids for its creates, in order.
fn accept(device: &mut Device, ids: &[&str]) -> Vec<PushItem> {
    let (request, items) = device.pushed();
    let mut ids = ids.iter();
    let verdicts: Vec<(MutationId, Verdict)> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let version = format!("e.{}", 1000 + device.monotonic_ms + index as u64);
            let verdict = match &item.change {
                Change::Create(_) => made(ids.next().unwrap(), &version),
                _ => accepted(&version),
            };
            (item.id, verdict)
        })
        .collect();
    device.advance(1);
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    items
}

/// The next order that is no probe, with so many milliseconds between two wake-ups.
fn next_exchange(device: &mut Device, wait_ms: u64) -> Order {
    for _ in 0..100 {
        device.advance(wait_ms);
        device.step(Input::Wake);
        match device.order() {
            Some(order) if order.task == Task::Probe => device.reached(order.request),
            Some(order) => return order,
            None => {}
        }
    }
    panic!("an order was expected, but nothing was ordered");
}

/// Lets the server refuse the next write.
fn refuse(device: &mut Device) {
    let (request, items) = device.pushed();
    let refused = Verdict::Rejected {
        reason: "no".to_owned(),
    };
    let verdicts = vec![(items[0].id, refused)];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    device.pull(vec![]);
}

fn sent(items: &[PushItem]) -> Vec<(&str, String)> {
    items
        .iter()
        .map(|item| {
            let document = item.document.as_ref().map(|document| document.canonical());
            (item.record.as_str(), document.unwrap_or_default())
        })
        .collect()
}

fn states(device: &mut Device) -> Vec<EntryState> {
    let outbox = device.outbox();
    outbox.into_iter().map(|entry| entry.state).collect()
}

fn aliases(device: &mut Device, id: &str) -> Vec<RecordId> {
    let rid = device.record(id).unwrap().rid;
    let mut tx = device.store.begin(Durability::Normal).unwrap();
    tx.aliases(&name("notes"), rid).unwrap()
}

/// Everything that is visible, by id.
fn shown(device: &mut Device) -> Vec<(String, String)> {
    let mut tx = device.store.begin(Durability::Normal).unwrap();
    let rows = tx.scan(&name("notes"), None, 100).unwrap();
    rows.into_iter()
        .filter_map(|(record, _)| {
            let document = record.document?.canonical();
            Some((record.id.as_str().to_owned(), document))
        })
        .collect()
}

fn lose_the_answer(device: &mut Device) -> Vec<PushItem> {
    let (request, items) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    items
}

#[test]
fn a_record_takes_the_id_and_its_former_one_goes_on_resolving() {
    let mut device = device(REPLAYS, true);
    device.put("mine", r#"{"a":1}"#);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(items[0].precondition, Precondition::None);
    let mapped = Event::Mapped {
        collection: name("notes"),
        former: name("mine"),
        id: name("s1"),
    };
    assert!(device.outputs.contains(&Output::Event(mapped)));
    assert_eq!(device.record("mine").unwrap().id, name("s1"));
    assert_eq!(aliases(&mut device, "s1"), [name("mine")]);

    device.put("mine", r#"{"a":2}"#);
    let items = accept(&mut device, &[]);
    assert_eq!(items[0].record, name("s1"));
    assert!(matches!(items[0].precondition, Precondition::Version(_)));
    device.pull(vec![upsert("s1", "e.9000", r#"{"a":3}"#)]);
    assert_eq!(
        shown(&mut device),
        [("s1".to_owned(), r#"{"a":3}"#.to_owned())]
    );
}

#[test]
fn what_was_written_while_the_create_was_out_goes_under_the_new_id() {
    let mut device = device(REPLAYS, true);
    device.put("mine", r#"{"a":1}"#);
    let (request, items) = device.pushed();
    device.put("mine", r#"{"a":2}"#);
    let verdicts = vec![(items[0].id, made("s1", "e.1"))];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    let items = accept(&mut device, &[]);
    assert_eq!(sent(&items), [("s1", r#"{"a":2}"#.to_owned())]);
}

#[test]
fn children_wait_for_the_id_of_their_parent() {
    let mut device = device(REPLAYS, false);
    device.put("parent", "{}");
    device.put("child", r#"{"to":"parent"}"#);
    device.put("grandchild", r#"{"to":"child"}"#);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(sent(&items), [("parent", "{}".to_owned())]);
    assert_eq!(device.get("child").unwrap(), r#"{"to":"s1"}"#);
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("child", r#"{"to":"s1"}"#.to_owned())]);
    let items = accept(&mut device, &["s3"]);
    assert_eq!(sent(&items), [("grandchild", r#"{"to":"s2"}"#.to_owned())]);
    assert_eq!(device.outbox(), []);
}

#[test]
fn a_child_of_a_refused_record_is_held_until_that_is_taken() {
    let mut device = device(REPLAYS, false);
    device.put("parent", "{}");
    device.put("child", r#"{"to":"parent"}"#);
    refuse(&mut device);
    let held = EntryState::Held(Blocker::UnmappedReference);
    assert_eq!(states(&mut device)[1], held);
    let blockers = device.health().blockers;
    assert!(
        blockers
            .iter()
            .any(|one| one.blocker == Blocker::UnmappedReference)
    );
    // Held, it takes further writes.
    device.put("child", r#"{"to":"parent","n":1}"#);
    assert_eq!(states(&mut device).len(), 2);
    let parked = device.outbox()[0].id;
    device.step(Input::Retry(parked));
    accept(&mut device, &["s1"]);
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("child", r#"{"n":1,"to":"s1"}"#.to_owned())]);
}

#[test]
fn a_child_is_free_when_its_parent_never_comes_to_be() {
    let mut device = device(REPLAYS, false);
    device.put("parent", "{}");
    device.put("child", r#"{"to":"parent"}"#);
    refuse(&mut device);
    assert_eq!(
        states(&mut device)[1],
        EntryState::Held(Blocker::UnmappedReference)
    );
    let parked = device.outbox()[0].id;
    device.step(Input::Discard(parked));
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("child", r#"{"to":"parent"}"#.to_owned())]);
}

#[test]
fn a_cycle_is_cut_where_null_is_taken_and_closed_after_it() {
    let mut device = device(REPLAYS, true);
    device.put("a", r#"{"to":"b"}"#);
    device.put("b", r#"{"to":"a"}"#);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(sent(&items), [("a", r#"{"to":null}"#.to_owned())]);
    assert_eq!(device.get("a").unwrap(), r#"{"to":"b"}"#);
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("b", r#"{"to":"s1"}"#.to_owned())]);
    let items = accept(&mut device, &[]);
    assert_eq!(sent(&items), [("s1", r#"{"to":"s2"}"#.to_owned())]);
    assert_eq!(device.outbox(), []);
}

#[test]
fn a_record_that_refers_to_itself_is_closed_after_it_was_made() {
    let mut device = device(REPLAYS, true);
    device.put("a", r#"{"n":1,"to":"a"}"#);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(sent(&items), [("a", r#"{"n":1,"to":null}"#.to_owned())]);
    assert_eq!(device.get("a").unwrap(), r#"{"n":1,"to":"s1"}"#);
    let items = accept(&mut device, &[]);
    assert_eq!(sent(&items), [("s1", r#"{"n":1,"to":"s1"}"#.to_owned())]);
}

#[test]
fn a_cycle_without_null_is_held_and_said_so() {
    let mut device = device(REPLAYS, false);
    device.put("a", r#"{"to":"b"}"#);
    device.put("b", r#"{"to":"a"}"#);
    device.pull(vec![]);
    device.step(Input::Wake);
    let held = EntryState::Held(Blocker::UnmappedReference);
    assert_eq!(states(&mut device), [held.clone(), held]);
    // Whoever breaks it sets both free.
    device.put("a", "{}");
    device.step(Input::SyncNow);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(sent(&items), [("a", "{}".to_owned())]);
}

#[test]
fn a_former_id_in_a_later_write_goes_as_the_present_one() {
    let mut device = device(REPLAYS, false);
    device.put("parent", "{}");
    accept(&mut device, &["s1"]);
    device.put("child", r#"{"to":"parent"}"#);
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("child", r#"{"to":"s1"}"#.to_owned())]);
    assert_eq!(device.get("s2").unwrap(), r#"{"to":"s1"}"#);
}

#[test]
fn references_go_as_numbers_where_the_server_wants_numbers() {
    let mut config = device(REPLAYS, false).config;
    for collection in config.collections.values_mut() {
        for reference in collection.schema.references.values_mut() {
            reference.numeric = true;
        }
    }
    let mut device = Device::with(config);
    device.put("parent", "{}");
    device.put("child", r#"{"to":["parent","7"]}"#);
    accept(&mut device, &["41"]);
    let items = accept(&mut device, &["42"]);
    assert_eq!(sent(&items), [("child", r#"{"to":[41,"7"]}"#.to_owned())]);
}

#[test]
fn a_page_waits_until_a_lost_create_is_found_by_its_mark() {
    let mut device = device(Idempotency::Mark, true);
    device.pull(vec![]);
    device.put("mine", r#"{"a":1}"#);
    let items = lose_the_answer(&mut device);
    // No page before it.
    let Order { request, task, .. } = next_exchange(&mut device, 5_000);
    let marks = vec![(name("notes"), items[0].id)];
    assert_eq!(task, Task::Fetch(Wanted::Marks(marks)));
    let marked = Marked::Record {
        id: name("s1"),
        remote: remote("e.1", Some(r#"{"a":1}"#)),
    };
    let fetched = Fetched {
        marked: vec![(items[0].id, marked)],
        ..Fetched::default()
    };
    device.answer(request, Reply::Fetched(Ok(fetched)));
    device.pull(vec![upsert("s1", "e.1", r#"{"a":1}"#)]);
    assert_eq!(
        shown(&mut device),
        [("s1".to_owned(), r#"{"a":1}"#.to_owned())]
    );
    assert_eq!(device.outbox(), []);
}

#[test]
fn an_edit_of_what_was_deleted_is_made_again_under_a_new_id() {
    let mut device = device(REPLAYS, true);
    device.pull(vec![upsert("s1", "e.1", r#"{"a":1}"#)]);
    device.put("s1", r#"{"a":2}"#);
    device.put("child", r#"{"to":"s1"}"#);
    let (request, items) = device.pushed();
    let gone = Verdict::Conflict {
        remote: Some(remote("e.2", None)),
    };
    let verdicts: Vec<(MutationId, Verdict)> = items
        .iter()
        .map(|item| match item.record.as_str() {
            "s1" => (item.id, gone.clone()),
            _ => (item.id, made("s5", "e.3")),
        })
        .collect();
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    let items = accept(&mut device, &["s9"]);
    assert!(matches!(items[0].change, Change::Create(_)));
    assert_eq!(device.record("s1").unwrap().id, name("s9"));
    // The deletion of the former record is none of this one.
    device.pull(vec![tombstone("s1", "e.2")]);
    assert_eq!(device.get("s9").unwrap(), r#"{"a":2}"#);
    // And if the server has that again, it is another record.
    device.pull(vec![upsert("s1", "e.12", r#"{"a":0}"#)]);
    assert_eq!(device.get("s1").unwrap(), r#"{"a":0}"#);
    assert_eq!(device.get("s9").unwrap(), r#"{"a":2}"#);
}

#[test]
fn the_members_of_a_group_go_as_their_ids_come() {
    let mut device = device(REPLAYS, false);
    let child = document(r#"{"to":"parent"}"#);
    device.group(&[
        ("child", WriteKind::Put(child)),
        ("parent", WriteKind::Put(document("{}"))),
    ]);
    let items = accept(&mut device, &["s1"]);
    assert_eq!(sent(&items), [("parent", "{}".to_owned())]);
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("child", r#"{"to":"s1"}"#.to_owned())]);
    assert_eq!(device.outbox(), []);
}

#[test]
fn a_patch_that_names_a_new_record_waits_for_it() {
    let mut device = device(REPLAYS, false);
    device.pull(vec![upsert("s1", "e.1", r#"{"a":1}"#)]);
    device.put("mine", "{}");
    let mut patch = Patch::default();
    patch
        .set
        .insert(name("/to"), tisync_json::Value::String("mine".into()));
    device.write("s1", WriteKind::Patch(patch));
    let items = accept(&mut device, &["s2"]);
    assert_eq!(sent(&items), [("mine", "{}".to_owned())]);
    let items = accept(&mut device, &[]);
    assert_eq!(sent(&items), [("s1", r#"{"a":1,"to":"s2"}"#.to_owned())]);
}

#[test]
fn what_cannot_go_with_ids_of_the_server_is_refused() {
    for (idempotency, atomic, expected) in [
        (Idempotency::ClientIds, false, "by the app's id"),
        (
            Idempotency::Refuses { remembers_ms: 1 },
            false,
            "without a word of its id",
        ),
        (Idempotency::Mark, true, "item by item"),
    ] {
        let mut config = device(REPLAYS, true).config;
        for collection in config.collections.values_mut() {
            collection.capability.idempotency = idempotency;
            collection.capability.atomic = atomic;
        }
        let mut device = Device::new(Rule::Merge);
        let error = device
            .try_step(Input::Configure(Box::new(config)))
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadConfig);
        assert!(error.message.contains(expected), "{}", error.message);
    }
}
