//! A wasm32 compiler out of Debian's packages, unpacked into a cache folder. Nothing is installed.
//!
//! `rustc-web` is Debian's newest Rust. It ships no standard library for wasm32, but `rust-web-src` carries the sources with all they need,
//! so that library is compiled once, offline (a minute or two), and kept. Versions are asked of apt, never written down here: old ones vanish.

use super::TARGET;
use super::toolchain::TRAPS;
use crate::workspace::{Workspace, output, runs};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Raised when the steps below change, so that a cache made by older steps is not used.
const RECIPE: u32 = 4;

/// A package that needs the standard library. That is built as small as the module is, but for what copies memory.
const SEED: &str = r#"[package]
name = "seed"
version = "0.0.0"
edition = "2021"

[workspace]

[profile.release]
opt-level = "z"
codegen-units = 1

[profile.release.package.compiler_builtins]
opt-level = 3
"#;

/// Our starter of the compiler, below its folder.
const RUSTC: &str = "bin/rustc";

const HOST: &str = "x86_64-unknown-linux-gnu";
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// Gives the path of a rustc that knows the target; makes it on the first call.
pub(super) fn provide(workspace: &Workspace) -> Result<PathBuf> {
    ensure!(
        runs(command("apt-get", ["--version"])) && runs(command("dpkg-deb", ["--version"])),
        "this is no Debian, where a compiler could be had from packages"
    );
    ensure!(
        output(command("dpkg", ["--print-architecture"]))?.trim() == "amd64",
        "the way over Debian's packages is written for amd64"
    );
    if let Some(rustc) = kept(candidate("rustc-web"))? {
        return Ok(rustc);
    }
    // A fresh machine's lists are often old, and so is the compiler they name.
    update_lists();
    let version = candidate("rustc-web").context("apt knows no package rustc-web")?;
    if let Some(rustc) = kept(Some(version.clone()))? {
        return Ok(rustc);
    }
    let place = folder_of(&version)?;
    eprintln!(
        "preparing a compiler for {TARGET}: Debian's rustc-web {version} in {} (once, about two minutes)",
        place.display()
    );
    // Made aside and moved into place whole: an interrupted run leaves nothing that looks complete, and of two at once one wins.
    let aside = cache()?.join(format!("partial-{}", std::process::id()));
    let made = make(workspace, &aside, &version).and_then(|()| match fs::rename(&aside, &place) {
        Err(error) if !place.exists() => Err(error).context("cannot move the compiler into place"),
        _ => Ok(()),
    });
    // Gone already if it was moved.
    let _ = fs::remove_dir_all(&aside);
    made?;
    Ok(place.join(RUSTC))
}

/// Gives the compiler of that version if an earlier run kept it.
fn kept(version: Option<String>) -> Result<Option<PathBuf>> {
    let Some(version) = version else {
        return Ok(None);
    };
    let rustc = folder_of(&version)?.join(RUSTC);
    Ok(rustc.exists().then_some(rustc))
}

fn folder_of(version: &str) -> Result<PathBuf> {
    Ok(cache()?.join(format!("debian-{version}-r{RECIPE}")))
}

fn cache() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(home);
    Ok(base
        .context("neither XDG_CACHE_HOME nor HOME is set")?
        .join("tisync-xtask"))
}

fn make(workspace: &Workspace, folder: &Path, version: &str) -> Result<()> {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages)?;
    let llvm_library = download(&packages, version).or_else(|first| {
        // Lists older than the mirror name files that are gone.
        update_lists();
        ensure!(
            candidate("rustc-web").as_deref() == Some(version),
            "the packages changed meanwhile; run it again ({first:#})"
        );
        download(&packages, version)
    })?;
    unpack(&packages, folder)?;
    fs::remove_dir_all(&packages)?;
    link_linker(folder, &llvm_library)?;
    write_wrapper(folder)?;
    compile_standard_library(workspace, folder)
}

/// Fetches the packages; gives back the name of LLVM's library package, such as `libllvm22`.
fn download(packages: &Path, version: &str) -> Result<String> {
    let standard = dependency(
        &format!("libstd-rust-web-dev={version}"),
        "libstd-rust-web-",
    )?;
    let llvm = dependency(&format!("{standard}={version}"), "libllvm")?;
    let linker = llvm.replace("libllvm", "lld-");
    let mut fetch = command(
        "apt-get",
        ["-o", "APT::Sandbox::User=root", "download", "-qq"],
    );
    fetch.current_dir(packages);
    for package in [
        "rustc-web",
        "libstd-rust-web-dev",
        &standard,
        "rust-web-src",
    ] {
        fetch.arg(format!("{package}={version}"));
    }
    fetch.args([&llvm, &linker]);
    output(fetch)?;
    Ok(llvm)
}

fn unpack(packages: &Path, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(packages)? {
        let package = entry?.path();
        let sources = package
            .file_name()
            .and_then(OsStr::to_str)
            .is_some_and(|name| name.starts_with("rust-web-src_"));
        let mut reader = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&package)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start dpkg-deb")?;
        let stream = reader.stdout.take().context("dpkg-deb has no output")?;
        let mut tar = Command::new("tar");
        tar.args(["-x", "-C"]).arg(folder).stdin(stream);
        if sources {
            // The compiler's own sources, 340 MB, are not needed.
            tar.args([
                "--wildcards",
                "./usr/src/rustc-*/library",
                "./usr/lib/rustlib/src",
            ]);
        } else {
            tar.arg("--exclude=./usr/share");
        }
        let unpacked = tar.status().context("cannot start tar")?;
        let read = reader.wait()?;
        ensure!(
            unpacked.success() && read.success(),
            "cannot unpack {}",
            package.display()
        );
    }
    Ok(())
}

