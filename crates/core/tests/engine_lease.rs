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
