//! Node.js and its test runner.

use crate::workspace::{Workspace, runs};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Milliseconds that one test may take: one that waits for ever must not hold up the others.
const TEST_MS_MAX: u32 = 120_000;

/// Says that Node is missing, and what it is for.
pub(crate) fn check(what_for: &str) -> Result<()> {
    let mut version = Command::new("node");
    version.arg("--version");
    if !runs(version) {
        bail!("Node.js 20 or later is missing, {what_for}: `apt-get install nodejs npm`");
    }
    Ok(())
}

/// Runs files of tests; gives back how many passed. A test that is skipped counts as failed.
pub(crate) fn test(
    workspace: &Workspace,
    files: &[PathBuf],
    set_up: impl FnOnce(&mut Command),
) -> Result<u64> {
    test_with(Path::new("node"), workspace, files, set_up)
}

/// The same with a Node of its own.
pub(crate) fn test_with(
    program: &Path,
    workspace: &Workspace,
    files: &[PathBuf],
    set_up: impl FnOnce(&mut Command),
) -> Result<u64> {
    let mut node = Command::new(program);
    node.arg("--test")
        .arg(format!("--test-timeout={TEST_MS_MAX}"))
        .args(files)
        .current_dir(workspace.root())
        .stdin(Stdio::null());
    set_up(&mut node);
    let output = (node.output()).with_context(|| format!("cannot start {}", program.display()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let passed = count(&printed, "pass");
    if !output.status.success() || passed == 0 || count(&printed, "skipped") > 0 {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{printed}{errors}\n{}", output.status);
    }
    Ok(passed)
}

/// The files of a folder whose names end so, in order.
pub(crate) fn files(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(end) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
