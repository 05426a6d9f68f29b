//! `cargo xtask bench`: Ti.Sync beside the physical limit, in one run.
//!
//! For each row two programs run in turn, and the medians are compared: the *limit*, bare axum, reqwest,
//! serde_json and rusqlite that move the same bytes with the same pages, durability and number of commits;
//! and *ours*, the library against the reference server, both on SQLite, over HTTP on the loopback. Absolute
//! times do not carry from machine to machine; the ratios do, to about a quarter. The rows `JS` are the npm package's,
//! beside packages of others. `docs/PERFORMANCE.md` says
//! what each row does and what decides it.
mod env;
mod host;
mod js;
mod limit;
mod memory;
mod ours;
mod pair;
mod record;
mod spent;
mod table;
mod w1_pull;
mod w2_save;
mod w3_push;
mod w4_changes;
mod w5_conflicts;
mod w6_read;
mod w7_beside;

use anyhow::{Result, bail};
use clap::Parser;
use env::{Env, Program, Sizes};
use std::path::PathBuf;
use table::Line;

/// Measures Ti.Sync beside the physical limit in one run.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Prints one JSON object a line: row, ours_s, limit_s, ratio, n, and where they apply cpu_ratio, must, aim,
    /// verdict and note.
    #[arg(long)]
    json: bool,
    /// Only this row: W1 to W7, JS for those of the npm package in Node, or one of them, as "JS W1"; several with several
    /// flags.
    #[arg(long)]
    row: Vec<String>,
    /// Runs of each program; the median counts.
    #[arg(long, default_value_t = 5)]
    n: usize,
    /// One run with a tenth of the records, for a first look.
    #[arg(long)]
    quick: bool,
    /// Runs one of the two programs alone, for a profiler; there are no ratios then.
    #[arg(long)]
    only: Option<Program>,
    /// What a child process pulls with, to measure its memory.
    #[arg(long, hide = true, requires_all = ["child_url", "child_file", "child_count"])]
    child: Option<Program>,
    #[arg(long, hide = true)]
    child_url: Option<String>,
    #[arg(long, hide = true)]
    child_file: Option<PathBuf>,
    #[arg(long, hide = true)]
    child_count: Option<u64>,
}

type Run = fn(&Env) -> Result<Vec<Line>>;

const ROWS: [(&str, Run); 7] = [
    ("W1", w1_pull::run),
    ("W2", w2_save::run),
    ("W3", w3_push::run),
    ("W4", w4_changes::run),
    ("W5", w5_conflicts::run),
    ("W6", w6_read::run),
    ("W7", w7_beside::run),
];

/// Whether `--row` names a row, or all that begin so: `JS`.
fn is_named(name: &str, row: &str) -> bool {
    name == row || name.starts_with(&format!("{row} "))
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let (Some(program), Some(url), Some(file), Some(count)) = (
        args.child,
        &args.child_url,
        &args.child_file,
        args.child_count,
    ) {
        return memory::child(program, url, file, count);
    }
    let wanted: Vec<String> = args.row.iter().map(|row| row.to_uppercase()).collect();
    let rows = || ROWS.into_iter().chain(js::ROWS);
    if let Some(unknown) = wanted
        .iter()
        .find(|row| rows().all(|(name, _)| !is_named(name, row)))
    {
        bail!("expected a row from W1 to W7, JS, or one from JS W1 to JS W6, but {unknown} came");
    }
    let env = match args.quick {
        true => Env::new(1, Sizes::QUICK, args.only)?,
        false => Env::new(args.n.max(1), Sizes::FULL, args.only)?,
    };
    let mut lines = Vec::new();
    for (_, run) in
        rows().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|row| is_named(name, row)))
    {
        let measured = run(&env)?;
        if args.json {
            measured.iter().for_each(|line| println!("{}", line.json()));
        }
        lines.extend(measured);
    }
    if !args.json {
        print!("{}", table::print(&lines));
        println!(
            "Medians of {} runs; ratio: ours to the limit, by the clock; cpu: the same of processor time, which a busy \
             machine changes less.",
            env.runs
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_alone_or_with_its_family() {
        assert!(is_named("W1", "W1"));
        assert!(is_named("JS W1", "JS"));
        assert!(is_named("JS W1", "JS W1"));
        assert!(!is_named("JS W1", "W1"));
        assert!(!is_named("JS W1", "J"));
    }
}
