//! Writes, and what a person decides.
use crate::command::Pending;
use crate::replica::Replica;
use tisync_connect::{Error, ErrorKind};
use tisync_core::model::{Input, Now, Output, Write, Written};
use tisync_core::store::{Durability, Store, Tx};

/// Entries that are given up in one step.
const GIVE_UP_ENTRIES: usize = 500;

impl Replica {
    /// Makes writes; each says what it became.
    pub(crate) fn write(
        &mut self,
        now: Now,
        writes: Vec<Write>,
        group: bool,
    ) -> Result<Vec<Written>, Error> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let left = self.local(now, Input::Write { writes, group })?;
        let written = left.into_iter().find_map(|output| match output {
            Output::Written(written) => Some(written),
            _ => None,
        });
        Ok(written.unwrap_or_default())
    }

    /// Ends the session; nothing has changed when it refuses. Gives the number of writes that wait or were given up.
    pub(crate) fn log_out(
        &mut self,
        now: Now,
        pending: Option<Pending>,
        lifeboat: &[u8],
    ) -> Result<u64, Error> {
        let mut waiting = self.waiting()?;
        if waiting > 0 && pending.is_none() {
            return Err(Error::new(
                ErrorKind::Pending,
                format!(
                    "expected to log out, but {waiting} writes were not accepted by the server yet: keep what is pending for the next login, export it, or discard it"
                ),
            ));
        }
        self.hold_lease(now)?;
        self.running = false;
        self.end_exchanges();
        self.directly(now, Input::Stop)?;
        match pending {
            Some(Pending::Discard) => self.give_up(now)?,
            Some(Pending::Saved) => waiting = self.give_up_saved(now, lifeboat)?,
            Some(Pending::Keep) | None => {}
        }
        self.directly(now, Input::LogOut)?;
        self.sessions.forget();
        self.failures.clear();
        let ended = "expected to sync, but the replica was logged out meanwhile";
        self.fail_waiters(&Error::new(ErrorKind::Credentials, ended));
        Ok(waiting)
    }

    /// Begins a session again.
    pub(crate) fn log_in(&mut self, now: Now) -> Result<(), Error> {
        self.hold_lease(now)?;
        self.failures.clear();
        self.directly(now, Input::LogIn)?;
        self.health_changed();
        Ok(())
    }

    /// Takes the lease and steps what comes with it, so that an input can be stepped whose failure is the caller's.
    fn hold_lease(&mut self, now: Now) -> Result<(), Error> {
        self.take_lease()?;
        while let Some(input) = self.inputs.pop_front() {
            self.step(now, input);
            if self.storage_retry_ms.is_some() {
                return Err(Error::new(ErrorKind::Storage, "the storage refused a step"));
            }
        }
        match self.leased {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::LeaseElsewhere,
                "expected to hold the lease, but another process has it",
            )),
        }
    }

    /// Steps an input whose failure is the caller's.
    fn directly(&mut self, now: Now, input: Input) -> Result<(), Error> {
        self.told_by(now, input).map(drop)
    }

    /// The same; gives what the step was for.
    pub(crate) fn told_by(&mut self, now: Now, input: Input) -> Result<Vec<Output>, Error> {
        let mut left = Vec::new();
        for output in self.attempt(now, input)? {
            match output {
                Output::Stay(_) => left.push(output),
                output => self.carry_out(now, output),
            }
        }
        Ok(left)
    }

    /// Gives up everything that is pending, in slices.
    fn give_up(&mut self, now: Now) -> Result<(), Error> {
        let mut left = self.waiting()?;
        while left > 0 {
            let entries = GIVE_UP_ENTRIES;
            self.directly(now, Input::GiveUp { entries })?;
            let before = std::mem::replace(&mut left, self.waiting()?);
            if left >= before {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!("expected to give up {left} entries of the outbox, but they stay"),
                ));
            }
        }
        Ok(())
    }

    /// How many entries the outbox has.
    fn waiting(&mut self) -> Result<u64, Error> {
        let collections = self.store.begin(Durability::Normal)?.outbox()?;
        Ok(collections.values().map(|one| one.counts.total()).sum())
    }
}
