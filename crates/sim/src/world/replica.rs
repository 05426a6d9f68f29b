//! A device: its store, its clock and its processes.
use super::boat::Boat;
use super::event::Who;
use super::plain::REVISION;
use crate::app;
use crate::check::{Key, Manners, Moment, REFERENCE, Shadow};
use crate::disk::Disk;
use crate::scenario::{CrashWhen, Drift, Mix, Settings};
use std::collections::BTreeMap;
use tisync_core::Engine;
use tisync_core::model::*;

/// Virtual time 0 on a clock that is right.
pub(super) const BASE_MS: u64 = 1_760_000_000_000;

/// A device.
pub(super) struct Replica<D> {
    pub(super) disk: D,
    pub(super) processes: [Option<Process>; 2],
    /// The process that took the lease last.
    pub(super) holder: usize,
    /// How far the clock is off, and its drift in parts per million.
    pub(super) clock: (i64, i64),
    pub(super) config: Config,
    /// The schema of the app's present version.
    pub(super) schema: u32,
    /// What `Now::entropy` is drawn from.
    pub(super) steps: u64,
    /// Requests so far: the fate of each comes from its number.
    pub(super) requests: u64,
    pub(super) cut_off_until_ms: u64,
    pub(super) token: String,
    pub(super) revision: u64,
    /// The next step dies like this; the replica comes back after so many milliseconds.
    pub(super) crash: Option<(CrashWhen, u64)>,
    /// Only the latest planned start counts.
    pub(super) start_ticket: u64,
    pub(super) shadow: Shadow,
    pub(super) manners: Manners,
    pub(super) boat: Boat,
    /// Records that were changed behind the engine's back.
    pub(super) drifted: BTreeMap<Key, Drift>,
}

/// A running process.
pub(super) struct Process {
    pub(super) engine: Engine,
    pub(super) incarnation: u64,
    pub(super) started_ms: u64,
    /// Whether it believes that it has the lease.
    pub(super) holds: bool,
    pub(super) wake_ms: Option<u64>,
    pub(super) ticket: u64,
    /// Open requests: connector and the monotonic time until which the engine waits.
    pub(super) open: BTreeMap<RequestId, (ConnectorName, u64)>,
    /// Answers of which a part is still to be given.
    pub(super) partly: BTreeMap<RequestId, Reply>,
}

impl<D: Disk> Replica<D> {
    pub(super) fn new(number: usize, settings: &Settings) -> Self {
        Replica {
            disk: D::empty(),
            processes: [None, None],
            holder: 0,
            clock: settings.clocks[number],
            config: config(number, settings),
            schema: app::FIRST,
            steps: 0,
            requests: 0,
            cut_off_until_ms: 0,
            token: String::new(),
            revision: 0,
            crash: None,
            start_ticket: 0,
            shadow: Shadow::default(),
            manners: Manners::default(),
            boat: Boat::default(),
            drifted: BTreeMap::new(),
        }
    }

    /// Installs a version of the app; it is started by whoever starts the replica.
    pub(super) fn update(&mut self, schema: u32) {
        self.schema = self.schema.max(schema);
        for settings in self.config.collections.values_mut() {
            settings.schema.number = self.schema;
        }
    }

    /// The device's clock.
    pub(super) fn wall_ms(&self, now_ms: u64) -> u64 {
        let drift = now_ms as i64 / 1_000 * self.clock.1 / 1_000;
        (BASE_MS + now_ms).saturating_add_signed(self.clock.0 + drift)
    }

    /// Which process acts when `wanted` is meant: the other one if that does not run.
    pub(super) fn slot(&self, wanted: u8) -> Option<usize> {
        let wanted = usize::from(wanted) % 2;
        [wanted, 1 - wanted]
            .into_iter()
            .find(|slot| self.processes[*slot].is_some())
    }

    pub(super) fn who(&self, replica: usize, slot: usize) -> Option<Who> {
        let process = self.processes[slot].as_ref()?;
        Some(Who {
            replica,
            slot,
            incarnation: process.incarnation,
        })
    }

    pub(super) fn moment(&self, slot: usize, now_ms: u64) -> Option<Moment> {
        let process = self.processes[slot].as_ref()?;
        Some(Moment {
            monotonic_ms: process.monotonic_ms(now_ms),
            wall_ms: self.wall_ms(now_ms),
        })
    }
}

impl Process {
    pub(super) fn new(incarnation: u64, now_ms: u64) -> Self {
        Process {
            engine: Engine::new(),
            incarnation,
            started_ms: now_ms,
            holds: false,
            wake_ms: None,
            ticket: 0,
            open: BTreeMap::new(),
            partly: BTreeMap::new(),
        }
    }

    /// A clock of this process: its origin means nothing.
    pub(super) fn monotonic_ms(&self, now_ms: u64) -> u64 {
        now_ms - self.started_ms + self.incarnation % 7 * 1_000
    }

    /// The virtual time of a time of that clock.
    pub(super) fn virtual_ms(&self, monotonic_ms: u64) -> u64 {
        monotonic_ms.saturating_sub(self.incarnation % 7 * 1_000) + self.started_ms
    }
}

/// The name of the one connector.
pub(super) fn connector() -> ConnectorName {
    name("main")
}

/// A name that is known to be good.
pub(super) fn name<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(name) => name,
        Err(_) => unreachable!("{text} is a good name"),
    }
}

/// The name of a collection.
pub(super) fn collection(number: usize) -> CollectionName {
    name(&format!("c{number}"))
}

fn config(number: usize, settings: &Settings) -> Config {
    let names: Vec<CollectionName> = (0..settings.policies.len()).map(collection).collect();
    let feeds = match settings.feeds_apart {
        true => names
            .iter()
            .map(|collection| (name(collection.as_str()), vec![collection.clone()]))
            .collect(),
        false => [(name("all"), names.clone())].into(),
    };
    let connectors = [(
        connector(),
        ConnectorConfig {
            endpoint: Some("http://server.sim".to_owned()),
            moved_from: None,
            feeds,
            poll_ms: settings.poll_ms,
            live: settings.listens,
        },
    )]
    .into();
    let collections =
        names
            .into_iter()
            .zip(&settings.policies)
            .enumerate()
            .map(|(number, (name, policy))| {
                let backend = settings.backend.as_ref();
                let nullable = backend.and_then(|mix| mix.references);
                // In a ring, or to itself.
                let to = collection((number + 1) % settings.policies.len());
                let reference = nullable.map(|nullable| Reference {
                    collection: to,
                    nullable,
                    numeric: false,
                });
                let references = reference.map(|to| (tisync_json::Path::key(REFERENCE), to));
                let mut capability =
                    backend.map_or_else(Capability::native, |mix| mix.capability.clone());
                if backend.is_some_and(Mix::normalises) {
                    capability.server_fields = vec![tisync_json::Path::key(REVISION)];
                }
                let config = CollectionConfig {
                    connector: Some(connector()),
                    capability,
                    schema: Schema {
                        number: app::FIRST,
                        references: references.into_iter().collect(),
                        ..Schema::default()
                    },
                    policy: policy.clone(),
                };
                (name, config)
            });
    Config {
        node: 1 + number as u32,
        account: Some(name("someone@server.sim")),
        connectors,
        collections: collections.collect(),
        slice_items: settings.slice_items,
        journal: JournalLimits::default(),
    }
}
