//! Ends and begins sessions: logging out and in, and credentials that are renewed.
use super::run::{Done, WorkerLoop};
use crate::lifeboat::Boat;
use crate::local::lock;
use crate::logout::{LoggedOut, Pending};
use crate::{Error, ErrorKind, host, lifeboat, limits};
use std::path::Path;
use std::sync::atomic::Ordering;
use tisync_connect::lifeboat::{Head, Survey};
use tisync_core::model::{ConnectorName, Failure, Input, Output};
use tisync_core::store::{Durability, Store, Tx};

impl WorkerLoop {
    /// Ends the session; nothing has changed when it refuses.
    pub(super) fn log_out(&mut self, pending: Option<Pending>) -> Result<LoggedOut, Error> {
        let waiting = self.waiting()?;
        if waiting > 0 && pending.is_none() {
            return Err(Error::new(
                ErrorKind::Pending,
                format!(
                    "expected to log out, but {} not accepted by the server yet: keep what is pending for the next \
                     login, export it to a file, or discard it",
                    match waiting {
                        1 => "1 write was".to_owned(),
                        _ => format!("{waiting} writes were"),
                    }
                ),
            ));
        }
        self.hold_lease()?;
        self.end_exchanges()?;
        let mut done = LoggedOut::default();
        match pending.filter(|_| waiting > 0) {
            None => {}
            Some(Pending::Keep) => done.kept = self.waiting()?,
            Some(Pending::Export(path)) => {
                self.export(&path)?;
                done.exported = self.give_up_saved(&path)?;
                // What was written meanwhile waits, as what is written from now on does.
                done.kept = self.waiting()?;
            }
            Some(Pending::Discard) => done.discarded = self.give_up()?,
        }
        self.directly(Input::LogOut)?;
        for wire in self.wires.values() {
            wire.forget();
        }
        self.failures.clear();
        self.lease = None;
        self.shared.set_leased(false);
        Ok(done)
    }

    /// Writes everything that is pending to a new lifeboat file.
    fn export(&mut self, path: &Path) -> Result<(), Error> {
        let of = self.look(|engine, store| Ok(engine.ownership(store, host::now()?)?))?;
        let schemas = self.shared.config.collections.iter();
        let schemas = schemas
            .map(|(name, collection)| (name.clone(), collection.schema.number))
            .collect();
        let head = Head::new(of.account, of.endpoints, schemas, host::wall_ms());
        let mut boat = Boat::begin(path, head)?;
        let mut after = None;
        loop {
            let (chains, next) = self.look(|engine, store| {
                Ok(engine.chains(store, host::now()?, after, limits::LIST_ROWS)?)
            })?;
            for chain in chains {
                boat.board(chain)?;
            }
            if next.is_none() {
                return boat.end().map(drop);
            }
            after = next;
        }
    }

    /// Gives up what is in a lifeboat file, as far as nobody has changed it meanwhile, and takes the rest out of the
    /// file; returns how many writes are in it.
    fn give_up_saved(&mut self, path: &Path) -> Result<u64, Error> {
        let name = path.display().to_string();
        let survey = Survey::of(&name, lifeboat::lines(path)?)?;
        let (writes, stay) =
            survey.give_up(lifeboat::lines(path)?, limits::LIST_ROWS, |input| {
                self.told(input)
            })?;
        if !stay.is_empty() {
            Boat::without(path, &stay)?;
        }
        Ok(writes)
    }

    /// Begins a session again.
    pub(super) fn log_in(&mut self) -> Result<(), Error> {
        self.hold_lease()?;
        self.failures.clear();
        self.directly(Input::LogIn)
    }

    /// Takes the lease, and steps what comes with it.
    fn hold_lease(&mut self) -> Result<(), Error> {
        self.try_lease()?;
        while let Some(input) = self.inputs.pop_front() {
            self.step(input);
            if let Some((_, error)) = &self.storage_retry {
                return Err(Error::new(error.kind(), error.to_string()));
            }
        }
        match self.lease {
            Some(_) => Ok(()),
            None => Err(crate::lease::elsewhere(None)),
        }
    }

