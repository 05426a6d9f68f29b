//! After the faults: everything works again, people settle what waits for them, and all must become equal
//! within a stated time.
use super::World;
use super::replica::connector;
use crate::check::{
    Checked, Ends, Live, Violation, converged, nothing_lost, reference_of, unreadable,
};
use crate::disk::Disk;
use crate::scenario::{Mix, Verb};
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Tx};

/// How long the world may take to become quiet: four polls of the sparsest replica. A change needs one to leave
/// its device and one to reach the others, and clocks that run slow wait longer than they say.
const HEAL_MS_MAX: u64 = 24 * 3_600_000;
/// The same where changes or deletes are found by walks, some of which are an hour apart.
const HEAL_PLAIN_MS_MAX: u64 = 6 * 3_600_000;
/// And polls, where they are sparse: two for a change, three for a delete that nobody can look up, and as many again
/// for what a person decides meanwhile.
const POLLS: u64 = 16;
/// Walks from the beginning after which every change is found, where deletes show by their absence from two of them.
const WALKS: usize = 3;
/// How often someone looks after what waits for a person.
const CARE_MS: u64 = 45_000;

impl<D: Disk> World<D> {
    pub(super) fn heal(&mut self) -> Checked {
        self.trace
            .note(self.now_ms, || "the faults are over".to_owned());
        self.healing = true;
        self.server.down_until_ms = 0;
        self.server.defer(false);
        if let Some(plain) = &mut self.server.plain {
            plain.is_well = true;
        }
        for number in 0..self.replicas.len() {
            if self.scenario.settings.upgrades {
                // The app's mended version, and where the server demands it a newer one.
                let demanded = self.server.demanded;
                self.replicas[number].update(demanded);
                self.kill(number, 0);
            }
            let replica = &mut self.replicas[number];
            replica.cut_off_until_ms = 0;
            replica.crash = None;
            if replica.processes.iter().all(Option::is_none) {
                replica.start_ticket += 1;
                self.start(number)?;
            } else if replica.processes[replica.holder].is_none() {
                // The process with the lease is gone, the other is still there: it takes over.
                let other = 1 - replica.holder;
                if let Some(who) = self.replicas[number].who(number, other) {
                    self.take(who)?;
                }
            }
            self.for_holder(number, Input::LogIn)?;
            // No word of a network: a host may never say that there is one.
            self.begin(number)?;
            let holder = self.replicas[number].holder;
            if let Some(who) = self.replicas[number].who(number, holder) {
                self.credentials(who)?;
            }
        }
        let until_ms = match self.server.plain.is_some() {
            true => self.now_ms + HEAL_PLAIN_MS_MAX.max(POLLS * self.scenario.settings.poll_ms),
            false => self.now_ms + HEAL_MS_MAX,
        };
        let mut care_ms = self.now_ms;
        let mut compares = self.scenario.settings.drifts;
        while self.now_ms < until_ms {
            if self.now_ms >= care_ms {
                care_ms = self.now_ms + CARE_MS;
                self.care()?;
                if self.is_quiet()? {
                    if self.is_still_to_walk()? {
                        continue;
                    }
                    if !compares {
                        return self.check_end();
                    }
                    compares = false;
                    self.compare_all()?;
                }
            }
            match self.queue.next() {
                Some((at_ms, event)) => self.turn(at_ms, event)?,
                None => self.now_ms = care_ms,
            }
        }
        self.explain()
    }

    /// People settle what waits for them.
    fn care(&mut self) -> Checked {
        for number in 0..self.replicas.len() {
            let holder = self.replicas[number].holder;
            let Some(who) = self.replicas[number].who(number, holder) else {
                continue;
            };
            let mut tx = self.replicas[number]
                .disk
                .begin(Durability::Normal)
                .map_err(unreadable)?;
            let conflicts = tx.conflicts(None, usize::MAX).map_err(unreadable)?.len();
            let waiting = tx
                .entries(EntryFilter::Waiting, None, usize::MAX)
                .map_err(unreadable)?;
            drop(tx);
            let mut shrinks = Vec::new();
            let feeds = self.feeds(number);
            let mut tx = self.replicas[number]
                .disk
                .begin(Durability::Normal)
                .map_err(unreadable)?;
            for feed in feeds {
                let state = tx.feed(&feed).map_err(unreadable)?;
                if state
                    .and_then(|state| state.pass)
                    .and_then(|pass| pass.shrink)
                    .is_some()
                {
                    shrinks.push(feed);
                }
            }
            let quarantined = !tx.quarantined(None, 1).map_err(unreadable)?.is_empty();
            drop(tx);
            if self.scenario.settings.upgrades && quarantined {
                // What the function could not bring forward on its way in is pulled again.
                for feed in self.feeds(number) {
                    self.step(who, Input::Resync(feed), Vec::new())?;
                }
            }
            for feed in shrinks {
                self.step(who, Input::ConfirmShrink { feed, delete: true }, Vec::new())?;
            }
            for turn in 0..conflicts {
                self.resolve(who, number * 3 + turn)?;
            }
            let parked = waiting
                .into_iter()
                .filter(|entry| matches!(entry.state, EntryState::Parked { .. }));
            for entry in parked {
                // Nothing mends what is out of scope.
                let is_lost = matches!(&entry.state, EntryState::Parked { reason, .. } if reason.contains("scope"));
                let can_mend = !is_lost || !self.has_scopes();
                let verb = if entry.seq % 3 == 0 || !can_mend {
                    Verb::Discard
                } else {
                    Verb::Edit
                };
                self.treat_entry(who, verb, &entry)?;
            }
        }
        Ok(())
    }

