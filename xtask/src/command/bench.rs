//! `cargo xtask bench`: builds the benchmark in release mode and hands it the arguments.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Measures Ti.Sync beside the physical limit in one run; `--json` prints one object a line, `--row W1` picks a row.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments of the benchmark; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let data = workspace.target_folder()?.join("bench");
    let status = workspace
        .cargo(&[
            "run",
            "--quiet",
            "--release",
            "--package",
            "xtask-bench",
            "--",
        ])
        .args(&args.rest)
        // A real disk, not a memory file system: durability is half of what is measured.
        .env("TISYNC_BENCH_FOLDER", data)
        .status()
        .context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
