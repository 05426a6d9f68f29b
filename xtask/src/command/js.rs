//! `cargo xtask js`: the tests of the npm package `ti.sync`.

use crate::js;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// The npm package `ti.sync` in Node: builds its module, and runs its tests against a real `tisync serve`.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", js::run(workspace)?);
    Ok(ExitCode::SUCCESS)
}
