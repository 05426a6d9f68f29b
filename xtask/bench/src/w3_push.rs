//! W3: a backlog is pushed to a server on SQLite.
use crate::env::Env;
use crate::host::Host;
use crate::pair::Pair;
use crate::record::{self, COLLECTION};
use crate::spent::{Spent, Watch};
use crate::table::Line;
use crate::{limit, ours};
use anyhow::{Result, ensure};

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let spent = Pair::run(env, "W3 push", || ours(env, count), || limit(env, count))?;
    let note = "two commits a batch on the device and one on the server, with receipts; ours also pulls its own records back";
    Ok(vec![
        Line::times("W3 push", &spent).budget(1.8, 1.25).note(note),
    ])
}

fn limit(env: &Env, count: u64) -> Result<Spent> {
    let folder = env.fresh()?;
    let server = limit::serve(&folder.path().join("server.db"))?;
    let mut client = limit::Client::open(&folder.path().join("client.db"), &server.url())?;
    client.save_all(
        (0..count).map(|number| (record::id(number), record::body(number, 0))),
        false,
    )?;
    client.look()?;
    let watch = Watch::start();
    client.push_all()?;
    Ok(watch.stop())
}

fn ours(env: &Env, count: u64) -> Result<Spent> {
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
    let watch = Watch::start();
    let report = ours::sync(&replica)?;
    let spent = watch.stop();
    ensure!(
        report.traffic.pushed == count,
        "expected {count} pushed, but came {report:?}"
    );
    Ok(spent)
}
