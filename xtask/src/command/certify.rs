//! `cargo xtask certify`: every connector on its real backend.

use crate::certify::{self, Certified};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;
use xtask_backends::{ALL, Place};

/// Starts the real servers, certifies every connector, prints one table, and fails if any falls short.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these connectors, such as `couchdb`
    names: Vec<String>,
    /// Prints one object a line
    #[arg(long)]
    json: bool,
    /// Writes the reports to docs/connectors/certified instead of comparing them
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    for backend in ALL.iter().filter(|backend| backend.is_server()) {
        backend.install(&place)?;
    }
    if !args.json {
        println!(
            "{:<17} {:<46} {:>6} {:>6} {:>9}",
            "connector", "backend", "passed", "failed", "not tried"
        );
    }
    certify::run(
        workspace,
        &args.names,
        args.update,
        &mut |certified| match args.json {
            true => println!("{}", certified.json()),
            false => println!("{}", row(certified)),
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

fn row(certified: &Certified) -> String {
    let [passed, failed, skipped] = certified.counts();
    format!(
        "{:<17} {:<46} {passed:>6} {failed:>6} {skipped:>9}\n  {}",
        certified.target.name,
        certified.target.backend,
        certified.guarantee()
    )
}

/// The step of `cargo xtask test`; the servers are installed by then.
pub(crate) fn step(workspace: &Workspace) -> Result<String> {
    let mut rows = Vec::new();
    certify::run(workspace, &[], false, &mut |certified| {
        rows.push(certified.counts());
    })?;
    let passed: u64 = rows.iter().map(|[passed, ..]| passed).sum();
    Ok(format!("{} connectors, {passed} checks passed", rows.len()))
}
