//! What the module costs where nothing is compiled: a pull of 7,000 records and a single save. And how long the adapter of
//! Alloy holds an app up while 7,000 rows of a REST backend come.

use super::build::Built;
use super::tools::Tools;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Milliseconds of the processor for the pull, for its longest piece, and for a save.
const BUDGET: [(&str, f64); 3] = [
    ("pull_ms", 15_000.0),
    ("longest_ms", 30.0),
    ("save_median_ms", 20.0),
];

/// Milliseconds of the processor that an app of Alloy is held up at most.
const PIECE_MS_MAX: f64 = 30.0;

/// Measures on each engine, prints a line for each, and holds the budget where there is no compiler.
pub(crate) fn run(workspace: &Workspace, built: &Built, tools: &Tools) -> Result<()> {
    let native = tools.native_sqlite()?;
    let node = Path::new("node");
    let old = tools.old_node();
    let mut rows = vec![
        measure(workspace, node, &[], &built.wasm, &native, "250 2000")?,
        measure(workspace, node, &[], &built.js, &native, "250 2000")?,
    ];
    if let Some(old) = &old {
        let wasm = tools.folder().join("node-sqlite3-wasm");
        rows.push(measure(
            workspace,
            old,
            &[],
            &built.wasm,
            &wasm,
            "250 2000",
        )?);
    }
    let slow = measure(
        workspace,
        node,
        &["--jitless"],
        &built.js,
        &native,
        "15 200",
    )?;
    rows.push(slow.clone());
    for row in rows {
        println!("{row}");
    }
    for (name, most) in BUDGET {
        let took = number(&slow, name)?;
        ensure!(
            took <= most,
            "without a compiler {name} is {took}, more than the {most} that it may be"
        );
    }
    alloy(workspace, tools)
}

/// The same for the adapter of Alloy, with a backend that has pages and with one that gives all rows at once. What
/// an engine does once, with the first 1,000, is not held against it: it reads its code then, or compiles it.
fn alloy(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let node = Path::new("node");
    let old = tools.old_node();
    let mut engines: Vec<(&Path, &[&str], &str, &str)> = vec![
        (node, &[], "better-sqlite3", "wasm"),
        (node, &["--jitless"], "better-sqlite3", "js"),
    ];
    if let Some(old) = &old {
        engines.push((old, &[], "node-sqlite3-wasm", "wasm"));
    }
    let mut longest = Vec::new();
    for (node, flags, sqlite, module) in engines {
        for rows in ["pages", "whole"] {
            let mut command = Command::new(node);
            command
                .args(flags)
                .arg(workspace.root().join("js/measure/alloy.js"))
                .arg(tools.folder())
                .args([sqlite, module, rows])
                .current_dir(workspace.root());
            let row = read(command)?;
            println!("{row}");
            longest.push((number(&row, "longest_warm_ms")?, row));
        }
    }
    for (took, row) in longest {
        ensure!(
            took <= PIECE_MS_MAX,
            "an app of Alloy is held up for {took} ms, more than the {PIECE_MS_MAX} that it may be: {row}"
        );
    }
    Ok(())
}

fn number(row: &Value, name: &str) -> Result<f64> {
    row[name]
        .as_f64()
        .with_context(|| format!("expected {name} in what the measurement prints"))
}

fn measure(
    workspace: &Workspace,
    node: &Path,
    flags: &[&str],
    module: &Path,
    sqlite: &Path,
    sizes: &str,
) -> Result<Value> {
    let mut command = Command::new(node);
    command
        .args(flags)
        .arg(workspace.root().join("js/measure/measure.js"))
        .arg(module)
        .arg(sqlite)
        .args(sizes.split(' '))
        .current_dir(workspace.root());
    read(command)
}

fn read(command: Command) -> Result<Value> {
    let printed = output(command)?;
    serde_json::from_str(printed.trim()).context("expected a line of JSON from the measurement")
}