    fn has_scopes(&self) -> bool {
        self.scenario
            .settings
            .backend
            .as_ref()
            .is_some_and(|mix| mix.scopes)
    }

    /// Lets everything be walked once more, where that can be told from the changes before it.
    fn is_still_to_walk(&mut self) -> Checked<bool> {
        let Some(plain) = self.server.plain.as_mut().filter(|_| !self.is_still) else {
            return Ok(false);
        };
        plain.forget_walks();
        // The first may confirm what was accepted when its feed had passed it; the second finds nothing new.
        self.is_still = self.was_walked;
        self.was_walked = true;
        for number in 0..self.replicas.len() {
            for feed in self.feeds(number) {
                self.for_holder(number, Input::Resync(feed))?;
            }
        }
        Ok(true)
    }

    fn feeds(&self, number: usize) -> Vec<FeedKey> {
        let feeds = self.replicas[number].config.connectors[&connector()]
            .feeds
            .keys();
        let keys = feeds.map(|feed| FeedKey {
            connector: connector(),
            feed: feed.clone(),
        });
        keys.collect()
    }

    /// Whether nothing is left to do anywhere.
    fn is_quiet(&mut self) -> Checked<bool> {
        if self.queue.has_again() {
            return Ok(false);
        }
        let (epoch, latest) = self.server.meta();
        for number in 0..self.replicas.len() {
            let Some(health) = self.health(number)? else {
                return Ok(false);
            };
            let compares = |feed: &FeedHealth| feed.verified.is_some_and(|one| one.comparing);
            if !health.is_synced() || health.feeds.iter().any(compares) {
                return Ok(false);
            }
            if let Some(plain) = &self.server.plain {
                let collections = self.replicas[number].config.collections.keys();
                let walks = if self.was_walked { 1 } else { WALKS };
                for collection in collections {
                    if plain.walks(number, collection) < walks {
                        return Ok(false);
                    }
                }
                continue;
            }
            let places = &self.replicas[number].shadow.places;
            let feeds = self.replicas[number].config.connectors[&connector()]
                .feeds
                .len();
            let all = places
                .values()
                .filter(|place| place.epoch == epoch && place.number == latest && !place.walking);
            if all.count() < feeds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn health(&mut self, number: usize) -> Checked<Option<Health>> {
        let wall_ms = self.replicas[number].wall_ms(self.now_ms);
        let replica = &mut self.replicas[number];
        let Some(process) = replica.processes[replica.holder].as_ref() else {
            return Ok(None);
        };
        let now = Now {
            wall_ms,
            monotonic_ms: process.monotonic_ms(self.now_ms),
            entropy: [0; 32],
        };
        let health = process.engine.health(&mut replica.disk, now);
        health.map(Some).map_err(|error| {
            Violation::new("resume", format!("the health cannot be read: {error}"))
        })
    }

    fn check_end(&mut self) -> Checked {
        let live = self.server.live(None);
        for number in 0..self.replicas.len() {
            let collections: Vec<CollectionName> = self.replicas[number]
                .config
                .collections
                .keys()
                .cloned()
                .collect();
            let replica = &mut self.replicas[number];
            let schema = replica.schema;
            let mix = self.scenario.settings.backend.as_ref();
            let normalises = mix.is_some_and(Mix::normalises);
            let seen = self.server.live(Some(number));
            let ends = Ends {
                live: &seen,
                schema,
                normalises,
            };
            converged(&mut replica.disk, number, &ends, &collections)?;
        }
        nothing_lost(&self.ledger, &live)?;
        self.check_references(&live)
    }

    /// A reference names what it was written for, if under another id then under one that was made for that.
    fn check_references(&self, live: &Live) -> Checked {
        let Some(plain) = &self.server.plain else {
            return Ok(());
        };
        for (document, _) in live.values().flat_map(|records| records.values()) {
            let (Some(id), Some(mark)) = reference_of(document) else {
                continue;
            };
            let Some(former) = self.references.get(&mark) else {
                continue;
            };
            if former.1 != id && !plain.is_made_for(former, &id) {
                let message = format!("a reference to {former:?} names {id} at the end");
                return Err(Violation::new("reference", message));
            }
        }
        Ok(())
    }

    /// Says what is still not quiet when the time is up.
    fn explain(&mut self) -> Checked {
        let server = self.server.meta();
        for number in 0..self.replicas.len() {
            let health = self.health(number)?;
            let places: Vec<_> = self.replicas[number]
                .shadow
                .places
                .values()
                .cloned()
                .collect();
            let done = health.as_ref().is_some_and(Health::is_synced)
                && (self.server.plain.is_some()
                    || places.iter().all(|place| place.number == server.1));
            if !done {
                let mut tx = self.replicas[number]
                    .disk
                    .begin(Durability::Normal)
                    .map_err(unreadable)?;
                let entries = tx.entries(EntryFilter::All, None, 5).map_err(unreadable)?;
                let message = format!(
                    "replica {number} is not synced {HEAL_MS_MAX} ms after the faults: it stands at {places:?}, the \
                     server at {server:?}; {health:?}; {entries:?}"
                );
                return Err(Violation::new("converged", message));
            }
        }
        Err(Violation::new(
            "converged",
            "not quiet, although every replica is synced",
        ))
    }
}
