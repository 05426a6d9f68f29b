//! W1: everything is pulled into a durable store.
use crate::env::Env;
use crate::host::Host;
use crate::pair::Pair;
use crate::record::COLLECTION;
use crate::spent::{Spent, Watch};
use crate::table::Line;
use crate::{limit, memory, ours};
use anyhow::{Result, ensure};
use tisync::Replica;

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.large;
    let spent = Pair::run(env, "W1 pull", || ours(env, count), || limit(env, count))?;
    let note =
        "the index of random ids, and the bytes that a page goes through between socket and file";
    let mut lines = vec![Line::times("W1 pull", &spent).budget(1.6, 1.25).note(note)];
    let walk = Pair::run(env, "W1 walk", || walk(env, count), || limit(env, count))?;
    let note = "row by row in the order of commits, since a record is held already: each is marked as seen";
    lines.push(Line::times("W1 walk", &walk).note(note));
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

/// A first sync, which comes as a snapshot.
fn ours(env: &Env, count: u64) -> Result<Spent> {
    pull(env, count, |_| Ok(()))
}

/// The same where a record was made before: there is no snapshot then.
fn walk(env: &Env, count: u64) -> Result<Spent> {
    pull(env, count, |replica| {
        replica.collection(COLLECTION)?.put("made-before", "{}")?;
        Ok(())
    })
}

fn pull(env: &Env, count: u64, before: impl Fn(&Replica) -> Result<()>) -> Result<Spent> {
    let folder = env.fresh()?;
    let server = Host::ours(&env.copy(&ours::filled(env, count)?, folder.path())?)?;
    let file = folder.path().join("client.db");
    let watch = Watch::start();
    let replica = ours::replica(&file, &server.url(), ours::plain()?)?;
    before(&replica)?;
    let report = ours::sync(&replica)?;
    let spent = watch.stop();
    ensure!(
        report.traffic.pulled == count,
        "expected {count} records, but came {report:?}"
    );
    Ok(spent)
}
