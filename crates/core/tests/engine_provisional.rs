//! Servers that normalise, and answer less than an image: the record is provisional until theirs is read.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// A backend that answers so much, with reads by id or without.
fn device(rule: Rule, answers: Answers, fetch: bool) -> Device {
    let mut config = config(Policy::of(rule));
    for collection in config.collections.values_mut() {
        let capability = &mut collection.capability;
        capability.answers = answers;
        capability.fetch = fetch;
        capability.versions = Versions::Equality;
        capability.idempotency = Idempotency::ClientIds;
        capability.equality.instants = true;
        collection.schema.server_fields = vec!["/rev".parse().unwrap()];
    }
    Device::with(config)
}

fn taken(version: Option<&str>) -> Verdict {
    Verdict::Accepted {
        id: None,
        version: version.map(name),
        image: None,
        stamp: None,
        schema: None,
        migrated: false,
    }
}

fn push(device: &mut Device, version: Option<&str>) -> Vec<PushItem> {
    let (request, items) = device.pushed();
    let verdicts = items.iter().map(|item| (item.id, taken(version)));
    let verdicts = verdicts.collect();
    device.answer(request, Reply::Pushed(Ok(verdicts)));
    items
}

/// The next look-up, with what it asks for; pulls on the way find nothing.
fn looked_up(device: &mut Device) -> (RequestId, Vec<(CollectionName, RecordId)>) {
    for _ in 0..10 {
        match device.order() {
            Some(Order {
                request,
                task: Task::Fetch(Wanted::Ids(ids)),
                ..
            }) => return (request, ids),
            Some(Order {
                request,
                task: Task::Pull(_),
                ..
            }) => {
                device.answer_pull(request, vec![]);
            }
            Some(order) => panic!("a look-up was expected, but {order:?} came"),
            None => {
                device.step(Input::Wake);
            }
        }
    }
    panic!("a look-up was expected, but nothing was ordered");
}

fn found(device: &mut Device, version: &str, text: Option<&str>) {
    let (request, ids) = looked_up(device);
    let found = ids
        .into_iter()
        .map(|(collection, id)| (collection, id, Found::Image(remote(version, text))));
    let found = found.collect();
    device.answer(request, Reply::Fetched(Ok(found)));
}

fn state(device: &mut Device, id: &str) -> RecordState {
    device.record(id).unwrap().state
}

const SENT: &str = r#"{"at":"2024-01-01T10:00:00Z"}"#;
const KEPT: &str = r#"{"at":"2024-01-01T10:00:00.000Z","rev":1}"#;

#[test]
fn the_servers_image_takes_the_place_of_the_guess_without_a_conflict() {
    for answers in [Answers::Version, Answers::Nothing] {
        let mut device = device(Rule::Manual, answers, true);
        device.put("a", SENT);
        let version = (answers == Answers::Version).then_some("v1");
        push(&mut device, version);
        assert_eq!(state(&mut device, "a"), RecordState::Provisional);
        assert_eq!(device.get("a").unwrap(), SENT);
        found(&mut device, "v1", Some(KEPT));
        assert_eq!(state(&mut device, "a"), RecordState::Clean);
        assert_eq!(device.get("a").unwrap(), KEPT);
        assert_eq!(device.journal(), []);
        assert_eq!(device.health().outbox.total(), 0);
    }
}

#[test]
fn where_nothing_can_be_looked_up_the_next_page_shows_it() {
    let mut device = device(Rule::Manual, Answers::Version, false);
    device.put("a", SENT);
    push(&mut device, Some("v1"));
    device.pull(vec![upsert("a", "v1", KEPT)]);
    assert_eq!(state(&mut device, "a"), RecordState::Clean);
    assert_eq!(device.get("a").unwrap(), KEPT);
}

#[test]
fn an_edit_on_a_guess_goes_on_the_image_that_replaces_it() {
    let mut device = device(Rule::Manual, Answers::Nothing, true);
    device.put("a", SENT);
    let (request, items) = device.pushed();
    device.put("a", r#"{"at":"2024-01-01T10:00:00Z","t":"more"}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, taken(None))].into())),
    );
    assert!(
        device.outbox().len() == 1,
        "the edit waits for the version that it stands on"
    );
    found(&mut device, "v1", Some(KEPT));
    let items = push(&mut device, None);
    assert_eq!(items[0].precondition, Precondition::Version(name("v1")));
    let Change::Patch(patch) = &items[0].change else {
        panic!(
            "a patch of one field was expected, but {:?} came",
            items[0].change
        );
    };
    assert_eq!(
        patch.paths().map(ToString::to_string).collect::<Vec<_>>(),
        ["/t"]
    );
    found(
        &mut device,
        "v2",
        Some(r#"{"at":"2024-01-01T10:00:00.000Z","t":"more","rev":2}"#),
    );
    assert_eq!(device.conflicts(), []);
    assert_eq!(device.journal(), []);
    assert_eq!(
        device.get("a").unwrap(),
        r#"{"at":"2024-01-01T10:00:00.000Z","rev":2,"t":"more"}"#
    );
}

#[test]
fn a_guess_that_is_edited_and_given_up_is_a_guess_again() {
    let mut device = device(Rule::Manual, Answers::Version, false);
    device.put("a", SENT);
    push(&mut device, Some("v1"));
    device.put("a", r#"{"at":"2024-01-01T10:00:00Z","t":"more"}"#);
    let (request, items) = device.pushed();
    let reason = "no".to_owned();
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, Verdict::Rejected { reason })].into())),
    );
    device.step(Input::Discard(items[0].id));
    assert_eq!(state(&mut device, "a"), RecordState::Provisional);
    device.pull(vec![upsert("a", "v1", KEPT)]);
    assert_eq!(device.get("a").unwrap(), KEPT);
}

