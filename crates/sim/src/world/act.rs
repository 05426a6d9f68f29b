//! The scenario's actions, carried out.
use super::World;
use super::event::{Event, Who};
use super::replica::connector;
use crate::app;
use crate::check::{Checked, unreadable};
use crate::disk::Disk;
use crate::scenario::{Action, CrashWhen, ServerAction, Verb};
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, JournalFilter, Tx};

/// A jump of the clock beyond this looks like sleep.
const SLEPT_MS_MIN: i64 = 10_000;
/// How far back in the journal a user looks for something to undo.
const UNDO_ROWS: usize = 20;

impl<D: Disk> World<D> {
    pub(super) fn act(&mut self, action: Action) -> Checked {
        self.trace.note(self.now_ms, || action.to_string());
        match action {
            Action::Write {
                replica,
                process,
                deeds,
                group,
            } => {
                let replica = usize::from(replica);
                match self.running(replica, process) {
                    Some(who) => self.write(who, &deeds, group),
                    None => Ok(()),
                }
            }
            Action::Verb {
                replica,
                process,
                verb,
                pick,
            } => match self.running(usize::from(replica), process) {
                Some(who) => self.command(who, verb, pick as usize),
                None => Ok(()),
            },
            Action::Signal { replica, online } => {
                self.for_holder(usize::from(replica), Input::Network { online })
            }
            Action::Partition { replica, for_ms } => {
                self.replicas[usize::from(replica)].cut_off_until_ms = self.now_ms + for_ms;
                self.silence(usize::from(replica), for_ms);
                Ok(())
            }
            Action::Crash {
                replica,
                when: CrashWhen::Now,
                for_ms,
            } => {
                self.kill(usize::from(replica), for_ms);
                Ok(())
            }
            Action::Crash {
                replica,
                when,
                for_ms,
            } => {
                self.replicas[usize::from(replica)].crash = Some((when, for_ms));
                Ok(())
            }
            Action::PowerCut {
                replica,
                lose,
                for_ms,
            } => {
                let replica = usize::from(replica);
                self.kill(replica, for_ms);
                let lost = self.replicas[replica].disk.power_cut(usize::from(lose));
                if let Some(tape) = &mut self.tape {
                    tape.power_cut(replica, lost);
                }
                if lost > 0 {
                    self.rebuild_shadow(replica)?;
                }
                Ok(())
            }
            Action::Upgrade { replica, for_ms } => {
                let replica = usize::from(replica);
                let schema = self.replicas[replica].schema;
                self.replicas[replica].update((schema + 1).min(app::NEWEST));
                self.kill(replica, for_ms);
                Ok(())
            }
            Action::Second { replica } => {
                let replica = usize::from(replica);
                if self.replicas[replica].slot(0).is_some() {
                    self.open(replica, 1)?;
                }
                Ok(())
            }
            Action::Take { replica } => {
                let replica = usize::from(replica);
                let other = 1 - self.replicas[replica].holder;
                match self.replicas[replica].who(replica, other) {
                    Some(who) => self.take(who),
                    None => Ok(()),
                }
            }
            Action::ClockJump { replica, by_ms } => {
                self.replicas[usize::from(replica)].clock.0 += by_ms;
                // A driver cannot tell a clock that is set from a device that slept.
                match by_ms >= SLEPT_MS_MIN {
                    true => self.for_holder(usize::from(replica), Input::Woke),
                    false => Ok(()),
                }
            }
            Action::Drift {
                replica,
                drift,
                pick,
            } => self.drift(usize::from(replica), drift, pick as usize),
            Action::Server(action) => {
                self.operate(action);
                Ok(())
            }
        }
    }

    fn operate(&mut self, action: ServerAction) {
        match action {
            ServerAction::Restart { for_ms } => {
                self.server.down_until_ms = self.now_ms + for_ms;
                self.hang_up();
            }
            ServerAction::Backup => self.server.back_up(),
            ServerAction::Restore => {
                self.server.restore(self.now_ms);
            }
            ServerAction::Prune => self.server.prune(self.now_ms),
            ServerAction::Expire => {
                self.server.expire_credentials();
                self.hang_up();
            }
            ServerAction::Demand { schema } => self.server.demand(schema),
            ServerAction::Defer { for_ms } => {
                self.server.defer(true);
                self.queue.add(self.now_ms + for_ms, Event::EndDefer);
            }
        }
    }

    /// A process of a replica, if any runs.
    fn running(&self, replica: usize, process: u8) -> Option<Who> {
        let slot = self.replicas[replica].slot(process)?;
        self.replicas[replica].who(replica, slot)
    }

    /// Sync goes on; where the scenario says so, with a connection for hints.
    pub(super) fn begin(&mut self, replica: usize) -> Checked {
        let listen = self.scenario.settings.listens;
        self.for_holder(replica, Input::Start { listen })
    }

    pub(super) fn for_holder(&mut self, replica: usize, input: Input) -> Checked {
        let holder = self.replicas[replica].holder;
        match self.replicas[replica].who(replica, holder) {
            Some(who) => self.step(who, input, Vec::new()),
            None => Ok(()),
        }
    }

