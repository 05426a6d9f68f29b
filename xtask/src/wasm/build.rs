//! The module for hosts without native code: `crates/abi` for wasm32, and the same translated to JavaScript.

use super::module::Module;
use super::squeeze::squeeze;
use super::toolchain::Toolchain;
use super::{TARGET, alloy, locals, order, tools::Tools};
use crate::process;
use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the module after gzip: what an app grows by. ADR 17 says what it is made of.
const GZIP_BYTES_MAX: u64 = 350_000;

/// What a standard library that others have built adds to that: it is built for speed, and its panics have messages.
const GZIP_BYTES_OF_OTHERS: u64 = 35_000;

/// The profile of the module that apps carry.
const SMALL: &str = "wasm";

/// What `wasm-opt` does to it. What gzip finds less alike is no gain, however short: a function inlined where it is called,
/// values kept in locals, code that two ways share.
const SMALL_PASSES: [&str; 6] = [
    "--one-caller-inline-max-function-size=0",
    "--skip-pass=merge-locals",
    "--skip-pass=local-cse",
    "--skip-pass=code-folding",
    "--skip-pass=simplify-locals",
    "-Os",
];

/// The only function that the module asks its host for.
const IMPORT: (&str, &str) = ("tisync", "host");

/// What was built.
pub(crate) struct Built {
    /// The module.
    pub(crate) wasm: PathBuf,
    /// The same as a CommonJS module.
    pub(crate) js: PathBuf,
    /// Sizes, for people.
    pub(crate) remark: String,
}

/// Builds both and checks them: what the module imports, its size, and that engines of old phones take it.
pub(crate) fn run(workspace: &Workspace, toolchain: &Toolchain, tools: &Tools) -> Result<Built> {
    let compiled = compile(workspace, toolchain, &["--profile", SMALL], SMALL)?;
    let folder = workspace.root().join("js/dist");
    fs::create_dir_all(&folder)?;
    let wasm = folder.join("tisync.wasm");
    let js = folder.join("tisync.js");
    // Both take a minute: what was made of this build stays.
    let is_made = is_newer(&wasm, &compiled) && is_newer(&js, &wasm);
    let ordered = compiled.with_file_name("ordered.wasm");
    if !is_made {
        optimise(tools, &compiled, &ordered, &SMALL_PASSES)?;
        let tried_in = ordered.parent().unwrap_or(workspace.root());
        let (module, numbered) = smallest(&fs::read(&ordered)?, tried_in)?;
        fs::write(&ordered, module)?;
        fs::write(&wasm, numbered)?;
    }
    let bytes = fs::read(&wasm)?;
    judge(&Module::parse(&bytes)?)?;
    let packed = gzip_bytes(&wasm)?;
    let packed_max = match toolchain {
        Toolchain::Private { .. } => GZIP_BYTES_MAX,
        Toolchain::Active => GZIP_BYTES_MAX + GZIP_BYTES_OF_OTHERS,
    };
    ensure!(
        packed <= packed_max,
        "the module has {packed} bytes after gzip, more than the {packed_max} that it may have: see ADR 17, and \
         look what has come with the last change"
    );
    tools.accepts(&wasm)?;
    if !is_made {
        // It numbers the locals itself, and comes out a kilobyte smaller from wasm-opt's numbers.
        translate(tools, &ordered, &js)?;
    }
    alloy::assemble(workspace.root(), &wasm, &js)?;
    certify(workspace, toolchain, tools, &folder.join("certify.wasm"))?;
    let remark = format!(
        "module {} kB, gzip {} kB; as JavaScript {} kB, gzip {} kB",
        bytes.len() / 1000,
        packed / 1000,
        fs::metadata(&js)?.len() / 1000,
        gzip_bytes(&js)? / 1000
    );
    Ok(Built { wasm, js, remark })
}

