//! A server that was restored from a backup.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// The server was restored to e.10 and goes on as f.
const RESTORED: [(&str, u64); 2] = [("e", 0), ("f", 10)];

/// Lets the feed tell of the restore, and walks it: this is what it shows.
fn restore(device: &mut Device, items: Vec<Item>) {
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(vec![], "f", &RESTORED))));
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(items, "f", &RESTORED))));
    for _ in 0..4 {
        device.step(Input::Wake);
    }
}

fn conflict(version: &str, text: &str) -> Verdict {
    Verdict::Conflict {
        remote: Some(remote(version, Some(text))),
    }
}

/// The server's answer to a push, in one of its histories.
fn told(epoch: &str, item: &PushItem, verdict: Verdict) -> Reply {
    Reply::Pushed(Ok(Pushed {
        epoch: Some(name(epoch)),
        verdicts: vec![(item.id, verdict)],
    }))
}

#[test]
fn a_write_whose_answer_was_lost_takes_the_lost_base_along() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12,"u":0}"#)]);
    device.put("a", r#"{"t":12,"u":1}"#);
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    restore(&mut device, vec![upsert("a", "e.7", r#"{"t":7,"u":0}"#)]);
    let (request, items) = device.pushed();
    let verdict = conflict("e.7", r#"{"t":7,"u":0}"#);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, verdict)].into())),
    );
    assert_eq!(device.get("a").unwrap(), r#"{"t":12,"u":1}"#);
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Version(name("e.7")));
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":12,"u":1}"#
    );
}

#[test]
fn a_record_whose_row_cannot_be_read_is_not_missing() {
    let unreadable = |id: Option<RecordId>| Item::Bad {
        collection: Some(name("notes")),
        id,
        text: "{".to_owned(),
        reason: "cut".to_owned(),
    };
    for (id, offered) in [(Some(name("a")), 0), (None, 1)] {
        let mut device = Device::new(Rule::Merge);
        device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
        restore(&mut device, vec![unreadable(id)]);
        // What is missing was lost with the backup, and would be made again.
        assert_eq!(device.outbox().len(), offered);
        assert_eq!(device.get("a").unwrap(), r#"{"t":12}"#);
    }
}

#[test]
fn a_write_that_is_out_on_what_the_server_has_lost_is_no_drift() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    device.delete("a");
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    device.step(Input::Verify {
        feed: feed_key(),
        contents: false,
    });
    restore(&mut device, vec![]);
    let mut fetched = 0;
    for _ in 0..50 {
        let Some(order) = device.order() else {
            device.step(Input::Wake);
            continue;
        };
        let reply = match order.task {
            Task::Digest(asked) => {
                let nothing = Digest {
                    tally: Tally::default(),
                    records: asked.list_max.map(|_| Vec::new()),
                };
                Reply::Digested(Ok(DigestAnswer {
                    at: asked.at,
                    digests: vec![nothing],
                }))
            }
            Task::Fetch(_) => {
                fetched += 1;
                let found = Found::Image(Remote {
                    version: None,
                    ..remote("e.0", None)
                });
                let found = vec![(name("notes"), name("a"), found)];
                Reply::Fetched(Ok(Fetched {
                    epoch: Some(name("f")),
                    found,
                    marked: Vec::new(),
                }))
            }
            Task::Probe => Reply::Probed(Ok(())),
            Task::Push(_) => Reply::Pushed(Err(failure(FailureKind::Offline, false))),
            task => panic!("a comparison was expected, but {task:?} came"),
        };
        device.answer(order.request, reply);
    }
    assert!(!device.health().feeds[0].verified.unwrap().comparing);
    assert!(fetched > 0);
    let mended = |output: &Output| matches!(output, Output::Event(Event::Mended { .. }));
    assert!(!device.outputs.iter().any(mended));
    assert_eq!(device.outbox().len(), 1);
}

#[test]
fn a_conflict_that_shows_an_older_image_than_ours_waits_for_the_feed() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12,"u":0}"#)]);
    device.advance(1_000);
    device.put("a", r#"{"t":12,"u":1}"#);
    // The server was restored, and nobody has told us yet.
    let (request, items) = device.pushed();
    let verdict = conflict("e.7", r#"{"t":7,"u":0}"#);
    device.answer(request, told("f", &items[0], verdict));
    assert_eq!(device.get("a").unwrap(), r#"{"t":12,"u":1}"#);
    restore(&mut device, vec![upsert("a", "e.7", r#"{"t":7,"u":0}"#)]);
    let (_, items) = device.pushed();
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":12,"u":1}"#
    );
}

#[test]
fn an_acceptance_of_a_lost_history_that_comes_late_is_sent_again() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    restore(&mut device, vec![]);
    let verdict = accepted("e.11");
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, verdict)].into())),
    );
    assert_eq!(device.outbox().len(), 1);
    device.advance(1_000);
    let sent = device.accept(1);
    assert_eq!(sent[0].record.as_str(), "a");
    assert_eq!(sent[0].id, items[0].id);
}

