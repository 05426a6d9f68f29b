//! The C library: a program in C that links it.

use crate::workspace::{Workspace, output};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the library, compiles the program of `crates/abi/tests/c` and runs it.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let library = library(workspace)?;
    let sqlite = sqlite(workspace)?;
    let folder = workspace.target_folder()?.join("c");
    std::fs::create_dir_all(&folder)?;
    let abi = workspace.root().join("crates/abi");
    let program = folder.join("round_trip");
    let mut compile = Command::new("cc");
    compile
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"])
        .arg("-I")
        .arg(abi.join("include"))
        .arg("-I")
        .arg(&sqlite.headers)
        .args(["host.c", "round_trip.c"].map(|file| abi.join("tests/c").join(file)))
        .arg(&library)
        .arg(&sqlite.library)
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program);
    output(compile).context("the program in C does not compile: is there a C compiler `cc`?")?;
    let file = folder.join("round_trip.db");
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    let mut run = Command::new(&program);
    run.arg(&file);
    let printed = output(run).context("the program in C failed")?;
    Ok(format!("a round trip in {}", printed.trim()))
}

/// The static library, built with the development profile: what it is made of is there already.
fn library(workspace: &Workspace) -> Result<PathBuf> {
    let messages = messages(workspace.cargo(&[
        "rustc",
        "--package",
        "tisync-abi",
        "--lib",
        "--crate-type",
        "staticlib",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    let files = messages.iter().rev().filter_map(|message| {
        (message["target"]["name"] == "tisync_abi").then(|| message["filenames"].as_array())?
    });
    files
        .flatten()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".a") || file.ends_with(".lib"))
        .map(PathBuf::from)
        .context("cargo built no static library of tisync-abi")
}

/// The SQLite that our own tests run on, and its headers.
struct Sqlite {
    library: PathBuf,
    headers: PathBuf,
}

fn sqlite(workspace: &Workspace) -> Result<Sqlite> {
    let messages = messages(workspace.cargo(&[
        "build",
        "--package",
        "tisync-store",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    let built = messages.iter().find(|message| {
        message["reason"] == "build-script-executed"
            && message["package_id"]
                .as_str()
                .is_some_and(|id| id.contains("libsqlite3-sys"))
    });
    let out = built
        .and_then(|message| message["out_dir"].as_str())
        .context("cargo did not say where it built SQLite")?;
    let metadata = workspace.metadata()?;
    let packages = metadata["packages"].as_array();
    let manifest = packages
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "libsqlite3-sys")
        .and_then(|package| package["manifest_path"].as_str())
        .and_then(|path| Path::new(path).parent())
        .context("cargo does not know libsqlite3-sys")?;
    Ok(Sqlite {
        library: Path::new(out).join("libsqlite3.a"),
        headers: manifest.join("sqlite3"),
    })
}

/// What cargo says of its work, line by line.
fn messages(mut cargo: Command) -> Result<Vec<Value>> {
    let built = cargo
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo")?;
    if !built.status.success() {
        bail!("{}", String::from_utf8_lossy(&built.stderr));
    }
    let lines = String::from_utf8_lossy(&built.stdout).into_owned();
    Ok(lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
