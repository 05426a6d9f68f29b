//! Listen: a backend tells when something changes. It only says "pull soon": what it does not say is found by
//! polls, which are rarer meanwhile and go on.
use super::network;
use super::schedule::{backoff, refused, wait_as_asked};
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;

/// A connector's ear, beside its exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    /// The order to listen that is under way.
    open: Option<Open>,
    /// Breaks in a row.
    attempts: u32,
    /// Monotonic time before which it is not tried again.
    next_ms: u64,
}

#[derive(Clone, Debug)]
struct Open {
    request: RequestId,
    /// The credentials' revision that it went out with.
    revision: u64,
    /// Monotonic time since which the backend tells.
    alive_ms: Option<u64>,
}

impl Listener {
    /// Whether the backend tells.
    pub(super) fn is_alive(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.alive_ms.is_some())
    }
}

/// Orders to listen, where the backend gives hints and is reached; else says how long until then.
pub(super) fn run<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<Option<u64>, Error> {
    if !work.memory.listens || !gives_hints(work, connector) {
        return Ok(None);
    }
    let state = work.connector(connector)?.clone();
    if state.network.reach != Reach::Online || state.refused == Some(state.revision) {
        return Ok(None);
    }
    let asked_ms = work.remaining_ms(state.not_before);
    if asked_ms > 0 {
        return Ok(Some(asked_ms));
    }
    let now_ms = work.now.monotonic_ms;
    let listener = work.memory.listeners.entry(connector.clone()).or_default();
    if listener.open.is_some() {
        return Ok(None);
    }
    if listener.next_ms > now_ms {
        return Ok(Some(listener.next_ms - now_ms));
    }
    let request = work.entropy.request();
    let open = Open {
        request,
        revision: state.revision,
        alive_ms: None,
    };
    if let Some(listener) = work.memory.listeners.get_mut(connector) {
        listener.open = Some(open);
    }
    let feeds = work.config.connectors.get(connector);
    let feeds = feeds.map(|config| config.feeds.clone()).unwrap_or_default();
    work.outputs.push(Output::Order(Order {
        request,
        generation: work.generation(),
        connector: connector.clone(),
        task: Task::Listen(ListenRequest { feeds }),
    }));
    Ok(None)
}

fn gives_hints<T: Tx>(work: &Work<'_, T>, connector: &ConnectorName) -> bool {
    let is_live = work
        .config
        .connectors
        .get(connector)
        .is_some_and(|config| config.live);
    is_live
        && work.config.collections.values().any(|collection| {
            collection.connector.as_ref() == Some(connector) && collection.capability.hints
        })
}

/// Uses what became of an order to listen; one of an ear that is gone says nothing.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    request: RequestId,
    reply: &Reply,
) -> Result<(), Error> {
    let now_ms = work.now.monotonic_ms;
    let mut listeners = work.memory.listeners.iter_mut();
    let found = listeners.find_map(|(connector, listener)| {
        let open = listener.open.as_mut()?;
        (open.request == request).then(|| (connector.clone(), open.revision, open))
    });
    let Some((connector, revision, open)) = found else {
        return Ok(());
    };
    let end = match reply {
        Reply::Listened(end) => Some(end),
        _ => {
            open.alive_ms.get_or_insert(now_ms);
            None
        }
    };
    work.event(Event::Health);
    let Some(end) = end else {
        network::reached(work, &connector)?;
        // What changed before it could tell.
        return hint(work, &connector);
    };
    broke(work, &connector)?;
    let Err(failure) = end else { return Ok(()) };
    match &failure.kind {
        FailureKind::Credentials | FailureKind::WrongAccount => {
            refused(work, &connector, revision, failure)
        }
        FailureKind::Retry {
            after_ms: Some(after_ms),
        } => wait_as_asked(work, &connector, *after_ms),
        kind if network::is_suspicious(kind) => network::suspect(work, &connector),
        _ => Ok(()),
    }
}

