//! The npm package `ti.sync` in Node, against a real server.

use crate::node;
use crate::product::{self, Progress};
use crate::wasm;
use crate::workspace::Workspace;
use anyhow::Result;

/// Builds the module and the server, and runs the tests of the package: on WebAssembly, and on plain JavaScript.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    node::check("in which the package is tried")?;
    let built = wasm::for_tests(workspace)?;
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let files = node::files(&workspace.root().join("js/test"), ".test.js")?;
    let test = |module: &str| {
        node::test(workspace, &files, |node| {
            node.env("TISYNC", &tisync)
                .env("JS_TOOLS", &built.packages)
                .env("TISYNC_TRACED", &built.traced)
                .env("TISYNC_MODULE", module);
        })
    };
    let (wasm, js) = (test("wasm")?, test("js")?);
    Ok(format!("{wasm} passed, and {js} in plain JavaScript"))
}
