//! `tisync sync`
use crate::command::serve::interrupted;
use crate::command::status;
use crate::exit::{Code, Failure};
use crate::output::{Look, Out};
use crate::text;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tisync::model::{Blocker, CollectionName, Event};
use tisync::{Notice, PullProgress, Replica, SyncReport, Totals};

/// Milliseconds between two looks at the progress.
const PROGRESS_MS: u64 = 100;

/// Syncs once.
pub(crate) fn once(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    let report = runtime()?.block_on(with_progress(replica, out))?;
    summary(&report, out)?;
    Ok(if report.needs_person() {
        Code::Person
    } else {
        Code::Ok
    })
}

async fn with_progress(replica: &Replica, out: &Out) -> Result<SyncReport, Failure> {
    let spinner = out.spinner();
    let before = replica.traffic();
    let mut events = replica.events();
    let mut pulls = BTreeMap::new();
    let sync = replica.sync();
    tokio::pin!(sync);
    let result = loop {
        tokio::select! {
            result = &mut sync => break result,
            () = tokio::time::sleep(Duration::from_millis(PROGRESS_MS)) => {
                while let Some(notice) = events.try_next() {
                    if let Notice::Progress(pull) = notice {
                        pulls.insert(pull.collection.clone(), pull);
                    }
                }
                spinner.set_message(progress(&replica.traffic().since(&before), &pulls));
                spinner.tick();
            }
        }
    };
    spinner.finish_and_clear();
    Ok(result?)
}

/// What was exchanged so far, and how far the pulls are that go on.
fn progress(done: &Totals, pulls: &BTreeMap<CollectionName, PullProgress>) -> String {
    let mut text = format!("pulled {}, pushed {}", done.pulled, done.pushed);
    for pull in pulls.values().filter(|pull| !pull.complete) {
        let of = pull
            .total
            .map_or(String::new(), |total| format!(" of {total}"));
        text += &format!("; {}: {}{of}", pull.collection, pull.stored);
    }
    text
}

fn summary(report: &SyncReport, out: &Out) -> Result<(), Failure> {
    let health = &report.health;
    let state = if report.is_synced() {
        out.look(Look::Good, "everything is synced")
    } else {
        out.look(Look::Warn, waits(report))
    };
    out.line(format!(
        "pulled {}, pushed {}; {state}",
        report.traffic.pulled, report.traffic.pushed
    ));
    out.object(&json!({
        "pulled": report.traffic.pulled,
        "pushed": report.traffic.pushed,
        "requests": report.traffic.requests,
        "synced": report.is_synced(),
        "health": health,
    }))
}

fn waits(report: &SyncReport) -> String {
    let health = &report.health;
    let mut parts = Vec::new();
    let mut part = |number: u64, text: &str| {
        if number > 0 {
            parts.push(format!("{number} {text}"));
        }
    };
    part(health.conflicts, "in conflict (tisync conflicts list)");
    part(
        health.outbox.parked,
        "refused by the server (tisync outbox list)",
    );
    part(health.quarantined, "could not be applied (tisync status)");
    let in_conflict = health
        .blockers
        .iter()
        .find(|waiting| waiting.blocker == Blocker::Conflict)
        .map_or(0, |waiting| waiting.entries);
    part(
        (health.outbox.pending + health.outbox.held + health.outbox.in_flight)
            .saturating_sub(in_conflict),
        "waiting (tisync status)",
    );
    part(
        health.outbox.unknown,
        "sent without an answer (tisync status)",
    );
    if parts.is_empty() {
        "not everything is pulled yet (tisync status)".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Syncs until interrupted, and tells what changes.
pub(crate) fn watch(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    runtime()?.block_on(async {
        let mut events = replica.events();
        replica.start()?;
        out.line("syncing (Ctrl-C ends it)");
        let mut shown = (None, replica.traffic());
        let interrupted = interrupted();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                () = &mut interrupted => break,
                notice = events.next() => match notice {
                    Some(notice) => tell(replica, &notice, &mut shown, out)?,
                    None => break,
                },
            }
        }
        out.line("stopped");
        Ok(Code::Ok)
    })
}

fn tell(
    replica: &Replica,
    notice: &Notice,
    shown: &mut (Option<String>, Totals),
    out: &Out,
) -> Result<(), Failure> {
    match notice {
        Notice::Event(Event::Changed {
            collection,
            records,
            remote: true,
        }) => {
            let number = text::count(records.len() as u64, "change", "changes");
            out.line(format!("{collection}: {number} from the server"));
        }
        Notice::Event(Event::ConflictOpened { collection, id }) => {
            out.line(format!("{collection} {id}: a conflict waits for you"));
        }
        Notice::Event(Event::Parked {
            collection,
            id,
            reason,
        }) => out.line(format!(
            "{collection} {id}: refused by the server: {reason}"
        )),
        Notice::Event(Event::ConflictClosed { collection, id }) => {
            out.line(format!("{collection} {id}: the conflict is settled"));
        }
        Notice::Event(Event::Journalled {
            collection,
            id,
            row,
        }) => {
            out.line(format!(
                "{collection} {id}: a decision was journalled: tisync journal show {}",
                row.0
            ));
        }
        Notice::Event(Event::Mapped {
            collection,
            former,
            id,
        }) => {
            out.line(format!("{collection} {former}: the server calls it {id}"));
        }
        Notice::Event(Event::Network { connector, state }) => {
            out.line(format!("{connector}: {}", status::reach(state)));
        }
        Notice::Event(Event::Mended { collection, ids }) => {
            let records = text::count(ids.len() as u64, "record", "records");
            out.line(format!(
                "{collection}: {records} differed from the server and were mended"
            ));
        }
        Notice::Event(Event::Health) => {
            let line = status::line(&replica.health()?);
            let now = replica.traffic();
            let pushed = now.since(&shown.1).pushed;
            if pushed > 0 {
                out.line(format!("pushed {pushed}; {line}"));
            } else if shown.0.as_ref() != Some(&line) {
                out.line(&line);
            }
            *shown = (Some(line), now);
        }
        Notice::Event(Event::Changed { .. }) | Notice::Progress(_) | Notice::Elsewhere => {}
        Notice::Lagged(missed) => out.line(format!("{missed} notices were missed")),
    }
    out.object(notice)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
