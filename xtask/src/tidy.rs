//! The house rules that no other tool checks. Each rule is a pure function over text, proven by a bad sample.

use crate::workspace::Workspace;
use anyhow::{Result, bail};

mod clock;
mod dependencies;
mod files;
mod leftovers;
mod licences;
mod links;
mod names;
mod spdx;

/// Checks every rule and gives back a remark; fails with all findings at once.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    let files = files::read_all(workspace.root())?;
    let metadata = workspace.metadata()?;
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(leftovers::check(&file.path, &file.text));
        findings.extend(clock::check_text(&file.path, &file.text));
        findings.extend(links::check(workspace.root(), &file.path, &file.text));
    }
    findings.extend(clock::check_configurations(&files));
    findings.extend(names::check(workspace.root(), &metadata));
    findings.extend(dependencies::check(&metadata));
    findings.extend(dependencies::check_closures(workspace, &metadata)?);
    findings.extend(licences::check(&metadata, &licences::allowed(&files)?));
    if !findings.is_empty() {
        bail!("{} findings:\n{}", findings.len(), findings.join("\n"));
    }
    Ok(format!("{} files", files.len()))
}
