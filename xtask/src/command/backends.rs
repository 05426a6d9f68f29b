//! `cargo xtask backends`: installs the programs of others that the product is tried with.

use crate::backends::{self, Installed};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Installs the pinned clients and servers of others below the target folder; quick when they are there.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    for backend in backends::ALL {
        let done = match backend.install(workspace)? {
            Installed::Now => "installed",
            Installed::Before => "there already",
        };
        println!(
            "{}: {done} ({})",
            backend.name,
            backend.folder(workspace)?.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
