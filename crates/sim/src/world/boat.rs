//! Lifeboat files: what someone exports at a logout, and reads back once, or twice.
use super::World;
use super::event::Who;
use crate::check::{Checked, Violation};
use crate::disk::Disk;
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// Entries of the outbox that are looked at together.
const ENTRIES: usize = 100;

/// The last lifeboat file of a replica.
#[derive(Debug, Default)]
pub(super) struct Boat {
    chains: Vec<Chain>,
    /// Whose chains came back.
    returned: BTreeSet<(CollectionName, RecordId)>,
}

impl<D: Disk> World<D> {
    /// Writes what is pending into a new file.
    pub(super) fn board(&mut self, replica: usize) -> Checked {
        let now_ms = self.now_ms;
        let holder = self.replicas[replica].holder;
        let of = &mut self.replicas[replica];
        of.boat = Boat::default();
        let (Some(moment), Some(process)) = (of.moment(holder, now_ms), &of.processes[holder])
        else {
            return Ok(());
        };
        let now = Now {
            wall_ms: moment.wall_ms,
            monotonic_ms: moment.monotonic_ms,
            entropy: [0; 32],
        };
        let mut after = None;
        loop {
            let page = process.engine.chains(&mut of.disk, now, after, ENTRIES);
            let (chains, next) =
                page.map_err(|error| Violation::new("store", error.to_string()))?;
            of.boat.chains.extend(chains);
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }

    /// Gives up what is in the file, which may be an old one: nothing goes that is not in it.
    pub(super) fn leave_what_is_saved(&mut self, replica: usize) -> Checked {
        if self.replicas[replica].boat.chains.is_empty() {
            self.board(replica)?;
        }
        let saved = self.replicas[replica].boat.chains.clone();
        let before = self.outbox(replica)?;
        self.for_holder(replica, Input::GiveUpSaved(saved.clone()))?;
        let left = self.outbox(replica)?;
        let gone = before
            .iter()
            .filter(|one| left.iter().all(|entry| entry.id != one.id));
        let is_saved = |one: &Entry| {
            let mut entries = saved.iter().flat_map(|chain| &chain.entries);
            entries.any(|entry| entry.differs_in_state_only(one))
        };
        for one in gone {
            if !is_saved(one) {
                return Err(Violation::new(
                    "ledger",
                    format!("the entry {} was given up, but not saved before", one.id),
                ));
            }
        }
        Ok(())
    }

    fn outbox(&mut self, replica: usize) -> Result<Vec<Entry>, Violation> {
        let disk = &mut self.replicas[replica].disk;
        let entries = disk
            .begin(Durability::Normal)
            .and_then(|mut tx| tx.entries(EntryFilter::All, None, usize::MAX));
        entries.map_err(|error| Violation::new("store", error.to_string()))
    }

    /// Reads the file, perhaps for the second time.
    pub(super) fn bring_back(&mut self, who: Who) -> Checked {
        let chains = self.replicas[who.replica].boat.chains.clone();
        if chains.is_empty() {
            return Ok(());
        }
        let boat = Lifeboat {
            account: None,
            endpoints: BTreeMap::new(),
            chains,
        };
        self.step(who, Input::BringBack(Box::new(boat)), Vec::new())
    }

    /// What is given up after it came back may come back again.
    pub(super) fn given_up(&mut self, replica: usize, collection: CollectionName, id: RecordId) {
        let boat = &mut self.replicas[replica].boat;
        boat.returned.remove(&(collection, id));
    }

    /// Nothing comes back twice.
    pub(super) fn check_back(&mut self, replica: usize, back: &[BroughtBack]) -> Checked {
        let boat = &mut self.replicas[replica].boat;
        for one in back {
            let key = (one.collection.clone(), one.id.clone());
            let came = matches!(one.outcome, Return::Pending | Return::Parked);
            if came && !boat.returned.insert(key) {
                return Err(Violation::new(
                    "once",
                    format!(
                        "the writes of {}/{} came back from the same lifeboat twice",
                        one.collection, one.id
                    ),
                ));
            }
        }
        Ok(())
    }
}
