//! `cargo xtask demo`: builds the command line and plays the main job with it.

use crate::demo::{self, Setup};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

/// Two devices and a server settle offline edits of real data under each policy, with nothing lost (about a minute).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leaves the server running and the files in place, and prints commands to try.
    #[arg(long)]
    keep: bool,
    /// Builds with optimisation: compiles longer, runs faster.
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let setup = Setup {
        tisync: build(workspace, args.release)?,
        airports: workspace.root().join("examples/data/airports.csv"),
        keep: args.keep,
        debug: !args.release,
    };
    Ok(if demo::run(&setup)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the binary `tisync`, with cargo's own progress on the error stream, and tells where it is.
///
/// The development profile builds fastest, and `cargo xtask test` has built most of it already.
fn build(workspace: &Workspace, release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "dev" };
    println!("Building the command line (profile {profile}) …");
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
