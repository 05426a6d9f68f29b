//! Makes the file of the present layout that later versions must still open:
//! `cargo run -p tisync-store --example fixture -- crates/store/tests/fixtures/v1.db`.
//! A new layout gets a new file and a new name; the old ones stay.
#![allow(clippy::unwrap_used)]
#[path = "../tests/fixtures/contents.rs"]
mod contents;

use tisync_store::{Options, SqlDriver, SqliteStore};

fn main() {
    let path = std::env::args()
        .nth(1)
        .expect("the path of the file to make");
    let path = std::path::Path::new(&path);
    assert!(
        !path.exists(),
        "a file of an old layout is never made again"
    );
    let mut store = SqliteStore::open(path, &Options::default()).unwrap();
    for changes in contents::commits() {
        tisync_core::conformance::commit(&mut store, changes);
    }
    println!(
        "{} bytes of contents",
        tisync_core::conformance::snapshot::snapshot(&mut store, &contents::names()).len()
    );
    // Everything into one file.
    store
        .driver()
        .query("PRAGMA journal_mode=DELETE", &[], &mut |_| {
            Ok(tisync_store::Next::More)
        })
        .unwrap();
}
