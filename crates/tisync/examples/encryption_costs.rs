//! What encryption costs, beside the same replica without it, in one run:
//! `cargo run --release -p tisync --features encryption --example encryption_costs`.
#![allow(clippy::unwrap_used)]
use std::path::Path;
use std::time::{Duration, Instant};
use tisync::{Key, Replica, ReplicaBuilder, WriteDurability};

const RECORDS: usize = 100_000;
const SAVES: usize = 2_000;
const DURABLE_SAVES: usize = 300;
const OPENS: usize = 50;
const GETS: usize = 5_000;

/// How a file is encrypted.
#[derive(Clone, Copy, PartialEq)]
enum With {
    Nothing,
    Key,
    Passphrase,
}

fn main() {
    println!("medians              plain        key          passphrase");
    let dirs = [With::Nothing, With::Key, With::Passphrase].map(|with| {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), with);
        (with, dir)
    });
    let line = |name: &str, measure: &dyn Fn(&Path, With) -> Duration| {
        let took = dirs.each_ref().map(|(with, dir)| {
            format!(
                "{:<12}",
                format!("{:.1} us", measure(dir.path(), *with).as_secs_f64() * 1e6)
            )
        });
        println!("{name:<20} {}", took.join(" "));
    };
    line("durable save", &|dir, with| {
        saves(dir, with, WriteDurability::PowerCut, DURABLE_SAVES)
    });
    line("save", &|dir, with| {
        saves(dir, with, WriteDurability::Process, SAVES)
    });
    line("open and get", &open_and_get);
    line("get, cached", &|dir, with| gets(dir, with, 1));
    line("get, not cached", &|dir, with| gets(dir, with, 37));
    let sizes = dirs.each_ref().map(|(_, dir)| {
        let bytes = std::fs::metadata(dir.path().join("a.db")).unwrap().len();
        format!("{:<12}", format!("{:.1} MB", bytes as f64 / 1e6))
    });
    println!("{:<20} {}", "file", sizes.join(" "));
}

fn builder(dir: &Path, with: With) -> ReplicaBuilder {
    let builder = Replica::open(dir.join("a.db")).collection("notes", "merge");
    match with {
        With::Nothing => builder,
        With::Key => builder.encryption_key(|| Ok(Key::raw([7; 32]))),
        With::Passphrase => {
            builder.encryption_key(|| Key::passphrase("four words of chance").map_err(Into::into))
        }
    }
}

fn document(number: usize) -> String {
    format!(
        r#"{{"title": "note {number}", "text": "{}"}}"#,
        "milk and bread ".repeat(20)
    )
}

fn fill(dir: &Path, with: With) {
    let replica = builder(dir, with).open().unwrap();
    for page in 0..RECORDS / 5_000 {
        replica
            .bulk(|writes| {
                (page * 5_000..(page + 1) * 5_000).try_for_each(|number| {
                    writes.put("notes", format!("n{number}"), document(number))
                })
            })
            .unwrap();
    }
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}

fn timed(count: usize, mut once: impl FnMut(usize)) -> Duration {
    median(
        (0..count)
            .map(|number| {
                let start = Instant::now();
                once(number);
                start.elapsed()
            })
            .collect(),
    )
}

fn saves(dir: &Path, with: With, durability: WriteDurability, count: usize) -> Duration {
    let replica = builder(dir, with)
        .write_durability(durability)
        .open()
        .unwrap();
    let notes = replica.collection("notes").unwrap();
    timed(count, |number| {
        notes
            .put(format!("s{number}"), document(number))
            .map(drop)
            .unwrap();
    })
}

fn open_and_get(dir: &Path, with: With) -> Duration {
    timed(if with == With::Passphrase { 5 } else { OPENS }, |number| {
        let replica = builder(dir, with).open().unwrap();
        let notes = replica.collection("notes").unwrap();
        assert!(notes.get(format!("n{number}")).unwrap().is_some());
    })
}

/// Reads records in steps: the same few, or each from a page that was not read before.
fn gets(dir: &Path, with: With, step: usize) -> Duration {
    let replica = builder(dir, with).open().unwrap();
    let notes = replica.collection("notes").unwrap();
    let (count, range) = if step == 1 {
        (GETS, 10)
    } else {
        (GETS / 2, RECORDS)
    };
    for number in 0..if step == 1 { 10 } else { 0 } {
        notes.get(format!("n{number}")).unwrap();
    }
    timed(count, |number| {
        let id = format!("n{}", number * step % range);
        assert!(notes.get(id).unwrap().is_some());
    })
}
