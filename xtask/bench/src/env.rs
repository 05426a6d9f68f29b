//! Where and how much is measured.
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder of all files: it must be on a real disk, since durability is half of what is measured.
const FOLDER: &str = "TISYNC_BENCH_FOLDER";

/// What every row is given.
#[derive(Debug)]
pub(crate) struct Env {
    folder: TempDir,
    /// How often each program runs.
    pub(crate) runs: usize,
    /// How many records each row takes.
    pub(crate) sizes: Sizes,
    /// The only program that runs, for a profiler.
    only: Option<Program>,
}

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    Ours,
    Limit,
}

/// How many records each row takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// W1, W4 and the filters of W6.
    pub(crate) large: u64,
    /// The second memory measurement of W1.
    pub(crate) huge: u64,
    /// W2, W3, W5 and the rest of W6.
    pub(crate) small: u64,
    /// The changes of W4.
    pub(crate) changes: u64,
}

impl Sizes {
    /// The sizes that the budgets are stated for.
    pub(crate) const FULL: Sizes = Sizes {
        large: 100_000,
        huge: 1_000_000,
        small: 10_000,
        changes: 1_000,
    };
    /// A tenth of them, for a first look.
    pub(crate) const QUICK: Sizes = Sizes {
        large: 10_000,
        huge: 50_000,
        small: 1_000,
        changes: 100,
    };
}

impl Env {
    /// Makes a folder for this run; it goes when the run ends.
    pub(crate) fn new(runs: usize, sizes: Sizes, only: Option<Program>) -> Result<Self> {
        let parent =
            std::env::var_os(FOLDER).map_or_else(|| PathBuf::from("target/bench"), PathBuf::from);
        std::fs::create_dir_all(&parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        let folder = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(&parent)
            .with_context(|| format!("cannot make a folder in {}", parent.display()))?;
        Ok(Env {
            folder,
            runs,
            sizes,
            only,
        })
    }

    /// Whether a program runs.
    pub(crate) fn wants(&self, program: Program) -> bool {
        self.only.is_none_or(|only| only == program)
    }

    /// Whether no program is left out.
    pub(crate) fn wants_all(&self) -> bool {
        self.only.is_none()
    }

    /// A folder that goes when it is dropped.
    pub(crate) fn fresh(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(self.folder.path())?)
    }

    /// The path of a file that several runs share; `make` fills it when it is not there yet.
    pub(crate) fn shared(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        if !path.exists() {
            make(&path)?;
        }
        Ok(path)
    }

    /// Copies a database that nobody has open into a folder.
    pub(crate) fn copy(&self, from: &Path, into: &Path) -> Result<PathBuf> {
        let to = into.join("server.db");
        std::fs::copy(from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        // What was written must not be flushed while the clock runs.
        std::fs::File::open(&to)?.sync_all()?;
        Ok(to)
    }
}
