//! W3: a backlog is pushed to a server on SQLite.
use crate::env::Env;
use crate::host::Host;
use crate::record::{self, COLLECTION};
use crate::table::{Line, Samples};
use crate::{limit, ours};
use anyhow::{Result, ensure};
use std::time::Instant;

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let mut samples = Samples::default();
    for run in 0..env.runs {
        eprintln!("W3 push, run {} of {}", run + 1, env.runs);
        samples.limit.push(limit_s(env, count)?);
        samples.ours.push(ours_s(env, count)?);
    }
    let note = "ours also pulls its own records back";
    Ok(vec![
        Line::times("W3 push", samples).budget(1.8, 1.25).note(note),
    ])
}

fn limit_s(env: &Env, count: u64) -> Result<f64> {
    let folder = env.fresh()?;
    let server = limit::serve(&folder.path().join("server.db"))?;
    let mut client = limit::Client::open(&folder.path().join("client.db"), &server.url())?;
    client.save_all(
        (0..count).map(|number| (record::id(number), record::body(number, 0))),
        false,
    )?;
    client.look()?;
    let started = Instant::now();
    client.push_all()?;
    Ok(started.elapsed().as_secs_f64())
}

fn ours_s(env: &Env, count: u64) -> Result<f64> {
    let folder = env.fresh()?;
    let server = Host::ours(&folder.path().join("server.db"))?;
    let replica = ours::replica(
        &folder.path().join("client.db"),
        &server.url(),
        ours::plain()?,
    )?;
    ours::sync(&replica)?;
    replica.bulk(|writes| {
        (0..count).try_for_each(|number| {
            writes.insert_as(COLLECTION, record::id(number), record::document(number, 0))
        })
    })?;
    let started = Instant::now();
    let report = ours::sync(&replica)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        report.traffic.pushed == count,
        "expected {count} pushed, but came {report:?}"
    );
    Ok(seconds)
}
