//! Schedule: what each connector does next, and when to wake.
use super::memory::{Asked, Kind, Open};
use super::network::Turn;
use super::work::Work;
use super::{check, listen, look, network, pull, push, sweep, unknown, verdict, verify};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, EntryKey, Tx};

/// Lets every idle connector do what is due, and says when to come back.
pub(super) fn run<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let mut wait_ms: Option<u64> = None;
    let mut sooner = |ms: u64| wait_ms = Some(wait_ms.map_or(ms, |known| known.min(ms)));
    let may_exchange = !work.memory.stopped && !work.memory.logged_out;
    if may_exchange && work.memory.generation.is_some() {
        for connector in work.config.connectors.keys() {
            if let Some(ms) = run_connector(work, connector)? {
                sooner(ms);
            }
            if let Some(ms) = listen::run(work, connector)? {
                sooner(ms);
            }
        }
    }
    let now_ms = work.now.monotonic_ms;
    for open in work.memory.open.values() {
        sooner(open.deadline_ms.saturating_sub(now_ms));
    }
    if work.memory.generation.is_some()
        && let Some(ms) = next_decision(work)?
    {
        sooner(ms);
    }
    let monotonic_ms = wait_ms
        .map(|ms| now_ms + ms)
        .filter(|_| !planted::on(Bug::NoWakeUp));
    work.outputs.push(Output::WakeAt { monotonic_ms });
    Ok(())
}

/// Lets one connector do the next thing; returns the milliseconds until something is due.
fn run_connector<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<Option<u64>, Error> {
    if work.memory.is_busy(connector) {
        return Ok(None);
    }
    let state = work.connector(connector)?.clone();
    if state.refused == Some(state.revision) {
        let asked = (connector.clone(), state.revision);
        if work.memory.asked.insert(asked) {
            work.outputs.push(Output::CredentialsNeeded {
                connector: connector.clone(),
                revision: state.revision,
            });
        }
        return Ok(None);
    }
    let asked_ms = work.remaining_ms(state.not_before);
    if asked_ms > 0 {
        return Ok(Some(asked_ms));
    }
    let mut wait: Option<u64> = None;
    let mut sooner = |ms: u64| wait = Some(wait.map_or(ms, |known: u64| known.min(ms)));
    match network::probe(work, connector, &state)? {
        Turn::Taken => return Ok(None),
        Turn::Waits(wait_ms) => return Ok(wait_ms),
        Turn::Free(wait_ms) => wait_ms.into_iter().for_each(&mut sooner),
    }

    let (mut new_history, mut unheard) = (false, false);
    let feeds = work.feeds_of(connector);
    for (key, collections) in &feeds {
        if sweep::sweep(work, key, collections)? {
            // One slice a step; the next as soon as this one is stored.
            sooner(0);
        }
        let feed = work.feed(key)?;
        unheard |= feed.unheard;
        new_history |= feed.is_new_history();
    }
    let may_push = !new_history && !state.upgrade_required;
    let push_wait = work.remaining_ms(state.next);
    let last = match check::is_open(work, connector) {
        // What was just read is written before anything else.
        true => None,
        false => work.memory.last.get(connector).copied(),
    };
    let mut kinds = Kind::turns(last);
    if state.attempts > 0 && last == Some(Kind::Pull) {
        // What goes on failing must not keep look-ups from their turn: perhaps it waits for one.
        kinds.swap(0, 1);
    }
    for kind in kinds {
        let is_sent = match kind {
            Kind::Push => may_push && push_wait == 0 && push::send(work, connector)?,
            Kind::Fetch if push_wait == 0 && !unheard => {
                let wanted = look::wanted(work, connector)?;
                wanted.wait_ms.into_iter().for_each(&mut sooner);
                look_up(work, connector, wanted)?
            }
            Kind::Fetch | Kind::Probe | Kind::Verify => false,
            Kind::Pull => match pull_next(work, connector, &feeds, may_push)? {
                None => true,
                Some(wait) => {
                    wait.into_iter().for_each(&mut sooner);
                    false
                }
            },
        };
        if is_sent {
            work.memory.last.insert(connector.clone(), kind);
            return Ok(None);
        }
    }
    if push_wait > 0 {
        sooner(push_wait);
    }
    for (key, collections) in &feeds {
        match verify::turn(work, key, collections)? {
            verify::Turn::Ordered => return Ok(None),
            verify::Turn::Slice => sooner(0),
            verify::Turn::Waits(wait) => wait.into_iter().for_each(&mut sooner),
        }
    }
    Ok(wait)
}

