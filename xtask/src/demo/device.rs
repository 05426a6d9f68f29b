//! A device: a folder with a replica, and the command line run in it.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A port at which nothing listens: a device that must go through it has no network.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A device: a folder with a replica, and `tisync` run in it as a person would.
pub(super) struct Device {
    name: &'static str,
    folder: PathBuf,
    tisync: PathBuf,
}

/// What stands between a device and the server.
#[derive(Clone, Copy)]
pub(super) enum Network<'a> {
    Direct,
    Down,
    Through(&'a str),
}

/// What a command left.
pub(super) struct Done {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
}

impl Device {
    pub(super) fn new(name: &'static str, root: &Path, tisync: &Path) -> Result<Device> {
        let folder = root.join(format!("device-{}", name.to_lowercase()));
        std::fs::create_dir(&folder)?;
        Ok(Device {
            name,
            folder,
            tisync: tisync.to_owned(),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command, whatever its exit code.
    pub(super) fn run(&self, args: &[&str], network: Network) -> Result<Done> {
        let start = Instant::now();
        let output = self
            .command(args, network)
            .output()
            .context("cannot start tisync")?;
        Ok(Done {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: start.elapsed(),
        })
    }

    /// Runs a command that must do all that it is asked.
    pub(super) fn do_it(&self, args: &[&str]) -> Result<Done> {
        self.expect(args, &[0])
    }

    /// Runs a command that must end with one of these exit codes.
    pub(super) fn expect(&self, args: &[&str], codes: &[i32]) -> Result<Done> {
        let done = self.run(args, Network::Direct)?;
        if !done.code.is_some_and(|code| codes.contains(&code)) {
            bail!(
                "on device {}, `tisync {}` ended with {:?} instead of {codes:?}:\n{}{}",
                self.name,
                args.join(" "),
                done.code,
                done.stdout,
                done.stderr
            );
        }
        Ok(done)
    }

    /// Runs a command that prints one JSON object a line.
    pub(super) fn rows(&self, args: &[&str]) -> Result<Vec<Value>> {
        // 3 only says that something waits for a person.
        let done = self.expect(&[args, &["--json"]].concat(), &[0, 3])?;
        let rows = done.stdout.lines().map(serde_json::from_str);
        rows.collect::<Result<_, _>>()
            .with_context(|| format!("expected JSON lines from `tisync {}`", args.join(" ")))
    }

    /// Runs a command that prints one JSON object, and tells how long it took.
    pub(super) fn row(&self, args: &[&str]) -> Result<(Value, Duration)> {
        let start = Instant::now();
        let row = self.rows(args)?.into_iter().next();
        let row = row.with_context(|| format!("`tisync {}` printed nothing", args.join(" ")))?;
        Ok((row, start.elapsed()))
    }

    /// Starts a command and does not wait for it.
    pub(super) fn spawn(&self, args: &[&str], network: Network) -> Result<Child> {
        self.command(args, network)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start tisync")
    }

    fn command(&self, args: &[&str], network: Network) -> Command {
        let mut command = Command::new(&self.tisync);
        command
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        // The machine's own proxy has no part in this.
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
        ] {
            command.env_remove(name);
        }
        match network {
            Network::Direct => &mut command,
            Network::Down => command.env("http_proxy", NOWHERE),
            Network::Through(proxy) => command.env("http_proxy", proxy),
        };
        command
    }
}
