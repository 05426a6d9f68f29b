//! What the store costs beside bare SQLite with the same bytes, commits and durability, in one run:
//! `cargo run --release -p tisync-store --example costs`. Only the ratios carry to another machine. Wall time and,
//! where the system tells it, time on the processor, which other work on the machine disturbs less.
#![allow(clippy::unwrap_used)]
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Duration;
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Op, Store, Tx};
use tisync_json::{Document, Path as JsonPath};
use tisync_store::{Filter, Options, Query, SqliteStore};

const ROWS: usize = 100_000;
const PAGE: usize = 5_000;
const SAVES: usize = 3_000;
/// Saves are timed in blocks and the fastest counts: the disk's mood is not ours.
const BLOCK: usize = 100;

fn main() {
    // One part alone, for a profiler.
    let only = std::env::args().nth(1);
    let rows = rows();
    let took = match only.as_deref() {
        Some("saves") => Some(store_saves(&rows, Durability::Normal)),
        Some("bare-saves") => Some(bare_saves(&rows, Durability::Normal)),
        Some("columns") => Some(store_load(&rows, &columns(), true)),
        _ => None,
    };
    if let Some(took) = took {
        return println!("{took:?}");
    }
    let columns = columns();
    println!(
        "{ROWS} rows of {} bytes, pages of {PAGE}",
        rows[0].1.text().len()
    );
    let bare = best(3, || bare_load(&rows));
    print("bare insert", bare, bare);
    for (name, columns) in [("store insert", vec![]), ("  with five columns", columns)] {
        let took = best(3, || store_load(&rows, &columns, false));
        print(name, took, bare);
    }
    let took = best(3, || store_load(&rows, &[], true));
    print("store load + insert", took, bare);
    reads(&rows);
    for durability in [Durability::Normal, Durability::Full] {
        let bare = bare_saves(&rows, durability);
        print(&format!("bare two-row commit {durability:?}"), bare, bare);
        print("store save", store_saves(&rows, durability), bare);
    }
}

/// What a run took: by the clock, and on the processor where the system tells it.
#[derive(Clone, Copy, Debug)]
struct Took(Duration, Duration);

/// When a run began.
struct Start(std::time::Instant, Duration);

impl Start {
    fn now() -> Self {
        Start(std::time::Instant::now(), on_processor())
    }

    fn took(&self) -> Took {
        Took(self.0.elapsed(), on_processor().saturating_sub(self.1))
    }
}

fn on_processor() -> Duration {
    // Brings the counter up to date.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn print(name: &str, took: Took, bare: Took) {
    let ratio = |took: Duration, bare: Duration| took.as_secs_f64() / bare.as_secs_f64();
    let (wall, processor) = (ratio(took.0, bare.0), ratio(took.1, bare.1));
    println!(
        "{name:<30} {:>9.1?} {wall:>6.2} x {:>9.1?} {processor:>6.2} x",
        took.0, took.1
    );
}

fn best(times: usize, mut run: impl FnMut() -> Took) -> Took {
    let runs: Vec<Took> = (0..times).map(|_| run()).collect();
    let least = |of: fn(&Took) -> Duration| runs.iter().map(of).min().unwrap();
    Took(least(|took| took.0), least(|took| took.1))
}

/// A stream of numbers that is the same in every run.
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn uuid(seed: &mut u64) -> String {
    let (a, b) = (random(seed), random(seed));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}

fn rows() -> Vec<(RecordId, Document)> {
    let mut seed = 88_172_645_463_325_252;
    let row = |number| {
        let text = format!(
            r#"{{"title":"Task number {number} of the list","done":{},"priority":{},"due":"2026-11-{:02}T09:00:00Z","notes":"{}","tags":["home","garden","errand"],"updated_at":"2026-11-23T08:00:00.000Z"}}"#,
            number % 5 < 3,
            number % 5,
            number % 28 + 1,
            "lorem ipsum dolor sit amet ".repeat(6)
        );
        (
            RecordId::new(uuid(&mut seed)).unwrap(),
            Document::parse(&text).unwrap(),
        )
    };
    (0..ROWS).map(row).collect()
}

fn columns() -> Vec<Column> {
    [
        ("title", ColumnKind::Text),
        ("done", ColumnKind::Boolean),
        ("priority", ColumnKind::Integer),
        ("due", ColumnKind::Text),
        ("updated_at", ColumnKind::Text),
    ]
    .into_iter()
    .map(|(name, kind)| Column {
        name: name.into(),
        path: JsonPath::key(name),
        kind,
        indexed: false,
    })
    .collect()
}

