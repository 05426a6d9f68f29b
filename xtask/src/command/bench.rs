//! `cargo xtask bench`: builds the benchmark in release mode and hands it the arguments.

use crate::wasm;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Measures Ti.Sync beside the physical limit in one run; `--json` prints one object a line, `--row W1` picks a row, `--row JS`
/// those of the npm package in Node.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments of the benchmark; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let data = workspace.target_folder()?.join("bench");
    let mut bench = workspace.cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "xtask-bench",
        "--",
    ]);
    bench
        .args(&args.rest)
        // A real disk, not a memory file system: durability is half of what is measured.
        .env("TISYNC_BENCH_FOLDER", data);
    if wants_node(&args.rest) {
        bench.env("TISYNC_BENCH_PACKAGES", wasm::for_bench(workspace)?);
    }
    let status = bench.status().context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether rows of the npm package run: all rows do when none is named.
fn wants_node(args: &[String]) -> bool {
    let named = (args.iter().zip(args.iter().skip(1)))
        .filter(|(name, _)| *name == "--row")
        .map(|(_, row)| row.as_str());
    let rows: Vec<&str> = (args.iter())
        .filter_map(|arg| arg.strip_prefix("--row="))
        .chain(named)
        .collect();
    let is_js = |row: &&str| row.to_uppercase().starts_with("JS");
    let is_help = |arg: &String| arg == "--help" || arg == "-h";
    (rows.is_empty() || rows.iter().any(is_js)) && !args.iter().any(is_help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_wanted_for_every_row_and_for_its_own() {
        let wants = |line: &str| {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            wants_node(&args)
        };
        assert!(wants("--quick"));
        assert!(wants("--row W1 --row JS"));
        assert!(wants("--row=js"));
        assert!(!wants("--row W1 --json"));
        assert!(!wants("--row=W2"));
        assert!(!wants("--help"));
    }
}
