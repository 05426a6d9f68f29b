//! When the engine asks, and when it leaves the server alone.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;
use tisync_json::tree::BTreeMap;

/// Steps `Wake` whenever it is asked for, for this long; returns the orders.
fn run(device: &mut Device, ms: u64) -> Vec<Order> {
    let until = device.monotonic_ms + ms;
    let mut orders = Vec::new();
    for _ in 0..1_000 {
        let outputs = device.step(Input::Wake);
        let wake = outputs.iter().rev().find_map(|output| match output {
            Output::WakeAt { monotonic_ms } => Some(*monotonic_ms),
            _ => None,
        });
        while let Some(order) = device.order() {
            orders.push(order);
        }
        match wake.flatten() {
            Some(at) if at <= until => {
                let ms = at.saturating_sub(device.monotonic_ms);
                device.advance(ms);
            }
            _ => return orders,
        }
    }
    panic!("it never rests: {} orders", orders.len());
}

#[test]
fn a_newer_app_tries_again_after_the_server_asked_for_one() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", "{}");
    let (request, _) = device.pushed();
    let upgrade = failure(FailureKind::UpgradeRequired, true);
    device.answer(request, Reply::Pushed(Err(upgrade)));
    assert_eq!(
        device.health().connectors[0].blocker,
        Some(Blocker::UpgradeRequired)
    );
    device.start();
    device.advance(10_000);
    device.accept(1);
    assert!(device.outbox().is_empty());
}

#[test]
fn credentials_that_came_meanwhile_are_not_refused_by_an_old_answer() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", "{}");
    let (request, _) = device.pushed();
    device.step(Input::CredentialsChanged {
        connector: name("main"),
        revision: 1,
    });
    let refused = failure(FailureKind::Credentials, true);
    device.answer(request, Reply::Pushed(Err(refused)));
    device.accept(1);
    assert!(device.outbox().is_empty());
}

#[test]
fn of_several_waits_that_a_server_asks_for_the_longest_counts() {
    let mut device = Device::new(Rule::ServerWins);
    device.step(Input::Stop);
    device.put("a", "{}");
    device.put("b", "{}");
    device.step(Input::Start { listen: false });
    let (request, items) = device.pushed();
    let verdicts = vec![
        (items[0].id, Verdict::Deferred { after_ms: 20_000 }),
        (items[1].id, Verdict::Deferred { after_ms: 0 }),
    ];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    device.advance(19_999);
    assert_eq!(run(&mut device, 0), []);
    let (request, items) = {
        device.advance(1);
        device.pushed()
    };
    let verdicts = items
        .iter()
        .map(|item| (item.id, Verdict::Deferred { after_ms: 0 }))
        .collect();
    device.answer(request, Reply::Pushed(Ok(verdicts)));
    device.advance(999);
    assert_eq!(
        run(&mut device, 0),
        [],
        "there is a pause also without a word"
    );
}

#[test]
fn a_page_that_was_asked_for_before_a_resync_is_not_used() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![
        upsert("a", "e.1", "{}"),
        upsert("b", "e.2", "{}"),
        upsert("c", "e.3", "{}"),
    ]);
    let request = device.pulled();
    device.step(Input::Resync(feed_key()));
    device.answer_pull(request, vec![]);
    assert_eq!(device.feed().checkpoint, None);
    assert!(!device.feed().pass.unwrap().sweeping);
    let orders = run(&mut device, 0);
    assert!(
        matches!(&orders[..], [order] if matches!(&order.task, Task::Pull(pull) if pull.checkpoint.is_none()))
    );
}

#[test]
fn a_feed_that_says_more_but_stays_at_its_place_is_not_read_in_a_circle() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![]);
    let request = device.pulled();
    let more = Page {
        end: PageEnd::More,
        ..page(vec![upsert("a", "e.1", "{}")], "e", &[("e", 0)])
    };
    device.answer(request, Reply::Pulled(Ok(more)));
    assert!(device.get("a").is_some());
    assert!(device.feed().last_error.is_some());
    assert_eq!(run(&mut device, 400), []);
}