/// Looks records up; says whether there were any to look up.
fn look_up<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    wanted: look::Lookups,
) -> Result<bool, Error> {
    let (asked, wanted) = if !wanted.ids.is_empty() {
        (Asked::Fetch(wanted.ids.clone()), Wanted::Ids(wanted.ids))
    } else if !wanted.marks.is_empty() {
        (
            Asked::Marks(wanted.marks.clone()),
            Wanted::Marks(wanted.marks),
        )
    } else {
        return Ok(false);
    };
    let request = work.entropy.request();
    work.order(connector, request, asked, Task::Fetch(wanted))?;
    Ok(true)
}

/// Asks for a page of the next feed that is due, in turns; else says when the first one will be.
fn pull_next<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    feeds: &[(FeedKey, &[CollectionName])],
    may_push: bool,
) -> Result<Option<Option<u64>>, Error> {
    let last = work.memory.last_feed.get(connector).cloned();
    let (before, after): (Vec<_>, Vec<_>) = feeds
        .iter()
        .partition(|(key, _)| last.as_ref().is_some_and(|last| key.feed <= *last));
    let mut wait: Option<u64> = None;
    for (key, collections) in after.into_iter().chain(before) {
        let feed = work.feed(key)?;
        let (next, is_told) = (feed.next, !feed.is_new_history());
        let ms = work.remaining_ms(next);
        if is_told && may_push && unknown::comes_first(work, collections)? {
            continue;
        }
        if ms == 0 {
            pull::ask(work, key, collections)?;
            let feed = key.feed.clone();
            work.memory.last_feed.insert(connector.clone(), feed);
            return Ok(None);
        }
        wait = Some(wait.map_or(ms, |known| known.min(ms)));
    }
    Ok(Some(wait))
}

/// Milliseconds until the fallback decides the next conflict whose functions do not answer.
fn next_decision<T: Tx>(work: &mut Work<'_, T>) -> Result<Option<u64>, Error> {
    let mut least = None;
    for conflict in super::verbs::asked(work)? {
        let ms = work.remaining_ms(conflict.deadline);
        least = Some(least.map_or(ms, |known: u64| known.min(ms)));
    }
    Ok(least)
}

/// The wait after `attempts` failures in a row: doubling, capped, half of it by chance.
pub(super) fn backoff<T: Tx>(work: &mut Work<'_, T>, attempts: u32) -> u64 {
    let full = limits::BACKOFF_FIRST_MS
        .saturating_mul(1 << attempts.saturating_sub(1).min(20))
        .min(limits::BACKOFF_MAX_MS);
    full / 2 + work.entropy.below(full / 2 + 1)
}

