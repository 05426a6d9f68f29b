//! Programs of others that the product is tried with: pinned, and installed below the target folder.

use crate::workspace::{Workspace, output, runs};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages of npm, pinned by the `package-lock.json` in a folder of ours.
pub(crate) struct Backend {
    /// Its folder below `target/backends`.
    pub(crate) name: &'static str,
    /// The folder with `package.json` and `package-lock.json`.
    manifest: &'static str,
}

/// The clients that apps of Appcelerator Cloud Services were written with.
pub(crate) const ACS_CLIENTS: Backend = Backend {
    name: "acs-clients",
    manifest: "xtask/acs",
};

/// All of them.
pub(crate) const ALL: &[Backend] = &[ACS_CLIENTS];

/// What was done for a backend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    Now,
    Before,
}

impl Backend {
    /// Tells where the packages are, once they are installed.
    pub(crate) fn folder(&self, workspace: &Workspace) -> Result<PathBuf> {
        Ok(workspace.target_folder()?.join("backends").join(self.name))
    }

    /// Installs the packages, unless exactly these are there.
    ///
    /// No package runs a script of its own.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<Installed> {
        let manifest = workspace.root().join(self.manifest);
        let folder = self.folder(workspace)?;
        let lock = read(&manifest.join("package-lock.json"))?;
        // Written last, so that it stands for a whole installation.
        let mark = folder.join("installed.json");
        if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == lock) {
            return Ok(Installed::Before);
        }
        if !runs(npm(&["--version"])) {
            bail!(
                "npm is missing, which installs {}: it comes with Node.js 20 or later, or `apt-get install npm`",
                self.name
            );
        }
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let _ = std::fs::remove_file(&mark);
        std::fs::write(
            folder.join("package.json"),
            read(&manifest.join("package.json"))?,
        )?;
        std::fs::write(folder.join("package-lock.json"), &lock)?;
        let mut install = npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        install.current_dir(&folder);
        output(install).with_context(|| format!("{} could not be installed", self.name))?;
        std::fs::write(mark, lock)?;
        Ok(Installed::Now)
    }
}

fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(args);
    command
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
