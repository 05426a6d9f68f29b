//! Manners: nothing is sent before the time that the server asked for.
use super::{Checked, Violation};
use tisync_core::limits::RETRY_AFTER_MAX_MS;
use tisync_core::model::{Failure, FailureKind, Reply, Verdict};

/// What the server asked of one replica.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    at: Moment,
    wait_ms: u64,
}

/// A moment by the clocks of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic_ms: u64,
    pub(crate) wall_ms: u64,
}

impl Manners {
    /// How long a reply asks to wait.
    pub(crate) fn wait_ms(reply: &Reply) -> Option<u64> {
        let wait_ms = match reply {
            Reply::Pushed(Ok(pushed)) => pushed
                .verdicts
                .iter()
                .filter_map(|(_, verdict)| deferred(verdict))
                .max(),
            reply => reply.failure().and_then(after),
        };
        wait_ms.map(|ms| ms.min(RETRY_AFTER_MAX_MS))
    }

    /// Notes what was asked for.
    pub(crate) fn heard(&mut self, wait_ms: u64, at: Moment) {
        self.asked = Some(Asked { at, wait_ms });
    }

    /// A new process has taken over: from here on its own clock counts.
    pub(crate) fn carried_over(&mut self, now: Moment) {
        if let Some(asked) = &mut self.asked {
            let elapsed_ms = now.wall_ms.saturating_sub(asked.at.wall_ms);
            asked.wait_ms = asked.wait_ms.saturating_sub(elapsed_ms);
            asked.at = now;
        }
    }

    /// Forgets what was asked for: the device lost it together with its power.
    pub(crate) fn forget(&mut self) {
        self.asked = None;
    }

    /// Checks that something may be sent now.
    pub(crate) fn check(&mut self, now: Moment) -> Checked {
        let Some(asked) = &self.asked else {
            return Ok(());
        };
        let elapsed_ms = now.monotonic_ms.saturating_sub(asked.at.monotonic_ms);
        if elapsed_ms >= asked.wait_ms {
            // It is over, whatever a clock says that is set back later.
            self.asked = None;
            return Ok(());
        }
        let message = format!(
            "the server asked to wait {} ms, and {elapsed_ms} ms have passed",
            asked.wait_ms
        );
        Err(Violation::new("polite", message))
    }
}

fn after(failure: &Failure) -> Option<u64> {
    match failure.kind {
        FailureKind::Retry { after_ms } => after_ms,
        _ => None,
    }
}

fn deferred(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Deferred { after_ms } => Some(*after_ms),
        _ => None,
    }
}
