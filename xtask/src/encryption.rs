//! The build with encryption: which of its features a machine can build.

use crate::workspace::runs;
use std::process::Command;

/// Chooses packages with encryption, for a command of cargo.
///
/// Over the system's libcrypto, where its headers are; else with an OpenSSL that is built from source, which takes some
/// minutes once.
pub(crate) fn arguments(packages: &[&str]) -> Vec<String> {
    let feature = match has_libcrypto() {
        true => "encryption",
        false => "encryption-vendored",
    };
    let chosen = packages
        .iter()
        .flat_map(|package| ["--package".to_owned(), (*package).to_owned()]);
    let features = packages
        .iter()
        .map(|package| format!("{package}/{feature}"));
    let features = features.collect::<Vec<_>>().join(",");
    chosen.chain(["--features".to_owned(), features]).collect()
}

/// Whether the system has OpenSSL to build with; macOS has a library of its own.
pub(crate) fn has_libcrypto() -> bool {
    if cfg!(target_os = "macos") {
        return true;
    }
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(compiler);
    command.args([
        "-fsyntax-only",
        "-include",
        "openssl/evp.h",
        "-x",
        "c",
        "/dev/null",
    ]);
    runs(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_gets_its_feature() {
        let arguments = arguments(&["tisync-store", "tisync"]).join(" ");
        assert!(arguments.starts_with(
            "--package tisync-store --package tisync --features tisync-store/encryption"
        ));
        assert!(arguments.contains(",tisync/encryption"));
    }
}