#[test]
fn the_feeds_of_a_connector_take_turns() {
    let mut config = config(Policy::of(Rule::ServerWins));
    let tasks: CollectionName = name("tasks");
    let declared = config.collections[&name::<CollectionName>("notes")].clone();
    config.collections.insert(tasks.clone(), declared);
    let connector = config.connectors.values_mut().next().unwrap();
    connector.feeds = BTreeMap::from([
        (name("all"), vec![name("notes")]),
        (name("other"), vec![tasks]),
    ]);
    let mut device = Device::with(config);
    let mut asked = Vec::new();
    for number in 0..4 {
        let order = loop {
            match device.order() {
                Some(order) => break order,
                None => drop(device.step(Input::Wake)),
            }
        };
        let Task::Pull(pull) = &order.task else {
            panic!("{order:?}")
        };
        asked.push(pull.feed.to_string());
        let more = Page {
            end: PageEnd::More,
            checkpoint: Some(name(&format!("c{number}"))),
            ..page(vec![], "e", &[("e", 0)])
        };
        device.answer(order.request, Reply::Pulled(Ok(more)));
    }
    assert_eq!(asked, ["all", "other", "all", "other"]);
}

fn lose_a_push(device: &mut Device) -> MutationId {
    let id = device.put("a", r#"{"t":1}"#).unwrap();
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    id
}

#[test]
fn where_keys_are_not_remembered_a_lost_push_is_looked_up_after_its_deadline() {
    let mut device = Device::with(forgetful(true));
    lose_a_push(&mut device);
    let mut fetched = None;
    let since = device.monotonic_ms;
    while fetched.is_none() {
        for order in run(&mut device, 1_000) {
            match order.task {
                Task::Pull(_) => drop(device.answer_pull(order.request, vec![])),
                Task::Fetch(_) => fetched = Some(order.request),
                Task::Push(_) | Task::Digest(_) => panic!("it may be there already"),
                Task::Probe | Task::Listen(_) => device.reached(order.request),
            }
        }
        device.advance(500);
    }
    assert!(device.monotonic_ms - since >= 60_000);
    // The answer tells nothing of it: it rests before the next look.
    device.answer(fetched.unwrap(), Reply::Fetched(Ok(vec![].into())));
    let pulls = |order: &Order| matches!(order.task, Task::Pull(_));
    assert!(run(&mut device, 20_000).iter().all(pulls));
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Unknown { tries: 1, .. }
    ));
}

#[test]
fn a_create_that_no_look_up_may_see_goes_again_and_the_journal_says_so() {
    let mut device = Device::with(forgetful(true));
    let id = lose_a_push(&mut device);
    device.advance(61_000);
    let mut pushed = None;
    while pushed.is_none() {
        for order in run(&mut device, 1_000) {
            match order.task {
                Task::Pull(_) => drop(device.answer_pull(order.request, vec![])),
                Task::Fetch(Wanted::Ids(ids)) => {
                    let found = ids.into_iter().map(|(name, id)| (name, id, Found::Unknown));
                    let found = Fetched {
                        found: found.collect(),
                        ..Fetched::default()
                    };
                    device.answer(order.request, Reply::Fetched(Ok(found)));
                }
                Task::Push(items) => pushed = Some(items),
                Task::Probe | Task::Listen(_) => device.reached(order.request),
                task => panic!("{task:?}"),
            }
        }
        device.advance(500);
    }
    assert_eq!(pushed.unwrap()[0].id, id);
    let rows = device.journal();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].situation, POSSIBLE_DUPLICATE);
}

#[test]
fn where_nothing_can_be_looked_up_a_lost_push_goes_again_under_its_key() {
    let mut device = Device::with(forgetful(false));
    let id = lose_a_push(&mut device);
    device.advance(1_000);
    let (_, items) = device.pushed();
    assert_eq!(items[0].id, id);
}

