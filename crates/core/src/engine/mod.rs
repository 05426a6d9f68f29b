//! The engine: one step is one transaction.
mod absence;
mod accept;
mod account;
mod answer;
mod apply;
mod check;
mod configure;
mod decide;
mod entropy;
mod given_up;
mod health;
mod ids;
mod lifeboat;
mod listen;
mod look;
mod memory;
mod migrate;
mod network;
mod outbox;
mod plan;
mod pull;
mod push;
mod restore;
mod schedule;
mod slot;
mod sweep;
mod unknown;
mod verbs;
mod verdict;
mod verify;
mod work;
mod write;

use crate::error::{Error, ErrorKind};
use crate::model::{
    Chain, CollectionName, Config, Event, Health, Input, MigrateOf, Now, Output, Ownership,
    Planned, RecordId, Reply, Why,
};
use crate::planted::{self, Bug};
use crate::store::{Durability, Store, Tx};
use memory::Memory;
use migrate::Answers;
pub(crate) use verify::restart as verify_again;
use work::Work;

/// Decides what to store, send and show.
///
/// It keeps no durable fact in memory: only the configuration, the lease's generation, the host's signals and
/// the requests that are open.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    config: Option<Config>,
    memory: Memory,
}

impl Engine {
    /// An engine that expects `Configure` as its first input.
    pub fn new() -> Self {
        Engine::default()
    }

    /// Carries out one input in one transaction. On an error nothing has changed, in memory or in the store,
    /// and for a temporary error the same input, with the same `now`, may be given again.
    pub fn step<S: Store>(
        &mut self,
        store: &mut S,
        now: Now,
        input: Input,
    ) -> Result<Vec<Output>, Error> {
        let durability = durability(&input);
        let (config, fresh) = match &input {
            Input::Configure(config) => {
                configure::check(config)?;
                (configure::complete(config), true)
            }
            _ => match self.config.take() {
                Some(config) => (config, false),
                None => {
                    return Err(Error::new(
                        ErrorKind::NotConfigured,
                        "the first input must be Configure",
                    ));
                }
            },
        };
        let result = self.transact(store, durability, now, &config, input);
        match result {
            Ok((outputs, memory)) => {
                self.config = Some(config);
                self.memory = memory;
                Ok(outputs)
            }
            Err(error) => {
                if !fresh {
                    self.config = Some(config);
                }
                Err(error)
            }
        }
    }

    /// Takes a configuration that the file agrees with as it is, in a transaction that only reads, and says whether
    /// it does. If not, nothing has changed, and `Configure` is to be stepped.
    pub fn configure_unchanged<S: Store>(
        &mut self,
        store: &mut S,
        now: Now,
        config: &Config,
    ) -> Result<bool, Error> {
        configure::check(config)?;
        let config = &configure::complete(config);
        let tx = store.begin(Durability::Normal)?;
        let mut work = Work::new(tx, now, config, self.memory.clone());
        configure::apply(&mut work)?;
        let (_, ops, outputs, _) = work.finish()?;
        // Another process may be in the middle of an upgrade: then there is something to do here.
        let is_unchanged = ops.is_empty() && outputs.is_empty();
        if is_unchanged {
            self.config = Some(config.clone());
        }
        Ok(is_unchanged)
    }

    fn transact<S: Store>(
        &self,
        store: &mut S,
        durability: Durability,
        now: Now,
        config: &Config,
        input: Input,
    ) -> Result<(Vec<Output>, Memory), Error> {
        let tx = store.begin(durability)?;
        let mut work = Work::new(tx, now, config, self.memory.clone());
        let is_sync = is_sync(&input);
        if is_sync && !matches!(input, Input::LeaseTaken) {
            check_lease(&mut work)?;
        }
        if !matches!(input, Input::Configure(_)) {
            migrate::check(&mut work, &input)?;
        }
        dispatch(&mut work, input)?;
        if is_sync || work.memory.generation.is_some() && check_lease(&mut work).is_ok() {
            if work.is_settled() && durability == Durability::Full {
                schedule::run(&mut work)?;
            } else {
                // The schedule reads the store: it acts in the next step, on what this one commits. And what it
                // freezes must survive a power cut before it leaves the device.
                let monotonic_ms = Some(now.monotonic_ms);
                work.outputs.push(Output::WakeAt { monotonic_ms });
            }
        }
        let (tx, ops, outputs, memory) = work.finish()?;
        tx.commit(ops)?;
        Ok((outputs, memory))
    }

    /// What waits, since when, and why.
    pub fn health<S: Store>(&self, store: &mut S, now: Now) -> Result<Health, Error> {
        let config = self.config()?;
        health::health(&mut Work::new(
            store.begin(Durability::Normal)?,
            now,
            config,
            self.memory.clone(),
        ))
    }

    /// Whose file it is.
    pub fn ownership<S: Store>(&self, store: &mut S, now: Now) -> Result<Ownership, Error> {
        let config = self.config()?;
        account::ownership(&mut Work::new(
            store.begin(Durability::Normal)?,
            now,
            config,
            self.memory.clone(),
        ))
    }

    /// The pending writes of the records whose chains begin among the next `limit` entries of the outbox after
    /// `after`, for a lifeboat file; with the place to go on at, `None` at the end.
    pub fn chains<S: Store>(
        &self,
        store: &mut S,
        now: Now,
        after: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<Chain>, Option<i64>), Error> {
        let config = self.config()?;
        let tx = store.begin(Durability::Normal)?;
        lifeboat::chains(
            &mut Work::new(tx, now, config, self.memory.clone()),
            after,
            limit,
        )
    }

