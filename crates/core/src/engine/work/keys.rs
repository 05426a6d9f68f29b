//! Keys of new rows, and the clock of stamps.
use super::Work;
use crate::engine::slot::Slot;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Op, Tx};

/// What a row of the journal says beside whose it is, and when it was written: see [`JournalRow`].
pub(in crate::engine) struct Noted {
    pub(in crate::engine) situation: String,
    pub(in crate::engine) policy: String,
    pub(in crate::engine) base: Image,
    pub(in crate::engine) ours: Image,
    pub(in crate::engine) theirs: Image,
    pub(in crate::engine) outcome: Image,
    pub(in crate::engine) loser: Loser,
    pub(in crate::engine) mutation: Option<MutationId>,
    pub(in crate::engine) decided: Vec<MutationId>,
    pub(in crate::engine) undoes: Option<JournalId>,
    pub(in crate::engine) schema: u32,
}

impl<'a, T: Tx> Work<'a, T> {
    /// The key of a new record.
    pub(in crate::engine) fn new_rid(&mut self, collection: &CollectionName) -> Result<Rid, Error> {
        let next = match self.next_rid.get(collection) {
            Some(next) => *next,
            None => self.tx.next_rid(collection)?,
        };
        self.next_rid.insert(collection.clone(), Rid(next.0 + 1));
        Ok(next)
    }

    /// The place of a new entry.
    pub(in crate::engine) fn new_seq(&mut self) -> Result<i64, Error> {
        let next = match self.next_seq {
            Some(next) => next,
            None => self.tx.next_seq()?,
        };
        self.next_seq = Some(next + 1);
        Ok(next)
    }

    /// Adds a row about a record to the journal. It stays open while a mutation carries its outcome.
    pub(in crate::engine) fn journal(&mut self, slot: &Slot, noted: Noted) -> Result<(), Error> {
        let id = match self.next_journal {
            Some(next) => next,
            None => self.tx.next_journal()?,
        };
        self.next_journal = Some(JournalId(id.0 + 1));
        self.events.push(Event::Journalled {
            collection: slot.collection.clone(),
            id: slot.record.id.clone(),
            row: id,
        });
        let row = JournalRow {
            id,
            at_ms: self.now.wall_ms,
            collection: slot.collection.clone(),
            rid: slot.record.rid,
            record: slot.record.id.clone(),
            situation: noted.situation,
            policy: noted.policy,
            base: noted.base,
            ours: noted.ours,
            theirs: noted.theirs,
            outcome: noted.outcome,
            loser: noted.loser,
            mutation: noted.mutation,
            decided: noted.decided,
            state: match noted.mutation {
                Some(_) => JournalState::Decided,
                None => JournalState::Settled,
            },
            undoes: noted.undoes,
            schema: noted.schema,
        };
        self.journal.insert(id, row);
        Ok(())
    }

    /// Changes the open rows of the journal whose outcome an entry carries, those of this very step included.
    pub(in crate::engine) fn amend(&mut self, carrier: MutationId, change: JournalChange) {
        self.ops.push(Op::AmendJournal { carrier, change });
        self.journal
            .values_mut()
            .filter(|row| row.mutation == Some(carrier) && row.state == JournalState::Decided)
            .for_each(|row| change.apply(row));
    }

    /// Gives the journal of one record to another, the rows of this very step included.
    pub(in crate::engine) fn move_journal(
        &mut self,
        collection: &CollectionName,
        from: Rid,
        to: Rid,
    ) {
        self.ops.push(Op::MoveJournal {
            collection: collection.clone(),
            from,
            to,
        });
        self.journal
            .values_mut()
            .filter(|row| row.collection == *collection && row.rid == from)
            .for_each(|row| row.rid = to);
    }

    /// The stamp of a local write: later than every stamp that this replica has seen.
    pub(in crate::engine) fn stamp(&mut self) -> Result<Stamp, Error> {
        let last = match self.clock {
            Some(last) => last,
            None => self.tx.clock()?,
        };
        let next = if planted::on(Bug::ClockGoesBack) {
            Stamp {
                node: self.config.node,
                ..Stamp::at(self.now.wall_ms)
            }
        } else {
            last.next(self.now.wall_ms, self.config.node)
        };
        self.clock = Some(next);
        Ok(next)
    }

    /// The latest time that a stamp may have.
    pub(in crate::engine) fn latest_ms(&self, skew_ms: i64) -> u64 {
        let wall_ms = self.now.wall_ms;
        wall_ms.max(wall_ms.saturating_add_signed(skew_ms)) + limits::SKEW_MS_MAX
    }

    /// Takes note of a stamp that came from elsewhere, cut to what the clock allows.
    pub(in crate::engine) fn observe(
        &mut self,
        stamp: Option<Stamp>,
        skew_ms: i64,
    ) -> Result<Option<Stamp>, Error> {
        let Some(stamp) = stamp else { return Ok(None) };
        let latest = self.latest_ms(skew_ms);
        let stamp = if stamp.ms > latest {
            Stamp {
                ms: latest,
                ..stamp
            }
        } else {
            stamp
        };
        let last = match self.clock {
            Some(last) => last,
            None => self.tx.clock()?,
        };
        if stamp > last {
            self.observed = true;
        }
        self.clock = Some(last.max(stamp));
        Ok(Some(stamp))
    }
}