/// Puts LLVM's linker where rustc looks before PATH.
fn link_linker(folder: &Path, llvm_library: &str) -> Result<()> {
    let place = folder.join("usr/lib/rustlib").join(HOST).join("bin");
    fs::create_dir_all(&place)?;
    let number = llvm_library.trim_start_matches("libllvm");
    let mut link = command("ln", ["-s"]);
    link.arg(format!("../../../../lib/llvm-{number}/bin/lld"))
        .arg(place.join("rust-lld"));
    output(link).map(drop)
}

/// Writes a starter that tells the compiler where its libraries are; it finds itself, so the folder may move.
fn write_wrapper(folder: &Path) -> Result<()> {
    let path = folder.join(RUSTC);
    fs::create_dir_all(folder.join("bin"))?;
    let text = format!(
        "#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")/..\" && pwd)\n\
         LD_LIBRARY_PATH=\"$here/{LIBRARIES}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\nexport LD_LIBRARY_PATH\n\
         exec \"$here/usr/bin/rustc\" \"$@\"\n"
    );
    fs::write(&path, text)?;
    let mut executable = command("chmod", ["755"]);
    executable.arg(&path);
    output(executable).map(drop)
}

/// Compiles `std` for the target and puts it where this compiler looks.
///
/// Building the standard library is an unstable wish, so the compiler is told to allow it, in this step only.
fn compile_standard_library(workspace: &Workspace, folder: &Path) -> Result<()> {
    let rustc = folder.join(RUSTC);
    let rust = folder.join("usr/lib/rustlib");
    let linked = rust.join("src/rust/library");
    let library = linked
        .canonicalize()
        .context("rust-web-src has no library")?;
    let description = output(command(&rustc, ["-vV"]))?;
    let commit = description
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("rustc names no commit")?;
    let seed = folder.join("seed");
    fs::create_dir_all(seed.join("src"))?;
    fs::write(seed.join("src/lib.rs"), "")?;
    fs::write(seed.join("Cargo.toml"), SEED)?;
    let remap = |from: &Path| {
        format!(
            "--remap-path-prefix={}=/rustc/{commit}/library",
            from.display()
        )
    };
    let mut build = workspace.cargo(&[
        "build",
        "--release",
        "--offline",
        "--target",
        TARGET,
        "-Zbuild-std=std,panic_abort",
        // Sorting and formatting in their short forms: they are made anew for each type.
        "-Zbuild-std-features=optimize_for_size",
    ]);
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_INCREMENTAL",
    ] {
        build.env_remove(name);
    }
    build
        .args([
            "--config",
            "source.crates-io.replace-with=\"debian\"",
            "--config",
        ])
        .arg(format!(
            "source.debian.directory=\"{}\"",
            library.join("vendor").display()
        ))
        .current_dir(&seed)
        .env("CARGO_HOME", seed.join("home"))
        .env("CARGO_TARGET_DIR", seed.join("target"))
        .env("RUSTC", &rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        // For the engines of old phones; bitcode, so that users of this library can link with LTO; other paths, so that this machine's are not in every module.
        .env(
            "RUSTFLAGS",
            format!(
                "-Ctarget-cpu=mvp -Cembed-bitcode=yes -Zforce-unstable-if-unmarked {TRAPS} {} {}",
                remap(&library),
                remap(&linked)
            ),
        );
    output(build).context("the standard library does not compile")?;
    let place = rust.join(TARGET).join("lib");
    fs::create_dir_all(&place)?;
    for entry in fs::read_dir(seed.join("target").join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name.ends_with(".rlib") && !name.starts_with("libseed-") {
            fs::copy(&path, place.join(name))?;
        }
    }
    fs::remove_dir_all(seed).context("cannot remove the seed")
}

fn candidate(package: &str) -> Option<String> {
    parse_candidate(&output(command("apt-cache", ["policy", package])).ok()?)
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy
        .lines()
        .find_map(|line| line.strip_prefix("  Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// Gives the first dependency whose name is the prefix and a number.
fn dependency(package: &str, prefix: &str) -> Result<String> {
    let text = output(command("apt-cache", ["depends", package]))?;
    match parse_dependency(&text, prefix) {
        Some(name) => Ok(name),
        None => bail!("{package} depends on no {prefix}N"),
    }
}

fn parse_dependency(text: &str, prefix: &str) -> Option<String> {
    let names = text.lines().filter_map(|line| {
        line.trim()
            .trim_start_matches('|')
            .strip_prefix("Depends: ")
    });
    names
        .map(str::trim)
        .find(|name| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
        .map(str::to_owned)
}

/// Brings apt's lists up to date; without the right to do so the lists at hand must do.
fn update_lists() {
    let _ = output(command("apt-get", ["update", "-qq"]));
}

fn command<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_is_read_and_none_is_none() {
        assert_eq!(
            parse_candidate(
                "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1\n  Version table:\n"
            ),
            Some("1.96.0+dfsg1-1".to_owned())
        );
        assert_eq!(
            parse_candidate("rustc-web:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(parse_candidate("N: Unable to locate package\n"), None);
    }

    #[test]
    fn a_dependency_is_found_by_its_number() {
        let text = "libstd-rust-web-dev\n  Depends: libc6\n |Depends: libllvm-none\n  Depends: libllvm22\n";
        assert_eq!(
            parse_dependency(text, "libllvm"),
            Some("libllvm22".to_owned())
        );
        assert_eq!(parse_dependency(text, "libstd-rust-web-"), None);
    }
}