/// An ear broke: it is tried again after a wait, and until then the feeds are polled as often as without.
fn broke<T: Tx>(work: &mut Work<'_, T>, connector: &ConnectorName) -> Result<(), Error> {
    let now_ms = work.now.monotonic_ms;
    let Some(mut listener) = work.memory.listeners.remove(connector) else {
        return Ok(());
    };
    let alive_ms = listener.open.take().and_then(|open| open.alive_ms);
    let was_steady = alive_ms.is_some_and(|since| now_ms - since >= limits::LISTEN_STEADY_MS);
    listener.attempts = if was_steady { 1 } else { listener.attempts + 1 };
    listener.next_ms = now_ms + backoff(work, listener.attempts);
    work.memory.listeners.insert(connector.clone(), listener);
    poll_soon(work, connector)
}

/// Every ear is closed: sync stops, or the device slept.
pub(super) fn forget<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    for connector in std::mem::take(&mut work.memory.listeners).into_keys() {
        poll_soon(work, &connector)?;
    }
    Ok(())
}

/// Brings the polls forward that a listener had put off.
pub(super) fn poll_soon<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<(), Error> {
    let poll_ms = poll_ms(work, connector);
    for (key, _) in work.feeds_of(connector) {
        let feed = work.feed(&key)?;
        let (next, failed) = (feed.next, feed.attempts > 0);
        if !failed && work.remaining_ms(next) > poll_ms {
            let next = work.after(poll_ms);
            work.set_feed(&key, |state| state.next = Some(next))?;
        }
    }
    Ok(())
}

/// Listens at once: the backend is reached again.
pub(super) fn hurry<T: Tx>(work: &mut Work<'_, T>, connector: &ConnectorName) {
    if let Some(listener) = work.memory.listeners.get_mut(connector) {
        listener.next_ms = 0;
    }
}

/// Something may have changed: the feeds are due, unless they wait after a failure.
pub(super) fn hint<T: Tx>(work: &mut Work<'_, T>, connector: &ConnectorName) -> Result<(), Error> {
    for (key, _) in work.feeds_of(connector) {
        if work.feed(&key)?.attempts > 0 {
            continue;
        }
        if work.memory.is_pulled(&key) {
            // The page that is on its way may have been read before the change.
            work.memory.hinted.insert(key);
            continue;
        }
        let wait_ms = gap(work, &key);
        let next = work.feed(&key)?.next;
        if next.is_some() && work.remaining_ms(next) > wait_ms {
            let soon = (wait_ms > 0).then(|| work.after(wait_ms));
            work.set_feed(&key, |state| state.next = soon)?;
        }
    }
    Ok(())
}

/// When a feed that is at its end is pulled next.
pub(super) fn next_pull<T: Tx>(work: &mut Work<'_, T>, key: &FeedKey) -> Option<Deadline> {
    work.memory
        .pulled_ms
        .insert(key.clone(), work.now.monotonic_ms);
    let wait_ms = match work.memory.hinted.remove(key) {
        true => gap(work, key),
        false => poll_ms(work, &key.connector),
    };
    Some(work.after(wait_ms))
}

/// Milliseconds until a hint may cause a pull of a feed.
fn gap<T: Tx>(work: &Work<'_, T>, key: &FeedKey) -> u64 {
    let elapsed = work
        .memory
        .pulled_ms
        .get(key)
        .map(|at| work.now.monotonic_ms.saturating_sub(*at));
    elapsed.map_or(0, |elapsed| limits::HINT_GAP_MS.saturating_sub(elapsed))
}

/// Milliseconds between two polls of a connector's feeds now.
pub(super) fn poll_ms<T: Tx>(work: &Work<'_, T>, connector: &ConnectorName) -> u64 {
    let poll_ms = work
        .config
        .connectors
        .get(connector)
        .map_or(limits::POLL_MS, |config| config.poll_ms);
    match work.memory.listeners.get(connector) {
        Some(listener) if listener.is_alive() && planted::on(Bug::HintsReplacePolls) => {
            u64::MAX >> 8
        }
        Some(listener) if listener.is_alive() => poll_ms.max(limits::LIVE_POLL_MS),
        _ => poll_ms,
    }
}
