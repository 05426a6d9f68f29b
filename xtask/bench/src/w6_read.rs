//! W6: reads as an app does them, into objects of its own.
use crate::env::Env;
use crate::host::Host;
use crate::limit::{Durable, Saves};
use crate::ours;
use crate::pair::Pair;
use crate::record::{self, COLLECTION, Item};
use crate::spent::{Spent, Watch};
use crate::table::Line;
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::path::Path;
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

    let get = get.map(|spent| spent.each(ids.len()));
    let budget = |line: Line, note: &str| line.budget(MUST, AIM).note(note);
    Ok(vec![
        budget(
            Line::times(format!("W6 all {small}"), &all),
            "the app's type is parsed; ours also gives state and version, and sorts by id",
        ),
        budget(
            Line::times("W6 point get", &get),
            "the look-up by id, and its read transaction",
        ),
        budget(
            Line::times("W6 filter", &filter),
            "a scan; ours compares columns where the limit parses JSON",
        ),
        budget(
            Line::times("W6 indexed filter", &by_index),
            "our index has one column where the limit's has both: twice the rows are fetched",
        ),
        Line::times("W6 filter, undeclared", &unhelped)
            .note("the fields have no columns: each document is checked and read"),
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
) -> Result<Pair<Spent>> {
    // The first read fills the caches, which is not what is compared.
    ensure!(
        ours()? == limit()?,
        "W6 {name}: both programs must find the same number of records"
    );
    let timed = |read: &dyn Fn() -> Result<usize>| -> Result<Spent> {
        let watch = Watch::start();
        read()?;
        Ok(watch.stop())
    };
    Pair::run(
        env,
        &format!("W6 {name}"),
        || timed(&ours),
        || timed(&limit),
    )
}
