//! Groups: a member that is stuck holds the others.
use super::Work;
use crate::error::Error;
use crate::model::*;
use crate::store::{EntryFilter, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

impl<'a, T: Tx> Work<'a, T> {
    /// Brings the members of the touched groups in line: a member that is held or parked holds the others.
    pub(super) fn hold_groups(&mut self) -> Result<(), Error> {
        let mut groups = std::mem::take(&mut self.groups);
        while let Some(group) = groups.pop_first() {
            let stored = self
                .tx
                .entries(EntryFilter::Group(group), None, usize::MAX)?;
            let mut rids: BTreeMap<CollectionName, BTreeSet<Rid>> = BTreeMap::new();
            for entry in stored {
                rids.entry(entry.collection).or_default().insert(entry.rid);
            }
            for (collection, rids) in rids {
                let rids: Vec<Rid> = rids.into_iter().collect();
                self.load_rids(&collection, &rids)?;
            }
            let member = |entry: &Entry| entry.group == Some(group);
            for slot in self
                .slots
                .values_mut()
                .filter(|slot| slot.chain.iter().any(member))
            {
                slot.hold();
            }
            let stuck = self
                .slots
                .values()
                .flat_map(|slot| &slot.chain)
                .filter(|entry| member(entry))
                .any(|entry| {
                    matches!(
                        entry.state,
                        EntryState::Parked { .. }
                            | EntryState::Held(Blocker::Conflict | Blocker::ParkedAncestor)
                    )
                });
            for entry in self
                .slots
                .values_mut()
                .flat_map(|slot| &mut slot.chain)
                .filter(|entry| member(entry))
            {
                match entry.state {
                    EntryState::Pending if stuck => entry.state = EntryState::Held(Blocker::Group),
                    EntryState::Held(Blocker::Group) if !stuck => entry.state = EntryState::Pending,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
