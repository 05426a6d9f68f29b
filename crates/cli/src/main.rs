//! The command line of Ti.Sync.
mod args;
mod command;
mod config;
mod exit;
mod fields;
mod input;
mod log;
mod output;
mod screen;
mod table;
mod text;
mod tokens;

use args::Args;
use clap::Parser;
use exit::Failure;
use output::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let out = Out::new(args.json);
    match run(&args, &out) {
        Ok(code) => code.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.code.into()
        }
    }
}

fn run(args: &Args, out: &Out) -> Result<exit::Code, Failure> {
    log::begin(args)?;
    if let Some(folder) = &args.directory {
        std::env::set_current_dir(folder).map_err(|error| {
            Failure::failed(format!(
                "expected to change to the folder {}, but {error}",
                folder.display()
            ))
        })?;
    }
    command::run(args, out)
}
