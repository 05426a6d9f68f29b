//! `cargo xtask wasm`: builds the core and the module of the ABI for wasm32, and checks what they import.

use crate::wasm;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Builds the core for wasm32 and proves that it imports nothing; builds the module for JavaScript (and the same as
/// plain JavaScript) into js/dist, and checks its size and that old engines take it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure a pull of 7,000 records on each engine, single saves, and how long an app of Alloy is held up; hold the budget.
    #[arg(long)]
    measure: bool,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    if args.measure {
        wasm::measure(workspace)?;
    } else {
        println!("{}", wasm::run(workspace)?);
    }
    Ok(ExitCode::SUCCESS)
}