    /// Stops to sync: nothing is sent any more, and nothing that was sent is awaited.
    fn end_exchanges(&mut self) -> Result<(), Error> {
        self.running = false;
        self.shared.running.store(false, Ordering::Release);
        self.lease_poll = None;
        self.tasks.abort_all();
        self.wires.values().for_each(|wire| wire.rest());
        self.orders.clear();
        self.replies.clear();
        self.walks.clear();
        self.close_ears();
        lock(&self.shared.busy).clear();
        self.directly(Input::Stop)?;
        self.wake = None;
        let ended = Error::new(
            ErrorKind::Credentials,
            "expected to sync, but the replica was logged out meanwhile",
        );
        self.fail_waiters(&ended);
        Ok(())
    }

    /// Gives up everything that is pending, in slices; returns how many entries went.
    fn give_up(&mut self) -> Result<u64, Error> {
        let before = self.waiting()?;
        loop {
            let left = self.waiting()?;
            if left == 0 {
                return Ok(before);
            }
            self.directly(Input::GiveUp {
                entries: limits::LIST_ROWS,
            })?;
            if self.waiting()? >= left {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!("expected to give up {left} entries of the outbox, but they stay"),
                ));
            }
        }
    }

    /// Steps an input whose failure is the caller's.
    fn directly(&mut self, input: Input) -> Result<(), Error> {
        self.told(input).map(drop)
    }

    /// The same; returns what the step was for.
    fn told(&mut self, input: Input) -> Result<Vec<Output>, Error> {
        let mut left = Vec::new();
        for output in self.stepper.step(input)? {
            match output {
                Output::Stay(_) => left.push(output),
                output => self.carry_out(output),
            }
        }
        Ok(left)
    }

    /// How many entries the outbox has.
    fn waiting(&mut self) -> Result<u64, Error> {
        let collections = self.look(|_, store| Ok(store.begin(Durability::Normal)?.outbox()?))?;
        Ok(collections.values().map(|one| one.counts.total()).sum())
    }

    /// Asks the provider for newer credentials; one question at a time.
    pub(super) fn renew(&mut self, connector: ConnectorName, revision: u64) {
        let Some(wire) = self.wires.get(&connector).cloned() else {
            return;
        };
        if self.renewing.contains_key(&connector) {
            return;
        }
        self.renewing.insert(connector.clone(), false);
        self.tasks
            .spawn_local(async move { Done::Renewed(connector, revision, wire.renew().await) });
    }

    /// The app says that there are new credentials.
    pub(super) fn renew_by_name(&mut self, connector: &str) {
        let Ok(connector) = ConnectorName::new(connector) else {
            return;
        };
        if let Some(again) = self.renewing.get_mut(&connector) {
            // The answer that is on its way may be older than this.
            *again = true;
            return;
        }
        let revision = self.look(|_, store| {
            let mut tx = store.begin(Durability::Normal)?;
            Ok(tx.connector(&connector)?.map_or(0, |state| state.revision))
        });
        match revision {
            Ok(revision) if self.lease.is_some() => self.renew(connector, revision),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the connector's state could not be read"),
        }
    }

    /// Takes in what the provider answered.
    pub(super) fn renewed(
        &mut self,
        connector: ConnectorName,
        revision: u64,
        result: Result<bool, Failure>,
    ) {
        let again = self.renewing.remove(&connector) == Some(true);
        match result {
            Ok(true) => {
                self.failures.retain(|(other, _), _| *other != connector);
                self.inputs.push_back(Input::CredentialsChanged {
                    connector: connector.clone(),
                    revision: revision + 1,
                });
            }
            Ok(false) => {
                tracing::warn!(%connector, "the provider gave the same credentials again");
            }
            Err(failure) => {
                tracing::warn!(%connector, reason = %failure.message, "no new credentials");
                let key = (connector.clone(), "credentials");
                self.failures.insert(key, failure);
            }
        }
        if again {
            self.renew_by_name(connector.as_str());
        }
    }
}
