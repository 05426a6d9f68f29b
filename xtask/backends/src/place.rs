//! Where the pinned manifests are, and where packages are installed.
use crate::Backend;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The folders of a checkout and its build.
#[derive(Clone, Debug)]
pub struct Place {
    xtask: PathBuf,
    target: PathBuf,
}

impl Place {
    /// A checkout's root, and the folder that cargo builds in.
    pub fn new(root: &Path, target: &Path) -> Self {
        Place {
            xtask: root.join("xtask"),
            target: target.to_path_buf(),
        }
    }

    /// The place that this program was built in, as a test is.
    ///
    /// # Errors
    /// When this program lies in no folder of cargo's.
    pub fn of_this_build() -> Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        // Cargo marks the folder that it builds in.
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .with_context(|| {
                format!(
                    "expected to run in a folder that cargo built, but this is {}",
                    program.display()
                )
            })?;
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("this crate has no folder above it")?;
        Ok(Place {
            xtask: xtask.to_path_buf(),
            target: target.to_path_buf(),
        })
    }

    /// Where a program's packages are, once they are installed.
    pub fn installed(&self, backend: &Backend) -> PathBuf {
        self.target.join("backends").join(backend.name)
    }

    pub(crate) fn manifest(&self, backend: &Backend) -> PathBuf {
        self.xtask.join(backend.manifest)
    }
}
