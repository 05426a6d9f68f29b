//! `cargo xtask c`: the C library, linked by a program in C.

use crate::c;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Builds the C library, and a program in C that writes, pulls, pushes and reads over it.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", c::run(workspace)?);
    Ok(ExitCode::SUCCESS)
}
