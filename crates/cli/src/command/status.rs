//! `tisync status` and `tisync confirm`
use crate::exit::{Code, Failure};
use crate::output::{Look, Out};
use crate::text::{self, ago, count, duration};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tisync::model::{
    Blocker, ConnectorHealth, ConnectorName, FeedHealth, FeedKey, FeedName, Health, NetworkState,
    Reach, Verified,
};
use tisync::{LeaseState, Replica, needs_person};

/// Milliseconds between two looks of `--watch`.
const WATCH_MS: u64 = 1_000;

/// Tells what waits, since when, and why.
pub(crate) fn once(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    let health = replica.health()?;
    show(replica, &health, out)?;
    Ok(if needs_person(&health) {
        Code::Person
    } else {
        Code::Ok
    })
}

/// Tells it again whenever it changes.
pub(crate) fn watch(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    let mut last = None;
    loop {
        let health = replica.health()?;
        // A terminal shows ages, so it is drawn again each time.
        if out.is_terminal() || last.as_ref() != Some(&health) {
            out.clear();
            show(replica, &health, out)?;
            last = Some(health);
        }
        std::thread::sleep(Duration::from_millis(WATCH_MS));
    }
}

/// Answers a shrink confirmation.
pub(crate) fn confirm(
    replica: &Replica,
    feed: &str,
    delete: bool,
    out: &Out,
) -> Result<Code, Failure> {
    let key = feed.split_once('/').and_then(|(connector, feed)| {
        Some(FeedKey {
            connector: ConnectorName::new(connector).ok()?,
            feed: FeedName::new(feed).ok()?,
        })
    });
    let key = key.ok_or_else(|| {
        Failure::usage(format!(
            "expected a feed as CONNECTOR/FEED, as `tisync status` shows it, but {feed:?} came"
        ))
    })?;
    replica.confirm_shrink(key, delete)?;
    out.line(if delete {
        "the missing records go at the next sync"
    } else {
        "the missing records stay"
    });
    out.object(&json!({"feed": feed, "delete": delete}))?;
    Ok(Code::Ok)
}

/// The health in one line.
pub(crate) fn line(health: &Health) -> String {
    if health.is_synced() {
        return "everything is synced".to_owned();
    }
    let mut parts = vec![outbox(health)];
    if health.conflicts > 0 {
        parts.push(count(health.conflicts, "conflict", "conflicts"));
    }
    for connector in &health.connectors {
        if let Some(error) = &connector.last_error {
            parts.push(format!("{}: {error}", connector.connector));
        }
    }
    parts.join("; ")
}

fn show(replica: &Replica, health: &Health, out: &Out) -> Result<(), Failure> {
    let lease = replica.lease();
    let ownership = replica.ownership()?;
    let mut object = serde_json::to_value(health)?;
    if let Some(object) = object.as_object_mut() {
        object.insert("replica".into(), json!(replica.path()));
        object.insert("lease".into(), serde_json::to_value(&lease)?);
        object.insert("account".into(), json!(ownership.account));
        object.insert("endpoints".into(), json!(ownership.endpoints));
        object.insert("synced".into(), json!(health.is_synced()));
    }
    out.object(&object)?;
    let field = |name: &str, text: String| {
        out.line(format!(
            "{} {text}",
            out.look(Look::Dim, format!("{name:<10}"))
        ));
    };
    field("replica", replica.path().display().to_string());
    if let Some(account) = &ownership.account {
        field("account", account.to_string());
    }
    if let Some(logged_out_ms) = health.logged_out_ms {
        let text = format!("logged out for {}: tisync login", ago(logged_out_ms));
        field("session", out.look(Look::Warn, text));
    }
    field("syncs", holder(&lease));
    field("outbox", outbox(health));
    if health.conflicts > 0 {
        let conflicts = count(health.conflicts, "open conflict", "open conflicts");
        let conflicts = format!("{conflicts}: tisync conflicts list");
        field("conflicts", out.look(Look::Warn, conflicts));
    }
    if health.quarantined > 0 {
        let rows = count(health.quarantined, "pulled row", "pulled rows");
        field(
            "quarantine",
            out.look(Look::Bad, format!("{rows} could not be applied")),
        );
    }
    for waiting in &health.blockers {
        let entries = count(waiting.entries, "entry", "entries");
        let (age, reason) = (ago(waiting.oldest_ms), words(waiting.blocker));
        let text = format!("{entries}, the oldest for {age}: {reason}");
        field("held", out.look(Look::Warn, text));
    }
    for connector in &health.connectors {
        field("connector", connector_line(connector, out));
        for (guarantee, collections) in guarantees(connector) {
            let promise = format!("{}: {guarantee}", collections.join(", "));
            field("", out.look(Look::Dim, promise));
        }
        field("network", network_line(connector, out));
    }
    for feed in &health.feeds {
        field("feed", feed_line(feed, out));
    }
    if health.is_synced() {
        field("all", out.look(Look::Good, "everything is synced"));
    }
    Ok(())
}

/// What is promised, with the collections that it is promised for.
fn guarantees(connector: &ConnectorHealth) -> BTreeMap<&str, Vec<&str>> {
    let mut promises: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (collection, guarantee) in &connector.guarantees {
        promises
            .entry(guarantee)
            .or_default()
            .push(collection.as_str());
    }
    promises
}

