//! W2: single saves, each a commit of the record and its entry in the outbox.
use crate::env::Env;
use crate::limit::{Durable, Saves};
use crate::pair::Pair;
use crate::record::{self, COLLECTION};
use crate::spent::{Spent, Watch};
use crate::table::Line;
use anyhow::{Result, ensure};
use std::time::Instant;
use tisync::{Replica, WriteDurability};

/// Nobody listens there; nothing is sent before a sync is asked for.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What all saves took, and the seconds of each, in order.
type Measured = (Spent, Vec<f64>);

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let mut lines = rows(env, "NORMAL", Durable::Normal, (1.4, 1.2))?;
    lines.extend(rows(env, "FULL", Durable::Full, (1.2, 1.1))?);
    Ok(lines)
}

fn rows(env: &Env, name: &str, durable: Durable, (must, aim): (f64, f64)) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let name = format!("W2 {name}");
    let measured = Pair::run(
        env,
        &name,
        || ours(env, count, durable),
        || limit(env, count, durable),
    )?;
    let line = Line::times(&name, &measured.map(|(spent, _)| *spent)).budget(must, aim);
    let per_s = |seconds: f64| count as f64 / seconds;
    let what = match durable {
        Durable::Normal => "the commit, and the check of the document",
        Durable::Full => "the disk: each save waits for it once",
    };
    let note = format!(
        "{what}; {:.0} against {:.0} per s",
        per_s(line.ours),
        per_s(line.limit)
    );
    let part = |of: usize| measured.map(move |(_, times)| times[times.len() * of / 100]);
    Ok(vec![
        line.note(note),
        Line::seconds(format!("{name} p50"), part(50)),
        Line::seconds(format!("{name} p99"), part(99)),
    ])
}

fn limit(env: &Env, count: u64, durable: Durable) -> Result<Measured> {
    let folder = env.fresh()?;
    let mut saves = Saves::open(&folder.path().join("client.db"), durable)?;
    timed(count, |number, id| {
        saves.save(
            u128::from(record::mix(number)),
            id,
            &record::body(number, 0),
        )
    })
}

fn ours(env: &Env, count: u64, durable: Durable) -> Result<Measured> {
    let folder = env.fresh()?;
    let replica = Replica::open(folder.path().join("client.db"))
        .server(NOWHERE)
        .collection(COLLECTION, "merge")
        .write_durability(match durable {
            Durable::Normal => WriteDurability::Process,
            Durable::Full => WriteDurability::PowerCut,
        })
        .open()?;
    let items = replica.collection(COLLECTION)?;
    let times = timed(count, |number, id| {
        items.insert_as(id, record::document(number, 0))?;
        Ok(())
    })?;
    let health = replica.health()?;
    ensure!(
        health.outbox.pending == count,
        "expected {count} pending entries, but came {health:?}"
    );
    Ok(times)
}

/// Times each save; making the text of a record counts for both.
fn timed(count: u64, mut save: impl FnMut(u64, &str) -> Result<()>) -> Result<Measured> {
    let mut times = Vec::with_capacity(count as usize);
    let watch = Watch::start();
    for number in 0..count {
        let id = record::id(number);
        let started = Instant::now();
        save(number, &id)?;
        times.push(started.elapsed().as_secs_f64());
    }
    let spent = watch.stop();
    times.sort_by(f64::total_cmp);
    Ok((spent, times))
}
