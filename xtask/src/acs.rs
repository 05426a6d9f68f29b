//! The real clients of Appcelerator Cloud Services against a real server.

use crate::node;
use crate::product::{self, Progress};
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::PathBuf;
use xtask_backends::{ACS_CLIENTS, Place};

/// Installs the clients, builds the server, runs the walks; gives back a remark.
pub(crate) fn run(workspace: &Workspace) -> Result<String> {
    node::check("in which the clients run")?;
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    ACS_CLIENTS.install(&place)?;
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let passed = node::test(workspace, &walks(workspace)?, |node| {
        node.env("TISYNC", &tisync)
            .env("ACS_CLIENTS", place.installed(&ACS_CLIENTS));
    })?;
    Ok(format!("{passed} passed"))
}

/// The files of tests, in order.
fn walks(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    node::files(&workspace.root().join("xtask/acs"), ".test.mjs")
}
