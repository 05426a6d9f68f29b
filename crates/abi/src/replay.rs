//! Replays the simulator's traces: what the engine gave natively, it gives here.
use crate::Error;
use crate::conformance::empty;
use crate::host::Host;
use crate::sql::HostDriver;
use std::rc::Rc;

use tisync_core::memory::MemoryStore;
use tisync_core::store::{Durability, Store, StoreError};
use tisync_core::trace::{Fault, Replayed, Stage, UNFLUSHED_MAX, replay};
use tisync_store::{SqliteStore, SqliteTx};

pub(crate) fn run(
    host: &Rc<dyn Host>,
    trace: &[u8],
    replica: Option<usize>,
) -> Result<Replayed, Error> {
    let text = std::str::from_utf8(trace)
        .map_err(|error| Error::invalid(format!("expected a trace in UTF-8, but {error}")))?;
    let replayed = match replica {
        None => replay(text, None, || MemoryStore::with_power_cuts(UNFLUSHED_MAX)),
        Some(replica) => replay(text, Some(replica), || match empty(host) {
            Ok(store) => Steady(store),
            Err(error) => panic!("the database could not be emptied: {error}"),
        }),
    };
    replayed.map_err(Error::invalid)
}

/// The host's database, which cannot be made to fail.
struct Steady(SqliteStore<HostDriver>);

impl Store for Steady {
    type Tx<'a> = SqliteTx<'a, HostDriver>;

    fn begin(&mut self, durability: Durability) -> Result<Self::Tx<'_>, StoreError> {
        self.0.begin(durability)
    }
}

impl Stage for Steady {
    fn fail(&mut self, _: Fault) -> bool {
        false
    }

    fn heal(&mut self) {}

    fn lose(&mut self, commits: usize) -> bool {
        commits == 0
    }

    fn state(&self) -> Option<u64> {
        None
    }
}
