//! What happens to local writes on their way to the server.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::ErrorKind;
use tisync_core::model::*;

#[test]
fn a_write_is_visible_at_once_and_clean_after_it_was_accepted() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    assert_eq!(device.get("a").unwrap(), r#"{"t":1}"#);
    assert_eq!(device.record("a").unwrap().state, RecordState::Dirty);
    let items = device.accept(1);
    assert_eq!(items[0].precondition, Precondition::Absent);
    let record = device.record("a").unwrap();
    assert_eq!(
        (record.state, record.version.unwrap().as_str()),
        (RecordState::Clean, "e.1")
    );
    assert!(device.outbox().is_empty());
}

#[test]
fn writes_coalesce_until_they_are_handed_out() {
    let mut device = Device::new(Rule::ServerWins);
    device.step(Input::Stop);
    let first = device.put("a", r#"{"t":1}"#);
    let second = device.put("a", r#"{"t":2,"u":3}"#);
    assert_eq!(first, second);
    assert_eq!(device.outbox().len(), 1);
    assert_eq!(
        device.outbox()[0].change,
        Change::Create(document(r#"{"t":2,"u":3}"#))
    );
    assert_eq!(
        device.delete("a"),
        None,
        "a create and a delete cancel each other out"
    );
    assert!(device.outbox().is_empty());
    assert!(device.record("a").is_none());
}

#[test]
fn a_save_that_changes_nothing_makes_no_mutation() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    assert_eq!(device.put("a", r#"{"t":1.0}"#), None);
}

#[test]
fn an_edit_during_an_upload_is_a_successor_and_stays_dirty() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.put("a", r#"{"t":2}"#);
    assert_eq!(device.outbox().len(), 2);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, accepted("e.1"))].into())),
    );
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
    assert_eq!(device.record("a").unwrap().state, RecordState::Dirty);
    let items = device.accept(2);
    assert_eq!(items[0].precondition, Precondition::Version(name("e.1")));
    assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
}

#[test]
fn a_push_without_an_answer_is_unknown_and_sent_again_under_the_same_key() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (_, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Unknown { .. }
    ));
    device.advance(1_000);
    let (_, again) = device.pushed();
    assert_eq!(items[0].id, again[0].id);
    assert_eq!(items[0].precondition, again[0].precondition);
}

#[test]
fn an_edit_while_the_outcome_is_unknown_does_not_touch_what_was_sent() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.answer(
        request,
        Reply::Pushed(Err(failure(FailureKind::Offline, false))),
    );
    device.put("a", r#"{"t":2}"#);
    device.advance(1_000);
    let (_, again) = device.pushed();
    assert_eq!(items[0].change, again[0].change);
}

#[test]
fn a_late_verdict_still_counts_but_only_once() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    let verdicts = vec![(items[0].id, accepted("e.1"))];
    device.answer(request, Reply::Pushed(Ok(verdicts.clone().into())));
    assert!(device.outbox().is_empty());
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    assert_eq!(device.record("a").unwrap().version.unwrap().as_str(), "e.1");
}

#[test]
fn what_a_process_had_in_flight_is_unknown_to_the_next_one() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (_, items) = device.pushed();
    device.start();
    let (_, again) = device.pushed();
    assert_eq!(items[0].id, again[0].id);
}

