//! Local inputs: stepped in the thread of the caller.
use crate::WriteDurability;
use crate::events::Notice;
use crate::migrations::{self, Migrations};
use crate::storage::{self, FileStore};
use crate::watchers::Watchers;
use crate::{Error, ErrorKind};
use crate::{busy, host};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tisync_core::Engine;
use tisync_core::model::{Config, Input, Migrate, Output};
use tisync_core::store::{Durability, Op, Store, Tx};
use tisync_store::Key;

/// The one connection through which this process writes. A mutex hands over at once, where SQLite's own lock
/// would be polled; and since all its writes go this way, what SQLite tells of other connections tells of other
/// processes.
pub(crate) type Gate = Arc<Mutex<FileStore>>;

/// Locks, also after a panic elsewhere: what a panic interrupts is a transaction, and that rolls back.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An engine at the gate.
#[derive(Debug)]
pub(crate) struct Stepper {
    path: PathBuf,
    engine: Engine,
    gate: Gate,
    durability: WriteDurability,
    config: Config,
    migrations: Migrations,
    watchers: Arc<Watchers>,
}

impl Stepper {
    fn new(
        path: &Path,
        engine: Engine,
        gate: Gate,
        durability: WriteDurability,
        config: Config,
        migrations: Migrations,
        watchers: Arc<Watchers>,
    ) -> Self {
        Stepper {
            path: path.to_owned(),
            engine,
            gate,
            durability,
            config,
            migrations,
            watchers,
        }
    }

    /// Configures the engine; what is of an older schema comes forward before anything else. A file that agrees with
    /// the configuration is only read, so that opening it waits for no writer.
    fn configure(&mut self, reader: &mut FileStore) -> Result<(), Error> {
        if self
            .engine
            .configure_unchanged(reader, host::now()?, &self.config)?
        {
            return Ok(());
        }
        self.step(Input::Configure(Box::new(self.config.clone())))
            .map(drop)
    }

    /// Steps one input; while another process writes, the same input is given again.
    pub(crate) fn step(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let path = self.path.clone();
        busy::patiently(&path, || self.attempt(input.clone()))
    }

    /// Steps one input, unless another process writes for longer than one try, and answers what the app's migrate
    /// functions are asked.
    fn attempt(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let mut outputs = loop {
            match self.step_one(input.clone())? {
                Some(outputs) => break outputs,
                // Another process has begun to migrate: whoever meets that goes on with it.
                None => {
                    let config = Box::new(self.config.clone());
                    self.step(Input::Configure(config))?;
                }
            }
        };
        let is_question = |output: &Output| matches!(output, Output::Migrate(_));
        while let Some(index) = outputs.iter().position(is_question) {
            if let Output::Migrate(migrate) = outputs.remove(index) {
                outputs.extend(self.migrate(*migrate)?);
            }
        }
        Ok(outputs)
    }

    /// Answers one question. What came before is done and is not stepped again, so that this one waits by itself.
    fn migrate(&mut self, migrate: Migrate) -> Result<Vec<Output>, Error> {
        tracing::debug!(
            collection = %migrate.collection,
            documents = migrate.documents.len(),
            to = migrate.to,
            "migrate"
        );
        let answer = Input::Migrated(Box::new(self.migrations.answer(migrate)));
        let path = self.path.clone();
        let outputs = busy::patiently(&path, || self.step_one(answer.clone()))?;
        Ok(outputs.unwrap_or_default())
    }

    /// Steps one input once; `None` while another process migrates.
    fn step_one(&mut self, input: Input) -> Result<Option<Vec<Output>>, Error> {
        let started = Instant::now();
        let now = host::now()?;
        let _span = tracing::debug_span!("step", input = input.name()).entered();
        let (result, elsewhere) = {
            let mut store = lock(&self.gate);
            store.set_durability_max(self.durability.of(&input));
            let result = self.engine.step(&mut *store, now, input);
            (result, store.had_changed_elsewhere())
        };
        if elsewhere {
            self.watchers.changed_elsewhere();
        }
        let ms = started.elapsed().as_millis();
        let result = match result {
            Err(error) if error.kind == tisync_core::ErrorKind::Migrating => return Ok(None),
            result => result.map_err(Error::from),
        };
        match &result {
            Ok(outputs) => tracing::debug!(outputs = outputs.len(), ms, "done"),
            Err(error) if error.kind() == ErrorKind::Busy => {
                tracing::trace!(ms, "another process writes");
            }
            Err(error) => tracing::debug!(kind = ?error.kind(), "refused"),
        }
        result.map(Some)
    }

