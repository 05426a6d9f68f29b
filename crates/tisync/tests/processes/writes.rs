//! Many processes write while one syncs.
use super::child::{Process, Role, THREADS, WRITES};
use super::common::World;
use super::{arrived, until};

#[test]
fn each_acknowledged_write_of_many_processes_arrives_once() {
    const PROCESSES: usize = 3;
    let world = World::new();
    // They also make the file, all at once.
    let mut holder = Process::start(&world, Role::Syncs);
    let mut writers: Vec<Process> = (0..PROCESSES)
        .map(|_| Process::start(&world, Role::Writes))
        .collect();
    assert_eq!(holder.says(), "leased");
    let mut acknowledged: Vec<String> = writers
        .iter_mut()
        .flat_map(|writer| writer.all().collect::<Vec<_>>())
        .collect();
    assert_eq!(acknowledged.len(), PROCESSES * THREADS * WRITES);

    let here = world.notes("a", "merge");
    until(&mut here.watch_health(), |health| {
        health.outbox.total() == 0
    });
    writers.into_iter().for_each(Process::end);
    holder.end();

    let (records, versions) = arrived(&world);
    acknowledged.sort();
    let ids: Vec<String> = records.keys().cloned().collect();
    assert_eq!(ids, acknowledged);
    for (id, text) in &records {
        assert_eq!(*text, format!(r#"{{"by":"{id}"}}"#));
    }
    assert_eq!(
        versions,
        acknowledged.len() as u64,
        "none took effect twice"
    );
}