#[test]
fn that_a_repeat_was_not_sent_proves_nothing_of_the_first_attempt() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    device.advance(1_000);
    let (request, _) = device.pushed();
    let not_sent = failure(FailureKind::Offline, true);
    device.answer(request, Reply::Pushed(Err(not_sent)));
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Unknown { .. }
    ));
    // It has taken effect, and somebody else has written since: nothing is decided before the answer.
    device.pull(vec![upsert("a", "e.2", r#"{"t":2}"#)]);
    device.advance(2_000);
    let sent = device.accept(1);
    assert_eq!(sent[0].id, items[0].id);
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
    assert!(device.journal().is_empty());
}

#[test]
fn what_was_accepted_unheard_is_looked_up() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    // It took effect and was deleted again, before this walk began.
    device.pull(vec![]);
    device.advance(1_000);
    device.accept(1);
    let fetch = loop {
        match device.order() {
            Some(order) if matches!(order.task, Task::Fetch(_)) => break order,
            Some(order) => device.answer_pull(order.request, vec![]),
            None => {
                device.advance(100);
                device.step(Input::Wake)
            }
        };
    };
    let gone = Found::Image(remote("e.2", None));
    let found = vec![(name("notes"), name("a"), gone)];
    device.answer(fetch.request, Reply::Fetched(Ok(found.into())));
    assert_eq!(device.get("a"), None);
}

#[test]
fn a_group_whose_answer_leaves_a_member_out_goes_again_whole() {
    let mut device = Device::new(Rule::ClientWins);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    let verdicts = vec![(items[0].id, Verdict::Returned)];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    device.advance(1_000);
    let (_, again) = device.pushed();
    let keys = |items: &[PushItem]| items.iter().map(|item| item.id).collect::<Vec<_>>();
    assert_eq!(keys(&again), keys(&items));
}

#[test]
fn a_group_whose_answer_leaves_a_member_out_waits_as_the_server_asked() {
    let mut device = Device::new(Rule::ClientWins);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    let verdicts = vec![(items[0].id, Verdict::Deferred { after_ms: 9_000 })];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    device.advance(8_999);
    device.step(Input::Wake);
    assert!(device.order().is_none());
    device.advance(1);
    let (_, again) = device.pushed();
    assert_eq!(again.len(), 2);
}

#[test]
fn a_late_refusal_of_a_member_waits_for_the_answer_to_its_group() {
    let mut device = Device::new(Rule::ClientWins);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    let reason = "no".to_owned();
    let verdicts = vec![
        (items[0].id, Verdict::Rejected { reason }),
        (items[1].id, Verdict::Returned),
    ];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    assert!(device.outbox().iter().all(|entry| entry.state.is_out()));
    device.advance(1_000);
    let (_, again) = device.pushed();
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].id, items[0].id);
}

#[test]
fn a_refused_write_is_parked_and_blocks_only_its_own_record() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.put("a", r#"{"t":2}"#);
    device.put("b", r#"{"t":3}"#);
    let rejected = Verdict::Rejected {
        reason: "no".to_owned(),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected)].into())),
    );
    let states: Vec<EntryState> = device
        .outbox()
        .into_iter()
        .map(|entry| entry.state)
        .collect();
    assert!(matches!(states[0], EntryState::Parked { .. }));
    assert_eq!(states[1], EntryState::Held(Blocker::ParkedAncestor));
    assert_eq!(
        device.get("a").unwrap(),
        r#"{"t":2}"#,
        "a parked write stays visible"
    );
    let sent = device.accept(1);
    assert_eq!(sent[0].record.as_str(), "b");
    let health = device.health();
    assert_eq!((health.outbox.parked, health.outbox.held), (1, 1));
    assert!(!health.is_synced());
}

