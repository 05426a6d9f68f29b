//! Local inputs: stepped in the thread of the caller.
use crate::error::{Error, ErrorKind};
use crate::events::Notice;
use crate::storage::{self, FileStore, WriteDurability};
use crate::watchers::Watchers;
use crate::{host, limits};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tisync_core::Engine;
use tisync_core::model::{Config, Input, Output};
use tisync_core::store::{Durability, Op, Store, StoreErrorKind, Tx};

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
    engine: Engine,
    gate: Gate,
    durability_max: Durability,
    watchers: Arc<Watchers>,
}

impl Stepper {
    /// Makes an engine; its first input must be `Configure`.
    pub(crate) fn new(gate: Gate, durability_max: Durability, watchers: Arc<Watchers>) -> Self {
        Stepper {
            engine: Engine::new(),
            gate,
            durability_max,
            watchers,
        }
    }

    /// Steps one input; while another process writes, the same input is given again.
    pub(crate) fn step(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let started = Instant::now();
        let now = host::now()?;
        let _span = tracing::debug_span!("step", input = input.name()).entered();
        loop {
            let (result, elsewhere) = {
                let mut store = lock(&self.gate);
                store.set_durability_max(self.durability_max);
                let result = self.engine.step(&mut *store, now, input.clone());
                (result, store.had_changed_elsewhere())
            };
            if elsewhere {
                self.watchers.changed_elsewhere();
            }
            match result {
                Ok(outputs) => {
                    let ms = started.elapsed().as_millis();
                    tracing::debug!(outputs = outputs.len(), ms, "done");
                    return Ok(outputs);
                }
                Err(error) => {
                    let busy = error.kind == tisync_core::ErrorKind::Store(StoreErrorKind::Busy);
                    if !busy {
                        tracing::debug!(kind = ?error.kind, "refused");
                        return Err(error.into());
                    }
                    if started.elapsed() > Duration::from_millis(limits::BUSY_MS_MAX) {
                        return Err(busy_for_too_long());
                    }
                    tracing::trace!("another process writes");
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// Looks into the store; nothing is written.
    pub(crate) fn look<T>(
        &mut self,
        look: impl FnOnce(&Engine, &mut FileStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        look(&self.engine, &mut lock(&self.gate))
    }
}

/// The stepper of local inputs, shared by all threads, and an engine to look with.
#[derive(Debug)]
pub(crate) struct Local {
    stepper: Mutex<Stepper>,
    looker: Mutex<(Engine, FileStore)>,
    watchers: Arc<Watchers>,
}

impl Local {
    /// Configures an engine; a new replica draws its node number.
    pub(crate) fn open(
        path: &Path,
        gate: Gate,
        durability: WriteDurability,
        config: &mut Config,
        watchers: Arc<Watchers>,
    ) -> Result<Self, Error> {
        config.node = node(&mut lock(&gate))?;
        let mut stepper = Stepper::new(gate, durability.max(), watchers.clone());
        stepper.step(Input::Configure(Box::new(config.clone())))?;
        let looker = (stepper.engine.clone(), storage::open_reader(path)?);
        Ok(Local {
            stepper: Mutex::new(stepper),
            looker: Mutex::new(looker),
            watchers,
        })
    }

    /// Steps a local input and tells those who watch what changed.
    pub(crate) fn step(&self, input: Input) -> Result<Vec<Output>, Error> {
        let outputs = lock(&self.stepper).step(input)?;
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

fn busy_for_too_long() -> Error {
    Error::new(
        ErrorKind::Busy,
        format!(
            "expected to write within {} s, but another process is in the middle of a commit all the time; try again, and end that process if it hangs",
            limits::BUSY_MS_MAX / 1_000
        ),
    )
}

const NODE: &str = "node";

/// The replica's node number: drawn once, kept in the file.
fn node(store: &mut FileStore) -> Result<u32, Error> {
    let mut tx = store.begin(Durability::Full)?;
    if let Some(text) = tx.meta(NODE)? {
        return text.parse().map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                format!("expected this replica's node number in the file, but {text:?} came"),
            )
        });
    }
    let node = host::node()?;
    tx.commit(vec![Op::Meta {
        key: NODE.into(),
        value: Some(node.to_string()),
    }])?;
    Ok(node)
}
