//! What a commit touched, noted without copying documents.
use super::{Key, Token, tokens};
use std::collections::BTreeSet;
use tisync_core::model::{
    CollectionName, FeedKey, FeedState, GroupId, Image, JournalRow, MutationId, POSSIBLE_DUPLICATE,
    Rid, TWINS,
};
use tisync_core::store::Op;

/// What a commit touched.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    /// Records that are new here.
    pub(crate) inserted: Vec<Key>,
    /// Records that turned out to be others, which have all of theirs now.
    pub(crate) merged: Vec<(CollectionName, Rid, Rid)>,
    pub(crate) records: BTreeSet<(CollectionName, Rid)>,
    pub(crate) removed_entries: Vec<i64>,
    pub(crate) groups: BTreeSet<GroupId>,
    pub(crate) journal: Vec<Journalled>,
    pub(crate) feeds: Vec<(FeedKey, FeedState)>,
}

/// A row of the journal.
#[derive(Debug)]
pub(crate) struct Journalled {
    pub(crate) collection: CollectionName,
    pub(crate) rid: Rid,
    pub(crate) tokens: Vec<Token>,
    /// Whether our side was a deletion.
    pub(crate) our_delete: bool,
    /// The mutations that it reports as possible duplicates: then it decides nothing.
    pub(crate) reported: Vec<MutationId>,
}

impl Journalled {
    pub(crate) fn of(row: &JournalRow) -> Self {
        let mut found = Vec::new();
        if row.situation == POSSIBLE_DUPLICATE {
            return Journalled {
                collection: row.collection.clone(),
                rid: row.rid,
                tokens: found,
                our_delete: false,
                reported: row.decided.clone(),
            };
        }
        for image in [&row.base, &row.ours, &row.theirs, &row.outcome] {
            if let Image::Present(document) = image {
                tokens(document.text(), &mut found);
            }
        }
        Journalled {
            collection: row.collection.clone(),
            rid: row.rid,
            tokens: found,
            // Of two records that are one, either may have been deleted.
            our_delete: !row.ours.is_present()
                || row.situation == TWINS && !row.theirs.is_present(),
            reported: Vec::new(),
        }
    }
}

impl Commit {
    pub(crate) fn of(changes: &[Op]) -> Self {
        let mut commit = Commit::default();
        for op in changes {
            commit.note(op);
        }
        commit
    }

    fn note(&mut self, op: &Op) {
        match op {
            Op::Insert { collection, record } => {
                self.inserted.push((collection.clone(), record.id.clone()));
                self.records.insert((collection.clone(), record.rid));
            }
            Op::Update { collection, record } => {
                self.records.insert((collection.clone(), record.rid));
            }
            Op::Head {
                collection, rid, ..
            }
            | Op::Remove { collection, rid }
            | Op::Dirty {
                collection, rid, ..
            }
            | Op::RemoveConflict { collection, rid } => {
                self.records.insert((collection.clone(), *rid));
            }
            Op::Conflict(conflict) => {
                self.records
                    .insert((conflict.collection.clone(), conflict.rid));
            }
            Op::Entry(entry) | Op::EntryState(entry) => {
                self.records.insert((entry.collection.clone(), entry.rid));
                self.groups.extend(entry.group);
            }
            Op::RemoveEntry(seq) => self.removed_entries.push(*seq),
            Op::Journal(row) => self.journal.push(Journalled::of(row)),
            Op::Feed { key, state } => self.feeds.push((key.clone(), state.as_ref().clone())),
            // Of two records that turned out to be one.
            Op::MoveJournal {
                collection,
                from,
                to,
            } => self.merged.push((collection.clone(), *from, *to)),
            Op::Declare { .. }
            | Op::Alias { .. }
            | Op::AmendJournal { .. }
            | Op::PruneJournal { .. }
            | Op::Connector { .. }
            | Op::Seen { .. }
            | Op::ForgetPass { .. }
            | Op::Suspect(_)
            | Op::RemoveSuspicion { .. }
            | Op::Quarantine(_)
            | Op::RemoveQuarantined(_)
            | Op::Meta { .. } => {}
        }
    }
}
