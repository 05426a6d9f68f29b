//! Local inputs: stepped in the thread of the caller, on a connection of their own.
use crate::error::{Error, ErrorKind};
use crate::events::{EventSender, Notice};
use crate::storage::FileStore;
use crate::{host, limits};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tisync_core::Engine;
use tisync_core::model::{Config, Input, Output};
use tisync_core::store::{Durability, Op, Store, StoreErrorKind, Tx};

/// Lets one transaction of this process write at a time: a mutex hands over at once, where SQLite's own
/// lock would be polled.
pub(crate) type Gate = Arc<Mutex<()>>;

/// Locks, also after a panic elsewhere: what a panic interrupts is a transaction, and that rolls back.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An engine with its connection.
#[derive(Debug)]
pub(crate) struct Stepper {
    pub(crate) engine: Engine,
    pub(crate) store: FileStore,
    gate: Gate,
}

impl Stepper {
    /// Wraps a connection; the first input must be `Configure`.
    pub(crate) fn new(store: FileStore, gate: Gate) -> Self {
        Stepper {
            engine: Engine::new(),
            store,
            gate,
        }
    }

    /// Steps one input; while another process writes, the same input is given again.
    pub(crate) fn step(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let started = Instant::now();
        let now = host::now()?;
        loop {
            let result = {
                let _gate = lock(&self.gate);
                self.engine.step(&mut self.store, now, input.clone())
            };
            match result {
                Ok(outputs) => return Ok(outputs),
                Err(error) => {
                    let busy = error.kind == tisync_core::ErrorKind::Store(StoreErrorKind::Busy);
                    if !busy || started.elapsed() > Duration::from_millis(limits::BUSY_MS_MAX) {
                        return Err(error.into());
                    }
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
        let _gate = lock(&self.gate);
        look(&self.engine, &mut self.store)
    }

    /// Reads in one transaction, which is rolled back.
    pub(crate) fn read<T>(
        &mut self,
        read: impl FnOnce(&mut <FileStore as Store>::Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.look(|_, store| read(&mut store.begin(Durability::Normal)?))
    }
}

/// The stepper of local inputs, shared by all threads.
#[derive(Debug)]
pub(crate) struct Local {
    stepper: Mutex<Stepper>,
    events: EventSender,
}

impl Local {
    /// Configures an engine on `store`; a new replica draws its node number.
    pub(crate) fn open(
        mut store: FileStore,
        gate: Gate,
        config: &mut Config,
        events: EventSender,
    ) -> Result<Self, Error> {
        config.node = node(&mut store)?;
        let mut stepper = Stepper::new(store, gate);
        stepper.step(Input::Configure(Box::new(config.clone())))?;
        Ok(Local {
            stepper: Mutex::new(stepper),
            events,
        })
    }

    /// Steps a local input and tells the receivers what changed.
    pub(crate) fn step(&self, input: Input) -> Result<Vec<Output>, Error> {
        let outputs = lock(&self.stepper).step(input)?;
        if self.events.has_receivers() {
            for output in &outputs {
                if let Output::Event(event) = output {
                    self.events.send(Notice::Event(event.clone()));
                }
            }
        }
        Ok(outputs)
    }

    /// See [`Stepper::look`].
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&Engine, &mut FileStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        lock(&self.stepper).look(look)
    }

    /// See [`Stepper::read`].
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&mut <FileStore as Store>::Tx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        lock(&self.stepper).read(read)
    }
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
