//! One run of one program.
use super::{POUCHDB_SERVER, Program, Running, limit, ours, records};
use crate::env::Env;
use crate::host::Host;
use crate::spent::Spent;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder of the packages that are measured.
const PACKAGES: &str = "TISYNC_BENCH_PACKAGES";

/// What is asked of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    /// Its name in the programs.
    pub(super) name: &'static str,
    /// How many records there are.
    pub(super) count: u64,
    /// How many of them the server has before.
    pub(super) on_server: u64,
    /// How many of them others change meanwhile.
    pub(super) changes: u64,
}

/// What each part of a workload took.
pub(super) type Times = BTreeMap<String, Spent>;

/// A server, for as long as the program runs.
enum Server {
    Ours(Host),
    Theirs(Running),
    /// The program brings its own, or needs none.
    None,
}

/// Runs a program once.
pub(super) fn run(env: &Env, program: Program, workload: Workload) -> Result<Times> {
    let folder = env.fresh()?;
    let (server, file) = serve(env, program, workload, folder.path())?;
    let url = match &server {
        Server::Ours(host) => Some(host.url()),
        Server::Theirs(running) => Some(running.url()),
        Server::None => None,
    };
    let settings = json!({
        "workload": workload.name,
        "folder": folder.path(),
        "records": records(env)?,
        "url": url,
        "count": workload.count,
        "changes": workload.changes,
        "reads": env.sizes.small,
    });
    let change = || match program {
        Program::Ours => ours::replace(&file, 0..workload.changes, 1),
        Program::Limit => limit::change(&file, 0..workload.changes, 1),
        _ => bail!("{} changes its server by itself", program.file()),
    };
    start(program, &settings.to_string(), change)
        .with_context(|| format!("{} failed at {}", program.file(), workload.name))
}

/// Starts what a program syncs with; gives the server's file too.
fn serve(
    env: &Env,
    program: Program,
    workload: Workload,
    folder: &Path,
) -> Result<(Server, PathBuf)> {
    let has = workload.on_server;
    let empty = folder.join("server.db");
    Ok(match program {
        Program::Ours => {
            let file = match has {
                0 => empty,
                count => env.copy(&ours::filled(env, count)?, folder)?,
            };
            (Server::Ours(Host::ours(&file)?), file)
        }
        Program::Limit => {
            let file = match has {
                0 => empty,
                count => env.copy(&limit::filled(env, count)?, folder)?,
            };
            (Server::Ours(limit::serve(&file)?), file)
        }
        Program::Pouch => (Server::Theirs(POUCHDB_SERVER.start()?), empty),
        Program::Watermelon | Program::PowerSync => (Server::None, empty),
    })
}

fn start(program: Program, settings: &str, change: impl Fn() -> Result<()>) -> Result<Times> {
    let packages = std::env::var_os(PACKAGES).with_context(|| {
        format!("{PACKAGES} is not set: the rows JS run by `cargo xtask bench` only")
    })?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("js")
        .join(program.file())
        .with_extension("js");
    let mut child = Command::new("node")
        .arg(script)
        .arg(settings)
        .env("BENCH_PACKAGES", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    let printed = listen(&mut child, change);
    if printed.is_err() {
        // It may wait for an answer.
        child.kill()?;
    }
    let status = child.wait()?;
    let times = printed?
        .filter(|_| status.success())
        .with_context(|| format!("expected times, but it ended with {status}"))?;
    let times: BTreeMap<String, Took> = serde_json::from_str(&times)
        .with_context(|| format!("expected times by part, but it printed {times}"))?;
    Ok(times
        .into_iter()
        .map(|(part, took)| (part, took.into()))
        .collect())
}

/// Makes the changes that a program asks for; gives the last line that it prints.
fn listen(child: &mut Child, change: impl Fn() -> Result<()>) -> Result<Option<String>> {
    let mut input = child.stdin.take().context("no input of the program")?;
    let output = child.stdout.take().context("no output of the program")?;
    let mut last = None;
    for line in BufReader::new(output).lines() {
        match line?.as_str() {
            "change" => {
                change()?;
                writeln!(input, "changed")?;
            }
            line => last = Some(line.to_owned()),
        }
    }
    Ok(last)
}

/// As the programs print it.
#[derive(Deserialize)]
struct Took {
    wall_s: f64,
    cpu_s: f64,
}

impl From<Took> for Spent {
    fn from(Took { wall_s, cpu_s }: Took) -> Self {
        Spent { wall_s, cpu_s }
    }
}
