//! An open replica: the engine, its store, and what goes on between steps.
use crate::answer::{Ask, Report, Told, Totals};
use crate::ears::Ears;
use crate::exchange::Exchanges;
use crate::host::Host;
use crate::open::{Migrations, Open, Opened, Parts};
use crate::run::PUSH;
use crate::session::Sessions;
use crate::slots::Slots;
use crate::sql::HostDriver;
use crate::streams::Streams;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use tisync_connect::Connector;
use tisync_connect::Error;
use tisync_connect::progress::Walks;
use tisync_connect::settings::WriteDurability;
use tisync_core::Engine;
use tisync_core::model::{
    CollectionConfig, CollectionName, Config, ConnectorName, Event, Failure, Input, Now, Output,
    RequestId,
};
use tisync_core::store::Durability;
use tisync_json::tree::BTreeMap;
use tisync_store::{Options, SqliteStore};

/// Pages in the WAL before a checkpoint, for each record of a slice: to move one takes about a twentieth of what it takes
/// to store a record, where nothing is compiled.
const WAL_PAGES_PER_ITEM: usize = 8;

/// An open replica.
pub(crate) struct Replica {
    /// Steps what the app does; like that of another process, it schedules nothing.
    pub(crate) local: Engine,
    /// Steps what syncs.
    pub(crate) engine: Engine,
    pub(crate) store: SqliteStore<HostDriver>,
    pub(crate) config: Config,
    pub(crate) connectors: BTreeMap<ConnectorName, Rc<dyn Connector>>,
    pub(crate) sessions: Sessions,
    pub(crate) migrations: Migrations,
    pub(crate) slots: Rc<Slots>,
    /// The exchange that is being begun.
    pub(crate) owner: Rc<Cell<RequestId>>,
    pub(crate) exchanges: Exchanges,
    /// Whether the host can pass answers on that go on.
    pub(crate) listens: bool,
    write_durability: WriteDurability,
    pub(crate) streams: Rc<Streams>,
    pub(crate) ears: Ears,
    pub(crate) inputs: VecDeque<Input>,
    pub(crate) walks: Walks,
    /// The last failure of each connector and kind of order since its last success.
    pub(crate) failures: BTreeMap<(ConnectorName, &'static str), Failure>,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) last_sync: u32,
    pub(crate) leased: bool,
    /// Whether sync goes on in the background.
    pub(crate) running: bool,
    pub(crate) wake_ms: Option<u64>,
    /// Until when inputs wait, because the storage refused one.
    pub(crate) storage_retry_ms: Option<u64>,
    pub(crate) totals: Totals,
    pub(crate) page_items: usize,
    pub(crate) page_bytes: usize,
    pub(crate) asks: Vec<Ask>,
    pub(crate) told: Vec<Told>,
    chance: ChaCha20Rng,
}

/// A `sync` that is not answered yet.
pub(crate) struct Waiter {
    pub(crate) sync: u32,
    pub(crate) before: Totals,
    /// An exchange was under way when it was asked for: the answer may be older.
    pub(crate) again: bool,
}

impl Replica {
    /// Opens a replica; what is of an older schema comes forward first.
    pub(crate) fn open(
        host: &Rc<dyn Host>,
        open: &Open,
        wall_ms: u64,
        monotonic_ms: u64,
    ) -> Result<(Self, Opened), Error> {
        let mut chance = ChaCha20Rng::from_seed(seed(&open.entropy)?);
        let slots = Rc::new(Slots::default());
        let owner = Rc::new(Cell::new(RequestId(0)));
        let mut parts = open.parts(host, &slots, &owner)?;
        let driver = HostDriver::new(host.clone());
        let mut options = Options::default();
        if let Some(items) = parts.config.slice_items {
            // A checkpoint is no longer than a slice; without any page there would be none.
            let pages = items.max(1).saturating_mul(WAL_PAGES_PER_ITEM);
            let pages = u32::try_from(pages).unwrap_or(u32::MAX);
            options.wal_pages = options.wal_pages.min(pages);
        }
        let mut store = SqliteStore::with_driver(driver, &options)?;
        parts.agree(&mut store, || chance.next_u32())?;
        let Parts {
            config,
            connectors,
            guarded,
            migrations,
            page_items,
            page_bytes,
        } = parts;
        let mut replica = Replica {
            local: Engine::new(),
            engine: Engine::new(),
            store,
            config,
            connectors,
            sessions: Sessions::new(guarded),
            migrations,
            slots,
            owner,
            exchanges: Exchanges::default(),
            listens: open.listens,
            write_durability: open.write_durability,
            streams: Rc::default(),
            ears: Ears::default(),
            inputs: VecDeque::new(),
            walks: Walks::default(),
            failures: BTreeMap::new(),
            waiters: Vec::new(),
            last_sync: 0,
            leased: false,
            running: false,
            wake_ms: None,
            storage_retry_ms: None,
            totals: Totals::default(),
            page_items,
            page_bytes,
            asks: Vec::new(),
            told: Vec::new(),
            chance,
        };
        let now = replica.now(wall_ms, monotonic_ms);
        replica.configure(now)?;
        let opened = replica.opened();
        Ok((replica, opened))
    }

