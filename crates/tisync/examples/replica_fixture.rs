//! Makes the files of the present layouts that later versions must still open and sync with: `cargo xtask
//! fixture` gives the folder. A new layout gets a new folder; the old ones stay.
#![allow(clippy::unwrap_used)]
#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/fixtures/story.rs"]
mod story;

fn main() {
    let folder = std::env::args()
        .nth(1)
        .expect("the folder that gets this version's fixture");
    let (store, server) = (tisync_store::LAYOUT, tisync_server::LAYOUT);
    let folder = std::path::PathBuf::from(folder).join(format!("replica-{store}-server-{server}"));
    if folder.exists() {
        println!("{} is there already: it stays as it is", folder.display());
        return;
    }
    std::fs::create_dir(&folder).unwrap();
    story::write(&folder);
    println!("made {}", folder.display());
}