fn bare(dir: &Path, durability: &str) -> Connection {
    let connection = Connection::open(dir.join("bare.db")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous={durability}; PRAGMA cache_size=-65536;
             PRAGMA wal_autocheckpoint=4000;
             CREATE TABLE records (collection TEXT, id TEXT, version TEXT, doc TEXT, PRIMARY KEY (collection, id));
             CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT, body TEXT);"
        ))
        .unwrap();
    connection
}

fn bare_load(rows: &[(RecordId, Document)]) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let connection = bare(dir.path(), "NORMAL");
    let start = Start::now();
    fill_bare(&connection, rows);
    start.took()
}

fn fill_bare(connection: &Connection, rows: &[(RecordId, Document)]) {
    for page in rows.chunks(PAGE) {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut insert = connection
            .prepare_cached("INSERT INTO records VALUES (?, ?, ?, ?)")
            .unwrap();
        for (id, document) in page {
            insert
                .execute(params!["notes", id.as_str(), "e.123456", document.text()])
                .unwrap();
        }
        drop(insert);
        connection.execute_batch("COMMIT").unwrap();
    }
}

fn notes() -> CollectionName {
    CollectionName::new("notes").unwrap()
}

fn store(dir: &Path, columns: &[Column]) -> SqliteStore<tisync_store::RusqliteDriver> {
    let mut store = SqliteStore::open(&dir.join("store.db"), &Options::default()).unwrap();
    let declare = Op::Declare {
        collection: notes(),
        schema: Schema {
            columns: columns.to_vec(),
            ..Schema::default()
        },
        migrating: false,
    };
    store
        .begin(Durability::Full)
        .unwrap()
        .commit(vec![declare])
        .unwrap();
    store
}

/// Stores the rows without looking for them first.
fn fill(store: &mut SqliteStore<tisync_store::RusqliteDriver>, rows: &[(RecordId, Document)]) {
    for (page, rows) in rows.chunks(PAGE).enumerate() {
        let first = (page * PAGE) as i64 + 1;
        let changes = (first..).zip(rows).map(|(rid, (id, document))| Op::Insert {
            collection: notes(),
            record: Record {
                rid: Rid(rid),
                id: id.clone(),
                version: None,
                state: RecordState::Clean,
                document: Some(document.clone()),
                stamp: None,
                schema: 1,
                migrated: false,
            },
        });
        let changes = changes.collect();
        store
            .begin(Durability::Normal)
            .unwrap()
            .commit(changes)
            .unwrap();
    }
}

fn store_load(rows: &[(RecordId, Document)], columns: &[Column], look: bool) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), columns);
    let version = Version::new("e.123456").unwrap();
    let ids: Vec<RecordId> = rows.iter().map(|(id, _)| id.clone()).collect();
    let start = Start::now();
    for (page, ids) in rows.chunks(PAGE).zip(ids.chunks(PAGE)) {
        let mut tx = store.begin(Durability::Normal).unwrap();
        if look {
            let found = tx.load(&notes(), Keys::Ids(ids), Load::Heads).unwrap();
            assert!(found.iter().all(Option::is_none));
        }
        let first = tx.next_rid(&notes()).unwrap().0;
        let changes = (first..).zip(page).map(|(rid, (id, document))| Op::Insert {
            collection: notes(),
            record: Record {
                rid: Rid(rid),
                id: id.clone(),
                version: Some(version.clone()),
                state: RecordState::Clean,
                document: Some(document.clone()),
                stamp: None,
                schema: 1,
                migrated: false,
            },
        });
        let changes = changes.collect();
        tx.commit(changes).unwrap();
    }
    start.took()
}

