//! App upgrades: schema numbers, and the function that brings documents forward.
#![allow(clippy::unwrap_used)]
mod answers;
#[path = "../common/mod.rs"]
mod common;
mod refused;
mod slices;

use common::*;
use tisync_core::memory::MemoryStore;
use tisync_core::model::*;
use tisync_core::{Engine, Error};
use tisync_json::{Document, Value};

/// Schema 1 says `title`, 2 says `name` and drops `old`, 3 adds `tags`. What is `stuck` stays.
fn forward(from: u32, to: u32, document: &Document) -> Result<Document, String> {
    let mut object = document.object();
    if object.contains_key("stuck") {
        return Err("it is stuck".to_owned());
    }
    if from < 2 && to >= 2 {
        if let Some(title) = object.remove("title") {
            object.insert("name".to_owned(), title);
        }
        object.remove("old");
    }
    if from < 3 && to >= 3 {
        object.insert("tags".to_owned(), Value::Array(Vec::new()));
    }
    Ok(Document::from_object(&object))
}

fn at(number: u32, rule: Rule) -> Device {
    let mut config = config(Policy::of(rule));
    declare(&mut config, number);
    Device::with(config)
}

fn declare(config: &mut Config, number: u32) {
    for settings in config.collections.values_mut() {
        settings.schema.number = number;
    }
}

/// What a step asks the migrate function.
fn asked(outputs: &[Output]) -> Option<Migrate> {
    outputs.iter().find_map(|output| match output {
        Output::Migrate(migrate) => Some(migrate.as_ref().clone()),
        _ => None,
    })
}

/// Steps an input and lets the function answer for as long as it is asked; gives the last outputs.
fn step(device: &mut Device, input: Input) -> Result<Vec<Output>, Error> {
    let mut outputs = device.try_step(input)?;
    while let Some(migrate) = asked(&outputs) {
        outputs = device.try_step(Input::Migrated(Box::new(migrate.ask(forward))))?;
    }
    Ok(outputs)
}

/// Starts the app anew, with this number.
fn upgrade(device: &mut Device, number: u32) {
    declare(&mut device.config, number);
    device.engine = Engine::new();
    device.outputs.clear();
    let config = device.config.clone();
    step(device, Input::Configure(Box::new(config))).unwrap();
    device.step(Input::LeaseTaken);
}

fn verdicts(device: &mut Device, verdict: impl Fn(&PushItem) -> Verdict) -> Vec<PushItem> {
    let (request, items) = device.pushed();
    let verdicts = items.iter().map(|item| (item.id, verdict(item)));
    let verdicts = verdicts.collect();
    device.answer(request, Reply::Pushed(Ok(verdicts)));
    items
}

fn conflict(version: &str, text: &str) -> Verdict {
    Verdict::Conflict {
        remote: Some(remote(version, Some(text))),
    }
}

fn lost(device: &mut Device) -> Vec<PushItem> {
    let (request, items) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    device.advance(60_000);
    items
}

fn set(change: &Change) -> Vec<String> {
    match change {
        Change::Patch(patch) => patch.paths().map(ToString::to_string).collect(),
        other => panic!("a patch was expected, but {other:?} came"),
    }
}

/// What a whole document is replaced by: the server's is of an older schema.
fn whole(change: &Change) -> String {
    match change {
        Change::Replace(document) => document.canonical(),
        other => panic!("a whole document was expected, but {other:?} came"),
    }
}

fn configure(device: &mut Device, number: u32) -> Vec<Output> {
    declare(&mut device.config, number);
    device.engine = Engine::new();
    let config = device.config.clone();
    device.step(Input::Configure(Box::new(config)))
}

