//! An upgrade goes by slices, and keeps older apps out.
use crate::common::*;
use crate::*;
use tisync_core::ErrorKind;

/// A device of schema 1 with this many clean records, and a pending write to each tenth.
fn full(records: usize) -> Device {
    let mut device = at(1, Rule::Merge);
    let items = (0..records).map(|n| {
        let text = format!(r#"{{"title":"t{n}"}}"#);
        upsert(&format!("r{n:05}"), &format!("e.{}", n + 1), &text)
    });
    device.pull(items.collect());
    device.step(Input::Stop);
    for n in (0..records).step_by(10) {
        let text = format!(r#"{{"title":"t{n}","n":{n}}}"#);
        device.put(&format!("r{n:05}"), &text);
    }
    device
}

fn check_full(device: &mut Device, records: usize) {
    for n in 0..records {
        let record = device.record(&format!("r{n:05}")).unwrap();
        assert_eq!(record.schema, 2);
        let object = record.document.unwrap().object();
        assert!(object.contains_key("name") && !object.contains_key("title"));
    }
    let entries = device.outbox();
    assert_eq!(entries.len(), records.div_ceil(10));
    assert!(entries.iter().all(|entry| entry.schema == 2));
}

#[test]
fn it_goes_by_slices_and_on_after_a_crash() {
    let mut device = full(1_300);
    let mut outputs = configure(&mut device, 2);
    let mut asks = 0;
    while let Some(migrate) = asked(&outputs) {
        asks += 1;
        assert!(
            migrate.documents.len() <= 1_000,
            "{}",
            migrate.documents.len()
        );
        let answer = Input::Migrated(Box::new(migrate.ask(forward)));
        // The process dies before it can give this answer, and another one goes on.
        if asks == 2 {
            outputs = configure(&mut device, 2);
            continue;
        }
        outputs = device.step(answer);
    }
    assert_eq!(asks, 4, "what was done is not done again");
    check_full(&mut device, 1_300);
}

#[test]
fn two_processes_may_do_it_at_once() {
    let mut device = full(1_300);
    let first = asked(&configure(&mut device, 2)).unwrap();
    let mut other = device.engine.clone();
    let stale = Input::Migrated(Box::new(first.clone().ask(forward)));
    let mut outputs = device.step(Input::Migrated(Box::new(first.ask(forward))));
    // The other process answers what it was asked before: nothing of it is there any more, and it asks on.
    let now = device.now();
    let mut theirs = other.step(&mut device.store, now, stale).unwrap();
    while let Some(migrate) = asked(&outputs) {
        outputs = device.step(Input::Migrated(Box::new(migrate.ask(forward))));
        if let Some(migrate) = asked(&theirs) {
            let now = device.now();
            let answer = Input::Migrated(Box::new(migrate.ask(forward)));
            theirs = other.step(&mut device.store, now, answer).unwrap();
        }
    }
    device.step(Input::LeaseTaken);
    check_full(&mut device, 1_300);
}

#[test]
fn what_was_not_asked_about_is_asked_about_again() {
    let mut device = full(30);
    let mut migrate = asked(&configure(&mut device, 2)).unwrap();
    migrate.documents.truncate(7);
    let outputs = device.step(Input::Migrated(Box::new(migrate.ask(forward))));
    let again = asked(&outputs).unwrap();
    assert!(again.documents.len() > 7);
    device.step(Input::Migrated(Box::new(again.ask(forward))));
    device.step(Input::LeaseTaken);
    check_full(&mut device, 30);
}

#[test]
fn nothing_else_happens_before_it_is_done() {
    let mut device = full(30);
    let migrate = asked(&configure(&mut device, 2)).unwrap();
    for input in [
        Input::LeaseTaken,
        Input::Wake,
        Input::Write {
            writes: Vec::new(),
            group: false,
        },
    ] {
        let error = device.try_step(input).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Migrating | ErrorKind::LeaseLost),
            "{error}"
        );
    }
    device.step(Input::Migrated(Box::new(migrate.ask(forward))));
    device.step(Input::LeaseTaken);
    check_full(&mut device, 30);
}

#[test]
fn an_older_app_is_refused_and_changes_nothing() {
    let mut device = full(30);
    upgrade(&mut device, 2);
    let before = device.store.state_hash();
    let mut old = device.config.clone();
    declare(&mut old, 1);
    let (mut engine, now) = (Engine::new(), device.now());
    let refused = engine.step(&mut device.store, now, Input::Configure(Box::new(old)));
    let error = refused.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Newer);
    assert!(error.message.contains("schema 2 of notes"), "{error}");
    assert_eq!(device.store.state_hash(), before);
}

#[test]
fn an_older_app_that_runs_already_is_refused_from_then_on() {
    let mut device = full(3);
    let mut running = device.engine.clone();
    upgrade(&mut device, 2);
    let before = device.store.state_hash();
    for input in [
        Input::Wake,
        Input::Write {
            writes: vec![Write {
                collection: name("notes"),
                id: Some(name("x")),
                kind: WriteKind::Put(document("{}")),
            }],
            group: false,
        },
    ] {
        let now = device.now();
        let error = running.step(&mut device.store, now, input).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Newer | ErrorKind::LeaseLost),
            "{error}"
        );
    }
    assert_eq!(device.store.state_hash(), before);
}