    /// Takes a configuration with more in it; what is under way goes on. On an error nothing has changed.
    pub(crate) fn declare(
        &mut self,
        host: &Rc<dyn Host>,
        open: &Open,
        now: Now,
    ) -> Result<Opened, Error> {
        let mut parts = open.parts(host, &self.slots, &self.owner)?;
        let stays = |(name, settings): &(&CollectionName, &CollectionConfig)| {
            let next = parts.config.collections.get(*name);
            next.is_some_and(|next| next.connector == settings.connector)
        };
        if let Some((missing, _)) = self.config.collections.iter().find(|one| !stays(one)) {
            return Err(Error::invalid(format!(
                "expected the collections that were declared before, but {missing} is missing or has another connector: close the replica and open it"
            )));
        }
        parts.agree(&mut self.store, || 0)?;
        std::mem::swap(&mut self.config, &mut parts.config);
        std::mem::swap(&mut self.migrations, &mut parts.migrations);
        let outputs = match self.configure(now) {
            Ok(outputs) => outputs,
            Err(error) => {
                self.config = parts.config;
                self.migrations = parts.migrations;
                return Err(error);
            }
        };
        self.connectors = parts.connectors;
        self.sessions.guard(parts.guarded);
        for output in outputs {
            self.carry_out(now, output);
        }
        self.nudge();
        Ok(self.opened())
    }

    fn opened(&self) -> Opened {
        let guarantees = self.config.collections.iter();
        let guarantees = guarantees
            .filter(|(_, collection)| collection.connector.is_some())
            .map(|(name, collection)| (name.clone(), collection.capability.guarantee()));
        Opened {
            node: self.config.node,
            guarantees: guarantees.collect(),
        }
    }

    /// What a step is given: the host's time, and the next of the random bytes.
    pub(crate) fn now(&mut self, wall_ms: u64, monotonic_ms: u64) -> Now {
        Now {
            wall_ms,
            monotonic_ms,
            entropy: self.entropy(),
        }
    }

    fn entropy(&mut self) -> [u8; 32] {
        let mut entropy = [0; 32];
        self.chance.fill_bytes(&mut entropy);
        entropy
    }

    /// Gives what the engine asks for now, where it holds the lease already.
    fn configure(&mut self, now: Now) -> Result<Vec<Output>, Error> {
        let mut outputs = Vec::new();
        let (engine, store) = (&mut self.engine, &mut self.store);
        if !engine.configure_unchanged(store, now, &self.config)? {
            outputs = self.attempt(now, Input::Configure(Box::new(self.config.clone())))?;
        }
        // It never holds the lease: what syncs has a memory of its own.
        let mut local = Engine::new();
        if !local.configure_unchanged(&mut self.store, now, &self.config)? {
            let config = Box::new(self.config.clone());
            local.step(&mut self.store, now, Input::Configure(config))?;
        }
        self.local = local;
        Ok(outputs)
    }

    /// Steps a sync input, and answers what the app's migrate functions are asked.
    pub(crate) fn attempt(&mut self, now: Now, input: Input) -> Result<Vec<Output>, Error> {
        let outputs = self.engine.step(&mut self.store, now, input)?;
        self.migrated(now, outputs, false)
    }