#[test]
fn a_row_that_stays_bad_is_kept_once_and_goes_when_a_walk_no_longer_shows_it() {
    let mut device = Device::new(Rule::ServerWins);
    let bad = || Item::Bad {
        collection: Some(name("notes")),
        id: None,
        text: "{".to_owned(),
        reason: "cut".to_owned(),
    };
    device.pull(vec![bad()]);
    device.pull(vec![bad()]);
    assert_eq!(device.health().quarantined, 1);
    device.step(Input::Resync(feed_key()));
    device.pull(vec![upsert("a", "e.1", "{}")]);
    assert_eq!(device.health().quarantined, 0);
}

#[test]
fn a_look_at_a_record_does_not_stand_in_for_the_answer_to_a_lost_push() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![
        upsert("a", "e.1", r#"{"t":0}"#),
        upsert("b", "e.2", "{}"),
        upsert("c", "e.3", "{}"),
    ]);
    let id = lose_a_push(&mut device);
    device.step(Input::Resync(feed_key()));
    device.pull(vec![upsert("b", "e.2", "{}"), upsert("c", "e.3", "{}")]);
    for _ in 0..20 {
        match device.order() {
            Some(order) => match order.task {
                Task::Fetch(_) => {
                    let old = Found::Image(remote("e.1", Some(r#"{"t":0}"#)));
                    let found = vec![(name("notes"), name("a"), old)];
                    device.answer(order.request, Reply::Fetched(Ok(found.into())));
                    assert_eq!(device.outbox()[0].id, id, "it may still arrive");
                    return;
                }
                Task::Push(_) => {
                    let lost = failure(FailureKind::Offline, false);
                    device.answer(order.request, Reply::Pushed(Err(lost)));
                }
                Task::Pull(_) => drop(device.answer_pull(order.request, vec![])),
                Task::Probe | Task::Listen(_) => device.reached(order.request),
                Task::Digest(_) => panic!("nothing was to be compared"),
            },
            None => {
                device.advance(500);
                device.step(Input::Wake);
            }
        }
    }
    panic!("the suspect was not looked up");
}

#[test]
fn a_parked_write_that_is_edited_back_is_given_up() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.1", r#"{"t":0}"#)]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let rejected = Verdict::Rejected {
        reason: "no".to_owned(),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected)].into())),
    );
    device.step(Input::Edit(items[0].id, document(r#"{"t":0}"#)));
    assert!(device.outbox().is_empty());
    assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
    assert_eq!(device.journal()[0].loser, Loser::Ours);
}

#[test]
fn a_write_that_was_unknown_stays_so_when_the_server_says_not_now() {
    let mut device = Device::new(Rule::ClientWins);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    device.advance(1_000);
    let (request, again) = device.pushed();
    assert_eq!(again[0].id, items[0].id);
    let verdicts = vec![(again[0].id, Verdict::Deferred { after_ms: 9_000 })];
    device.answer(request, Reply::Pushed(Ok(verdicts.into())));
    let outbox = device.outbox();
    assert!(
        matches!(outbox[0].state, EntryState::Unknown { .. }),
        "{outbox:?}"
    );
    device.advance(8_999);
    device.step(Input::Wake);
    assert!(device.order().is_none());
    device.advance(1);
    let (_, again) = device.pushed();
    assert_eq!(again[0].id, items[0].id);
}

#[test]
fn an_answer_that_is_too_large_ends_no_write_and_is_not_asked_for_at_once() {
    let mut device = Device::new(Rule::ClientWins);
    device.put("a", "{}");
    let (request, items) = device.pushed();
    let large = failure(FailureKind::TooLarge, false);
    device.answer(request, Reply::Pushed(Err(large.clone())));
    let [entry] = &device.outbox()[..] else {
        panic!("one write was expected");
    };
    assert_eq!(entry.id, items[0].id);
    assert!(matches!(entry.state, EntryState::Unknown { .. }));
    assert!(device.health().connectors[0].next_ms.is_some());
    // It goes again under its key, as often as it takes.
    device.advance(5_000);
    let (request, again) = device.pushed();
    assert_eq!(again[0].id, items[0].id);
    device.answer(request, Reply::Pushed(Err(large)));
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Unknown { .. }
    ));
}
