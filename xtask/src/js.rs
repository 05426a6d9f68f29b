//! The npm package `ti.sync` in Node, against a real server.

use crate::node;
use crate::product::{self, Progress};
use crate::workspace::Workspace;
use crate::{process, step, wasm};
use anyhow::{Result, bail};
use std::path::PathBuf;
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

/// Traces of the simulator that are replayed in the module.
const TRACES: &str = "1000";

/// Builds the module and the server, and runs the tests of the package: on WebAssembly, and on plain JavaScript.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    node::check("in which the package is tried")?;
    let built = wasm::for_tests(workspace)?;
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    JSON_SERVER.install(&place)?;
    let json_server = place.installed(&JSON_SERVER);
    let all = node::files(&workspace.root().join("js/test"), ".test.js")?;
    let again: Vec<_> = (all.iter())
        .filter(|file| !ONCE.iter().any(|name| file.ends_with(name)))
        .cloned()
        .collect();
    let traces = traces(workspace)?;
    let test = |module: &str, files: &[PathBuf]| {
        node::test(workspace, files, |node| {
            node.env("TISYNC", &tisync)
                .env("JS_TOOLS", &built.packages)
                .env("JSON_SERVER", &json_server)
                .env("TISYNC_TRACED", &built.traced)
                .env("TISYNC_TRACES", &traces)
                .env("TISYNC_MODULE", module);
        })
    };
    let (wasm, js) = (test("wasm", &all)?, test("js", &again)?);
    Ok(format!("{wasm} passed, and {js} in plain JavaScript"))
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