#[test]
fn what_is_clean_and_what_waits_comes_forward() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![
        upsert("a", "e.1", r#"{"title":"a","old":1}"#),
        upsert("b", "e.2", r#"{"title":"b"}"#),
    ]);
    device.step(Input::Stop);
    let pending = device.put("b", r#"{"title":"ours","n":1}"#).unwrap();
    let new = device.put("c", r#"{"title":"new"}"#).unwrap();
    upgrade(&mut device, 2);
    assert_eq!(device.get("a").unwrap(), r#"{"name":"a"}"#);
    assert_eq!(device.record("a").unwrap().schema, 2);
    assert_eq!(device.get("b").unwrap(), r#"{"n":1,"name":"ours"}"#);
    let sent = device.accept(3);
    assert_eq!(
        [sent[0].id, sent[1].id],
        [pending, new],
        "never sent: same keys"
    );
    assert_eq!(whole(&sent[0].change), r#"{"n":1,"name":"ours"}"#);
    assert_eq!(sent[0].schema, 2);
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.2")));
    assert_eq!(
        sent[1].change,
        Change::Create(document(r#"{"name":"new"}"#))
    );
    assert!(device.outbox().is_empty() && device.journal().is_empty());
    assert_eq!(device.record("b").unwrap().state, RecordState::Clean);
}

#[test]
fn what_was_handed_out_keeps_its_content_under_its_key() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","n":1}"#)]);
    device.put("a", r#"{"title":"first","n":1}"#);
    let sent = lost(&mut device);
    device.put("a", r#"{"title":"second","n":2}"#);
    upgrade(&mut device, 2);
    assert_eq!(device.get("a").unwrap(), r#"{"n":2,"name":"second"}"#);
    let (request, again) = device.pushed();
    assert_eq!(again, sent);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(again[0].id, accepted("e.2"))].into())),
    );
    // What follows stands on what the old one leads to, in the new schema.
    let next = device.accept(3);
    assert_eq!(whole(&next[0].change), r#"{"n":2,"name":"second"}"#);
    assert_eq!(next[0].precondition, Precondition::Version(name("e.2")));
    assert!(device.outbox().is_empty());
    // From then on the server has the new schema.
    device.put("a", r#"{"name":"third","n":2}"#);
    assert_eq!(set(&device.accept(4)[0].change), ["/name"]);
}

#[test]
fn two_upgrades_while_one_is_out() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", r#"{"title":"out"}"#);
    let sent = lost(&mut device);
    upgrade(&mut device, 2);
    upgrade(&mut device, 3);
    assert_eq!(device.get("a").unwrap(), r#"{"name":"out","tags":[]}"#);
    let (request, again) = device.pushed();
    assert_eq!(again, sent);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(again[0].id, accepted("e.2"))].into())),
    );
    assert_eq!(device.get("a").unwrap(), r#"{"name":"out","tags":[]}"#);
    assert_eq!(device.record("a").unwrap().schema, 3);
}

#[test]
fn a_conflict_over_what_was_handed_out_merges_in_the_new_schema() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","n":1}"#)]);
    device.put("a", r#"{"title":"ours","n":1}"#);
    lost(&mut device);
    upgrade(&mut device, 2);
    let old = verdicts(&mut device, |_| conflict("e.2", r#"{"name":"a","n":5}"#));
    assert_eq!(set(&old[0].change), ["/title"]);
    assert_eq!(device.get("a").unwrap(), r#"{"n":5,"name":"ours"}"#);
    let next = device.accept(3);
    assert_eq!(set(&next[0].change), ["/name"]);
    assert_eq!(next[0].schema, 2);
    assert!(device.journal().is_empty(), "nothing was lost");
}

#[test]
fn an_open_conflict_and_a_remote_that_waits_come_forward() {
    let mut device = at(1, Rule::Manual);
    device.pull(vec![
        upsert("a", "e.1", r#"{"title":"a"}"#),
        upsert("b", "e.2", r#"{"title":"b"}"#),
    ]);
    device.put("a", r#"{"title":"ours"}"#);
    verdicts(&mut device, |_| conflict("e.3", r#"{"title":"theirs"}"#));
    device.put("b", r#"{"title":"out"}"#);
    lost(&mut device);
    device.pull(vec![upsert("b", "e.4", r#"{"title":"newer"}"#)]);
    let before = device.outbox();
    upgrade(&mut device, 2);
    let open = &device.conflicts()[0];
    let theirs = open.remote.image.document().unwrap();
    assert_eq!(theirs.canonical(), r#"{"name":"theirs"}"#);
    // It was answered for good: what waits for the decision is a new entry.
    let held = &device.outbox()[0];
    assert_eq!(held.replaces, Some(before[0].id));
    assert_eq!(held.state, EntryState::Held(Blocker::Conflict));
    device.step(Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    });
    assert_eq!(device.get("a").unwrap(), r#"{"name":"ours"}"#);
    verdicts(&mut device, |item| match item.record.as_str() {
        "b" => conflict("e.4", r#"{"name":"newer"}"#),
        _ => accepted("e.5"),
    });
    let theirs = device.conflicts()[0].remote.clone();
    assert_eq!(
        theirs.image.document().unwrap().canonical(),
        r#"{"name":"newer"}"#
    );
}

#[test]
fn what_the_server_refused_stays_parked_and_goes_again_in_the_new_schema() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", r#"{"title":"bad"}"#);
    let refused = verdicts(&mut device, |_| Verdict::Rejected {
        reason: "no".to_owned(),
    });
    upgrade(&mut device, 2);
    let entry = device.outbox().remove(0);
    assert!(matches!(&entry.state, EntryState::Parked { reason, .. } if reason == "no"));
    assert_ne!(entry.id, refused[0].id, "another content, another key");
    assert_eq!(entry.replaces, Some(refused[0].id));
    device.step(Input::Retry(entry.id));
    let sent = device.accept(2);
    assert_eq!(whole(&sent[0].change), r#"{"name":"bad"}"#);
    // It stays the server's word at the next upgrade, too.
    device.put("a", r#"{"name":"worse"}"#);
    verdicts(&mut device, |_| Verdict::Rejected {
        reason: "no".to_owned(),
    });
    upgrade(&mut device, 3);
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Parked { .. }
    ));
}

#[test]
fn a_write_to_a_field_that_is_no_more_goes_to_the_journal() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","old":1}"#)]);
    device.step(Input::Stop);
    let written = device.put("a", r#"{"title":"a","old":2}"#).unwrap();
    upgrade(&mut device, 2);
    assert!(device.outbox().is_empty());
    assert_eq!(device.get("a").unwrap(), r#"{"name":"a"}"#);
    let row = device.journal().remove(0);
    assert_eq!((row.decided, row.schema), (vec![written], 1));
    assert_eq!(
        row.ours.document().unwrap().canonical(),
        r#"{"old":2,"title":"a"}"#
    );
    // Undo says why not: in the new schema there is nothing to bring back.
    let error = step(&mut device, Input::Undo(row.id)).unwrap_err();
    assert!(error.message.contains("already"), "{error}");
}

/// `a` lost a write of ours under schema 1.
fn decided(ours: &str) -> (Device, JournalId) {
    let mut device = at(1, Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", ours);
    verdicts(&mut device, |_| conflict("e.2", r#"{"title":"theirs"}"#));
    let row = device.journal()[0].id;
    upgrade(&mut device, 2);
    (device, row)
}

#[test]
fn a_decision_of_an_older_schema_can_be_undone() {
    let (mut device, row) = decided(r#"{"title":"ours"}"#);
    let kept = device.journal().remove(0);
    assert_eq!(kept.schema, 1);
    assert_eq!(
        kept.ours.document().unwrap().canonical(),
        r#"{"title":"ours"}"#
    );
    let outputs = step(&mut device, Input::Undo(row)).unwrap();
    assert_eq!(written(&outputs)[0].id.as_str(), "a");
    assert_eq!(device.get("a").unwrap(), r#"{"name":"ours"}"#);
    assert_eq!(whole(&device.accept(3)[0].change), r#"{"name":"ours"}"#);
    let undone = device.journal().remove(0);
    assert_eq!((undone.undoes, undone.schema), (Some(row), 2));
}

#[test]
fn an_empty_store_has_nothing_to_migrate() {
    let mut device = at(1, Rule::Merge);
    assert!(asked(&configure(&mut device, 5)).is_none());
    device.store = MemoryStore::new();
    assert!(asked(&configure(&mut device, 9)).is_none());
    device.step(Input::LeaseTaken);
}
