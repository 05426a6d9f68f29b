//! W1: everything is pulled into a durable store.
use crate::env::Env;
use crate::host::Host;
use crate::pair::Pair;
use crate::spent::{Spent, Watch};
use crate::table::Line;
use crate::{limit, memory, ours};
use anyhow::{Result, ensure};

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.large;
    let spent = Pair::run(env, "W1 pull", || ours(env, count), || limit(env, count))?;
    let note =
        "the index of random ids, and the bytes that a page goes through between socket and file";
    let mut lines = vec![Line::times("W1 pull", &spent).budget(1.6, 1.25).note(note)];
    lines.extend(memory::run(env)?);
    Ok(lines)
}

fn limit(env: &Env, count: u64) -> Result<Spent> {
    let folder = env.fresh()?;
    let server = limit::serve(&env.copy(&limit::filled(env, count)?, folder.path())?)?;
    let watch = Watch::start();
    limit::Client::open(&folder.path().join("client.db"), &server.url())?.pull_all(count)?;
    Ok(watch.stop())
}

fn ours(env: &Env, count: u64) -> Result<Spent> {
    let folder = env.fresh()?;
    let server = Host::ours(&env.copy(&ours::filled(env, count)?, folder.path())?)?;
    let watch = Watch::start();
    let replica = ours::replica(
        &folder.path().join("client.db"),
        &server.url(),
        ours::plain()?,
    )?;
    let report = ours::sync(&replica)?;
    let spent = watch.stop();
    ensure!(
        report.traffic.pulled == count,
        "expected {count} records, but came {report:?}"
    );
    Ok(spent)
}