    /// What a sync would do, as far as this replica can know, without doing it.
    pub fn plan<S: Store>(
        &self,
        store: &mut S,
        now: Now,
        limit: usize,
    ) -> Result<Vec<Planned>, Error> {
        let config = self.config()?;
        plan::plan(
            &mut Work::new(
                store.begin(Durability::Normal)?,
                now,
                config,
                self.memory.clone(),
            ),
            limit,
        )
    }

    /// A record's history as far as this replica knows it.
    pub fn why<S: Store>(
        &self,
        store: &mut S,
        now: Now,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Why, Error> {
        let config = self.config()?;
        plan::why(
            &mut Work::new(
                store.begin(Durability::Normal)?,
                now,
                config,
                self.memory.clone(),
            ),
            collection,
            id,
        )
    }

    fn config(&self) -> Result<&Config, Error> {
        self.config.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::NotConfigured,
                "the first input must be Configure",
            )
        })
    }
}

/// Pulled pages and fetched records can be read again, and a wait that was ended can be ended again;
/// everything else is a user's work.
fn durability(input: &Input) -> Durability {
    match input {
        Input::Answer {
            reply:
                Reply::Pulled(_)
                | Reply::Fetched(_)
                | Reply::Digested(_)
                | Reply::Probed(_)
                | Reply::Listening
                | Reply::Listened(_),
            ..
        }
        | Input::SyncNow
        | Input::Hint(_)
        | Input::Network { .. } => Durability::Normal,
        // A function of the app can be asked again.
        Input::Migrated(answer) if matches!(answer.of, MigrateOf::Records { .. }) => {
            Durability::Normal
        }
        _ => Durability::Full,
    }
}

/// Whether only the holder of the lease may step an input.
fn is_sync(input: &Input) -> bool {
    match input {
        Input::LeaseTaken
        | Input::Wake
        | Input::SyncNow
        | Input::Hint(_)
        | Input::Answer { .. }
        | Input::Network { .. }
        | Input::CredentialsChanged { .. }
        | Input::Decision { .. }
        | Input::Stop
        | Input::Start { .. }
        | Input::Woke
        | Input::GiveUp { .. }
        | Input::GiveUpSaved(_)
        | Input::LogOut
        | Input::LogIn => true,
        Input::Configure(_)
        | Input::Own(_)
        | Input::Migrated(_)
        | Input::Write { .. }
        | Input::BringBack(_)
        | Input::Resolve { .. }
        | Input::Undo(_)
        | Input::Retry(_)
        | Input::Edit(..)
        | Input::Discard(_)
        | Input::ConfirmShrink { .. }
        | Input::Resync(_)
        | Input::Verify { .. } => false,
    }
}

/// Refuses a sync input when another process has taken the lease.
fn check_lease<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let stored = configure::generation(work)?;
    match work.memory.generation {
        Some(generation) if generation == stored || planted::on(Bug::LeaseUnchecked) => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::LeaseLost,
            "another process has taken the lease on this replica",
        )),
        None => Err(Error::new(
            ErrorKind::LeaseLost,
            "this engine does not hold the lease: step LeaseTaken first",
        )),
    }
}

fn dispatch<T: Tx>(work: &mut Work<'_, T>, input: Input) -> Result<(), Error> {
    match input {
        Input::Configure(_) => configure::apply(work),
        Input::Migrated(answer) => migrate::answered(work, *answer),
        Input::Write { writes, group } => write::write(work, writes, group),
        Input::BringBack(boat) => lifeboat::bring_back(work, *boat),
        Input::Resolve {
            collection,
            id,
            resolution,
        } => verbs::resolve(work, &collection, &id, &resolution),
        Input::Undo(id) => verbs::undo(work, id, &Answers::default()),
        Input::Retry(id) => verbs::retry(work, id, &Answers::default()),
        Input::Edit(id, document) => verbs::edit(work, id, document),
        Input::Discard(id) => verbs::discard(work, id),
        Input::ConfirmShrink { feed, delete } => sweep::confirm(work, &feed, delete),
        Input::Resync(feed) => pull::restart(work, &feed, crate::model::PassReason::Asked, None),
        Input::Verify { feed, contents } => verify::ask(work, &feed, contents),
        Input::LeaseTaken => configure::take_lease(work),
        Input::Wake => {
            schedule::expire(work)?;
            verbs::expire_decisions(work)
        }
        Input::SyncNow => {
            for connector in work.config.connectors.keys() {
                schedule::hurry(work, connector)?;
            }
            Ok(())
        }
        Input::Hint(connector) => listen::hint(work, &connector),
        Input::Answer {
            request,
            from,
            reply,
        } => {
            // Also what a verdict shows of the other side comes from the server.
            work.remote = true;
            answer::answered(work, request, from, reply)
        }
        Input::Network { online } => network::signalled(work, online),
        Input::Woke => network::woke(work),
        Input::Own(account) => account::own(work, &account),
        Input::GiveUp { entries } => account::give_up(work, entries),
        Input::GiveUpSaved(chains) => account::give_up_saved(work, &chains),
        Input::LogOut => account::log_out(work),
        Input::LogIn => account::log_in(work),
        Input::CredentialsChanged {
            connector,
            revision,
        } => {
            work.set_connector(&connector, |state| {
                state.revision = state.revision.max(revision)
            })?;
            work.event(Event::Health);
            Ok(())
        }
        Input::Decision {
            collection,
            rid,
            version,
            resolution,
        } => verbs::decision(work, &collection, rid, version.as_ref(), &resolution),
        Input::Stop => {
            work.memory.stopped = true;
            work.event(Event::Health);
            listen::forget(work)
        }
        Input::Start { listen } => {
            work.memory.stopped = false;
            work.memory.listens = listen;
            work.event(Event::Health);
            Ok(())
        }
    }
}
