//! W4: some changes reach a large collection, and a round finds nothing to do.
use crate::env::Env;
use crate::host::Host;
use crate::table::{Line, Samples};
use crate::{limit, ours};
use anyhow::{Result, ensure};
use std::time::Instant;

/// Rounds without changes: one alone is too short to time well.
const ROUNDS: u32 = 50;

/// Seconds of the changes and of a round without any.
type Times = (f64, f64);

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let (mut changes, mut idle) = (Samples::default(), Samples::default());
    for run in 0..env.runs {
        eprintln!("W4 changes, run {} of {}", run + 1, env.runs);
        let (some, none) = limit_s(env)?;
        changes.limit.push(some);
        idle.limit.push(none);
        let (some, none) = ours_s(env)?;
        changes.ours.push(some);
        idle.ours.push(none);
    }
    Ok(vec![
        Line::times("W4 changes", changes).budget(2.3, 1.5),
        Line::times("W4 no change", idle).budget(3.0, 1.5),
    ])
}

fn limit_s(env: &Env) -> Result<Times> {
    let (folder, large, some) = (env.fresh()?, env.sizes.large, env.sizes.changes);
    let file = env.copy(&limit::filled(env, large)?, folder.path())?;
    let server = limit::serve(&file)?;
    let mut client = limit::Client::open(&folder.path().join("client.db"), &server.url())?;
    client.pull_all(large)?;
    limit::change(&file, 0..some, 1)?;
    let started = Instant::now();
    client.pull_all(some)?;
    let changes = started.elapsed().as_secs_f64();
    Ok((changes, rounds(|| client.look())?))
}

fn ours_s(env: &Env) -> Result<Times> {
    let (folder, large, some) = (env.fresh()?, env.sizes.large, env.sizes.changes);
    let file = env.copy(&ours::filled(env, large)?, folder.path())?;
    let server = Host::ours(&file)?;
    let replica = ours::replica(
        &folder.path().join("client.db"),
        &server.url(),
        ours::plain()?,
    )?;
    ours::sync(&replica)?;
    ours::replace(&file, 0..some, 1)?;
    let started = Instant::now();
    let report = ours::sync(&replica)?;
    let changes = started.elapsed().as_secs_f64();
    ensure!(
        report.traffic.pulled == some,
        "expected {some} changes, but came {report:?}"
    );
    Ok((changes, rounds(|| ours::sync(&replica).map(drop))?))
}

fn rounds(mut round: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(ROUNDS as usize);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        round()?;
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(crate::table::median(times))
}