fn holder(lease: &LeaseState) -> String {
    match lease {
        LeaseState::Free => "nobody now: run `tisync sync`, or `tisync sync --watch`".to_owned(),
        LeaseState::Held => "this process".to_owned(),
        LeaseState::Elsewhere(Some(holder)) => {
            format!("process {}, for {}", holder.pid, ago(holder.since_ms))
        }
        LeaseState::Elsewhere(None) => "another process".to_owned(),
    }
}

fn outbox(health: &Health) -> String {
    let counts = &health.outbox;
    if counts.total() == 0 {
        return "nothing waits".to_owned();
    }
    let states = [
        (counts.pending, "pending"),
        (counts.in_flight, "in flight"),
        (counts.unknown, "sent without an answer"),
        (counts.held, "held"),
        (counts.parked, "refused (tisync outbox list)"),
    ];
    let mut text = states
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {state}"))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(oldest_ms) = health.oldest_pending_ms {
        text.push_str(&format!("; the oldest waits for {}", ago(oldest_ms)));
    }
    text
}

/// How far requests get, in a few words.
pub(crate) fn reach(state: &NetworkState) -> String {
    let words = match state.reach {
        Reach::Unknown => return "not tried yet".to_owned(),
        Reach::Online => "online",
        Reach::Offline => "offline",
        Reach::CaptivePortal => "something else answers (a sign-in page of the network?)",
        Reach::Unreachable => "unreachable",
    };
    let mut text = format!("{words} for {}", ago(state.since_ms));
    if let Some(why) = &state.why {
        text.push_str(&format!("; {why}"));
    }
    text
}

fn network_line(connector: &ConnectorHealth, out: &Out) -> String {
    let look = match connector.network.reach {
        reach if reach.is_cut_off() => Look::Warn,
        _ => Look::Dim,
    };
    let mut text = out.look(look, reach(&connector.network));
    if connector.listening {
        text.push_str(&out.look(Look::Dim, "; it says when something changes"));
    }
    text
}

fn connector_line(connector: &ConnectorHealth, out: &Out) -> String {
    let mut text = connector.connector.to_string();
    if let Some(blocker) = connector.blocker {
        text.push_str(&format!(": {}", out.look(Look::Warn, words(blocker))));
    }
    if connector.attempts > 0 {
        let failures = count(u64::from(connector.attempts), "failure", "failures");
        text.push_str(&format!("; {failures} in a row"));
    }
    if let Some(next_ms) = connector.next_ms {
        text.push_str(&format!("; next attempt in {}", duration(next_ms)));
    }
    // What the network line says already is not said twice.
    let why = connector.network.why.as_ref();
    if let Some(error) = connector
        .last_error
        .as_ref()
        .filter(|error| why != Some(error))
    {
        text.push_str(&format!("; last error: {error}"));
    }
    text
}

fn feed_line(feed: &FeedHealth, out: &Out) -> String {
    let name = format!("{}/{}", feed.feed.connector, feed.feed.feed);
    let mut text = match (feed.complete_ms, feed.behind) {
        (None, _) => format!("{name}: never pulled to its end"),
        (Some(at), false) => format!("{name}: at its end {} ago", ago(at)),
        (Some(at), true) => format!("{name}: behind; at its end {} ago", ago(at)),
    };
    if let Some(shrink) = &feed.shrink {
        let question = format!(
            "{} of {} records are missing there since {}: tisync confirm {name} --delete or --keep",
            shrink.missing,
            shrink.total,
            text::time(shrink.since_ms)
        );
        text.push_str(&format!("; {}", out.look(Look::Warn, question)));
    }
    if let Some(verified) = &feed.verified {
        text.push_str(&format!("; {}", verified_words(verified)));
    }
    if let Some(error) = &feed.last_error {
        text.push_str(&format!("; last error: {error}"));
    }
    text
}

/// Whether what is here agrees with the server.
pub(super) fn verified_words(verified: &Verified) -> String {
    let mut parts = Vec::new();
    if verified.comparing {
        parts.push("is being compared with the server".to_owned());
    }
    if let Some(at) = verified.at_ms {
        parts.push(format!("agreed with the server {} ago", ago(at)));
    }
    if let Some(last) = &verified.last {
        let records = |number| count(number, "record", "records");
        if last.mended > 0 {
            parts.push(format!(
                "{} that differed were mended",
                records(last.mended)
            ));
        }
        if last.left > 0 {
            parts.push(format!(
                "{} differ and could not be mended",
                records(last.left)
            ));
        }
    }
    parts.join(", ")
}

/// A blocker in words.
pub(crate) fn words(blocker: Blocker) -> &'static str {
    match blocker {
        Blocker::Offline => "the backend cannot be reached",
        Blocker::Credentials => "the backend refuses the credentials",
        Blocker::Conflict => "an open conflict waits for a decision",
        Blocker::ParkedAncestor => "an earlier change of the record was refused",
        Blocker::UnmappedReference => "it refers to a record without an id on the server",
        Blocker::Group => "another member holds its group",
        Blocker::ShrinkConfirmation => "missing records wait for a confirmation",
        Blocker::Stopped => "nobody syncs now",
        Blocker::NoConnector => "the collection has no connector",
        Blocker::LeaseElsewhere => "another process syncs this replica",
        Blocker::Storage => "the local file cannot be written",
        Blocker::Epoch => "the server's history changed: a complete pass comes first",
        Blocker::UpgradeRequired => "the server asks for a newer app",
    }
}
