//! `cargo xtask acs`: the real clients of Appcelerator Cloud Services walk through the ACS face.

use crate::acs;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// The npm clients `arrowdb` and `acs-node` make every call they have against a real `tisync serve` (under a minute).
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", acs::run(workspace)?);
    Ok(ExitCode::SUCCESS)
}