#[test]
fn another_difference_is_a_change_of_theirs() {
    let mut device = device(Rule::Manual, Answers::Version, true);
    device.put("a", SENT);
    let (request, items) = device.pushed();
    device.put("a", r#"{"at":"2025-01-01T10:00:00Z"}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, taken(Some("v1")))].into())),
    );
    found(
        &mut device,
        "v2",
        Some(r#"{"at":"2026-01-01T10:00:00Z","rev":2}"#),
    );
    // The edit was on its way already: it meets the change at its verdict.
    if let Some(Order {
        request,
        task: Task::Push(items),
        ..
    }) = device.order()
    {
        let conflict = Verdict::Conflict { remote: None };
        device.answer(
            request,
            Reply::Pushed(Ok(vec![(items[0].id, conflict)].into())),
        );
    }
    assert_eq!(device.conflicts().len(), 1);
}

#[test]
fn server_fields_are_never_written_by_us() {
    let mut device = device(Rule::Merge, Answers::Version, true);
    device.put("a", r#"{"t":"x","rev":9}"#);
    let items = push(&mut device, Some("v1"));
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":"x"}"#
    );
    found(&mut device, "v1", Some(r#"{"t":"x","rev":1}"#));
    assert_eq!(
        device.put("a", r#"{"t":"x","rev":5}"#),
        None,
        "nothing of ours changed"
    );
    device.put("a", r#"{"t":"y"}"#);
    let items = push(&mut device, Some("v2"));
    let Change::Patch(patch) = &items[0].change else {
        panic!("a patch was expected, but {:?} came", items[0].change);
    };
    assert_eq!(
        patch.paths().map(ToString::to_string).collect::<Vec<_>>(),
        ["/t"]
    );
}

#[test]
fn a_look_up_without_an_answer_is_made_again() {
    let mut device = device(Rule::Merge, Answers::Nothing, true);
    device.put("a", SENT);
    push(&mut device, None);
    let (request, ids) = looked_up(&mut device);
    let unknown = ids
        .into_iter()
        .map(|(collection, id)| (collection, id, Found::Unknown));
    let unknown = unknown.collect();
    device.answer(request, Reply::Fetched(Ok(unknown)));
    assert_eq!(state(&mut device, "a"), RecordState::Provisional);
    device.advance(600_000);
    found(&mut device, "v1", Some(KEPT));
    assert_eq!(state(&mut device, "a"), RecordState::Clean);
}

#[test]
fn our_own_past_does_not_come_back_from_a_stale_read() {
    let mut device = device(Rule::Merge, Answers::Version, true);
    for collection in device.config.collections.values_mut() {
        collection.capability.stale_reads = true;
        collection.capability.answers = Answers::Image;
    }
    device.start();
    device.pull(vec![upsert("a", "v1", r#"{"t":"old"}"#)]);
    device.put("a", r#"{"t":"new"}"#);
    push(&mut device, Some("v2"));
    device.pull(vec![upsert("a", "v1", r#"{"t":"old"}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":"new"}"#);
    found(&mut device, "v2", Some(r#"{"t":"new"}"#));
    device.pull(vec![upsert("a", "v1", r#"{"t":"old"}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":"new"}"#);
    found(&mut device, "v2", Some(r#"{"t":"new"}"#));
    device.pull(vec![upsert("a", "v2", r#"{"t":"new"}"#)]);
    // Another server of theirs may still be behind.
    device.pull(vec![upsert("a", "v1", r#"{"t":"old"}"#)]);
    found(&mut device, "v2", Some(r#"{"t":"new"}"#));
    device.pull(vec![upsert("a", "v3", r#"{"t":"theirs"}"#)]);
    found(&mut device, "v3", Some(r#"{"t":"theirs"}"#));
    assert_eq!(device.get("a").unwrap(), r#"{"t":"theirs"}"#);

    device.delete("a");
    push(&mut device, None);
    device.pull(vec![upsert("a", "v3", r#"{"t":"theirs"}"#)]);
    assert_eq!(device.get("a"), None);
    found(&mut device, "v4", None);
    assert_eq!(device.get("a"), None);
    device.pull(vec![tombstone("a", "v4")]);
    device.pull(vec![upsert("a", "v3", r#"{"t":"theirs"}"#)]);
    found(&mut device, "v4", None);
    assert_eq!(device.get("a"), None);
}
