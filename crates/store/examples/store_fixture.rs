//! Makes the file of the present layout that later versions must still open: `cargo xtask fixture` gives the
//! folder. A new layout gets a new file; the old ones stay.
#![allow(clippy::unwrap_used)]
#[path = "../tests/fixtures/contents.rs"]
#[allow(dead_code, reason = "what only the test asks for")]
mod contents;

use std::path::PathBuf;
use tisync_store::{LAYOUT, Next, Options, SqlDriver, SqliteStore};

fn main() {
    let folder = std::env::args()
        .nth(1)
        .expect("the folder that gets this version's fixture");
    let path = PathBuf::from(folder).join(format!("v{LAYOUT}.db"));
    if path.exists() {
        println!("{} is there already: it stays as it is", path.display());
        return;
    }
    let mut store = SqliteStore::open(&path, &Options::default()).unwrap();
    for changes in contents::commits() {
        tisync_core::conformance::commit(&mut store, changes);
    }
    // Everything into one file.
    store
        .driver()
        .query("PRAGMA journal_mode=DELETE", &[], &mut |_| Ok(Next::More))
        .unwrap();
    println!("made {}", path.display());
}
