//! Open conflicts, decisions and the journal, where several things meet.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::ErrorKind;
use tisync_core::model::*;

fn rejected() -> Verdict {
    Verdict::Rejected {
        reason: "no".to_owned(),
    }
}

fn conflict(version: &str, text: Option<&str>) -> Verdict {
    Verdict::Conflict {
        remote: Some(remote(version, text)),
    }
}

#[test]
fn a_conflict_over_a_parked_write_can_still_be_resolved() {
    let mut device = Device::new(Rule::Manual);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected())].into())),
    );
    device.pull(vec![upsert("a", "e.2", r#"{"t":2}"#)]);
    assert_eq!(device.conflicts().len(), 1);
    let parked = device.outbox()[0].id;
    device.step(Input::Retry(parked));
    assert_eq!(
        device.outbox()[0].state,
        EntryState::Held(Blocker::Conflict),
        "nothing is sent before the conflict is resolved"
    );
    device.step(Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    });
    assert!(device.conflicts().is_empty());
    let sent = device.accept(3);
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.2")));
}

#[test]
fn a_returned_write_that_meets_a_newer_image_leaves_no_open_row_in_the_journal() {
    let mut device = Device::new(Rule::ClientWins);
    let put = |text: &str| WriteKind::Put(document(text));
    device.group(&[("a", put(r#"{"t":1}"#)), ("b", put(r#"{"t":2}"#))]);
    let (request, items) = device.pushed();
    let verdicts = vec![
        (items[0].id, conflict("e.5", Some(r#"{"t":7}"#))),
        (items[1].id, Verdict::Returned),
    ];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    // The row of the first decision travels with `a`, whose answer gets lost while a newer image comes.
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    device.step(Input::Hint(name("main")));
    let request = device.pulled();
    device.answer_pull(request, vec![upsert("a", "e.6", r#"{"t":8}"#)]);
    device.advance(10_000);
    let (request, items) = device.pushed();
    let verdicts = items
        .iter()
        .map(|item| (item.id, Verdict::Returned))
        .collect();
    device.answer(request, Reply::Pushed(Ok(verdicts)));
    device.accept(10);
    assert!(device.outbox().is_empty());
    let states: Vec<JournalState> = device.journal().iter().map(|row| row.state).collect();
    assert_eq!(states, [JournalState::Settled, JournalState::Void]);
}

#[test]
fn a_create_that_is_taken_back_during_its_conflict_shows_theirs() {
    let mut device = Device::new(Rule::Manual);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    device.pull(vec![upsert("a", "e.2", r#"{"t":2}"#)]);
    assert_eq!(device.conflicts().len(), 1);
    assert_eq!(device.delete("a"), None);
    assert!(device.conflicts().is_empty());
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
    assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
}

#[test]
fn what_one_transaction_writes_after_it_took_its_create_back_does_not_touch_theirs() {
    let mut device = Device::new(Rule::Manual);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    device.pull(vec![upsert("a", "e.2", r#"{"t":2}"#)]);
    let write = |kind: WriteKind| Write {
        collection: name("notes"),
        id: Some(name("a")),
        kind,
    };
    let twice = Input::Write {
        writes: vec![write(WriteKind::Delete), write(WriteKind::Delete)],
        group: false,
    };
    let error = device.try_step(twice).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    let anew = WriteKind::Put(document(r#"{"t":3}"#));
    device.step(Input::Write {
        writes: vec![write(WriteKind::Delete), write(anew)],
        group: false,
    });
    assert_eq!(device.get("a").unwrap(), r#"{"t":3}"#);
    assert_eq!(device.conflicts().len(), 1, "theirs is still to be settled");
    assert_eq!(
        device.outbox()[0].state,
        EntryState::Held(Blocker::Conflict)
    );
}

#[test]
fn a_decision_whose_carrier_is_cancelled_does_not_stay_open() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    let request = device.pulled();
    device.answer_pull(request, vec![tombstone("a", "e.2")]);
    assert_eq!(device.journal()[0].state, JournalState::Decided);
    assert_eq!(device.delete("a"), None);
    assert!(device.outbox().is_empty());
    assert_eq!(device.journal()[0].state, JournalState::Void);
}

#[test]
fn what_was_refused_stays_parked_when_it_is_put_onto_a_newer_image() {
    let mut device = Device::new(Rule::ClientWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0,"u":0}"#)]);
    device.put("a", r#"{"t":1,"u":0}"#);
    let (request, items) = device.pushed();
    device.put("a", r#"{"t":1,"u":1}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected())].into())),
    );
    device.pull(vec![upsert("a", "e.2", r#"{"t":2,"u":2}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":1,"u":1}"#);
    assert!(
        device
            .outbox()
            .iter()
            .any(|entry| matches!(entry.state, EntryState::Parked { .. }))
    );
    assert!(
        device
            .outbox()
            .iter()
            .all(|entry| entry.state != EntryState::Pending)
    );
}

#[test]
fn what_follows_a_discarded_delete_replaces_the_record() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.delete("a");
    let (request, items) = device.pushed();
    device.put("a", r#"{"t":1}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected())].into())),
    );
    device.step(Input::Discard(items[0].id));
    let sent = device.accept(2);
    assert_eq!(sent[0].change, Change::Replace(document(r#"{"t":1}"#)));
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.1")));
    assert_eq!(device.get("a").unwrap(), r#"{"t":1}"#);
}

#[test]
fn a_refused_delete_that_is_edited_into_a_change_keeps_what_came_after_in_line() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.delete("a");
    let (request, items) = device.pushed();
    device.put("a", r#"{"t":1}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected())].into())),
    );
    device.step(Input::Edit(items[0].id, document(r#"{"t":2}"#)));
    assert_eq!(device.get("a").unwrap(), r#"{"t":1}"#);
    device.delete("a");
    assert_eq!(device.get("a"), None);
    device.accept(2);
    let sent = device.accept(3);
    assert_eq!(sent[0].change, Change::Delete);
    assert_eq!(device.get("a"), None);
}

fn events(outputs: &[Output]) -> Vec<Event> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some(event.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_conflict_is_told_of_when_it_opens_and_when_it_is_settled() {
    let mut device = Device::new(Rule::Manual);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let verdict = conflict("e.2", Some(r#"{"t":2}"#));
    let outputs = device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, verdict)].into())),
    );
    let opened = Event::ConflictOpened {
        collection: name("notes"),
        id: name("a"),
    };
    assert!(events(&outputs).contains(&opened));
    let outputs = device.step(Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    });
    let closed = Event::ConflictClosed {
        collection: name("notes"),
        id: name("a"),
    };
    assert!(events(&outputs).contains(&closed));
}

#[test]
fn a_change_of_the_outbox_is_told_of_where_nothing_visible_changes() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected())].into())),
    );
    let outputs = device.step(Input::Retry(items[0].id));
    assert_eq!(events(&outputs), [Event::Health]);
}

#[test]
fn what_a_verdict_shows_of_the_other_side_comes_from_the_server() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let verdict = conflict("e.2", Some(r#"{"t":2}"#));
    let outputs = device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, verdict)].into())),
    );
    let changed = Event::Changed {
        collection: name("notes"),
        records: vec![(name("a"), ChangeKind::Updated)],
        remote: true,
    };
    assert!(events(&outputs).contains(&changed));
}
