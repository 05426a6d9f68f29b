//! The npm package in Node beside the packages of others and what one would write by hand, all in one run.
//!
//! Each program is a file of `xtask/bench/js`, started anew for each run; the records are written once, here, and read
//! there.
mod child;
mod rows;

pub(crate) use rows::ROWS;

use crate::env::Env;
use crate::{limit, ours, record};
use anyhow::Result;
use std::io::Write as _;
use std::path::PathBuf;
use xtask_backends::{POUCHDB_SERVER, Running};

/// A program of `xtask/bench/js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    /// What one would write by hand.
    Limit,
    Watermelon,
    PowerSync,
    Pouch,
}

impl Program {
    const ALL: [Program; 5] = [
        Program::Ours,
        Program::Limit,
        Program::Watermelon,
        Program::PowerSync,
        Program::Pouch,
    ];

    /// Its file, without the end.
    fn file(self) -> &'static str {
        match self {
            Program::Ours => "ours",
            Program::Limit => "limit",
            Program::Watermelon => "watermelon",
            Program::PowerSync => "powersync",
            Program::Pouch => "pouchdb",
        }
    }

    /// The package's name, of those that are not ours.
    fn peer(self) -> Option<&'static str> {
        match self {
            Program::Ours | Program::Limit => None,
            Program::Watermelon => Some("WatermelonDB"),
            Program::PowerSync => Some("PowerSync"),
            Program::Pouch => Some("PouchDB"),
        }
    }

    /// Whether `--only` leaves it in.
    fn is_wanted(self, env: &Env) -> bool {
        match self {
            Program::Ours => env.wants(crate::env::Program::Ours),
            Program::Limit => env.wants(crate::env::Program::Limit),
            _ => env.wants_all(),
        }
    }
}

/// The folder of the records that every program reads: a file for each edition, made once a run.
fn records(env: &Env) -> Result<PathBuf> {
    env.shared("records", |folder| {
        std::fs::create_dir_all(folder)?;
        for (edition, count) in [
            (0, env.sizes.large),
            (1, env.sizes.small),
            (2, env.sizes.small),
        ] {
            let file = std::fs::File::create(folder.join(format!("edition-{edition}.ndjson")))?;
            let mut file = std::io::BufWriter::new(file);
            for number in 0..count {
                writeln!(file, "{}", record::body(number, edition))?;
            }
            file.flush()?;
        }
        Ok(())
    })
}
