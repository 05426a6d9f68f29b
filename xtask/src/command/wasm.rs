//! `cargo xtask wasm`: proves that the core compiled for wasm32 imports nothing.

use crate::wasm;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Builds the core for wasm32-unknown-unknown and proves that the module imports nothing.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", wasm::run(workspace)?);
    Ok(ExitCode::SUCCESS)
}
