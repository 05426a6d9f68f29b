//! `cargo xtask demo`: builds the command line and plays the main job with it.

use crate::demo::{self, Setup};
use crate::product::{self, Progress};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Two devices and a server settle offline edits of real data under each policy, with nothing lost (about a minute).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leaves the server running and the files in place, and prints commands to try.
    #[arg(long)]
    keep: bool,
    /// Builds with optimisation: compiles longer, runs faster.
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let profile = if args.release { "release" } else { "dev" };
    println!("Building the command line (profile {profile}) …");
    let setup = Setup {
        tisync: product::build(workspace, profile, Progress::Shown)?,
        airports: workspace.root().join("examples/data/airports.csv"),
        keep: args.keep,
        debug: !args.release,
    };
    Ok(if demo::run(&setup)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
