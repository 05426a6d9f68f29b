//! What a developer runs: `cargo xtask help` lists it.
//!
//! This program stays light, so that it builds in seconds: it starts cargo for everything that needs the product's code.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod acs;
mod alloy;
mod c;
mod certify;
mod command;
mod demo;
mod encryption;
mod js;
mod node;
mod process;
mod product;
mod step;
mod tidy;
mod totals;
mod wasm;
mod workspace;

use workspace::Workspace;

/// Everything that a developer of Ti.Sync runs.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_version_flag = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(command::check::Args),
    Test(command::test::Args),
    Sim(command::sim::Args),
    Demo(command::demo::Args),
    Bench(command::bench::Args),
    Fixture(command::fixture::Args),
    Wasm(command::wasm::Args),
    Js(command::js::Args),
    Alloy(command::alloy::Args),
    C(command::c::Args),
    Backends(command::backends::Args),
    Acs(command::acs::Args),
    Certify(command::certify::Args),
    Tidy(command::tidy::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let workspace = Workspace::find();
    match command {
        Command::Check(args) => command::check::run(&workspace, args),
        Command::Test(args) => command::test::run(&workspace, args),
        Command::Sim(args) => command::sim::run(&workspace, args),
        Command::Demo(args) => command::demo::run(&workspace, args),
        Command::Bench(args) => command::bench::run(&workspace, args),
        Command::Fixture(args) => command::fixture::run(&workspace, args),
        Command::Wasm(args) => command::wasm::run(&workspace, args),
        Command::Js(args) => command::js::run(&workspace, args),
        Command::Alloy(args) => command::alloy::run(&workspace, args),
        Command::C(args) => command::c::run(&workspace, args),
        Command::Backends(args) => command::backends::run(&workspace, args),
        Command::Certify(args) => command::certify::run(&workspace, args),
        Command::Acs(args) => command::acs::run(&workspace, args),
        Command::Tidy(args) => command::tidy::run(&workspace, args),
    }
}
