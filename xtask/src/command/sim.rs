//! `cargo xtask sim`: builds the simulator with its profile and hands it the arguments.

use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Runs the simulator: `--seeds N`, `--from N`, `--seed N` (replays one, with its trace hash), `--bugs` (planted bugs).
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments of the simulator; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let status = workspace
        .cargo(step::SIM)
        .args(&args.rest)
        .status()
        .context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
