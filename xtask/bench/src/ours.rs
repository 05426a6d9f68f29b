//! The product: replicas of the library, and what is put into the server's file before the clock runs.
use crate::env::Env;
use crate::record::{self, COLLECTION};
use anyhow::{Result, bail};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tisync::{CollectionOptions, Replica};
use tisync_server::{HttpRequest, ServerNow, ServiceConfig, SqliteServerStore, edge, faces};

/// Mutations in one push while a server is filled.
const BATCH: usize = 500;

/// The plain collection: a policy, no columns.
pub(crate) fn plain() -> Result<CollectionOptions> {
    Ok(CollectionOptions::policy("merge")?)
}

/// A replica of the server at an address.
pub(crate) fn replica(path: &Path, url: &str, options: CollectionOptions) -> Result<Replica> {
    Ok(Replica::open(path)
        .server(url)
        .collection(COLLECTION, options)
        .open()?)
}

/// Syncs once, and makes sure that nothing is left to do.
pub(crate) fn sync(replica: &Replica) -> Result<tisync::SyncReport> {
    let report = replica.blocking_sync()?;
    if !report.is_synced() {
        bail!(
            "expected a replica that is synced, but this waits: {:?}",
            report.health
        );
    }
    Ok(report)
}

/// A file of our server with the first `count` records; made once a run.
pub(crate) fn filled(env: &Env, count: u64) -> Result<PathBuf> {
    env.shared(&format!("ours-{count}.db"), |path| {
        eprintln!("  filling our server with {count} records");
        fill(path, 0..count)
    })
}

/// Adds records to a server's file.
pub(crate) fn fill(path: &Path, numbers: Range<u64>) -> Result<()> {
    push(path, numbers, "absent", |number| {
        format!(r#"{{"create":{}}}"#, record::document(number, 0))
    })
}

/// Replaces records in a server's file.
pub(crate) fn replace(path: &Path, numbers: Range<u64>, edition: u64) -> Result<()> {
    push(path, numbers, "none", |number| {
        format!(r#"{{"replace":{}}}"#, record::document(number, edition))
    })
}

/// Pushes one mutation a record through the server's own face, without a socket.
fn push(
    path: &Path,
    numbers: Range<u64>,
    base: &str,
    change: impl Fn(u64) -> String,
) -> Result<()> {
    let config = ServiceConfig::default();
    edge::setup(path, &config.tenant)?;
    let mut store = SqliteServerStore::open(path)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = ServerNow {
        wall_ms: since.as_millis() as u64,
        entropy: [0; 32],
    };
    let numbers: Vec<u64> = numbers.collect();
    for batch in numbers.chunks(BATCH) {
        let mutations: Vec<String> = batch
            .iter()
            .map(|number| {
                // The time keeps the keys of several calls apart.
                let key = (since.as_nanos() << 32) | u128::from(*number);
                format!(
                    r#"{{"id":"{key:032x}","collection":"{COLLECTION}","record":"{}","base":"{base}","change":{}}}"#,
                    record::id(*number),
                    change(*number)
                )
            })
            .collect();
        let body = format!(r#"{{"mutations":[{}]}}"#, mutations.join(","));
        let request = HttpRequest::new("POST", "/v1/push", body);
        let answer = faces::handle(&mut store, &now, &config, &request);
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 || text.matches(r#""accepted""#).count() != batch.len() {
            bail!(
                "expected {} accepted mutations, but came {text}",
                batch.len()
            );
        }
    }
    Ok(())
}
