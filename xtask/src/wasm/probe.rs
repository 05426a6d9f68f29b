//! Steps the engine, so that the linker keeps it: what this module imports is what the core needs of a host.
use tisync_core::memory::MemoryStore;
use tisync_core::model::{Config, Input, JournalLimits, Now};
use tisync_core::Engine;

/// Steps an engine that the compiler cannot know, with inputs read from JSON as a host would send them.
#[unsafe(no_mangle)]
pub extern "C" fn probe(seed: u32) -> usize {
    let now = Now { wall_ms: u64::from(seed), monotonic_ms: u64::from(seed), entropy: [seed as u8; 32] };
    let config = Config {
        node: seed,
        account: None,
        connectors: Default::default(),
        collections: Default::default(),
        slice_items: None,
        journal: JournalLimits::default(),
    };
    let (mut engine, mut store) = (Engine::new(), MemoryStore::new());
    let Ok(first) = engine.step(&mut store, now, Input::Configure(Box::new(config))) else { return 0 };
    let Ok(input) = serde_json::from_str::<Input>("\"lease_taken\"") else { return 0 };
    match engine.step(&mut store, now, input) {
        Ok(outputs) => serde_json::to_string(&outputs).map_or(0, |text| text.len()) + first.len(),
        Err(error) => error.to_string().len(),
    }
}
