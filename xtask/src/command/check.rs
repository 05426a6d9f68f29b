//! `cargo xtask check`: what a developer runs all day, in under five minutes.

use crate::step::{self, Selection, Step};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Formats, lints, unit tests and 1,000 simulator seeds: what to run all day (under 5 minutes).
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let steps = vec![
        step::format(),
        step::tidy(),
        step::clippy(),
        Step::cargo("unit tests", &["test", "--workspace", "--lib", "--bins"]).counting_tests(),
        step::sim(&["--seeds", "1000"]),
    ];
    Ok(step::run_all(workspace, steps, &args.selection)?.exit_code())
}
