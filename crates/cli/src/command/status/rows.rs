//! The rows of `tisync status`.
use super::seen::Seen;
use super::words::{outbox, reach, remedy, verified_words, words};
use crate::output::{Look, Out};
use crate::text::{self, ago, count, duration};
use std::collections::BTreeMap;
use tisync::LeaseState;
use tisync::model::{Blocker, ConnectorHealth, FeedHealth};

/// Everything in lines for people.
pub(super) fn rows(seen: &Seen, rates: Option<&str>, out: &Out) -> Vec<String> {
    let health = &seen.health;
    let mut rows = Rows {
        out,
        rows: Vec::new(),
    };
    rows.add("replica", seen.path.display().to_string());
    if let Some(account) = &seen.ownership.account {
        rows.add("account", account.to_string());
    }
    if let Some(logged_out_ms) = health.logged_out_ms {
        let text = format!("logged out for {}: tisync login", ago(logged_out_ms));
        rows.add("session", out.look(Look::Warn, text));
    }
    rows.add("syncs", holder(&seen.lease, out));
    if let Some(traffic) = &seen.traffic {
        let total = text::traffic(traffic);
        rows.add(
            "traffic",
            match rates {
                Some(rates) => format!("{rates}; in all {total}"),
                None => total,
            },
        );
    }
    rows.add("outbox", outbox(health));
    if health.conflicts > 0 {
        let conflicts = count(health.conflicts, "open conflict", "open conflicts");
        let conflicts = format!("{conflicts}: tisync conflicts list");
        rows.add("conflicts", out.look(Look::Warn, conflicts));
    }
    if health.quarantined > 0 {
        let count = count(health.quarantined, "pulled row", "pulled rows");
        rows.add(
            "quarantine",
            out.look(Look::Bad, format!("{count} could not be applied")),
        );
    }
    for waiting in &health.blockers {
        let entries = count(waiting.entries, "entry", "entries");
        let (age, reason) = (ago(waiting.oldest_ms), words(waiting.blocker));
        let text = format!("{entries}, the oldest for {age}: {reason}");
        rows.add("held", out.look(Look::Warn, text));
        rows.advise(waiting.blocker);
    }
    for connector in &health.connectors {
        rows.add("connector", connector_line(connector, out));
        let told = |blocker: &Blocker| health.blockers.iter().any(|one| one.blocker == *blocker);
        if let Some(blocker) = connector.blocker.filter(|blocker| !told(blocker)) {
            rows.advise(blocker);
        }
        for (guarantee, collections) in guarantees(connector) {
            let promise = format!("{}: {guarantee}", collections.join(", "));
            rows.add("", out.look(Look::Dim, promise));
        }
        rows.add("network", network_line(connector, out));
    }
    for feed in &health.feeds {
        rows.add("feed", feed_line(feed, out));
    }
    if health.is_synced() {
        rows.add("all", out.look(Look::Good, "everything is synced"));
    }
    rows.rows
}

struct Rows<'a> {
    out: &'a Out,
    rows: Vec<String>,
}

impl Rows<'_> {
    fn add(&mut self, name: &str, text: String) {
        let name = self.out.look(Look::Dim, format!("{name:<10}"));
        self.rows.push(format!("{name} {text}"));
    }

    fn advise(&mut self, blocker: Blocker) {
        let advice = format!("→ {}", remedy(blocker));
        self.add("", self.out.look(Look::Dim, advice));
    }
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

fn holder(lease: &LeaseState, out: &Out) -> String {
    match lease {
        LeaseState::Free => "nobody now: run `tisync sync`, or `tisync sync --watch`".to_owned(),
        LeaseState::Held => "this process".to_owned(),
        LeaseState::Elsewhere(None) => "another process".to_owned(),
        LeaseState::Elsewhere(Some(holder)) => {
            let mut text = format!("process {}, for {}", holder.pid, ago(holder.since_ms));
            if holder.is_stopped() {
                let stopped = format!("; it was stopped: kill -CONT {} lets it go on", holder.pid);
                text.push_str(&out.look(Look::Warn, stopped));
            }
            text
        }
    }
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
        text.push_str(&format!("; last error: {}", text::plain(error)));
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
        text.push_str(&format!("; last error: {}", text::plain(error)));
    }
    text
}
