//! `cargo xtask backends`: installs the programs of others that the product is tried with.

use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;
use xtask_backends::{ALL, Installed, Place};

/// Installs the pinned clients and servers of others below the target folder; quick when they are there.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(workspace: &Workspace, _: Args) -> Result<ExitCode> {
    println!("{}", install(workspace)?);
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    for backend in ALL {
        println!(
            "{}: {} ({})",
            backend.name,
            backend.about,
            place.installed(backend).display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs all of them; gives back a remark.
pub(crate) fn install(workspace: &Workspace) -> Result<String> {
    let place = Place::new(workspace.root(), &workspace.target_folder()?);
    let mut now = 0;
    for backend in ALL {
        now += usize::from(backend.install(&place)? == Installed::Now);
    }
    Ok(format!("{} there, {now} of them new", ALL.len()))
}
