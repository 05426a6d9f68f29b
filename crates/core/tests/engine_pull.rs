//! What happens to changes from the server.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

#[test]
fn a_page_and_its_checkpoint_are_stored_together() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![
        upsert("a", "e.1", r#"{"t":1}"#),
        upsert("b", "e.2", r#"{"t":2}"#),
    ]);
    assert_eq!(device.get("b").unwrap(), r#"{"t":2}"#);
    assert_eq!(device.feed().checkpoint.unwrap().as_str(), "c");
    device.pull(vec![tombstone("a", "e.3")]);
    assert_eq!(device.get("a"), None);
    assert!(device.health().is_synced());
}

#[test]
fn an_older_image_changes_nothing() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.9", r#"{"t":9}"#)]);
    device.pull(vec![upsert("a", "e.8", r#"{"t":8}"#)]);
    device.pull(vec![tombstone("a", "e.7")]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":9}"#);
}

#[test]
fn of_several_items_of_one_record_the_last_counts() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![
        upsert("a", "e.1", r#"{"t":1}"#),
        upsert("a", "e.2", r#"{"t":2}"#),
    ]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
}

#[test]
fn an_image_that_comes_during_a_push_waits_and_our_own_write_is_no_conflict() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.answer(
        request,
        Reply::Pushed(Err(failure(FailureKind::Offline, false))),
    );
    device.step(Input::Hint(name("main")));
    let request = device.pulled();
    device.answer_pull(request, vec![upsert("a", "e.1", r#"{"t":1}"#)]);
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Unknown { .. }
    ));
    device.advance(1_000);
    let (request, again) = device.pushed();
    assert_eq!(again[0].id, items[0].id);
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(again[0].id, accepted("e.1"))].into())),
    );
    assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
    assert!(device.journal().is_empty());
}

#[test]
fn each_policy_settles_a_conflict_and_keeps_the_loser() {
    let base = r#"{"t":0,"u":0}"#;
    let (ours, theirs) = (r#"{"t":1,"u":0}"#, r#"{"t":2,"u":5}"#);
    let merged = r#"{"t":1,"u":5}"#;
    for (rule, outcome, loser) in [
        (Rule::ClientWins, ours, Loser::Theirs),
        (Rule::ServerWins, theirs, Loser::Ours),
        (Rule::LatestTimestampWins, ours, Loser::Theirs),
        (Rule::Merge, merged, Loser::Theirs),
    ] {
        let mut device = Device::new(rule.clone());
        device.pull(vec![upsert("a", "e.1", base)]);
        device.step(Input::Stop);
        device.put("a", ours);
        device.step(Input::Start { listen: false });
        let (request, items) = device.pushed();
        let conflict = Verdict::Conflict {
            remote: Some(remote("e.2", Some(theirs))),
        };
        device.answer(
            request,
            Reply::Pushed(Ok(vec![(items[0].id, conflict)].into())),
        );
        assert_eq!(device.get("a").unwrap(), outcome, "{rule:?}");
        let row = device.journal().remove(0);
        assert_eq!(row.loser, loser, "{rule:?}");
        assert_eq!(
            (
                row.base.document().unwrap().text(),
                row.ours.document().unwrap().text()
            ),
            (base, ours)
        );
        if outcome == theirs {
            assert!(device.outbox().is_empty());
            assert_eq!(row.state, JournalState::Settled);
        } else {
            let sent = device.accept(3);
            assert_eq!(sent[0].precondition, Precondition::Version(name("e.2")));
            assert_eq!(device.journal()[0].state, JournalState::Settled);
        }
        assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
    }
}

#[test]
fn a_person_settles_a_manual_conflict() {
    let mut device = Device::new(Rule::Manual);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    let (request, items) = device.pushed();
    let conflict = Verdict::Conflict {
        remote: Some(remote("e.2", Some(r#"{"t":2}"#))),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, conflict)].into())),
    );
    assert_eq!(device.conflicts().len(), 1);
    assert_eq!(
        device.outbox()[0].state,
        EntryState::Held(Blocker::Conflict)
    );
    device.put("a", r#"{"t":1,"more":true}"#);
    assert!(
        device
            .outbox()
            .iter()
            .all(|entry| entry.state == EntryState::Held(Blocker::Conflict))
    );
    device.pull(vec![upsert("a", "e.3", r#"{"t":3}"#)]);
    assert_eq!(
        device.conflicts()[0]
            .remote
            .version
            .as_ref()
            .unwrap()
            .as_str(),
        "e.3"
    );
    device.step(Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    });
    assert!(device.conflicts().is_empty());
    let sent = device.accept(4);
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.3")));
    assert_eq!(device.get("a").unwrap(), r#"{"more":true,"t":1}"#);
    assert_eq!(
        device.journal()[0].theirs,
        Image::Present(document(r#"{"t":3}"#))
    );
}

#[test]
fn undo_brings_the_loser_back_as_a_new_mutation() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    device.pull(vec![upsert("a", "e.2", r#"{"t":2}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":2}"#);
    let id = device.journal()[0].id;
    device.step(Input::Undo(id));
    assert_eq!(device.get("a").unwrap(), r#"{"t":1}"#);
    let sent = device.accept(3);
    assert_eq!(sent[0].precondition, Precondition::Version(name("e.2")));
    assert_eq!(device.journal()[0].undoes, Some(id));
}

#[test]
fn an_edit_of_a_record_that_they_deleted_is_created_again() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":1}"#);
    device.step(Input::Start { listen: false });
    device.pull(vec![tombstone("a", "e.2")]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":1}"#);
    let sent = device.accept(3);
    assert!(matches!(sent[0].change, Change::Create(_)));
    assert_eq!(sent[0].precondition, Precondition::Absent);
}

#[test]
fn a_row_that_cannot_be_applied_is_kept_and_keeps_the_replica_from_being_synced() {
    let mut device = Device::new(Rule::ServerWins);
    let bad = Item::Bad {
        collection: None,
        id: None,
        text: "{".to_owned(),
        reason: "cut".to_owned(),
    };
    device.pull(vec![bad, upsert("a", "e.1", "{}")]);
    assert!(device.get("a").is_some());
    let health = device.health();
    assert_eq!(health.quarantined, 1);
    assert!(!health.is_synced());
}

#[test]
fn a_captive_portal_changes_nothing() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", "{}")]);
    let portal = failure(FailureKind::NotThisProtocol, false);
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Err(portal.clone())));
    device.step(Input::Wake);
    let order = device.order().unwrap();
    assert_eq!(order.task, Task::Probe);
    device.answer(order.request, Reply::Probed(Err(portal)));
    assert!(device.get("a").is_some());
    assert_eq!(
        device.health().connectors[0].blocker,
        Some(Blocker::Offline)
    );
}

#[test]
fn a_large_page_is_applied_in_slices_and_the_checkpoint_moves_with_the_last() {
    let mut config = config(Policy::of(Rule::ServerWins));
    config.slice_items = Some(2);
    let mut device = Device::with(config);
    let items: Vec<Item> = (0..5)
        .map(|n| upsert(&format!("r{n}"), &format!("e.{}", n + 1), "{}"))
        .collect();
    let request = device.pulled();
    let reply = Reply::Pulled(Ok(page(items, "e", &[("e", 0)])));
    let mut from = 0;
    let mut steps = 0;
    loop {
        let outputs = device.step(Input::Answer {
            request,
            from,
            reply: reply.clone(),
        });
        steps += 1;
        let next = outputs.iter().find_map(|output| match output {
            Output::Continue { from, .. } => Some(*from),
            _ => None,
        });
        match next {
            Some(next) => from = next,
            None => break,
        }
        assert!(device.record("r4").is_none());
    }
    assert_eq!(steps, 3);
    assert!(device.record("r4").is_some());
    assert!(device.feed().checkpoint.is_some());
}

#[test]
fn after_a_restore_of_the_server_what_it_lost_is_offered_again() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![
        upsert("kept", "e.5", r#"{"t":5}"#),
        upsert("changed", "e.12", r#"{"t":12}"#),
        upsert("made", "e.13", r#"{"t":13}"#),
    ]);
    // The server was restored to e.10 and goes on as f.
    let history = [("e", 0), ("f", 10)];
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(vec![], "f", &history))));
    assert!(device.record("made").is_some());
    device.step(Input::Wake);
    let Some(Order {
        request,
        task: Task::Pull(pull),
        ..
    }) = device.order()
    else {
        panic!("a pull")
    };
    assert_eq!(pull.checkpoint, None);
    let items = vec![
        upsert("kept", "e.5", r#"{"t":5}"#),
        upsert("changed", "e.7", r#"{"t":7}"#),
    ];
    device.answer(request, Reply::Pulled(Ok(page(items, "f", &history))));
    let mut sent = Vec::new();
    for _ in 0..10 {
        match device.order() {
            Some(Order {
                task: Task::Push(items),
                ..
            }) => sent.extend(items),
            Some(other) => panic!("{other:?}"),
            None => {
                device.step(Input::Wake);
            }
        }
    }
    let mut sent: Vec<(&str, &Precondition)> = sent
        .iter()
        .map(|item| (item.record.as_str(), &item.precondition))
        .collect();
    sent.sort_by_key(|(id, _)| *id);
    assert_eq!(
        sent,
        [
            ("changed", &Precondition::Version(name("e.7"))),
            ("made", &Precondition::Absent)
        ]
    );
    assert_eq!(device.get("changed").unwrap(), r#"{"t":12}"#);
}

#[test]
fn a_collection_that_joins_a_feed_is_shown_what_the_feed_has_passed() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":1}"#)]);
    assert!(device.feed().checkpoint.is_some());
    // The same configuration again, in a new process, asks for nothing.
    device.start();
    assert!(device.feed().checkpoint.is_some());
    let notes = device.config.collections[&name("notes")].clone();
    device.config.collections.insert(name("people"), notes);
    let main = device.config.connectors.get_mut(&name("main")).unwrap();
    let feed = main.feeds.get_mut(&name("all")).unwrap();
    feed.push(name("people"));
    device.start();
    assert_eq!(device.feed().checkpoint, None);
    let person = Item::upsert(name("people"), name("p"), document(r#"{"n":1}"#));
    device.pull(vec![upsert("a", "e.1", r#"{"t":1}"#), person]);
    assert!(device.feed().checkpoint.is_some());
    device.start();
    assert!(device.feed().checkpoint.is_some());
}
