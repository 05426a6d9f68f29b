//! The binary `tisync`, built.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;

/// Whether cargo tells how far it is, on the error stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Shown,
    Hidden,
}

/// Builds the binary `tisync` and tells where it is.
///
/// The development profile builds fastest, and `cargo xtask test` has built most of it already.
pub(crate) fn build(workspace: &Workspace, profile: &str, progress: Progress) -> Result<PathBuf> {
    let quiet: &[&str] = match progress {
        Progress::Shown => &[],
        Progress::Hidden => &["--quiet"],
    };
    let output = workspace
        .cargo(&[
            "build",
            "--package",
            "tisync-cli",
            "--bin",
            "tisync",
            "--profile",
            profile,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(quiet)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the command line does not build ({})", output.status);
    }
    // Cargo names the executable itself, so that any target folder and any target will do.
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .context("cargo built the command line, but did not say where")
}
