//! A replica's life between steps: kills, decisions of its app, credentials, and what a restart finds.
use super::World;
use super::event::{Event, Who};
use super::replica::connector;
use crate::check::{Checked, Commit, Records, Token, unreadable};
use crate::disk::Disk;
use tisync_core::model::*;
use tisync_core::store::Tx;

impl<D: Disk> World<D> {
    /// All processes of a replica die; it comes back after some time.
    pub(super) fn kill(&mut self, number: usize, for_ms: u64) {
        self.tally.crashes += 1;
        self.exchanges
            .retain(|_, exchange| exchange.who.replica != number);
        self.ears.retain(|_, ear| ear.who.replica != number);
        let replica = &mut self.replicas[number];
        replica.processes = [None, None];
        replica.holder = 0;
        replica.crash = None;
        replica.start_ticket += 1;
        let ticket = replica.start_ticket;
        self.queue.add(
            self.now_ms + for_ms,
            Event::Start {
                replica: number,
                ticket,
            },
        );
    }

    pub(super) fn ask(&mut self, who: Who, decide: Box<Decide>) {
        let number = self.replicas[who.replica].steps;
        let mut dice = self.dice(who.replica, 5, number);
        let (low, high) = self.scenario.settings.function_ms;
        let wait_ms = dice.between(low, high);
        if !dice.chance(100) || self.healing {
            let failed = dice.chance(100);
            self.queue.add(
                self.now_ms + wait_ms,
                Event::Decided {
                    who,
                    decide,
                    failed,
                },
            );
        }
    }

    /// A policy function answers.
    pub(super) fn decided(&mut self, who: Who, decide: &Decide, failed: bool) -> Checked {
        let mut dice = self.dice(who.replica, 6, self.replicas[who.replica].steps);
        let resolution = if failed {
            Resolution::Failed("the function threw".into())
        } else if decide
            .questions
            .iter()
            .all(|question| question.field.is_some())
        {
            let image = if dice.chance(500) {
                &decide.ours
            } else {
                &decide.remote.image
            };
            let object = image
                .document()
                .map(tisync_json::Document::object)
                .unwrap_or_default();
            let fields = decide.questions.iter().filter_map(|question| {
                let path = question.field.clone()?;
                let value = tisync_json::get(&object, &path)?.clone();
                Some((path, value))
            });
            Resolution::Fields(fields.collect())
        } else if dice.chance(500) {
            Resolution::Ours
        } else {
            Resolution::Theirs
        };
        let input = Input::Decision {
            collection: decide.collection.clone(),
            rid: decide.rid,
            version: decide.remote.version.clone(),
            resolution,
        };
        self.step(who, input, Vec::new())
    }

    /// The provider has credentials: the good ones, or the old ones once more.
    pub(super) fn credentials(&mut self, who: Who) -> Checked {
        let number = self.replicas[who.replica].revision;
        let old = self.dice(who.replica, 7, number).chance(200) && !self.healing;
        let token = self.server.token();
        let replica = &mut self.replicas[who.replica];
        replica.revision += 1;
        if !old {
            replica.token = token;
        }
        let input = Input::CredentialsChanged {
            connector: connector(),
            revision: replica.revision,
        };
        self.step(who, input, Vec::new())
    }

    /// Takes the shadow of a replica anew from its store, after it lost commits.
    pub(super) fn rebuild_shadow(&mut self, number: usize) -> Checked {
        let replica = &mut self.replicas[number];
        let (generation, clock) = (replica.shadow.generation, replica.shadow.clock);
        replica.shadow = crate::check::Shadow {
            generation,
            clock,
            ..Default::default()
        };
        replica.manners.forget();
        self.ledger.journalled[number].clear();
        self.ledger.carried[number].clear();
        let mut commit = Commit::default();
        let mut tx = replica
            .disk
            .begin(tisync_core::store::Durability::Normal)
            .map_err(unreadable)?;
        for row in tx
            .journal(tisync_core::store::JournalFilter::All, None, usize::MAX)
            .map_err(unreadable)?
        {
            commit.journal.push(crate::check::Journalled::of(&row));
        }
        let mut carried: Vec<Token> = Vec::new();
        for collection in replica.config.collections.keys() {
            for (record, _) in tx.scan(collection, None, usize::MAX).map_err(unreadable)? {
                commit.records.insert((collection.clone(), record.rid));
            }
        }
        for entry in tx
            .entries(tisync_core::store::EntryFilter::All, None, usize::MAX)
            .map_err(unreadable)?
        {
            crate::check::tokens(
                &serde_json::to_string(&entry.change).unwrap_or_default(),
                &mut carried,
            );
        }
        drop(tx);
        carried.retain(|token| {
            self.ledger.written.contains(token) && !self.ledger.accepted.contains(token)
        });
        let mut records = Records {
            replica: number,
            shadow: &mut replica.shadow,
            ledger: &mut self.ledger,
            archive: &self.server.archive,
            history: &self.server.history,
            drawn: &carried,
            by_user: true,
            discards: false,
            supersedes: false,
            is_plain: self.scenario.settings.backend.is_some(),
        };
        records.check(&mut replica.disk, &commit)
    }
}
