//! W6: reads as an app does them, into objects of its own.
use crate::env::Env;
use crate::host::Host;
use crate::limit::{Durable, Saves};
use crate::ours;
use crate::record::{self, COLLECTION, Item};
use crate::table::{Line, Samples};
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;
use tisync::{CollectionOptions, Query, Typed};

const MUST: f64 = 1.8;
const AIM: f64 = 1.25;

/// Each program with its files, filled once: reading changes nothing.
struct Readers {
    ours: Typed<Item>,
    limit: Saves,
    _files: TempDir,
}

pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let (small, large) = (env.sizes.small, env.sizes.large);
    eprintln!("W6 reads: filling the replicas");
    let few = Readers::new(env, small, declared()?)?;
    let many = Readers::new(env, large, declared()?)?;
    let indexed = Readers::new(env, large, index()?)?;
    indexed.limit.index()?;
    let undeclared = Readers::new(env, large, ours::plain()?)?;
    let ids: Vec<String> = (0..small)
        .map(|number| record::id(record::mix(number) % large))
        .collect();

    let all = compare(
        env,
        "all",
        || count(few.ours.all(&few.ours.query())?),
        || count(few.limit.all()?),
    )?;
    let get = compare(
        env,
        "point get",
        || {
            for id in &ids {
                black_box(many.ours.get(id)?.context("expected a record")?);
            }
            Ok(ids.len())
        },
        || {
            for id in &ids {
                black_box(many.limit.get(id)?);
            }
            Ok(ids.len())
        },
    )?;
    let scan =
        |readers: &Readers| count(readers.ours.all(&open_and_urgent(readers.ours.query())?)?);
    let filter = compare(
        env,
        "filter",
        || scan(&many),
        || count(many.limit.filter()?),
    )?;
    let by_index = compare(
        env,
        "indexed filter",
        || scan(&indexed),
        || count(indexed.limit.filter_indexed()?),
    )?;
    let unhelped = compare(
        env,
        "undeclared filter",
        || scan(&undeclared),
        || count(undeclared.limit.filter()?),
    )?;

    Ok(vec![
        Line::times(format!("W6 all {small}"), all).budget(MUST, AIM),
        Line::times("W6 point get", each(get, ids.len())).budget(MUST, AIM),
        Line::times("W6 filter", filter).budget(MUST, AIM),
        Line::times("W6 indexed filter", by_index).budget(MUST, AIM),
        Line::times("W6 filter, undeclared", unhelped).note("the fields have no columns"),
    ])
}

impl Readers {
    fn new(env: &Env, size: u64, options: CollectionOptions) -> Result<Self> {
        let files = env.fresh()?;
        let file = env.copy(&ours::filled(env, size)?, files.path())?;
        let server = Host::ours(&file)?;
        let replica = ours::replica(&files.path().join("client.db"), &server.url(), options)?;
        ours::sync(&replica)?;
        Ok(Readers {
            ours: replica.typed(COLLECTION)?,
            limit: limit(files.path(), size)?,
            _files: files,
        })
    }
}

fn limit(folder: &Path, size: u64) -> Result<Saves> {
    let mut saves = Saves::open(&folder.join("limit.db"), Durable::Normal)?;
    saves.fill((0..size).map(|number| (record::id(number), record::body(number, 0))))?;
    Ok(saves)
}

fn declared() -> Result<CollectionOptions> {
    Ok(ours::plain()?
        .column("done", "boolean")?
        .column("priority", "integer")?)
}

fn index() -> Result<CollectionOptions> {
    Ok(ours::plain()?
        .column("done", "boolean")?
        .index("priority", "integer")?)
}

fn open_and_urgent(query: Query) -> Result<Query> {
    Ok(query.is("done", false)?.at_least("priority", 3)?)
}

fn count<T>(found: Vec<T>) -> Result<usize> {
    Ok(black_box(found).len())
}

/// Runs both in turn; they must find the same number.
fn compare(
    env: &Env,
    name: &str,
    ours: impl Fn() -> Result<usize>,
    limit: impl Fn() -> Result<usize>,
) -> Result<Samples> {
    eprintln!("W6 {name}");
    // The first read fills the caches, which is not what is compared.
    ensure!(
        ours()? == limit()?,
        "W6 {name}: both programs must find the same number of records"
    );
    let timed = |read: &dyn Fn() -> Result<usize>| -> Result<f64> {
        let started = Instant::now();
        read()?;
        Ok(started.elapsed().as_secs_f64())
    };
    let mut samples = Samples::default();
    for _ in 0..env.runs {
        samples.limit.push(timed(&limit)?);
        samples.ours.push(timed(&ours)?);
    }
    Ok(samples)
}

fn each(samples: Samples, count: usize) -> Samples {
    let divide = |times: Vec<f64>| times.into_iter().map(|time| time / count as f64).collect();
    Samples {
        ours: divide(samples.ours),
        limit: divide(samples.limit),
    }
}
