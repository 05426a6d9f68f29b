//! Peak memory: the pull in a child process, with the server outside.
use crate::env::{Env, Program};
use crate::host::Host;
use crate::table::{Line, Unit};
use crate::{limit, ours};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// MB that a pull may take beside the page cache.
const ABOVE_CACHE_MB: f64 = 100.0;
/// MB of pages that both programs may keep.
const CACHE_MB: f64 = 64.0;
/// How much more a pull of ten times the records may take: memory is flat.
const FLAT: f64 = 1.15;

/// Pulls everything and prints the peak: what a child does.
pub(crate) fn child(program: Program, url: &str, path: &Path, count: u64) -> Result<()> {
    match program {
        Program::Ours => {
            let replica = ours::replica(path, url, ours::plain()?)?;
            let report = ours::sync(&replica)?;
            if report.traffic.pulled != count {
                bail!(
                    "expected {count} records, but {} came",
                    report.traffic.pulled
                );
            }
        }
        Program::Limit => limit::Client::open(path, url)?.pull_all(count)?,
    }
    println!("{}", peak_kib()?);
    Ok(())
}

/// Measures both sizes; the lines of the table.
pub(crate) fn run(env: &Env) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for count in [env.sizes.large, env.sizes.huge] {
        eprintln!("W1 memory, {count} records");
        let line = Line {
            row: format!("W1 peak memory, {count}"),
            unit: Unit::Megabytes,
            ours: peak(env, Program::Ours, count)?,
            limit: peak(env, Program::Limit, count)?,
            cpu: None,
            n: 1,
            must: None,
            aim: None,
            peers: Vec::new(),
            note: String::new(),
        };
        lines.push(line);
    }
    judge(&mut lines);
    Ok(lines)
}

/// The budget is absolute, so it is stated as a ratio to the limit of this run. The larger pull may take more
/// than the smaller one only as far as the limit does, whose cache fills up too.
fn judge(lines: &mut [Line]) {
    let smaller = lines.first().map(|line| (line.ours, line.limit));
    for (index, line) in lines.iter_mut().enumerate() {
        let absolute = ABOVE_CACHE_MB + CACHE_MB;
        let allowed = match smaller {
            Some((ours, limit)) if index > 0 => {
                absolute.min(ours * FLAT + (line.limit - limit).max(0.0))
            }
            _ => absolute,
        };
        line.must = Some(allowed / line.limit);
        line.note = format!(
            "at most {allowed:.0} MB: the cache of {CACHE_MB} and {ABOVE_CACHE_MB} above it; pages are let go as they are stored"
        );
    }
}

fn peak(env: &Env, program: Program, count: u64) -> Result<f64> {
    if !env.wants(program) {
        return Ok(f64::NAN);
    }
    let folder = env.fresh()?;
    let server = match program {
        Program::Ours => Host::ours(&env.copy(&ours::filled(env, count)?, folder.path())?)?,
        Program::Limit => limit::serve(&env.copy(&limit::filled(env, count)?, folder.path())?)?,
    };
    let name = match program {
        Program::Ours => "ours",
        Program::Limit => "limit",
    };
    let child = Command::new(std::env::current_exe()?)
        .args(["--child", name, "--child-url", &server.url()])
        .arg("--child-file")
        .arg(folder.path().join("client.db"))
        .args(["--child-count", &count.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start the child")?;
    if !child.status.success() {
        bail!("the child that pulls failed: {}", child.status);
    }
    let text = String::from_utf8(child.stdout)?;
    let kib: f64 = text.trim().parse().context("the child printed no number")?;
    Ok(kib * 1024.0 / 1e6)
}

/// The most memory that this process ever held.
fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("peak memory is read from /proc/self/status, which only Linux has")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse().ok())
        .context("expected a line VmHWM in /proc/self/status, but there is none")
}
