//! W4: some changes reach a large collection, and a round finds nothing to do.
use crate::env::Env;
use crate::host::Host;
use crate::pair::Pair;
use crate::spent::{Spent, Watch};
use crate::table::{Line, median};
use crate::{limit, ours};
use anyhow::{Result, ensure};

/// Rounds without changes: one alone is too short to time well.
const ROUNDS: u32 = 50;

/// What the changes took, and a round without any.
type Times = (Spent, Spent);

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let times = Pair::run(env, "W4 changes", || ours(env), || limit(env))?;
    Ok(vec![
        Line::times("W4 changes", &times.map(|(changes, _)| *changes))
            .budget(2.3, 1.5)
            .note("one page, one commit; the server finds the changes at the end of its table"),
        Line::times("W4 no change", &times.map(|(_, idle)| *idle))
            .budget(3.0, 1.5)
            .note("one request; ours crosses to the worker and back, and looks up what waits"),
    ])
}

fn limit(env: &Env) -> Result<Times> {
    let (folder, large, some) = (env.fresh()?, env.sizes.large, env.sizes.changes);
    let file = env.copy(&limit::filled(env, large)?, folder.path())?;
    let server = limit::serve(&file)?;
    let mut client = limit::Client::open(&folder.path().join("client.db"), &server.url())?;
    client.pull_all(large)?;
    limit::change(&file, 0..some, 1)?;
    let watch = Watch::start();
    client.pull_all(some)?;
    let changes = watch.stop();
    Ok((changes, rounds(|| client.look())?))
}

fn ours(env: &Env) -> Result<Times> {
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
    let watch = Watch::start();
    let report = ours::sync(&replica)?;
    let changes = watch.stop();
    ensure!(
        report.traffic.pulled == some,
        "expected {some} changes, but came {report:?}"
    );
    Ok((changes, rounds(|| ours::sync(&replica).map(drop))?))
}

/// The median round: one that something else held up does not count.
fn rounds(mut round: impl FnMut() -> Result<()>) -> Result<Spent> {
    let mut spent = Vec::with_capacity(ROUNDS as usize);
    for _ in 0..ROUNDS {
        let watch = Watch::start();
        round()?;
        spent.push(watch.stop());
    }
    Ok(Spent {
        wall_s: median(spent.iter().map(|spent| spent.wall_s).collect()),
        cpu_s: median(spent.iter().map(|spent| spent.cpu_s).collect()),
    })
}
