//! W1: everything is pulled into a durable store.
use crate::env::Env;
use crate::host::Host;
use crate::table::{Line, Samples};
use crate::{limit, memory, ours};
use anyhow::{Result, ensure};
use std::time::Instant;

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.large;
    let mut samples = Samples::default();
    for run in 0..env.runs {
        eprintln!("W1 pull, run {} of {}", run + 1, env.runs);
        samples.limit.push(limit_s(env, count)?);
        samples.ours.push(ours_s(env, count)?);
    }
    let mut lines = vec![Line::times("W1 pull", samples).budget(1.6, 1.25)];
    lines.extend(memory::run(env)?);
    Ok(lines)
}

fn limit_s(env: &Env, count: u64) -> Result<f64> {
    let folder = env.fresh()?;
    let server = limit::serve(&env.copy(&limit::filled(env, count)?, folder.path())?)?;
    let started = Instant::now();
    limit::Client::open(&folder.path().join("client.db"), &server.url())?.pull_all(count)?;
    Ok(started.elapsed().as_secs_f64())
}

fn ours_s(env: &Env, count: u64) -> Result<f64> {
    let folder = env.fresh()?;
    let server = Host::ours(&env.copy(&ours::filled(env, count)?, folder.path())?)?;
    let started = Instant::now();
    let replica = ours::replica(
        &folder.path().join("client.db"),
        &server.url(),
        ours::plain()?,
    )?;
    let report = ours::sync(&replica)?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        report.traffic.pulled == count,
        "expected {count} records, but came {report:?}"
    );
    Ok(seconds)
}
