//! W5: every record was changed here and on the server; both change the title, and each another field.
use crate::env::Env;
use crate::host::Host;
use crate::pair::Pair;
use crate::record::{self, COLLECTION};
use crate::spent::{Spent, Watch};
use crate::table::{Line, median};
use crate::{limit, ours};
use anyhow::{Result, ensure};
use std::time::Instant;

/// What the sync took, and the seconds of writing its journal rows once more.
type Measured = (Spent, Option<f64>);

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let measured = Pair::run(env, "W5 conflicts", || ours(env), || limit(env))?;
    let line = Line::times("W5 conflicts", &measured.map(|(spent, _)| *spent)).budget(2.6, 1.5);
    let journal = median(
        measured
            .ours
            .iter()
            .filter_map(|(_, journal)| *journal)
            .collect(),
    );
    let note = format!(
        "three images a conflict are parsed and compared; the limit keeps no journal: writing its rows alone takes \
         {:.0} ms, {:.0} % of ours",
        journal * 1e3,
        journal / line.ours * 100.0
    );
    Ok(vec![line.note(note)])
}

/// What this device writes: another title and priority.
fn edited(number: u64) -> String {
    record::document(number, 2)
}

fn limit(env: &Env) -> Result<Measured> {
    let (folder, count) = (env.fresh()?, env.sizes.small);
    let file = env.copy(&limit::filled(env, count)?, folder.path())?;
    let server = limit::serve(&file)?;
    let mut client = limit::Client::open(&folder.path().join("client.db"), &server.url())?;
    client.index_outbox()?;
    client.pull_all(count)?;
    limit::change(&file, 0..count, 1)?;
    client.save_all(
        (0..count).map(|number| (record::id(number), record::body(number, 2))),
        true,
    )?;
    let watch = Watch::start();
    client.pull_and_merge(count)?;
    client.push_all()?;
    Ok((watch.stop(), None))
}

fn ours(env: &Env) -> Result<Measured> {
    let (folder, count) = (env.fresh()?, env.sizes.small);
    let file = env.copy(&ours::filled(env, count)?, folder.path())?;
    let server = Host::ours(&file)?;
    let client = folder.path().join("client.db");
    let replica = ours::replica(&client, &server.url(), ours::plain()?)?;
    ours::sync(&replica)?;
    ours::replace(&file, 0..count, 1)?;
    replica.bulk(|writes| {
        (0..count).try_for_each(|number| writes.put(COLLECTION, record::id(number), edited(number)))
    })?;
    let watch = Watch::start();
    ours::sync(&replica)?;
    let spent = watch.stop();
    drop(replica);
    Ok((spent, Some(journal_s(&client, i64::try_from(count)?)?)))
}

/// Copies the journal within the file, in commits of the size of a page: what its rows cost alone.
fn journal_s(client: &std::path::Path, count: i64) -> Result<f64> {
    let connection = limit::open(client)?;
    let rows: i64 =
        connection.query_row("SELECT count(*) FROM tisync_journal", [], |row| row.get(0))?;
    ensure!(
        rows == count,
        "expected {count} rows in the journal, but there are {rows}"
    );
    limit::Durable::Normal.set(&connection)?;
    let columns = "at_ms, collection, rid, state, mutation, bytes, body";
    let sql = format!(
        "INSERT INTO tisync_journal ({columns}) SELECT {columns} FROM tisync_journal WHERE id > ? AND id <= ? AND id <= {count}"
    );
    let started = Instant::now();
    for first in (0..count).step_by(limit::PAGE_ROWS) {
        connection.execute(&sql, [first, first + limit::PAGE_ROWS as i64])?;
    }
    Ok(started.elapsed().as_secs_f64())
}
