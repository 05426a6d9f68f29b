//! How far requests get: probes, the host's signals, sleep.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// The next order, if one comes within this time.
fn next(device: &mut Device, ms: u64) -> Option<Order> {
    let until = device.monotonic_ms + ms;
    loop {
        let outputs = device.step(Input::Wake);
        if let Some(order) = device.order() {
            return Some(order);
        }
        let wake = outputs.iter().rev().find_map(|output| match output {
            Output::WakeAt { monotonic_ms } => Some(*monotonic_ms),
            _ => None,
        });
        match wake.flatten() {
            Some(at) if at <= until => device.advance(at.saturating_sub(device.monotonic_ms)),
            _ => return None,
        }
    }
}

fn probe(device: &mut Device, ms: u64) -> RequestId {
    match next(device, ms) {
        Some(order) if order.task == Task::Probe => order.request,
        other => panic!("a probe was expected, but {other:?} came"),
    }
}

fn offline() -> Failure {
    Failure::new(
        FailureKind::Offline,
        true,
        "expected to reach http://server, but the connection was refused",
    )
}

fn state(device: &mut Device) -> NetworkState {
    device.health().connectors[0].network.clone()
}

/// A device whose first pull has found nothing, with one write that could not be sent.
fn lost() -> Device {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![]);
    device.put("a", "{}");
    let (request, _) = device.pushed();
    device.answer(request, Reply::Pushed(Err(offline())));
    device
}

/// The same, cut off: the probe has failed too.
fn cut_off(kind: FailureKind) -> Device {
    let mut device = lost();
    let request = probe(&mut device, 0);
    let failure = offline().of_kind(kind);
    device.answer(request, Reply::Probed(Err(failure)));
    device
}

fn told(outputs: &[Output]) -> Vec<Reach> {
    let states = outputs.iter().filter_map(|output| match output {
        Output::Event(Event::Network { state, .. }) => Some(state.reach),
        _ => None,
    });
    states.collect()
}

#[test]
fn what_failed_is_probed_first_and_a_probe_that_gets_through_changes_nothing() {
    let mut device = lost();
    device.outputs.clear();
    let request = probe(&mut device, 0);
    assert_eq!(state(&mut device).reach, Reach::Online);
    device.answer(request, Reply::Probed(Ok(())));
    assert_eq!(told(&device.outputs), [], "the way is as open as before");
    let order = next(&mut device, 1_000).unwrap();
    assert!(matches!(order.task, Task::Push(_)), "{order:?}");
    assert!(device.monotonic_ms >= 500, "its own back-off holds");
}

#[test]
fn while_the_backend_is_not_reached_only_probes_go() {
    let mut device = cut_off(FailureKind::Offline);
    let found = state(&mut device);
    assert_eq!(found.reach, Reach::Unreachable);
    assert!(found.why.unwrap().contains("refused"));
    assert_eq!(
        device.health().connectors[0].blocker,
        Some(Blocker::Offline)
    );
    let began = device.monotonic_ms;
    for probes in 1..=20 {
        let request = probe(&mut device, 30_000);
        assert_eq!(device.health().connectors[0].attempts, probes);
        device.answer(request, Reply::Probed(Err(offline())));
    }
    let mean_ms = (device.monotonic_ms - began) / 20;
    assert!(
        (5_000..=30_000).contains(&mean_ms),
        "a probe every {mean_ms} ms"
    );
    assert_eq!(state(&mut device).since_ms, found.since_ms);
}

#[test]
fn when_the_backend_is_back_everything_goes_at_once() {
    let mut device = cut_off(FailureKind::Offline);
    for _ in 0..5 {
        let request = probe(&mut device, 30_000);
        device.answer(request, Reply::Probed(Err(offline())));
    }
    let request = probe(&mut device, 30_000);
    device.outputs.clear();
    device.answer(request, Reply::Probed(Ok(())));
    assert_eq!(told(&device.outputs), [Reach::Online]);
    assert_eq!(state(&mut device).why, None);
    let order = next(&mut device, 0).unwrap();
    assert!(
        matches!(order.task, Task::Push(_) | Task::Pull(_)),
        "{order:?}"
    );
    device.outputs.push(Output::Order(order));
    device.accept(1);
    assert!(device.outbox().is_empty());
}

