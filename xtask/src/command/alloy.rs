//! `cargo xtask alloy`: the adapter in real apps of Titanium Alloy.

use crate::alloy::{self, Alloy};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// The adapter in apps of Titanium Alloy: compiles them with each Alloy for each platform and Backbone, runs them, and prints the table.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only cells whose name has this in it: VERSION-PLATFORM-BACKBONE
    cell: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let alloy = Alloy::prepare(workspace)?;
    print!(
        "{}",
        alloy::matrix(workspace, &alloy, args.cell.as_deref())?
    );
    if args.cell.is_none() {
        println!("{} tests passed", alloy::tests(workspace, &alloy)?);
    }
    Ok(ExitCode::SUCCESS)
}
