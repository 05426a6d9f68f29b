//! A live query of one process sees what another commits.
use super::child::{Process, Role};
use super::common::World;
use super::until;
use std::time::{SystemTime, UNIX_EPOCH};

/// The promise is 200 ms on a machine that is not busy with other tests; here each commit has to be seen at all, and
/// what it took is printed.
#[test]
fn a_live_query_sees_what_another_process_commits() {
    const ROUNDS: usize = 20;
    let world = World::new();
    let here = world.notes("a", "merge");
    let notes = here.collection("notes").unwrap();
    let mut watch = notes.query().watch();
    until(&mut watch, Vec::is_empty);
    let mut other = Process::start(&world, Role::Obeys);
    assert_eq!(other.says(), "ready");
    let mut latencies_ms = Vec::new();
    for round in 0..ROUNDS {
        let id = format!("n{round}");
        other.tell(&id);
        let records = until(&mut watch, |records| {
            records.iter().any(|record| record.id.as_str() == id)
        });
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let record = records.iter().find(|record| record.id.as_str() == id);
        let text = record.unwrap().document.canonical();
        let at_us = text.trim_matches(|c: char| !c.is_ascii_digit());
        let at_us: u128 = at_us.parse().unwrap();
        latencies_ms.push(now_us.as_micros().saturating_sub(at_us) / 1_000);
        assert_eq!(other.says(), id);
    }
    latencies_ms.sort();
    println!(
        "from before the write to the answer of the live query: median {} ms, most {} ms",
        latencies_ms[ROUNDS / 2],
        latencies_ms[ROUNDS - 1]
    );
    other.end();
}