    /// Steps a local input: tells what changed, and lets sync look for what there is to send. What is left of the
    /// outputs is what the input was for.
    pub(crate) fn local(&mut self, now: Now, input: Input) -> Result<Vec<Output>, Error> {
        let durability_max = self.write_durability.of(&input);
        self.store.set_durability_max(durability_max);
        let stepped = self.local.step(&mut self.store, now, input);
        self.store.set_durability_max(Durability::Full);
        let outputs = self.migrated(now, stepped?, true)?;
        let mut left = Vec::new();
        for output in outputs {
            match output {
                Output::Event(event) => self.told.push(Told::Event(event)),
                output => left.push(output),
            }
        }
        self.nudge();
        Ok(left)
    }

    /// Asks the migrate functions what the outputs ask of them.
    fn migrated(
        &mut self,
        now: Now,
        mut outputs: Vec<Output>,
        is_local: bool,
    ) -> Result<Vec<Output>, Error> {
        let is_question = |output: &Output| matches!(output, Output::Migrate(_));
        while let Some(index) = outputs.iter().position(is_question) {
            if let Output::Migrate(migrate) = outputs.remove(index) {
                let collection = migrate.collection.clone();
                let answer = migrate.ask(|from, to, document| {
                    self.migrations.forward(&collection, from, to, document)
                });
                let now = Now {
                    entropy: self.entropy(),
                    ..now
                };
                let input = Input::Migrated(Box::new(answer));
                let engine = match is_local {
                    true => &mut self.local,
                    false => &mut self.engine,
                };
                outputs.extend(engine.step(&mut self.store, now, input)?);
            }
        }
        Ok(outputs)
    }

    /// Lets sync look for what there is to do.
    pub(crate) fn nudge(&mut self) {
        if self.is_active() {
            self.queue(Input::Wake);
        }
    }

    /// Queues an input, unless it is a signal that waits already.
    pub(crate) fn queue(&mut self, input: Input) {
        if !input.repeats(self.inputs.iter()) {
            self.inputs.push_back(input);
        }
    }

    /// Sync goes on by itself, or for a `sync` that waits.
    pub(crate) fn is_active(&self) -> bool {
        self.leased && (self.running || !self.waiters.is_empty())
    }

    /// The events of a step that no step tells of: the health has changed.
    pub(crate) fn health_changed(&mut self) {
        let is_told = |told: &Told| matches!(told, Told::Event(Event::Health));
        if !self.told.iter().any(is_told) {
            self.told.push(Told::Event(Event::Health));
        }
    }

    /// Answers everyone who waits for a `sync`.
    pub(crate) fn fail_waiters(&mut self, error: &Error) {
        for waiter in self.waiters.drain(..) {
            self.told.push(Told::SyncFailed {
                sync: waiter.sync,
                error: error.clone(),
            });
        }
    }

    pub(crate) fn answer_waiters(&mut self, now: Now) -> Result<(), Error> {
        let health = self.engine.health(&mut self.store, now)?;
        if health.is_pushed() {
            // What went up in vain was settled since by a look-up, and no push tells so.
            self.failures.retain(|(_, kind), _| *kind != PUSH);
        }
        let failure = self.failures.values().next().cloned();
        if let Some(error) = failure
            .map(Error::from)
            .or_else(|| Error::of_health(&health))
        {
            self.fail_waiters(&error);
            return Ok(());
        }
        let totals = self.totals;
        for waiter in self.waiters.drain(..) {
            self.told.push(Told::Synced {
                sync: waiter.sync,
                report: Report {
                    totals: totals.since(&waiter.before),
                    health: health.clone(),
                },
            });
        }
        Ok(())
    }
}

/// Reads 32 bytes in hexadecimal.
pub(crate) fn seed(text: &str) -> Result<[u8; 32], Error> {
    let wrong = || {
        Error::invalid(
            "expected `entropy` to be 32 random bytes as 64 hexadecimal digits, but another text came",
        )
    };
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut seed = [0; 32];
    for (index, byte) in seed.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(seed)
}