/// Notes a failure of a whole request.
pub(super) fn failed<T: Tx>(
    work: &mut Work<'_, T>,
    open: &Open,
    failure: &Failure,
) -> Result<(), Error> {
    let connector = &open.connector;
    let asked_ms = match failure.kind {
        FailureKind::Retry { after_ms } => after_ms.map(|ms| ms.min(limits::RETRY_AFTER_MAX_MS)),
        _ => None,
    };
    match &failure.kind {
        FailureKind::Credentials | FailureKind::WrongAccount => {
            return refused(work, connector, open.revision, failure);
        }
        // Of what was certainly not carried out, each entry has said already whether the app is too old.
        FailureKind::UpgradeRequired
            if matches!(open.asked.kind(), Kind::Push | Kind::Fetch)
                && !failure.is_of_older_schema() =>
        {
            work.set_connector(connector, |state| state.upgrade_required = true)?;
        }
        _ => {}
    }
    let is_suspicious = network::is_suspicious(&failure.kind);
    match &open.asked {
        Asked::Probe if is_suspicious => {
            network::probed(work, connector, failure)?;
            work.event(Event::Health);
            return Ok(());
        }
        Asked::Probe => {}
        Asked::Pull { feed, .. } => feed_failed(work, feed, &failure.message)?,
        Asked::Digest { feed, .. } | Asked::Mend(feed) => verify::failed(work, feed)?,
        Asked::Push | Asked::Fetch(_) | Asked::Marks(_) | Asked::Check(_) => {
            let state = work.connector(connector)?;
            let attempts = state.attempts.saturating_add(1);
            // Fewer go at once. A lone one whose answer was too large would have the same answer again.
            let is_smaller = failure.not_sent || state.items_max.is_some_and(|items| items > 1);
            let wait = match failure.kind {
                FailureKind::TooLarge if is_smaller => 0,
                _ => backoff(work, attempts),
            };
            let next = work.after(wait);
            work.set_connector(connector, |state| {
                state.attempts = attempts;
                state.next = Some(next);
                state.last_error = Some(failure.message.clone());
            })?;
        }
    }
    match is_suspicious {
        true => network::suspect(work, connector)?,
        false => network::reached(work, connector)?,
    }
    // What the server asks for holds for everything that is sent to it.
    if let Some(ms) = asked_ms {
        wait_as_asked(work, connector, ms)?;
    }
    work.event(Event::Health);
    Ok(())
}

/// Notes that the backend refused the credentials of a revision; newer ones that came meanwhile are not refused
/// by this.
pub(super) fn refused<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    revision: u64,
    failure: &Failure,
) -> Result<(), Error> {
    if !failure.not_sent {
        network::reached(work, connector)?;
    }
    work.set_connector(connector, |state| {
        state.refused = Some(revision);
        state.last_error = Some(failure.message.clone());
    })?;
    work.event(Event::Health);
    Ok(())
}

/// Keeps everything that goes to a connector back for as long as the server asked.
pub(super) fn wait_as_asked<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    ms: u64,
) -> Result<(), Error> {
    if planted::on(Bug::RetryAfterIgnored) {
        return Ok(());
    }
    let ms = ms.min(limits::RETRY_AFTER_MAX_MS);
    let known = work.connector(connector)?.not_before;
    if work.remaining_ms(known) >= ms {
        return Ok(());
    }
    let asked = work.after(ms);
    work.set_connector(connector, |state| state.not_before = Some(asked))
}

/// Notes that a feed could not be pulled.
pub(super) fn feed_failed<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    message: &str,
) -> Result<(), Error> {
    let attempts = work.feed(key)?.attempts.saturating_add(1);
    let wait = backoff(work, attempts);
    let next = work.after(wait);
    work.set_feed(key, |state| {
        state.attempts = attempts;
        state.next = Some(next);
        state.last_error = Some(message.to_owned());
    })
}

/// Notes that a connector answered as it should.
pub(super) fn succeeded<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    kind: Kind,
) -> Result<(), Error> {
    network::reached(work, connector)?;
    let proves_pushes = matches!(kind, Kind::Push | Kind::Fetch);
    work.set_connector(connector, |state| {
        if proves_pushes {
            state.attempts = 0;
            state.last_error = None;
            state.next = None;
        }
        if kind == Kind::Push {
            // A limit that was learnt from one large batch is tried again, step by step.
            state.items_max = state
                .items_max
                .map(|items| items * 2)
                .filter(|items| *items < limits::PUSH_ITEMS_MAX);
        }
    })
}