    fn command(&mut self, who: Who, verb: Verb, pick: usize) -> Checked {
        match verb {
            Verb::SyncNow => self.for_holder(who.replica, Input::SyncNow),
            Verb::Hint => self.for_holder(who.replica, Input::Hint(connector())),
            Verb::Stop => self.for_holder(who.replica, Input::Stop),
            Verb::Start => self.begin(who.replica),
            Verb::Resync => {
                let feeds = self.replicas[who.replica].config.connectors[&connector()]
                    .feeds
                    .keys();
                let Some(feed) = feeds.cycle().nth(pick % 8).cloned() else {
                    return Ok(());
                };
                self.step(
                    who,
                    Input::Resync(FeedKey {
                        connector: connector(),
                        feed,
                    }),
                    Vec::new(),
                )
            }
            Verb::Verify => self.verify(who, pick.is_multiple_of(4)),
            Verb::Resolve => self.resolve(who, pick),
            Verb::Undo => self.undo(who, pick),
            Verb::Retry | Verb::Edit | Verb::Discard => self.treat(who, verb, pick),
        }
    }

    /// Settles an open conflict in one of the ways.
    pub(super) fn resolve(&mut self, who: Who, pick: usize) -> Checked {
        let mut tx = self.replicas[who.replica]
            .disk
            .begin(Durability::Normal)
            .map_err(unreadable)?;
        let conflicts = tx.conflicts(None, usize::MAX).map_err(unreadable)?;
        drop(tx);
        if conflicts.is_empty() {
            return Ok(());
        }
        let conflict = &conflicts[pick % conflicts.len()];
        let mut drawn = Vec::new();
        let resolution = match pick / 7 % 5 {
            0 | 1 => Resolution::Ours,
            2 => Resolution::Theirs,
            3 => {
                let remote = conflict.remote.image.document().cloned();
                Resolution::Document(self.edited(who.replica, remote.as_ref(), &mut drawn))
            }
            _ => Resolution::Delete,
        };
        let (collection, id) = (conflict.collection.clone(), conflict.id.clone());
        self.step(
            who,
            Input::Resolve {
                collection,
                id,
                resolution,
            },
            drawn,
        )
    }

    fn undo(&mut self, who: Who, pick: usize) -> Checked {
        let mut tx = self.replicas[who.replica]
            .disk
            .begin(Durability::Normal)
            .map_err(unreadable)?;
        let rows = tx
            .journal(JournalFilter::All, None, UNDO_ROWS)
            .map_err(unreadable)?;
        drop(tx);
        let rows: Vec<_> = rows.iter().filter(|row| row.loser != Loser::None).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.step(who, Input::Undo(rows[pick % rows.len()].id), Vec::new())
    }

    /// Treats an entry that waits for someone.
    fn treat(&mut self, who: Who, verb: Verb, pick: usize) -> Checked {
        let mut tx = self.replicas[who.replica]
            .disk
            .begin(Durability::Normal)
            .map_err(unreadable)?;
        let entries = tx
            .entries(EntryFilter::All, None, usize::MAX)
            .map_err(unreadable)?;
        drop(tx);
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| {
                verb == Verb::Discard || matches!(entry.state, EntryState::Parked { .. })
            })
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        if verb == Verb::Discard && pick.is_multiple_of(8) {
            return self.log_out(who.replica, pick);
        }
        if verb == Verb::Discard && (1..=3).contains(&(pick % 8)) {
            return self.bring_back(who);
        }
        let entry = &entries[pick % entries.len()];
        self.treat_entry(who, verb, entry)
    }

    /// Someone logs out, gives up what is pending, and comes back at once: in slices, as a driver does it.
    fn log_out(&mut self, replica: usize, pick: usize) -> Checked {
        if pick % 32 == 8 {
            self.leave_what_is_saved(replica)?;
        } else {
            self.board(replica)?;
            for _ in 0..8 {
                let entries = 1 + pick % 5;
                self.for_holder(replica, Input::GiveUp { entries })?;
            }
        }
        self.for_holder(replica, Input::LogOut)?;
        self.for_holder(replica, Input::LogIn)?;
        let holder = self.replicas[replica].holder;
        match self.replicas[replica].who(replica, holder) {
            Some(who) => self.bring_back(who),
            None => Ok(()),
        }
    }

    pub(super) fn treat_entry(&mut self, who: Who, verb: Verb, entry: &Entry) -> Checked {
        match verb {
            Verb::Edit => {
                let shown = self.outcome_of(who.replica, entry)?;
                let mut drawn = Vec::new();
                let document = self.edited(who.replica, shown.as_ref(), &mut drawn);
                self.step(who, Input::Edit(entry.id, document), drawn)
            }
            Verb::Discard => self.step(who, Input::Discard(entry.id), Vec::new()),
            _ => self.step(who, Input::Retry(entry.id), Vec::new()),
        }
    }
}