/// The filter `done = false and priority >= 3`, point reads, and everything as documents.
fn reads(rows: &[(RecordId, Document)]) {
    let dir = tempfile::tempdir().unwrap();
    let connection = bare(dir.path(), "NORMAL");
    fill_bare(&connection, rows);
    let mut declared = store(dir.path(), &columns());
    fill(&mut declared, rows);
    let key = JsonPath::key;
    let (done, priority) = (
        Filter::eq(key("done"), false),
        Filter::ge(key("priority"), 3),
    );
    let sql = "SELECT id, doc FROM records NOT INDEXED WHERE json_extract(doc, '$.done') = 0 AND json_extract(doc, '$.priority') >= 3";
    let plain = best(3, || {
        let start = Start::now();
        let mut statement = connection.prepare_cached(sql).unwrap();
        let found = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        });
        assert!(found.unwrap().filter_map(Result::ok).count() > 0);
        start.took()
    });
    print("bare filter by json_extract", plain, plain);
    let query = Query::new(done.and(priority));
    let mut reader = declared.reader();
    let took = best(3, || {
        let start = Start::now();
        assert!(!reader.query(&notes(), &query).unwrap().is_empty());
        start.took()
    });
    print("store filter, declared", took, plain);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut undeclared = store(elsewhere.path(), &[]);
    fill(&mut undeclared, rows);
    let mut reader = undeclared.reader();
    let took = best(3, || {
        let start = Start::now();
        assert!(!reader.query(&notes(), &query).unwrap().is_empty());
        start.took()
    });
    print("store filter, undeclared", took, plain);
    let plain = best(3, || {
        let start = Start::now();
        let mut statement = connection
            .prepare_cached("SELECT doc FROM records WHERE collection = 'notes' AND id = ?")
            .unwrap();
        for (id, _) in rows.iter().step_by(10) {
            let text: String = statement
                .query_row([id.as_str()], |row| row.get(0))
                .unwrap();
            Document::parse(&text).unwrap();
        }
        start.took()
    });
    print("bare get, 10,000 times", plain, plain);
    let took = best(3, || {
        let start = Start::now();
        for (id, _) in rows.iter().step_by(10) {
            assert!(reader.get(&notes(), id).unwrap().is_some());
        }
        start.took()
    });
    print("store get", took, plain);
}

fn bare_saves(rows: &[(RecordId, Document)], durability: Durability) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let connection = bare(
        dir.path(),
        if durability == Durability::Full {
            "FULL"
        } else {
            "NORMAL"
        },
    );
    let mut seed = 7;
    fastest(rows, |number, id, document| {
        let mutation = format!("{:016x}{:016x}", random(&mut seed), random(&mut seed));
        let run = |sql: &str| connection.prepare_cached(sql).unwrap().execute([]).unwrap();
        run("BEGIN IMMEDIATE");
        connection
            .prepare_cached("INSERT INTO records VALUES (?, ?, ?, ?)")
            .unwrap()
            .execute(params![
                "notes",
                id.as_str(),
                None::<String>,
                document.text()
            ])
            .unwrap();
        connection
            .prepare_cached("INSERT INTO outbox VALUES (?, ?, ?)")
            .unwrap()
            .execute(params![number as i64 + 1, mutation, document.text()])
            .unwrap();
        run("COMMIT");
    })
}

fn store_saves(rows: &[(RecordId, Document)], durability: Durability) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), &[]);
    let mut seed = 7;
    fastest(rows, |number, id, document| {
        let mut tx = store.begin(durability).unwrap();
        // What the engine reads for a create.
        let found = tx
            .load(&notes(), Keys::Ids(std::slice::from_ref(id)), Load::Whole)
            .unwrap();
        assert_eq!(found, [None]);
        let rid = tx.next_rid(&notes()).unwrap();
        assert!(
            tx.entries(EntryFilter::Chains(&notes(), &[rid]), None, 9)
                .unwrap()
                .is_empty()
        );
        let seq = tx.next_seq().unwrap();
        let latest = tx.clock().unwrap().next(number as u64, 1);
        let record = Record {
            rid,
            id: id.clone(),
            version: None,
            state: RecordState::Dirty,
            document: Some(document.clone()),
            stamp: None,
            schema: 1,
            migrated: false,
        };
        let entry = Entry {
            seq,
            id: MutationId(u128::from(random(&mut seed)) << 64 | u128::from(random(&mut seed))),
            collection: notes(),
            rid,
            change: Change::Create(document.clone()),
            stamps: Stamps {
                latest,
                ..Stamps::default()
            },
            group: None,
            schema: 1,
            replaces: None,
            undoes: None,
            state: EntryState::Pending,
            frozen: None,
            created_ms: number as u64,
        };
        let dirty = Dirty {
            base: Image::Absent,
            remote: None,
            provisional: false,
        };
        tx.commit(vec![
            Op::Insert {
                collection: notes(),
                record,
            },
            Op::Dirty {
                collection: notes(),
                rid,
                dirty: Some(dirty),
            },
            Op::Entry(Box::new(entry)),
        ])
        .unwrap();
    })
}

/// The time of one save: the fastest block by the clock, the mean on the processor.
fn fastest(
    rows: &[(RecordId, Document)],
    mut save: impl FnMut(usize, &RecordId, &Document),
) -> Took {
    let mut best = Duration::MAX;
    let whole = Start::now();
    for block in (0..SAVES).step_by(BLOCK) {
        let start = std::time::Instant::now();
        for (number, (id, document)) in rows.iter().enumerate().skip(block).take(BLOCK) {
            save(number, id, document);
        }
        best = best.min(start.elapsed() / BLOCK as u32);
    }
    Took(best, whole.took().1 / SAVES as u32)
}
