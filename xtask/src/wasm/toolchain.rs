//! A compiler that knows wasm32-unknown-unknown.

use super::{TARGET, debian};
use crate::workspace::{Workspace, output};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What LLVM is told for the small module: each of these that it has, together with those beside it. ADR 17 says what each
/// gains.
const LLVM_OPTIONS: [&[&str]; 5] = [
    // A copy of more than eight bytes is a call, not a list of loads and stores.
    &["-max-store-memcpy=1"],
    // Nothing is computed earlier, and kept in locals, in the hope that it is needed later.
    &["-enable-load-pre=false"],
    &["-disable-licm-promotion"],
    &["-disable-lsr"],
    // A function that is called once is inlined when it has up to twenty instructions, not three thousand: LLVM takes
    // 15,000 off its cost, in which an instruction counts 5. What these say is 150 times what holds without them.
    &[
        "-inline-threshold=750",
        "-inline-instr-cost=750",
        "-inline-call-penalty=3750",
    ],
];

/// What our own standard library is built for, and with it all that is linked to it: a panic traps where it happens.
/// Nobody could read its message, since the module has nowhere to print to.
pub(super) const TRAPS: &str = "-Zunstable-options -Cpanic=immediate-abort";

/// The compiler to build the probe with.
pub(crate) enum Toolchain {
    /// The active toolchain, which has the target.
    Active,
    /// A compiler in a private folder; nothing is installed.
    Private { rustc: PathBuf },
}

/// Finds a compiler: Debian's in a private folder where there is Debian, since only with a standard library of our own is
/// the module as small as it may be; else the active one, if it has the target.
///
/// It never adds a target to the developer's toolchain: that is theirs to decide.
pub(super) fn find(workspace: &Workspace) -> Result<Toolchain> {
    match debian::provide(workspace) {
        Ok(rustc) => Ok(Toolchain::Private { rustc }),
        Err(error) if active_has_target(workspace) => {
            eprintln!("the active Rust toolchain makes the module, and a larger one: {error:#}");
            Ok(Toolchain::Active)
        }
        Err(error) => Err(error.context(format!(
            "the active Rust toolchain cannot compile for {TARGET}: run `rustup target add {TARGET}` and try again"
        ))),
    }
}

impl Toolchain {
    /// Has `cargo` compile with it, and `small` if that counts more than speed.
    pub(super) fn apply(&self, cargo: &mut Command, small: bool) {
        // Flags and wrappers meant for the host's compiler would reach this one too.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_BUILD_TARGET",
        ] {
            cargo.env_remove(name);
        }
        // For the first version of WebAssembly.
        let mut flags = vec!["-Ctarget-cpu=mvp".to_owned()];
        if small {
            flags.extend(self.llvm_options());
        }
        if let Self::Private { rustc } = self {
            flags.push(TRAPS.to_owned());
            // For the flag that traps, and nothing else.
            cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
        }
        cargo.env("RUSTFLAGS", flags.join(" "));
    }

    /// Those of our options that this compiler's LLVM has.
    fn llvm_options(&self) -> Vec<String> {
        let mut rustc = match self {
            Self::Active => active_rustc(),
            Self::Private { rustc } => Command::new(rustc),
        };
        rustc.args(["-Cllvm-args=--help-hidden", "--print", "sysroot"]);
        options_of(&output(rustc).unwrap_or_default())
    }

    /// Tells builds of different compilers apart.
    pub(super) fn key(&self) -> String {
        let folder = match self {
            Self::Active => None,
            Self::Private { rustc } => rustc.ancestors().nth(2),
        };
        let name = folder.and_then(Path::file_name);
        name.map_or_else(
            || "active".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Active => "active toolchain",
            Self::Private { .. } => "Debian's compiler in a private folder",
        }
    }
}

fn active_has_target(workspace: &Workspace) -> bool {
    let mut rustc = active_rustc();
    rustc
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(workspace.root());
    output(rustc).is_ok_and(|folder| has_core(Path::new(folder.trim())))
}

fn active_rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Our options, as rustc takes them, that an LLVM with this help has.
fn options_of(help: &str) -> Vec<String> {
    (LLVM_OPTIONS.into_iter())
        .filter(|options| options.iter().all(|option| help.contains(name_of(option))))
        .flatten()
        .map(|option| format!("-Cllvm-args={option}"))
        .collect()
}

/// The name of an option of LLVM, as its help lists it.
fn name_of(option: &str) -> &str {
    option.split_once('=').map_or(option, |(name, _)| name)
}

/// Tells whether a target's folder holds a compiled `core`; rustc names the folder whether or not it is there.
fn has_core(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    names
        .into_iter()
        .any(|name| name.starts_with("libcore-") && name.ends_with(".rlib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_counts_only_with_its_core() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_core(&folder.path().join("missing")));
        std::fs::write(folder.path().join("libstd-1.rlib"), "").unwrap();
        assert!(!has_core(folder.path()));
        std::fs::write(folder.path().join("libcore-1.rlib"), "").unwrap();
        assert!(has_core(folder.path()));
    }
    #[test]
    fn options_that_need_each_other_are_given_together() {
        let help = "  --disable-lsr  - x\n  --inline-threshold=<int>  - x\n  --inline-call-penalty=<int>  - x\n";
        assert_eq!(options_of(help), ["-Cllvm-args=-disable-lsr"]);
        let help = format!("{help}  --inline-instr-cost=<int>  - x\n");
        assert_eq!(options_of(&help).len(), 4);
        assert!(options_of("").is_empty());
    }
}
