//! W7: what an app does beside a large pull, and how soon it sees what another process does.
use crate::env::Env;
use crate::host::Host;
use crate::ours;
use crate::pair::Pair;
use crate::record::{self, COLLECTION};
use crate::table::Line;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tisync::Replica;

/// Nobody listens there; nothing is sent before a sync is asked for.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Saves and reads of the replica that does nothing else.
const IDLE: u64 = 2_000;
/// Commits of the other process in a run.
const COMMITS: u64 = 50;
/// Seconds until a live query must have seen the commit of another process.
const SEEN_S: f64 = 0.2;

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let mut lines = beside_a_pull(env)?;
    lines.push(live_query(env)?);
    Ok(lines)
}

/// The seconds of each save and of each get, in order.
#[derive(Debug, Default)]
struct Times {
    saves: Vec<f64>,
    gets: Vec<f64>,
}

/// Both columns are ours: during a pull, and with nothing else going on.
fn beside_a_pull(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.large;
    let times = Pair::run(
        env,
        "W7 beside a pull",
        || pulling(env, count),
        || idle(env),
    )?;
    let line = |name: &str, of: fn(&Times) -> &Vec<f64>| {
        let part = |percent: usize| {
            times.map(|times| of(times)[(of(times).len() * percent / 100).min(of(times).len() - 1)])
        };
        let half = Line::seconds("", part(50));
        let note = format!(
            "during a pull of {count} records, against idle; p50 {:.3} ms against {:.3} ms",
            half.ours * 1e3,
            half.limit * 1e3
        );
        Line::seconds(format!("W7 {name} p99"), part(99)).note(note)
    };
    Ok(vec![
        line("save", |times| &times.saves),
        line("get", |times| &times.gets),
    ])
}

fn idle(env: &Env) -> Result<Times> {
    let folder = env.fresh()?;
    let path = folder.path().join("client.db");
    let replica = ours::replica(&path, NOWHERE, ours::plain()?)?;
    until(&replica, |saved| saved == IDLE)
}

fn pulling(env: &Env, count: u64) -> Result<Times> {
    let folder = env.fresh()?;
    let server = Host::ours(&env.copy(&ours::filled(env, count)?, folder.path())?)?;
    let path = folder.path().join("client.db");
    let replica = ours::replica(&path, &server.url(), ours::plain()?)?;
    let syncs = replica.clone();
    let sync = std::thread::spawn(move || syncs.blocking_sync());
    // The sync goes on for as long as something is saved.
    let times = until(&replica, |_| {
        replica.traffic().pulled >= count || sync.is_finished()
    })?;
    let report = sync.join().ok().context("the sync panicked")??;
    ensure!(
        report.traffic.pulled == count,
        "expected {count} records, but came {report:?}"
    );
    Ok(times)
}

/// Saves a record and reads it, again and again.
fn until(replica: &Replica, is_done: impl Fn(u64) -> bool) -> Result<Times> {
    let items = replica.collection(COLLECTION)?;
    let mut times = Times::default();
    let mut saved = 0;
    while !is_done(saved) {
        let (id, document) = (format!("local-{saved}"), record::document(saved, 0));
        let started = Instant::now();
        items.insert_as(&id, document)?;
        times.saves.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        ensure!(items.get(&id)?.is_some(), "expected to find {id}");
        times.gets.push(started.elapsed().as_secs_f64());
        saved += 1;
    }
    ensure!(saved > 0, "expected the pull to take longer than a save");
    times.saves.sort_by(f64::total_cmp);
    times.gets.sort_by(f64::total_cmp);
    Ok(times)
}

/// A second handle has connections of its own, as another process has.
fn live_query(env: &Env) -> Result<Line> {
    let mut seconds = Vec::new();
    for run in 0..env.runs {
        eprintln!("W7 live query, run {} of {}", run + 1, env.runs);
        let folder = env.fresh()?;
        let path = folder.path().join("client.db");
        let open = || ours::replica(&path, NOWHERE, ours::plain()?);
        let (here, other) = (open()?, open()?);
        let mut watch = here.collection(COLLECTION)?.query().watch_count();
        let items = other.collection(COLLECTION)?;
        let mut next = || watch.blocking_next().context("the replica was closed");
        ensure!(next()?? == 0, "expected an empty replica");
        for number in 0..COMMITS {
            // At any moment between two looks of the one that watches.
            std::thread::sleep(Duration::from_millis(record::mix(number) % 120));
            let started = Instant::now();
            items.insert_as(record::id(number), record::document(number, 0))?;
            ensure!(next()?? == number + 1, "expected the record to be seen");
            seconds.push(started.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let part = |percent: usize| seconds[seconds.len() * percent / 100];
    let (half, most) = (part(50), part(99));
    let pair = Pair {
        ours: vec![most],
        limit: vec![SEEN_S],
    };
    Ok(Line::seconds("W7 live query p99", pair)
        .budget(1.0, 1.0)
        .note(format!(
            "from before a commit of another process to the answer; the limit is what is promised; p50 {:.0} ms",
            half * 1e3
        )))
}
