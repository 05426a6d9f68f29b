//! How far requests get: what failed is probed, and while a backend is not reached only probes go to it.
use super::memory::Asked;
use super::schedule::{backoff, hurry};
use super::work::Work;
use super::{listen, schedule};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;

/// Whether a failure may be the network's fault; any other proves that the backend answers.
pub(super) fn is_suspicious(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Offline | FailureKind::NotThisProtocol)
}

/// A request failed, perhaps for want of a network: a probe goes out before anything else. If it gets through, the
/// trouble is that request's own, and its back-off is all that follows.
pub(super) fn suspect<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<(), Error> {
    if !work.connector(connector)?.network.reach.is_cut_off() {
        probe_in(work, connector, 0)?;
    }
    Ok(())
}

/// The backend answered something. After it was not reached, everything that waited goes at once.
pub(super) fn reached<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<(), Error> {
    let before = work.connector(connector)?.network.reach;
    work.set_connector(connector, |state| {
        state.probe = None;
        state.probes = 0;
    })?;
    if before == Reach::Online {
        return Ok(());
    }
    stand(work, connector, Reach::Online, None)?;
    if before.is_cut_off() {
        work.set_connector(connector, |state| {
            state.attempts = 0;
            state.last_error = None;
        })?;
        hurry(work, connector)?;
        listen::hurry(work, connector);
    }
    Ok(())
}

/// Uses the answer to a probe.
pub(super) fn probed<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    failure: &Failure,
) -> Result<(), Error> {
    let reach = match failure.kind {
        FailureKind::NotThisProtocol => Reach::CaptivePortal,
        _ if work.memory.offline => Reach::Offline,
        _ => Reach::Unreachable,
    };
    let probes = work.connector(connector)?.probes.saturating_add(1);
    // A backend that is not reached is looked for no more rarely than one that is reached is polled.
    let poll_ms = work
        .config
        .connectors
        .get(connector)
        .map_or(limits::POLL_MS, |config| config.poll_ms);
    let wait = backoff(work, probes).min(poll_ms.max(limits::BACKOFF_FIRST_MS));
    let next = work.after(wait);
    work.set_connector(connector, |state| {
        state.probes = probes;
        state.probe = (!planted::on(Bug::ProbeOnce)).then_some(next);
        state.last_error = Some(failure.message.clone());
    })?;
    stand(work, connector, reach, Some(&failure.message))
}

/// Uses the host's signal: where it contradicts what is known, a probe finds out, but not more often than
/// [`limits::SIGNAL_GAP_MS`].
pub(super) fn signalled<T: Tx>(work: &mut Work<'_, T>, online: bool) -> Result<(), Error> {
    work.memory.offline = !online;
    let mut wait = None;
    for connector in work.config.connectors.keys() {
        let state = work.connector(connector)?;
        let is_cut_off = state.network.reach.is_cut_off();
        if online == is_cut_off {
            let wait_ms = *wait.get_or_insert_with(|| signal_wait(work));
            if !is_due_within(work, connector, wait_ms)? {
                probe_in(work, connector, wait_ms)?;
            }
        }
    }
    work.event(Event::Health);
    Ok(())
}

/// Milliseconds until a signal may cause a probe.
fn signal_wait<T: Tx>(work: &mut Work<'_, T>) -> u64 {
    let now_ms = work.now.monotonic_ms;
    let at_ms = match work.memory.signalled_ms {
        Some(last_ms) if last_ms > now_ms => last_ms,
        Some(last_ms) => now_ms.max(last_ms + limits::SIGNAL_GAP_MS),
        None => now_ms,
    };
    work.memory.signalled_ms = Some(at_ms);
    at_ms - now_ms
}

fn is_due_within<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    wait_ms: u64,
) -> Result<bool, Error> {
    let probe = work.connector(connector)?.probe;
    Ok(probe.is_some() && work.remaining_ms(probe) <= wait_ms)
}

/// The device slept: what was asked before is over, whatever the clock of the requests says.
pub(super) fn woke<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    schedule::give_up(
        work,
        |_| true,
        "the device slept while an answer was awaited",
    )?;
    listen::forget(work)?;
    for connector in work.config.connectors.keys() {
        hurry(work, connector)?;
    }
    work.event(Event::Health);
    Ok(())
}

/// Sends a probe, if one is due: nothing else goes before it, and while the backend is not reached nothing else
/// goes at all. Otherwise says what may go on, and how long until the probe.
pub(super) fn probe<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    state: &ConnectorState,
) -> Result<Turn, Error> {
    if work.memory.offline && planted::on(Bug::SignalBelieved) {
        return Ok(Turn::Waits(None));
    }
    let wait_ms = match state.probe {
        Some(probe) => work.remaining_ms(Some(probe)),
        None if state.network.reach.is_cut_off() => return Ok(Turn::Waits(None)),
        None => return Ok(Turn::Free(None)),
    };
    if wait_ms == 0 {
        let request = work.entropy.request();
        work.order(connector, request, Asked::Probe, Task::Probe)?;
        return Ok(Turn::Taken);
    }
    Ok(match state.network.reach.is_cut_off() {
        true => Turn::Waits(Some(wait_ms)),
        false => Turn::Free(Some(wait_ms)),
    })
}

/// Whose turn it is at a connector.
pub(super) enum Turn {
    /// The probe's: it was sent.
    Taken,
    /// The probe's, in so many milliseconds.
    Waits(Option<u64>),
    /// Anything else's; a probe is due in so many milliseconds, if at all.
    Free(Option<u64>),
}

fn probe_in<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    wait_ms: u64,
) -> Result<(), Error> {
    let probe = work.after(wait_ms);
    work.set_connector(connector, |state| state.probe = Some(probe))
}

/// Notes how far requests get, and tells the app when that changed.
fn stand<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    reach: Reach,
    why: Option<&str>,
) -> Result<(), Error> {
    let now_ms = work.now.wall_ms;
    let before = work.connector(connector)?.network.clone();
    let state = NetworkState {
        reach,
        since_ms: if before.reach == reach {
            before.since_ms
        } else {
            now_ms
        },
        why: why.map(str::to_owned),
    };
    if before.reach != reach {
        work.event(Event::Network {
            connector: connector.clone(),
            state: state.clone(),
        });
    }
    work.set_connector(connector, |stored| stored.network = state)
}
