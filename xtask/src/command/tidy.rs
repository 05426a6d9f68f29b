//! `cargo xtask tidy`: the house rules that no other tool checks.

use crate::tidy;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Checks the house rules: file sizes, leftovers, links, crate names, who may use whom, licences.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", tidy::run(workspace)?);
    Ok(ExitCode::SUCCESS)
}