/// The module in that order, of those that are tried, in which gzip makes the least of it: before its locals are numbered,
/// and then.
fn smallest(module: &[u8], folder: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let made = |(number, taste)| -> Result<(u64, Vec<u8>, Vec<u8>)> {
        let ordered = order::by_likeness(module, taste)?;
        let numbered = locals::by_likeness(&ordered)?;
        let file = folder.join(format!("tried-{number}.wasm"));
        fs::write(&file, &numbered)?;
        Ok((gzip_bytes(&file)?, ordered, numbered))
    };
    let mut tastes: Vec<_> = order::TASTES.into_iter().enumerate().collect();
    let others = tastes.split_off(tastes.len() / 2);
    let tried = std::thread::scope(|scope| {
        let others = scope.spawn(|| others.into_iter().map(made).collect::<Vec<_>>());
        let mut tried: Vec<_> = tastes.into_iter().map(made).collect();
        match others.join() {
            Ok(others) => tried.extend(others),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        tried
    });
    let tried = tried.into_iter().collect::<Result<Vec<_>>>()?;
    let best = tried.into_iter().min_by_key(|(bytes, ..)| *bytes);
    let (_, ordered, numbered) = best.context("expected an order to try")?;
    Ok((ordered, numbered))
}

/// Whether a file is there and was made after another.
fn is_newer(file: &Path, than: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    time(file) > time(than)
}

/// Builds the module that `npx ti.sync certify` loads: on Node, and never in an app. Its profile is its own, since
/// modules of one profile are written to one place.
fn certify(workspace: &Workspace, toolchain: &Toolchain, tools: &Tools, wasm: &Path) -> Result<()> {
    let args = ["--profile", "certify", "--features", "certify"];
    let compiled = compile(workspace, toolchain, &args, "certify")?;
    if !is_newer(wasm, &compiled) {
        optimise(tools, &compiled, wasm, &["-O1"])?;
    }
    judge(&Module::parse(&fs::read(wasm)?)?)
}

/// Builds the module with the commands that tests of hosts need: not small, but fast enough to replay traces.
pub(crate) fn traced(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    compile(workspace, toolchain, &["--features", "trace"], "debug")
}

/// Compiles the module; cargo puts what comes of the profile into `folder`.
fn compile(
    workspace: &Workspace,
    toolchain: &Toolchain,
    args: &[&str],
    folder: &str,
) -> Result<PathBuf> {
    // A compiler's own standard library is linked: another compiler needs other builds.
    let target = workspace
        .target_folder()?
        .join("wasm")
        .join(toolchain.key());
    let mut cargo = workspace.cargo(&["rustc", "--package", "tisync-abi", "--lib"]);
    cargo
        .args(["--target", TARGET, "--crate-type", "cdylib"])
        .args(args);
    toolchain.apply(&mut cargo, folder == SMALL);
    cargo
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    let finished = process::run(cargo, "▸ module …")?;
    if !finished.status.success() {
        bail!(
            "{}\nthe module does not compile for {TARGET}",
            finished.lines.join("\n")
        );
    }
    Ok(target.join(TARGET).join(folder).join("tisync_abi.wasm"))
}

/// Has `wasm-opt` work on it, and leaves nothing in it that came after the first version of WebAssembly.
fn optimise(tools: &Tools, compiled: &Path, wasm: &Path, passes: &[&str]) -> Result<()> {
    let mut command = tools.binaryen("wasm-opt");
    command.arg(compiled).args([
        // A standard library that others have built uses what came later: it is lowered.
        "--enable-bulk-memory",
        "--enable-nontrapping-float-to-int",
        "--enable-sign-ext",
        "--enable-multivalue",
        "--enable-mutable-globals",
        "--enable-reference-types",
        "--llvm-memory-copy-fill-lowering",
        "--llvm-nontrapping-fptoint-lowering",
        "--signext-lowering",
        "--strip-debug",
        "--strip-producers",
        "--strip-target-features",
        // The lowest kilobyte is the far end of the stack: nothing that is there is counted from an address below it.
        "--low-memory-unused",
    ]);
    command.args(passes).arg("-o");
    output_of(command, wasm)
}

/// Translates it to JavaScript, as a function that takes the import and gives the exports.
fn translate(tools: &Tools, wasm: &Path, js: &Path) -> Result<()> {
    let raw = js.with_extension("mjs");
    let mut command = tools.binaryen("wasm2js");
    command.arg(wasm).args(["-Oz", "-o"]);
    output_of(command, &raw)?;
    let text = fs::read_to_string(&raw)?;
    fs::remove_file(&raw)?;
    fs::write(js, common_js(&text)?).with_context(|| format!("cannot write {}", js.display()))
}

fn output_of(mut command: std::process::Command, to: &Path) -> Result<()> {
    command.arg(to);
    output(command).map(drop)
}

/// Turns the module that wasm2js prints into one of CommonJS, and squeezes it.
fn common_js(text: &str) -> Result<String> {
    let body = text
        .strip_prefix("import * as tisync from 'tisync';\n")
        .context("expected wasm2js to begin with the import of the host")?;
    let (body, exports) = body
        .split_once("export var ")
        .context("expected wasm2js to end with exports")?;
    ensure!(
        exports.contains("retasmFunc.tisync_call"),
        "expected wasm2js to export the functions of the interface"
    );
    let mut out = String::with_capacity(body.len());
    out.push_str("'use strict';\nmodule.exports = function (tisync) {\n");
    out.push_str(body);
    out.push_str("return retasmFunc;\n};\n");
    Ok(squeeze(&out))
}

fn judge(module: &Module) -> Result<()> {
    let others: Vec<String> = (module.imports.iter())
        .filter(|(from, name)| (from.as_str(), name.as_str()) != IMPORT)
        .map(|(from, name)| format!("- {from}.{name}"))
        .collect();
    ensure!(
        others.is_empty(),
        "the module may only import {}.{}, and this build imports also:\n{}",
        IMPORT.0,
        IMPORT.1,
        others.join("\n")
    );
    ensure!(
        module.exports.iter().any(|name| name == "tisync_call"),
        "the module does not export tisync_call (exports: {})",
        module.exports.join(", ")
    );
    Ok(())
}

fn gzip_bytes(path: &Path) -> Result<u64> {
    let mut gzip = std::process::Command::new("gzip");
    gzip.args([OsStr::new("-9"), OsStr::new("-c"), path.as_os_str()])
        .stdin(std::process::Stdio::null());
    let packed = gzip.output().context("cannot start gzip")?;
    ensure!(packed.status.success(), "gzip failed: {}", packed.status);
    Ok(packed.stdout.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wasm2js_prints_becomes_a_function() {
        let text = "import * as tisync from 'tisync';\n  var a;\nvar retasmFunc = x;\nexport var memory = \
                    retasmFunc.memory;\nexport var tisync_call = retasmFunc.tisync_call;\n";
        let js = common_js(text).unwrap();
        assert!(js.starts_with("'use strict';module.exports=function(tisync){var a;"));
        assert!(js.ends_with("return retasmFunc;};"));
        assert!(common_js("var a;").is_err());
    }

    #[test]
    fn a_module_that_imports_more_is_refused_by_name() {
        let module = |imports: &[(&str, &str)]| Module {
            imports: (imports.iter())
                .map(|(from, name)| ((*from).to_owned(), (*name).to_owned()))
                .collect(),
            exports: vec!["tisync_call".to_owned()],
        };
        assert!(judge(&module(&[IMPORT])).is_ok());
        let error = judge(&module(&[IMPORT, ("env", "now")])).unwrap_err();
        assert!(error.to_string().contains("- env.now"), "{error}");
    }
}
