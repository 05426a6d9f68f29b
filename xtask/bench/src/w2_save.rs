//! W2: single saves, each a commit of the record and its entry in the outbox.
use crate::env::Env;
use crate::limit::{Durable, Saves};
use crate::record::{self, COLLECTION};
use crate::table::{Line, Samples};
use anyhow::{Result, ensure};
use std::time::Instant;
use tisync::{Replica, WriteDurability};

/// Nobody listens there; nothing is sent before a sync is asked for.
const NOWHERE: &str = "http://127.0.0.1:9";

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let mut lines = rows(env, "NORMAL", Durable::Normal, (1.4, 1.2))?;
    lines.extend(rows(env, "FULL", Durable::Full, (1.2, 1.1))?);
    Ok(lines)
}

fn rows(env: &Env, name: &str, durable: Durable, (must, aim): (f64, f64)) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let [mut total, mut p50, mut p99] = [(); 3].map(|()| Samples::default());
    let mut add = |of: fn(&mut Samples) -> &mut Vec<f64>, mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        of(&mut total).push(times.iter().sum());
        of(&mut p50).push(times[times.len() / 2]);
        of(&mut p99).push(times[times.len() * 99 / 100]);
    };
    for run in 0..env.runs {
        eprintln!("W2 {name}, run {} of {}", run + 1, env.runs);
        add(|samples| &mut samples.limit, limit_s(env, count, durable)?);
        add(|samples| &mut samples.ours, ours_s(env, count, durable)?);
    }
    let line = Line::times(format!("W2 {name}"), total).budget(must, aim);
    let per_s = |seconds: f64| count as f64 / seconds;
    let note = format!(
        "{:.0} against {:.0} per s",
        per_s(line.ours),
        per_s(line.limit)
    );
    Ok(vec![
        line.note(note),
        Line::times(format!("W2 {name} p50"), p50),
        Line::times(format!("W2 {name} p99"), p99),
    ])
}

fn limit_s(env: &Env, count: u64, durable: Durable) -> Result<Vec<f64>> {
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

fn ours_s(env: &Env, count: u64, durable: Durable) -> Result<Vec<f64>> {
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
fn timed(count: u64, mut save: impl FnMut(u64, &str) -> Result<()>) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count as usize);
    for number in 0..count {
        let id = record::id(number);
        let started = Instant::now();
        save(number, &id)?;
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(times)
}
