//! The real clients of Appcelerator Cloud Services against a real server.

use crate::product::{self, Progress};
use crate::workspace::{Workspace, runs};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use xtask_backends::{ACS_CLIENTS, Place};

/// Installs the clients, builds the server, runs the walks; gives back a remark.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let mut version = Command::new("node");
    version.arg("--version");
    if !runs(version) {
        bail!(
            "Node.js 20 or later is missing, in which the clients run: `apt-get install nodejs npm`"
        );
    }
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    ACS_CLIENTS.install(&place)?;
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let output = Command::new("node")
        .arg("--test")
        .args(walks(workspace)?)
        .env("TISYNC", tisync)
        .env("ACS_CLIENTS", place.installed(&ACS_CLIENTS))
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .output()
        .context("cannot start node")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let passed = count(&printed, "pass");
    if !output.status.success() || passed == 0 || count(&printed, "skipped") > 0 {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{printed}{errors}\n{}", output.status);
    }
    Ok(format!("{passed} passed"))
}

/// The files of tests, in order.
fn walks(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root().join("xtask/acs");
    let mut walks = Vec::new();
    for entry in
        std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            walks.push(path);
        }
    }
    walks.sort();
    Ok(walks)
}

/// Reads a line of Node's summary: `# pass 22`, or `ℹ pass 22` for people.
fn count(printed: &str, kind: &str) -> u64 {
    printed
        .lines()
        .filter_map(|line| line.strip_prefix("# ").or(line.strip_prefix("ℹ ")))
        .filter_map(|line| line.strip_prefix(kind)?.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_node_is_read() {
        let printed = "ok 1 - pass 7\n# Subtest: # pass 3\n# tests 22\n# pass 20\n# fail 2\n";
        assert_eq!((count(printed, "pass"), count(printed, "fail")), (20, 2));
        assert_eq!(count("ℹ pass 4\n", "pass"), 4);
        assert_eq!(count("", "pass"), 0);
    }
}
