//! The core compiled for wasm32-unknown-unknown imports nothing: no clock, no chance, no host at all; and the module of
//! `crates/abi` imports one function.
//!
//! A library alone proves little, so a small module is linked that calls the core, and the import section of that module
//! is read.

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use xtask_backends::{BENCH_JS, POUCHDB_SERVER, Place};

mod alloy;
mod build;
mod debian;
mod locals;
mod measure;
mod module;
mod order;
mod squeeze;
mod text;
mod toolchain;
mod tools;
mod webs;

use module::Module;
use toolchain::Toolchain;
use tools::Tools;

const TARGET: &str = "wasm32-unknown-unknown";

/// The function that the probe exports.
const EXPORT: &str = "probe";

const PROBE: &str = include_str!("wasm/probe.rs");

/// Builds the probe and the module, and checks both; gives back a remark.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let toolchain = toolchain::find(workspace)?;
    let core = probe(workspace, &toolchain)?;
    let built = build::run(workspace, &toolchain, &Tools::install(workspace)?)?;
    Ok(format!(
        "core {core}; {}; {}",
        built.remark,
        toolchain.name()
    ))
}

/// What tests of the npm package need.
pub(crate) struct ForTests {
    /// The folder of the packages that it is tried with.
    pub(crate) packages: PathBuf,
    /// The module with the commands that tests of hosts need.
    pub(crate) traced: PathBuf,
    /// A Node whose engine is that of Titanium on Android, where there is one for this machine.
    pub(crate) old_node: Option<PathBuf>,
    /// The first Node whose own SQLite does, where there is one for this machine.
    pub(crate) sqlite_node: Option<PathBuf>,
}

/// Builds the module, as it is shipped and as tests of hosts need it.
pub(crate) fn for_tests(workspace: &Workspace) -> Result<ForTests> {
    let tools = Tools::install(workspace)?;
    let toolchain = toolchain::find(workspace)?;
    build::run(workspace, &toolchain, &tools)?;
    Ok(ForTests {
        packages: tools.folder().to_owned(),
        traced: build::traced(workspace, &toolchain)?,
        old_node: tools.old_node(),
        sqlite_node: tools.sqlite_node(),
    })
}

/// Compiles better-sqlite3, for runs without WebAssembly.
pub(crate) fn native_sqlite(workspace: &Workspace) -> Result<()> {
    Tools::install(workspace)?.native_sqlite().map(drop)
}

/// Builds the module, and installs what the npm package is measured beside; gives the folder of those packages.
pub(crate) fn for_bench(workspace: &Workspace) -> Result<PathBuf> {
    let tools = Tools::install(workspace)?;
    build::run(workspace, &toolchain::find(workspace)?, &tools)?;
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    POUCHDB_SERVER.install(&place)?;
    BENCH_JS.install(&place)?;
    let packages = place.installed(&BENCH_JS).join("node_modules");
    tools::native_sqlite(&packages)?;
    Ok(packages)
}

/// Builds the module and measures it.
pub(crate) fn measure(workspace: &Workspace) -> Result<()> {
    let tools = Tools::install(workspace)?;
    let built = build::run(workspace, &toolchain::find(workspace)?, &tools)?;
    println!("{}", built.remark);
    measure::run(workspace, &built, &tools)
}

/// Builds the probe and proves that it imports nothing; gives back a remark.
fn probe(workspace: &Workspace, toolchain: &Toolchain) -> Result<String> {
    let folder = workspace.target_folder()?.join("wasm-probe");
    // What one compiler has built, another of the same version may not be able to read.
    let target = folder.join("target").join(toolchain.key());
    write_probe(workspace.root(), &folder)?;
    let mut cargo = workspace.cargo(&["build", "--release", "--target", TARGET]);
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    toolchain.apply(&mut cargo, false);
    let finished = process::run(cargo, "▸ wasm …")?;
    if !finished.status.success() {
        bail!(
            "{}\nthe probe does not compile for {TARGET}",
            finished.lines.join("\n")
        );
    }
    let path = target.join(TARGET).join("release/wasm_probe.wasm");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let module = Module::parse(&bytes)
        .map_err(|error| error.context(format!("{} is not a module", path.display())))?;
    judge(&module)?;
    Ok(format!("{} kB, no imports", bytes.len() / 1000))
}

/// A module passes if it exports the probe (so that the core was really linked) and imports nothing.
fn judge(module: &Module) -> Result<()> {
    if !module.exports.iter().any(|name| name == EXPORT) {
        bail!(
            "the module does not export {EXPORT:?}: the core was not linked, so this proves nothing (exports: {})",
            module.exports.join(", ")
        );
    }
    if !module.imports.is_empty() {
        let list: Vec<_> = module
            .imports
            .iter()
            .map(|(from, name)| format!("- {from}.{name}"))
            .collect();
        bail!(
            "the core must import nothing, and this build imports:\n{}",
            list.join("\n")
        );
    }
    Ok(())
}

/// Writes the probe's package below the target folder: a workspace of its own, with our lock.
fn write_probe(root: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"wasm-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nserde_json = \"1\"\ntisync-core = {{ path = '{}' }}\n\n\
         [profile.release]\nopt-level = \"s\"\n\n[workspace]\n",
        root.join("crates/core").display()
    );
    write_if_changed(&folder.join("Cargo.toml"), &manifest)?;
    write_if_changed(&folder.join("src/lib.rs"), PROBE)?;
    // The same versions as everywhere else; cargo drops what the probe does not use.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;
    Ok(())
}

/// Leaves an equal file alone, so that cargo does not build again.
fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(imports: &[(&str, &str)], exports: &[&str]) -> Module {
        let imports = imports
            .iter()
            .map(|(from, name)| ((*from).to_owned(), (*name).to_owned()))
            .collect();
        Module {
            imports,
            exports: exports.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_module_that_imports_a_clock_is_refused_by_name() {
        let error = judge(&module(&[("env", "now")], &["memory", EXPORT])).unwrap_err();
        assert!(error.to_string().contains("- env.now"), "{error}");
        assert!(judge(&module(&[], &["memory", EXPORT])).is_ok());
    }

    #[test]
    fn a_module_without_the_probe_proves_nothing() {
        assert!(judge(&module(&[], &["memory"])).is_err());
    }
}