#[test]
fn a_refusal_proves_that_the_backend_is_reached() {
    for kind in [
        FailureKind::Retry { after_ms: None },
        FailureKind::Credentials,
    ] {
        let mut device = cut_off(FailureKind::Offline);
        let request = probe(&mut device, 30_000);
        device.answer(request, Reply::Probed(Err(failure(kind, false))));
        assert_eq!(state(&mut device).reach, Reach::Online);
    }
}

#[test]
fn something_else_in_the_backend_s_place_is_named_so() {
    let mut device = cut_off(FailureKind::NotThisProtocol);
    assert_eq!(state(&mut device).reach, Reach::CaptivePortal);
    let request = probe(&mut device, 30_000);
    device.answer(request, Reply::Probed(Err(offline())));
    assert_eq!(state(&mut device).reach, Reach::Unreachable);
}

#[test]
fn the_host_s_word_is_only_a_hint() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![]);
    device.step(Input::Network { online: false });
    assert_eq!(state(&mut device).reach, Reach::Online);
    device.put("a", "{}");
    let request = probe(&mut device, 0);
    device.answer(request, Reply::Probed(Ok(())));
    device.accept(1);
    assert!(
        device.outbox().is_empty(),
        "it goes, whatever the host says"
    );

    device.advance(10_000);
    device.step(Input::Network { online: true });
    device.step(Input::Network { online: false });
    let request = probe(&mut device, 0);
    device.answer(request, Reply::Probed(Err(offline())));
    assert_eq!(state(&mut device).reach, Reach::Offline);
    device.advance(10_000);
    device.step(Input::Network { online: true });
    let request = probe(&mut device, 0);
    device.answer(request, Reply::Probed(Ok(())));
    assert_eq!(state(&mut device).reach, Reach::Online);
}

#[test]
fn a_network_that_comes_and_goes_is_not_asked_more_often() {
    let mut device = cut_off(FailureKind::Offline);
    // Long enough for the back-off to be at its longest.
    for _ in 0..10 {
        let request = probe(&mut device, 30_000);
        device.answer(request, Reply::Probed(Err(offline())));
    }
    let began = device.monotonic_ms;
    let mut probes = 0;
    while device.monotonic_ms < began + 60_000 {
        device.step(Input::Network { online: false });
        device.step(Input::Network { online: true });
        device.step(Input::Wake);
        if let Some(order) = device.order() {
            assert_eq!(order.task, Task::Probe);
            device.answer(order.request, Reply::Probed(Err(offline())));
            probes += 1;
        }
        device.advance(20);
    }
    assert!((12..=17).contains(&probes), "{probes} probes in a minute");
}

#[test]
fn after_sleep_everything_is_due_and_nothing_old_is_awaited() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![]);
    device.put("a", "{}");
    let (_, items) = device.pushed();
    device.wall_ms += 8 * 3_600_000;
    device.step(Input::Woke);
    let request = probe(&mut device, 0);
    device.answer(request, Reply::Probed(Ok(())));
    let mut orders = Vec::new();
    while let Some(order) = next(&mut device, 0) {
        match order.task {
            Task::Pull(_) => drop(device.answer_pull(order.request, vec![])),
            Task::Push(ref again) => {
                assert_eq!(again[0].id, items[0].id, "under its old key");
                let verdicts = vec![(again[0].id, accepted("e.1"))];
                device.answer(order.request, Reply::Pushed(Ok(verdicts.into())));
            }
            // It may have been deleted since it was accepted.
            Task::Fetch(Wanted::Ids(ref ids)) => {
                let there = Found::Image(remote("e.1", Some("{}")));
                let found = vec![(ids[0].0.clone(), ids[0].1.clone(), there)];
                device.answer(order.request, Reply::Fetched(Ok(found.into())));
            }
            _ => panic!("{order:?}"),
        }
        orders.push(order);
    }
    assert_eq!(orders.len(), 3, "{orders:?}");
}
