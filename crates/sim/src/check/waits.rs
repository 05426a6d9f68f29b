//! Waits outlive a process: a device that restarts again and again asks no more often than one that stays.
use super::record::unreadable;
use super::{Checked, Violation};
use tisync_core::model::{ConnectorName, Deadline, FeedKey, Generation, Now};
use tisync_core::store::{Durability, Store, Tx};

/// Milliseconds that a replica still waits after failures, by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits(Vec<(String, u64)>);

impl Waits {
    /// Reads what a store says. `generation`: the lease under which it is read; what was set under another one
    /// counts by the wall clock.
    pub(crate) fn read<S: Store>(
        store: &mut S,
        now: &Now,
        generation: Generation,
        connector: &ConnectorName,
        feeds: impl Iterator<Item = FeedKey>,
    ) -> Checked<Waits> {
        let mut waits = Vec::new();
        let mut note = |what: String, deadline: Option<Deadline>| {
            let ms = deadline.map_or(0, |deadline| deadline.remaining_ms(now, generation));
            waits.push((what, ms));
        };
        let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
        let state = tx
            .connector(connector)
            .map_err(unreadable)?
            .unwrap_or_default();
        note("pushes after a failure".to_owned(), state.next);
        note("what the server asked for".to_owned(), state.not_before);
        note("the next probe".to_owned(), state.probe);
        for feed in feeds {
            let state = tx.feed(&feed).map_err(unreadable)?.unwrap_or_default();
            let failed = state.attempts > 0;
            note(
                format!("{feed:?} after a failure"),
                state.next.filter(|_| failed),
            );
        }
        Ok(Waits(waits))
    }

    /// Checks that a new process waits for as long as was left to the one before it.
    pub(crate) fn are_kept(&self, after: &Waits) -> Checked {
        for ((what, before_ms), (_, after_ms)) in self.0.iter().zip(&after.0) {
            if after_ms < before_ms {
                let message = format!(
                    "{what}: {before_ms} ms were left, and a new process waits for {after_ms} ms"
                );
                return Err(Violation::new("polite", message));
            }
        }
        Ok(())
    }
}