    /// The engine, to look with.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The stepper of local inputs, shared by all threads, and an engine to look with.
#[derive(Debug)]
pub(crate) struct Local {
    path: PathBuf,
    stepper: Mutex<Stepper>,
    looker: Mutex<(Engine, FileStore)>,
    watchers: Arc<Watchers>,
}

impl Local {
    /// Configures an engine; a new replica draws its node number.
    pub(crate) fn open(
        path: &Path,
        key: Option<&Key>,
        gate: Gate,
        durability: WriteDurability,
        config: &mut Config,
        migrations: Migrations,
        watchers: Arc<Watchers>,
    ) -> Result<Self, Error> {
        let mut reader = storage::open_reader(path, key)?;
        migrations::check(&mut reader, config, &migrations)?;
        config.node = match node(&mut reader)? {
            Some(node) => node,
            None => busy::patiently(path, || draw_node(&mut lock(&gate)))?,
        };
        let mut stepper = Stepper::new(
            path,
            Engine::new(),
            gate,
            durability,
            config.clone(),
            migrations,
            watchers.clone(),
        );
        stepper.configure(&mut reader)?;
        let looker = (stepper.engine.clone(), reader);
        Ok(Local {
            path: path.to_owned(),
            stepper: Mutex::new(stepper),
            looker: Mutex::new(looker),
            watchers,
        })
    }

    /// A stepper of sync inputs, with an engine of its own.
    pub(crate) fn stepper(&self) -> Stepper {
        let (gate, config, migrations) = {
            let stepper = lock(&self.stepper);
            let (config, migrations) = (stepper.config.clone(), stepper.migrations.clone());
            (stepper.gate.clone(), config, migrations)
        };
        Stepper::new(
            &self.path,
            lock(&self.looker).0.clone(),
            gate,
            WriteDurability::PowerCut,
            config,
            migrations,
            self.watchers.clone(),
        )
    }

    /// Steps a local input and tells those who watch what changed.
    pub(crate) fn step(&self, input: Input) -> Result<Vec<Output>, Error> {
        // Between two tries the other threads have theirs.
        let attempt = || lock(&self.stepper).attempt(input.clone());
        let outputs = busy::patiently(&self.path, attempt)?;
        if self.watchers.is_any() {
            for output in &outputs {
                if let Output::Event(event) = output {
                    self.watchers.tell(Notice::Event(event.clone()));
                }
            }
        }
        Ok(outputs)
    }

    /// Looks into the store, as it is after the last commit; waits for no writer.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&Engine, &mut FileStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (engine, store) = &mut *lock(&self.looker);
        look(engine, store)
    }

    /// Reads in one transaction; waits for no writer.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&mut <FileStore as Store>::Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.look(|_, store| read(&mut store.begin(Durability::Normal)?))
    }
}

const NODE: &str = "node";

/// The replica's node number, as the file has it.
fn node(store: &mut FileStore) -> Result<Option<u32>, Error> {
    parse_node(store.begin(Durability::Normal)?.meta(NODE)?)
}

/// Draws the node number of a new replica, unless another process was faster.
fn draw_node(store: &mut FileStore) -> Result<u32, Error> {
    let mut tx = store.begin(Durability::Full)?;
    if let Some(node) = parse_node(tx.meta(NODE)?)? {
        return Ok(node);
    }
    let node = host::node()?;
    tx.commit(vec![Op::Meta {
        key: NODE.into(),
        value: Some(node.to_string()),
    }])?;
    Ok(node)
}

fn parse_node(text: Option<String>) -> Result<Option<u32>, Error> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Error::new(
            ErrorKind::Corrupt,
            format!("expected this replica's node number in the file, but {text:?} came"),
        )
    })
}
