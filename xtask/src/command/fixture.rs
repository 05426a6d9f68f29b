//! `cargo xtask fixture`: keeps a file of each layout, for the tests of later versions.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Makes the files of the present layouts that later versions must still open; those that are there stay.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    for (package, example, folder) in [
        (
            "tisync-store",
            "store_fixture",
            "crates/store/tests/fixtures",
        ),
        ("tisync", "replica_fixture", "crates/tisync/tests/fixtures"),
    ] {
        let status = workspace
            .cargo(&["run", "--quiet", "--package", package])
            .args(["--example", example, "--", folder])
            .status()
            .context("cannot start cargo")?;
        if !status.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