#[test]
fn a_parked_write_can_be_sent_again_edited_or_given_up() {
    let mut device = Device::new(Rule::ServerWins);
    let park = |device: &mut Device| {
        let (request, items) = device.pushed();
        let rejected = Verdict::Rejected {
            reason: "no".to_owned(),
        };
        device.answer(
            request,
            Reply::Pushed(Ok(vec![(items[0].id, rejected)].into())),
        );
        items[0].id
    };
    device.put("a", r#"{"t":1}"#);
    let first = park(&mut device);
    device.step(Input::Retry(first));
    let second = park(&mut device);
    assert_ne!(first, second, "a new attempt has a new key");
    device.step(Input::Edit(second, document(r#"{"t":9}"#)));
    assert_eq!(device.get("a").unwrap(), r#"{"t":9}"#);
    let third = park(&mut device);
    device.step(Input::Discard(third));
    assert_eq!(device.get("a"), None);
    let row = &device.journal()[0];
    assert_eq!(row.ours, Image::Present(document(r#"{"t":9}"#)));
    assert_eq!(
        device.try_step(Input::Retry(third)).unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[test]
fn the_server_is_left_alone_for_as_long_as_it_asked_also_after_a_restart() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, _) = device.pushed();
    let retry = failure(
        FailureKind::Retry {
            after_ms: Some(600_000),
        },
        false,
    );
    device.answer(request, Reply::Pushed(Err(retry)));
    device.outputs.clear();
    device.start();
    device.step(Input::SyncNow);
    assert_eq!(device.order(), None);
    device.advance(599_000);
    device.step(Input::Wake);
    assert_eq!(device.order(), None);
    device.advance(1_001);
    device.step(Input::Wake);
    assert!(device.order().is_some());
}

#[test]
fn refused_credentials_stop_the_queue_until_there_are_new_ones() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, _) = device.pushed();
    device.answer(
        request,
        Reply::Pushed(Err(failure(FailureKind::Credentials, true))),
    );
    let asks = |outputs: &[Output]| {
        let asks =
            |output: &&Output| matches!(output, Output::CredentialsNeeded { revision: 0, .. });
        outputs.iter().filter(asks).count()
    };
    device.step(Input::Wake);
    device.step(Input::Wake);
    assert_eq!(asks(&device.outputs), 1);
    device.outputs.clear();
    device.start();
    assert_eq!(asks(&device.outputs), 1, "a new process asks again");
    device.advance(1_000_000);
    device.step(Input::Wake);
    assert_eq!(device.order(), None);
    assert_eq!(
        device.health().connectors[0].blocker,
        Some(Blocker::Credentials)
    );
    device.step(Input::CredentialsChanged {
        connector: name("main"),
        revision: 1,
    });
    assert!(device.order().is_some());
}

#[test]
fn a_batch_that_is_too_large_is_halved_and_a_lone_write_parked() {
    let mut device = Device::new(Rule::ServerWins);
    device.step(Input::Stop);
    for id in ["a", "b", "c", "d"] {
        device.put(id, r#"{"t":1}"#);
    }
    device.step(Input::Start { listen: false });
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let (request, items) = device.pushed();
        sizes.push(items.len());
        device.answer(
            request,
            Reply::Pushed(Err(failure(FailureKind::TooLarge, true))),
        );
    }
    assert_eq!(sizes, [4, 2, 1]);
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Parked { .. }
    ));
}

#[test]
fn a_group_goes_whole_and_comes_back_whole() {
    let mut device = Device::new(Rule::ClientWins);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    assert_eq!(items.len(), 2);
    assert!(items[0].group.is_some() && items[0].group == items[1].group);
    let verdicts = vec![
        (
            items[0].id,
            Verdict::Conflict {
                remote: Some(remote("e.5", Some(r#"{"t":7}"#))),
            },
        ),
        (items[1].id, Verdict::Returned),
    ];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    let (_, again) = device.pushed();
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].group, items[0].group);
    assert!(
        again
            .iter()
            .all(|item| items.iter().all(|old| old.id != item.id)),
        "under new keys"
    );
    assert_eq!(again[0].precondition, Precondition::Version(name("e.5")));
}

#[test]
fn a_parked_member_holds_its_group() {
    let mut device = Device::new(Rule::ClientWins);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    let verdicts = vec![
        (
            items[0].id,
            Verdict::Rejected {
                reason: "no".to_owned(),
            },
        ),
        (items[1].id, Verdict::Returned),
    ];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    let outbox = device.outbox();
    assert!(matches!(outbox[0].state, EntryState::Parked { .. }));
    assert_eq!(outbox[1].state, EntryState::Held(Blocker::Group));
    device.step(Input::Retry(outbox[0].id));
    assert_eq!(device.accept(1).len(), 2);
    assert!(device.outbox().is_empty());
}

#[test]
fn a_group_that_could_never_be_sent_is_refused_when_it_is_written() {
    let mut device = Device::new(Rule::ClientWins);
    let writes = (0..101)
        .map(|index| Write {
            collection: name("notes"),
            id: Some(name(&format!("r{index}"))),
            kind: WriteKind::Put(document("{}")),
        })
        .collect();
    let error = device
        .try_step(Input::Write {
            writes,
            group: true,
        })
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    assert!(device.outbox().is_empty());
}

#[test]
fn an_engine_that_lost_the_lease_may_write_but_not_sync() {
    let mut device = Device::new(Rule::ServerWins);
    let mut other = tisync_core::Engine::new();
    let now = device.now();
    other
        .step(
            &mut device.store,
            now,
            Input::Configure(Box::new(device.config.clone())),
        )
        .unwrap();
    let now = device.now();
    other
        .step(&mut device.store, now, Input::LeaseTaken)
        .unwrap();
    assert_eq!(
        device.try_step(Input::Wake).unwrap_err().kind,
        ErrorKind::LeaseLost
    );
    device.put("a", r#"{"t":1}"#);
    assert_eq!(device.outbox().len(), 1);
}
