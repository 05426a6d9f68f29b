//! Journals an entry that was given up: what it would have made, and what stands in its place.
use super::slot::Slot;
use super::work::{Noted, Work};
use crate::error::Error;
use crate::model::*;
use crate::store::Tx;

/// An entry that was given up.
pub(super) struct GivenUp {
    /// Its key.
    pub(super) entry: MutationId,
    /// Where it stood.
    pub(super) situation: String,
    /// Who gave it up, or what.
    pub(super) policy: String,
    /// The record before it.
    pub(super) before: Image,
    /// The record with it.
    pub(super) ours: Image,
    /// What stands instead.
    pub(super) stands: Image,
    /// The number of the images' schema.
    pub(super) schema: u32,
}

/// Adds the row.
pub(super) fn journal<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    of: GivenUp,
) -> Result<(), Error> {
    work.journal(
        slot,
        Noted {
            situation: of.situation,
            policy: of.policy,
            base: of.before,
            ours: of.ours,
            theirs: of.stands.clone(),
            outcome: of.stands,
            loser: Loser::Ours,
            mutation: None,
            decided: vec![of.entry],
            undoes: None,
            schema: of.schema,
        },
    )
}