/// Ends the waits that we chose ourselves: the user, or a new network, asks for an attempt now.
pub(super) fn hurry<T: Tx>(work: &mut Work<'_, T>, connector: &ConnectorName) -> Result<(), Error> {
    let now = work.after(0);
    work.set_connector(connector, |state| {
        state.next = None;
        state.probe = state.probe.map(|_| now);
    })?;
    for (key, _) in work.feeds_of(connector) {
        work.set_feed(&key, |state| state.next = None)?;
    }
    Ok(())
}

/// Gives up on requests whose answer did not come in time.
pub(super) fn expire<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let now_ms = work.now.monotonic_ms;
    let message = format!("no answer within {} s", limits::REQUEST_DEADLINE_MS / 1000);
    give_up(work, |open| open.deadline_ms <= now_ms, &message)
}

/// Gives up on some of the requests that are under way.
pub(super) fn give_up<T: Tx>(
    work: &mut Work<'_, T>,
    which: impl Fn(&Open) -> bool,
    message: &str,
) -> Result<(), Error> {
    let open = work.memory.open.iter();
    let given_up: Vec<RequestId> = open
        .filter(|(_, open)| which(open))
        .map(|(request, _)| *request)
        .collect();
    for request in given_up {
        let failure = Failure::new(FailureKind::Offline, false, message);
        let reply = match work.memory.open.get(&request).map(|open| &open.asked) {
            Some(Asked::Pull { .. }) => Reply::Pulled(Err(failure)),
            Some(Asked::Push) => Reply::Pushed(Err(failure)),
            Some(Asked::Probe) => Reply::Probed(Err(failure)),
            Some(Asked::Digest { .. }) => Reply::Digested(Err(failure)),
            Some(Asked::Fetch(_) | Asked::Marks(_) | Asked::Check(_) | Asked::Mend(_)) | None => {
                Reply::Fetched(Err(failure))
            }
        };
        super::answer::answered(work, request, 0, reply)?;
    }
    Ok(())
}

/// Turns what was in flight under an older lease into unknown.
pub(super) fn orphan<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    if planted::on(Bug::OrphansStayInFlight) {
        return Ok(());
    }
    let entries = work.tx.entries(EntryFilter::InFlight, None, usize::MAX)?;
    push::load(
        work,
        &entries.iter().map(EntryKey::from).collect::<Vec<_>>(),
    )?;
    for entry in entries {
        verdict::settle(work, &entry, Verdict::Unknown)?;
    }
    Ok(())
}

/// Takes the waits of an earlier process over: what is left of them by the wall clock now, and from here on by
/// the monotonic clock, so that a clock that is set back stalls nothing.
pub(super) fn carry_over<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    for connector in work.config.connectors.keys() {
        let state = work.connector(connector)?.clone();
        let next = left(work, state.next).filter(|_| !planted::on(Bug::BackoffForgotten));
        let not_before = left(work, state.not_before);
        let probe = left(work, state.probe);
        work.set_connector(connector, |state| {
            state.next = next;
            state.not_before = not_before;
            state.probe = probe;
        })?;
        for (key, _) in work.feeds_of(connector) {
            let feed = work.feed(&key)?;
            let (next, verify, walk) = (feed.next, feed.verification.next, feed.walk);
            let next = left(work, next).filter(|_| !planted::on(Bug::BackoffForgotten));
            let verify = left(work, verify);
            let walk = left(work, walk);
            work.set_feed(&key, |state| {
                state.next = next;
                state.verification.next = verify;
                state.walk = walk;
            })?;
        }
        listen::poll_soon(work, connector)?;
    }
    Ok(())
}

fn left<T: Tx>(work: &Work<'_, T>, wait: Option<Deadline>) -> Option<Deadline> {
    wait.map(|wait| work.after(work.remaining_ms(Some(wait))))
}
