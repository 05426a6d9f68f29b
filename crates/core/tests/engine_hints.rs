//! Hints: they say "pull soon", and nothing more.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::limits::{HINT_GAP_MS, LIVE_POLL_MS};
use tisync_core::model::*;

/// A device that listens, and the request under which it does.
fn listening() -> (Device, RequestId) {
    let mut device = ready();
    let request = listens(&mut device).expect("an order to listen");
    device.advance(1_000);
    device.answer(request, Reply::Listening);
    let request_of_pull = pulls(&mut device).expect("a pull after it began to listen");
    device.answer_pull(request_of_pull, vec![]);
    (device, request)
}

/// A device that would listen, after its first pull.
fn ready() -> Device {
    let mut config = config(Policy::of(Rule::ServerWins));
    config.connectors.values_mut().next().unwrap().live = true;
    let mut device = Device::with(config);
    device.step(Input::Start { listen: true });
    let request = pulls(&mut device).unwrap();
    device.answer_pull(request, vec![]);
    device
}

/// The orders of one kind that come at once.
fn now(device: &mut Device, is: impl Fn(&Task) -> bool) -> Option<RequestId> {
    device.step(Input::Wake);
    let index = device
        .outputs
        .iter()
        .position(|output| matches!(output, Output::Order(order) if is(&order.task)))?;
    match device.outputs.remove(index) {
        Output::Order(order) => Some(order.request),
        _ => None,
    }
}

fn pulls(device: &mut Device) -> Option<RequestId> {
    now(device, |task| matches!(task, Task::Pull(_)))
}

fn listens(device: &mut Device) -> Option<RequestId> {
    now(device, |task| matches!(task, Task::Listen(_)))
}

fn hint() -> Input {
    Input::Hint(name("main"))
}

#[test]
fn it_listens_beside_the_exchanges_and_polls_rarely_meanwhile() {
    let (mut device, _) = listening();
    assert!(device.health().connectors[0].listening);
    assert_eq!(listens(&mut device), None, "one ear is enough");
    device.advance(LIVE_POLL_MS - 1);
    assert_eq!(pulls(&mut device), None);
    device.advance(1);
    assert!(
        pulls(&mut device).is_some(),
        "what a hint does not tell, a poll finds"
    );
}

#[test]
fn a_hint_pulls_at_once_and_many_pull_no_faster_than_a_person_sees() {
    let (mut device, _) = listening();
    device.advance(10_000);
    let before = device.feed().checkpoint;
    device.step(hint());
    let mut count = 0;
    for _ in 0..1_000 {
        device.step(hint());
        if let Some(request) = pulls(&mut device) {
            device.answer_pull(request, vec![]);
            count += 1;
        }
        device.advance(1);
    }
    assert!(
        (15..=21).contains(&count),
        "{count} pulls in a second of hints"
    );
    assert_eq!(device.feed().checkpoint, before);
}

#[test]
fn a_hint_while_a_page_is_on_its_way_is_not_forgotten() {
    let (mut device, _) = listening();
    device.advance(10_000);
    device.step(hint());
    let request = pulls(&mut device).unwrap();
    device.step(hint());
    device.answer_pull(request, vec![]);
    assert_eq!(pulls(&mut device), None);
    device.advance(HINT_GAP_MS);
    assert!(
        pulls(&mut device).is_some(),
        "the page may be older than the change"
    );
}

#[test]
fn a_hint_does_not_end_a_back_off() {
    let (mut device, _) = listening();
    device.advance(10_000);
    device.step(hint());
    let request = pulls(&mut device).unwrap();
    let busy = failure(FailureKind::Retry { after_ms: None }, false);
    device.answer(request, Reply::Pulled(Err(busy)));
    device.step(hint());
    assert_eq!(pulls(&mut device), None);
}

#[test]
fn when_the_ear_breaks_polls_are_as_frequent_as_without_and_it_is_tried_again() {
    let (mut device, request) = listening();
    device.answer(request, Reply::Listened(Ok(())));
    assert!(!device.health().connectors[0].listening);
    device.advance(30_000);
    assert!(pulls(&mut device).is_some());
    assert!(listens(&mut device).is_some());
}

#[test]
fn an_ear_that_breaks_again_and_again_is_tried_ever_more_rarely() {
    let (mut device, mut request) = listening();
    let mut waits = Vec::new();
    for _ in 0..8 {
        device.answer(request, Reply::Listening);
        device.answer(request, Reply::Listened(Ok(())));
        let since = device.monotonic_ms;
        request = loop {
            match listens(&mut device) {
                Some(request) => break request,
                None => device.advance(100),
            }
            if let Some(request) = pulls(&mut device) {
                device.answer_pull(request, vec![]);
            }
        };
        waits.push(device.monotonic_ms - since);
    }
    assert!(waits[0] <= 1_100 && waits[7] >= 60_000, "{waits:?}");
    // One that held for long is tried at once.
    device.answer(request, Reply::Listening);
    device.advance(120_000);
    device.answer(request, Reply::Listened(Ok(())));
    device.advance(1_000);
    assert!(listens(&mut device).is_some());
}

#[test]
fn a_broken_ear_is_a_reason_to_probe() {
    let (mut device, request) = listening();
    let broken = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Listened(Err(broken)));
    let probe = now(&mut device, |task| *task == Task::Probe).expect("a probe");
    let away = failure(FailureKind::Offline, true);
    device.answer(probe, Reply::Probed(Err(away)));
    device.advance(500_000);
    assert_eq!(listens(&mut device), None, "not while the backend is away");
    let probe = now(&mut device, |task| *task == Task::Probe).expect("a probe");
    device.answer(probe, Reply::Probed(Ok(())));
    assert!(listens(&mut device).is_some(), "at once when it is back");
}

#[test]
fn refused_credentials_are_renewed_before_it_listens_again() {
    let mut device = ready();
    let request = listens(&mut device).unwrap();
    let refused = failure(FailureKind::Credentials, false);
    device.answer(request, Reply::Listened(Err(refused)));
    device.step(Input::Wake);
    let asked = Output::CredentialsNeeded {
        connector: name("main"),
        revision: 0,
    };
    assert!(device.outputs.contains(&asked));
    device.advance(60_000);
    assert_eq!(listens(&mut device), None);
    device.step(Input::CredentialsChanged {
        connector: name("main"),
        revision: 1,
    });
    assert!(listens(&mut device).is_some());
}

#[test]
fn what_an_old_ear_says_is_not_heard() {
    let (mut device, request) = listening();
    device.step(Input::Stop);
    device.step(Input::Start { listen: true });
    device.answer(request, Reply::Listened(Ok(())));
    device.answer(request, Reply::Listening);
    assert!(!device.health().connectors[0].listening);
    assert!(listens(&mut device).is_some());
}

#[test]
fn nobody_listens_for_a_single_sync() {
    let mut device = ready();
    device.step(Input::Start { listen: false });
    device.outputs.clear();
    device.advance(60_000);
    assert_eq!(listens(&mut device), None);
}
