//! Apps of Titanium Alloy: compiled by the real compiler in each version, and run in a stand-in for Titanium.

use crate::node;
use crate::product::{self, Progress};
use crate::wasm;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use xtask_backends::{ALLOY_COMPILERS, JSON_SERVER, Place};

/// What an app of Alloy needs to be compiled and run.
pub(crate) struct Alloy {
    environment: Vec<(&'static str, PathBuf)>,
}

impl Alloy {
    /// Installs the compilers, and builds the module, the adapter and the server.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self> {
        node::check("which compiles and runs the apps")?;
        let target = workspace.target_folder()?;
        let place = Place::new(workspace.root(), &target);
        ALLOY_COMPILERS.install(&place)?;
        JSON_SERVER.install(&place)?;
        let built = wasm::for_tests(workspace)?;
        wasm::native_sqlite(workspace)?;
        let mut environment = vec![
            (
                "ALLOY_COMPILERS",
                place.installed(&ALLOY_COMPILERS).join("node_modules"),
            ),
            ("ALLOY_FOLDER", target.join("alloy")),
            ("JSON_SERVER", place.installed(&JSON_SERVER)),
            (
                "ALLOY_ADAPTER_FILES",
                workspace.root().join("js/dist/alloy"),
            ),
            ("JS_TOOLS", built.packages),
            (
                "TISYNC",
                product::build(workspace, "dev", Progress::Hidden)?,
            ),
        ];
        environment.extend(built.old_node.map(|node| ("OLD_NODE", node)));
        Ok(Self { environment })
    }

    /// Gives a program what it needs.
    fn apply(&self, command: &mut Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

/// Compiles and runs the matrix and gives what it prints; `only` is a part of a cell's name, such as `3.0.1-android`.
pub(crate) fn matrix(workspace: &Workspace, alloy: &Alloy, only: Option<&str>) -> Result<String> {
    let mut node = Command::new("node");
    node.arg(workspace.root().join("xtask/alloy/matrix.js"))
        .args(only)
        .current_dir(workspace.root());
    alloy.apply(&mut node);
    let output = node.output().context("cannot start node")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{printed}{errors}\n{}", output.status);
    }
    Ok(printed)
}

/// Runs the example on two phones, and the snippets of the documentation; gives how many tests passed.
pub(crate) fn tests(workspace: &Workspace, alloy: &Alloy) -> Result<u64> {
    let files = node::files(&workspace.root().join("xtask/alloy"), ".test.js")?;
    node::test(workspace, &files, |node| alloy.apply(node))
}

/// All of it as a step; gives back a remark.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let alloy = Alloy::prepare(workspace)?;
    let printed = matrix(workspace, &alloy, None)?;
    // The last two lines tell how much longer a compile takes, and how much was tried.
    let told: Vec<&str> = printed.lines().rev().take(2).collect();
    let passed = tests(workspace, &alloy)?;
    Ok(format!("{}; {passed} passed", told.join("; ")))
}
