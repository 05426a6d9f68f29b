//! Where the workspace is, and cargo started in it.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Self {
        // Cargo tells where xtask is at run time, so that a moved checkout works; the folder of the build is the fallback.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        Self {
            root: manifest
                .parent()
                .map_or_else(|| PathBuf::from("."), Path::to_path_buf),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Prepares a cargo command that runs at the root.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root);
        // What cargo told xtask about itself must not reach the packages that the child builds.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            }) {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) fn has_cargo_deny(&self) -> bool {
        runs(self.cargo(&["deny", "--version"]))
    }

    /// Asks cargo for every package in the graph, with all features on.
    pub(crate) fn metadata(&self) -> Result<Value> {
        let text = output(self.cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--all-features",
            "--quiet",
        ]))?;
        serde_json::from_str(&text).context("cargo metadata printed something that is not JSON")
    }

    /// Tells where cargo builds.
    pub(crate) fn target_folder(&self) -> Result<PathBuf> {
        let text =
            output(self.cargo(&["metadata", "--format-version", "1", "--no-deps", "--quiet"]))?;
        let metadata: Value = serde_json::from_str(&text)
            .context("cargo metadata printed something that is not JSON")?;
        let folder = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target_directory")?;
        Ok(PathBuf::from(folder))
    }
}

/// Tells whether a program is there and runs; what it prints is dropped.
pub(crate) fn runs(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program and gives back what it printed; its errors become ours.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let name = spelled(&command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name} failed ({}):\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{name} printed something that is not UTF-8"))
}

/// Spells a command as one would type it; what it does to the environment is left out.
fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
