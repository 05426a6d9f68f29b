//! Programs of others that the product is tried with: pinned, installed below the target folder, and started on a
//! free port of loopback.
//!
//! `cargo xtask backends` installs all of them. A test starts what it needs:
//!
//! ```no_run
//! let server = xtask_backends::POUCHDB_SERVER.start()?;
//! println!("{} answers at {}", server.name(), server.url());
//! # Ok::<(), anyhow::Error>(())
//! ```
mod all;
mod install;
mod loopback;
mod place;
mod running;

pub use all::{
    ACS_CLIENTS, ALL, ALLOY_COMPILERS, BENCH_JS, DJANGO_REST, JS_TOOLS, JSON_SERVER, KINTO,
    POUCHDB_SERVER,
};
pub use install::{Installed, has_python};
pub use place::Place;
pub use running::Running;

use std::ffi::OsString;
use std::path::Path;

/// A program of others: its packages, pinned by files of ours, and how it is started.
#[derive(Debug)]
pub struct Backend {
    /// Its folder below `target/backends`.
    pub name: &'static str,
    /// What it is, with its version.
    pub about: &'static str,
    /// The folder below `xtask` that pins its packages.
    manifest: &'static str,
    packages: Packages,
    start: Option<Start>,
}

/// Where packages come from, and the file that pins each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packages {
    /// `package-lock.json`.
    Npm,
    /// `requirements.txt`, in an environment of its own.
    Python,
}

/// How a server is started.
#[derive(Debug)]
struct Start {
    /// Its command line.
    command: fn(&Settings<'_>) -> Vec<OsString>,
    /// Variables of its environment.
    env: &'static [(&'static str, &'static str)],
    /// A path that answers 200 once it serves.
    ready: &'static str,
}

/// What a command line is made of.
struct Settings<'a> {
    /// Where the packages are.
    installed: &'a Path,
    /// The folder that pins them, with what we wrote for the server.
    manifest: &'a Path,
    /// An empty folder for its data.
    data: &'a Path,
    /// The port of 127.0.0.1 to listen on.
    port: u16,
}