#[test]
fn a_lost_write_is_offered_again_over_a_deletion_too() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    restore(&mut device, vec![tombstone("a", "e.9")]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":12}"#);
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Absent);
}

#[test]
fn what_somebody_wrote_since_the_restore_is_journalled_when_ours_goes_over_it() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    restore(&mut device, vec![upsert("a", "f.11", r#"{"t":11}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":12}"#);
    let row = &device.journal()[0];
    assert_eq!(row.loser, Loser::Theirs);
    assert_eq!(row.theirs, Image::Present(document(r#"{"t":11}"#)));
}

#[test]
fn a_lost_delete_of_a_remembered_record_is_offered_again() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.5", r#"{"t":5}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":6}"#);
    device.step(Input::Start { listen: false });
    // A journalled decision keeps the row as a tombstone.
    device.pull(vec![upsert("a", "e.8", r#"{"t":8}"#)]);
    device.delete("a");
    device.accept(12);
    restore(&mut device, vec![upsert("a", "e.8", r#"{"t":8}"#)]);
    assert_eq!(device.get("a"), None);
    let (_, items) = device.pushed();
    assert_eq!(items[0].change, Change::Delete);
}

/// Lets a conflict without an image raise a suspicion, and takes the look-up that follows.
fn looked_up(device: &mut Device) -> (RequestId, Vec<(CollectionName, RecordId)>) {
    let (request, items) = device.pushed();
    let nothing = Verdict::Conflict { remote: None };
    device.answer(request, told("e", &items[0], nothing));
    for _ in 0..20 {
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
            Some(order) => panic!("unexpected {order:?}"),
            None => {
                device.advance(100);
                device.step(Input::Wake);
            }
        }
    }
    panic!("a look-up was expected");
}

#[test]
fn a_look_up_in_a_history_that_the_feed_has_not_told_of_is_no_evidence() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    device.put("a", r#"{"t":13}"#);
    let (request, ids) = looked_up(&mut device);
    // The server was restored, and nobody has told us yet: of course it has no such record.
    let gone = Remote {
        out_of_scope: false,
        image: Image::Gone,
        version: None,
        stamp: None,
        stamps: None,
        schema: None,
        migrated: false,
    };
    let (collection, id) = ids[0].clone();
    let answer = Reply::Fetched(Ok(Fetched {
        epoch: Some(name("f")),
        found: vec![(collection, id, Found::Image(gone))],
        marked: Vec::new(),
    }));
    device.answer(request, answer.clone());
    assert_eq!(device.get("a").unwrap(), r#"{"t":13}"#);
    assert_eq!(
        device.health().connectors[0].blocker,
        Some(Blocker::Epoch),
        "nothing is sent before the feed has told"
    );
    device.step(Input::Wake);
    let next = device.order().unwrap();
    assert!(matches!(next.task, Task::Pull(_)), "{next:?}");
    device.answer(
        next.request,
        Reply::Pulled(Ok(page(vec![], "f", &RESTORED))),
    );
    // Now it is: what the server has lost is offered again.
    device.step(Input::Wake);
    let next = device.order().unwrap();
    assert!(matches!(next.task, Task::Fetch(_)), "{next:?}");
    device.answer(next.request, answer);
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(vec![], "f", &RESTORED))));
    for _ in 0..4 {
        device.step(Input::Wake);
    }
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Absent);
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":13}"#
    );
}

#[test]
fn a_feed_that_tells_of_no_other_history_is_walked_to_be_sure() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    device.put("a", r#"{"t":13}"#);
    let (request, items) = device.pushed();
    device.answer(request, told("f", &items[0], conflict("e.7", r#"{"t":7}"#)));
    assert!(device.feed().unheard);
    device.pull(vec![]);
    let feed = device.feed();
    assert_eq!(feed.checkpoint, None);
    assert_eq!(feed.pass.unwrap().reason, PassReason::Epoch);
    assert!(!feed.unheard);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    for _ in 0..4 {
        device.step(Input::Wake);
    }
    let sent = device.accept(13);
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.12")));
}

#[test]
fn a_group_that_meets_another_history_goes_again_under_new_keys() {
    let mut device = Device::new(Rule::ClientWins);
    device.pull(vec![]);
    device.group(&[
        ("a", WriteKind::Put(document(r#"{"t":1}"#))),
        ("b", WriteKind::Put(document(r#"{"t":2}"#))),
    ]);
    let (request, items) = device.pushed();
    let pushed = Pushed {
        epoch: Some(name("f")),
        verdicts: vec![
            (items[0].id, conflict("f.11", r#"{"t":9}"#)),
            (items[1].id, Verdict::Returned),
        ],
    };
    device.answer(request, Reply::Pushed(Ok(pushed)));
    let keys: Vec<MutationId> = device.outbox().iter().map(|entry| entry.id).collect();
    assert!(items.iter().all(|item| !keys.contains(&item.id)));
    restore(&mut device, vec![upsert("a", "f.11", r#"{"t":9}"#)]);
    device.advance(1_000);
    let (_, again) = device.pushed();
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].precondition, Precondition::Version(name("f.11")));
}

#[test]
fn an_open_conflict_with_what_the_server_has_lost_looks_at_what_it_has() {
    let mut device = Device::new(Rule::Manual);
    device.pull(vec![upsert("a", "e.5", r#"{"t":5}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":6}"#);
    device.put("b", r#"{"u":6}"#);
    device.step(Input::Start { listen: false });
    device.pull(vec![
        upsert("a", "e.12", r#"{"t":12}"#),
        upsert("b", "e.13", r#"{"u":13}"#),
    ]);
    assert_eq!(device.conflicts().len(), 2);
    // Of one record the server has an older version now, of the other nothing.
    restore(&mut device, vec![upsert("a", "e.5", r#"{"t":5}"#)]);
    assert_eq!(device.conflicts(), []);
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Version(name("e.5")));
    assert_eq!(items[1].precondition, Precondition::Absent);
}

#[test]
fn what_waited_for_an_answer_and_was_lost_meanwhile_does_not_come_back() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.5", r#"{"t":5}"#)]);
    device.put("a", r#"{"t":6}"#);
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    // Somebody else's write waits for the answer; then a restore loses it.
    let request = device.pulled();
    device.answer_pull(request, vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    restore(&mut device, vec![]);
    device.advance(1_000);
    let (request, items) = device.pushed();
    device.answer(request, told("f", &items[0], accepted("f.11")));
    assert_eq!(device.get("a").unwrap(), r#"{"t":6}"#);
    let record = device.record("a").unwrap();
    assert_eq!(record.version, Some(name("f.11")));
    assert_eq!(record.state, RecordState::Clean);
}

#[test]
fn a_late_acceptance_in_a_history_that_nobody_has_told_of_is_sent_again() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    device.answer(request, told("f", &items[0], accepted("f.11")));
    assert_eq!(device.outbox().len(), 1);
    assert!(!device.feed().unheard, "a late answer moves nothing");
}

#[test]
fn what_was_accepted_before_the_first_page_in_a_history_that_is_gone_is_offered_again() {
    let mut device = Device::new(Rule::Merge);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    // Accepted by g, from which the server was restored; then it went on as f.
    device.answer(request, told("g", &items[0], accepted("g.11")));
    device.step(Input::Wake);
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(vec![], "f", &RESTORED))));
    for _ in 0..4 {
        device.step(Input::Wake);
    }
    let (_, items) = device.pushed();
    assert_eq!(items[0].record.as_str(), "a");
    assert_eq!(items[0].precondition, Precondition::Absent);
}
