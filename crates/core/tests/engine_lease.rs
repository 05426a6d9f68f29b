//! What survives: power cuts, restarts, clocks that jump.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::memory::MemoryStore;
use tisync_core::model::*;

#[test]
fn what_was_handed_out_survives_a_power_cut_after_a_page() {
    let mut device = Device::new(Rule::ServerWins);
    device.store = MemoryStore::with_power_cuts(100);
    device.outputs.clear();
    device.start();
    let request = device.pulled();
    device.put("a", r#"{"t":1}"#);
    device.answer_pull(request, vec![]);
    let handed_out = device.outputs.iter().any(
        |output| matches!(output, Output::Order(order) if matches!(order.task, Task::Push(_))),
    );
    device.store.power_cut(100);
    assert!(
        !handed_out || device.outbox()[0].frozen.is_some(),
        "else an edit would go under a key that the server knows with another content"
    );
}

#[test]
fn stamps_never_go_back_also_when_the_clock_does() {
    let mut device = Device::new(Rule::ServerWins);
    device.put("a", r#"{"t":1}"#);
    let first = device.outbox()[0].stamps.latest;
    device.accept(1);
    device.start();
    device.wall_ms -= 3_600_000;
    device.put("a", r#"{"t":2}"#);
    let second = device.outbox()[0].stamps.latest;
    assert!(second > first, "{second} after {first}");
}

/// A new process takes over what an older one had in flight; returns the monotonic time of the take-over.
fn take_over_what_was_sent(device: &mut Device) -> u64 {
    device.put("a", r#"{"t":1}"#);
    device.pushed();
    device.outputs.clear();
    device.start();
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::InFlight { .. } | EntryState::Unknown { tries: 0, .. }
    ));
    device.monotonic_ms
}

/// Lets time pass until a push or a fetch goes out; pulls find nothing.
fn until_it_is_settled(device: &mut Device, ms_max: u64) -> Option<(u64, &'static str)> {
    let end_ms = device.monotonic_ms + ms_max;
    while device.monotonic_ms < end_ms {
        device.step(Input::Wake);
        while let Some(order) = device.order() {
            match order.task {
                Task::Pull(_) => drop(device.answer_pull(order.request, vec![])),
                Task::Push(_) => return Some((device.monotonic_ms, "push")),
                Task::Fetch(_) => return Some((device.monotonic_ms, "fetch")),
                Task::Probe | Task::Listen(_) => device.reached(order.request),
                Task::Digest(_) => panic!("nothing was to be compared"),
            }
        }
        device.advance(500);
    }
    None
}

#[test]
fn where_keys_are_remembered_a_new_holder_of_the_lease_sends_again_at_once() {
    let mut device = Device::new(Rule::ServerWins);
    let taken_ms = take_over_what_was_sent(&mut device);
    let (at_ms, what) = until_it_is_settled(&mut device, 60_000).unwrap();
    assert_eq!((at_ms - taken_ms, what), (0, "push"));
}

#[test]
fn else_it_looks_up_a_deadline_after_the_take_over_whatever_the_clock_says() {
    for jump_ms in [0_i64, 3_600_000, -3_600_000] {
        let mut device = Device::with(forgetful(true));
        let taken_ms = take_over_what_was_sent(&mut device);
        device.wall_ms = device.wall_ms.saturating_add_signed(jump_ms);
        let (at_ms, what) = until_it_is_settled(&mut device, 120_000).unwrap();
        assert_eq!(what, "fetch");
        let rested_ms = at_ms - taken_ms;
        assert!(
            (60_000..61_000).contains(&rested_ms),
            "{jump_ms}: {rested_ms}"
        );
    }
}

#[test]
fn what_nothing_guards_is_sent_again_no_earlier_either() {
    for client_ids in [true, false] {
        // Where it could be looked up, it would be.
        let mut config = forgetful(false);
        for collection in config.collections.values_mut() {
            collection.capability.conditional = false;
            if client_ids {
                collection.capability.idempotency = Idempotency::ClientIds;
            }
        }
        let mut device = Device::with(config);
        let taken_ms = take_over_what_was_sent(&mut device);
        let (at_ms, what) = until_it_is_settled(&mut device, 120_000).unwrap();
        assert_eq!(what, "push");
        let rested_ms = at_ms - taken_ms;
        assert!((60_000..61_000).contains(&rested_ms), "{rested_ms}");
    }
}

#[test]
fn what_was_unknown_before_the_take_over_has_rested_meanwhile() {
    let mut device = Device::with(forgetful(true));
    take_over_what_was_sent(&mut device);
    // Processes that never live for a minute still settle it.
    device.advance(40_000);
    device.outputs.clear();
    device.start();
    let (at_ms, what) = until_it_is_settled(&mut device, 60_000).unwrap();
    assert_eq!(what, "fetch");
    assert!((20_000..21_000).contains(&at_ms), "{at_ms}");
}
