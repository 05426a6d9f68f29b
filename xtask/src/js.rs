//! The npm package `ti.sync` in Node, against a real server.

use crate::node;
use crate::product::{self, Progress};
use crate::workspace::Workspace;
use crate::{process, step, wasm};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;
use xtask_backends::{JSON_SERVER, Place};

/// Tests that do not use the module, or only one of it.
const ONCE: &[&str] = &[
    "certify.test.js",
    "cli.test.js",
    "conformance.test.js",
    "fields.test.js",
    "trace.test.js",
    "types.test.js",
];

/// Tests of the SQLite that Node has itself.
const OWN_SQLITE: &[&str] = &["conformance.test.js", "replica.test.js", "sync.test.js"];

/// Traces of the simulator that are replayed in the module.
const TRACES: &str = "1000";

/// Builds the module and the server, and runs the tests of the package: on WebAssembly, on plain JavaScript, and some with
/// the SQLite of a newer Node.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    node::check("in which the package is tried")?;
    let built = wasm::for_tests(workspace)?;
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    JSON_SERVER.install(&place)?;
    let json_server = place.installed(&JSON_SERVER);
    let all = node::files(&workspace.root().join("js/test"), ".test.js")?;
    let named = |names: &[&str], wanted: bool| -> Vec<PathBuf> {
        let is_named = |file: &PathBuf| names.iter().any(|name| file.ends_with(name));
        let files = all.iter().filter(|file| is_named(file) == wanted);
        files.cloned().collect()
    };
    let traces = traces(workspace)?;
    let environment = |node: &mut Command, module: &str| {
        node.env("TISYNC", &tisync)
            .env("JS_TOOLS", &built.packages)
            .env("JSON_SERVER", &json_server)
            .env("TISYNC_TRACED", &built.traced)
            .env("TISYNC_TRACES", &traces)
            .env("TISYNC_MODULE", module);
    };
    let wasm = node::test(workspace, &all, |node| environment(node, "wasm"))?;
    let again = named(ONCE, false);
    let js = node::test(workspace, &again, |node| environment(node, "js"))?;
    let mut remark = format!("{wasm} passed, and {js} in plain JavaScript");
    if let Some(program) = &built.sqlite_node {
        let files = named(OWN_SQLITE, true);
        let own = node::test_with(program, workspace, &files, |node| {
            environment(node, "wasm");
            node.env("TISYNC_SQLITE", "node:sqlite");
        })?;
        remark += &format!(", and {own} with node:sqlite");
    }
    Ok(remark)
}

/// Lets the simulator write what the module is to replay.
fn traces(workspace: &Workspace) -> Result<PathBuf> {
    let file = workspace.target_folder()?.join("traces.jsonl");
    let mut simulator = workspace.cargo(step::SIM);
    simulator.args(["--seeds", TRACES, "--trace"]).arg(&file);
    let finished = process::run(simulator, "▸ traces …")?;
    if !finished.status.success() {
        bail!(
            "{}\nthe simulator does not write its traces",
            finished.lines.join("\n")
        );
    }
    Ok(file)
}
