//! Steps: what `check` and `test` are made of, run one after the other and timed.

use crate::process;
use crate::totals::Totals;
use crate::workspace::{Workspace, runs};
use crate::{acs, alloy, c, command, encryption, js, tidy, wasm};
use anyhow::{Result, bail};
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// One step: a cargo command, or work of our own.
pub(crate) struct Step {
    name: &'static str,
    work: Work,
    counts_tests: bool,
}

enum Work {
    Cargo {
        args: Vec<String>,
        env: Vec<(&'static str, &'static str)>,
    },
    /// Gives back a short remark, shown behind the time.
    Own {
        alone: &'static str,
        run: fn(&Workspace) -> Result<String>,
    },
}

/// Which steps to run.
#[derive(clap::Args, Default)]
pub(crate) struct Selection {
    /// Runs only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leaves this step out; may be given several times
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Goes on after a step that failed
    #[arg(long)]
    keep_going: bool,
}

/// What became of all steps.
pub(crate) struct Outcome {
    totals: Totals,
    steps_failed: u64,
}

/// Starts the simulator in the profile made for it: fast, and with its assertions.
pub(crate) const SIM: &[&str] = &[
    "run",
    "--quiet",
    "--profile",
    "sim",
    "--package",
    "tisync-sim",
    "--",
];

pub(crate) fn machine() -> Step {
    Step::own("machine", "cargo xtask test --only machine", check_machine)
}

pub(crate) fn format() -> Step {
    Step::cargo("format", &["fmt", "--all", "--", "--check"])
}

pub(crate) fn tidy() -> Step {
    Step::own("tidy", "cargo xtask tidy", tidy::run)
}

pub(crate) fn clippy() -> Step {
    Step::cargo(
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// Plays the main job; its story is shown only if a check fails.
pub(crate) fn demo() -> Step {
    Step::cargo(
        "demo",
        &["run", "--quiet", "--package", "xtask", "--", "demo"],
    )
}

pub(crate) fn sim(args: &[&str]) -> Step {
    Step::cargo("simulator", &[SIM, args].concat())
}

/// The servers and clients of others, which tests start.
pub(crate) fn backends() -> Step {
    Step::own(
        "backends",
        "cargo xtask backends",
        command::backends::install,
    )
}

/// The clients of others against the server.
pub(crate) fn acs() -> Step {
    Step::own("acs clients", "cargo xtask acs", acs::run)
}

/// Every connector on its real backend.
pub(crate) fn certify() -> Step {
    Step::own("certify", "cargo xtask certify", command::certify::step)
}

pub(crate) fn wasm() -> Step {
    Step::own("wasm", "cargo xtask wasm", wasm::run)
}

/// The C library.
pub(crate) fn c() -> Step {
    Step::own("c library", "cargo xtask c", c::run)
}

/// The npm package.
pub(crate) fn js() -> Step {
    Step::own("js", "cargo xtask js", js::run)
}

/// The adapter in apps of Titanium Alloy.
pub(crate) fn alloy() -> Step {
    Step::own("alloy", "cargo xtask alloy", alloy::run)
}

impl Step {
    pub(crate) fn cargo(name: &'static str, args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self {
            name,
            work: Work::Cargo {
                args,
                env: Vec::new(),
            },
            counts_tests: false,
        }
    }

    fn own(name: &'static str, alone: &'static str, run: fn(&Workspace) -> Result<String>) -> Self {
        Self {
            name,
            work: Work::Own { alone, run },
            counts_tests: false,
        }
    }

    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        if let Work::Cargo { env, .. } = &mut self.work {
            env.push((name, value));
        }
        self
    }

    /// Adds cargo's test results to the totals; an ignored test fails the step.
    pub(crate) fn counting_tests(mut self) -> Self {
        self.counts_tests = true;
        self
    }

    /// Says how to run the step by itself.
    fn alone(&self) -> String {
        match &self.work {
            Work::Own { alone, .. } => (*alone).to_owned(),
            Work::Cargo { args, env } => {
                let env = env.iter().map(|(name, value)| format!("{name}='{value}' "));
                env.chain([format!("cargo {}", args.join(" "))]).collect()
            }
        }
    }

    fn run(&self, workspace: &Workspace, label: &str, totals: &mut Totals) -> Result<String> {
        let (args, env) = match &self.work {
            Work::Own { run, .. } => return run(workspace),
            Work::Cargo { args, env } => (args, env),
        };
        let mut command = workspace.cargo(&[]);
        command.args(args).envs(env.iter().copied());
        let finished = process::run(command, label)?;
        let mut remark = String::new();
        let mut own = Totals::default();
        if self.counts_tests {
            finished.lines.iter().for_each(|line| own.add_line(line));
            remark = format!("{} passed", own.passed);
            totals.passed += own.passed;
            totals.failed += own.failed;
        }
        if !finished.status.success() {
            bail!("{}\n{}", finished.lines.join("\n"), finished.status);
        }
        if own.ignored > 0 {
            bail!(
                "{} tests are ignored: an ignored test is either repaired or removed",
                own.ignored
            );
        }
        if self.counts_tests && own.passed == 0 {
            bail!("cargo test ran no test at all");
        }
        Ok(remark)
    }
}

impl Outcome {
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.steps_failed == 0 && self.totals.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Gives `N passed, N failed`; a failed step that is no test counts as one failure.
    pub(crate) fn closing_line(&self) -> String {
        format!(
            "{} passed, {} failed",
            self.totals.passed,
            self.totals.failed.max(self.steps_failed)
        )
    }
}

/// Runs the selected steps in order, up to the first that fails, and prints each with its time.
pub(crate) fn run_all(
    workspace: &Workspace,
    steps: Vec<Step>,
    selection: &Selection,
) -> Result<Outcome> {
    if let Some(unknown) = selection
        .only
        .iter()
        .chain(&selection.skip)
        .find(|name| steps.iter().all(|step| step.name != **name))
    {
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        bail!(
            "there is no step {unknown:?}; the steps are: {}",
            names.join(", ")
        );
    }
    let start = Instant::now();
    let mut outcome = Outcome {
        totals: Totals::default(),
        steps_failed: 0,
    };
    for step in steps {
        if (!selection.only.is_empty() && !selection.only.iter().any(|name| name == step.name))
            || selection.skip.iter().any(|name| name == step.name)
        {
            continue;
        }
        let label = format!("▸ {} …", step.name);
        print!("{label}");
        std::io::stdout().flush()?;
        let step_start = Instant::now();
        match step.run(workspace, &label, &mut outcome.totals) {
            Ok(remark) if remark.is_empty() => println!(" ok {}", human(step_start.elapsed())),
            Ok(remark) => println!(" ok {} ({remark})", human(step_start.elapsed())),
            Err(error) => {
                println!(
                    " FAILED {}\n{error:#}\n\nrun it alone: {}\n",
                    human(step_start.elapsed()),
                    step.alone()
                );
                outcome.steps_failed += 1;
                if !selection.keep_going {
                    break;
                }
            }
        }
    }
    println!("total {}", human(start.elapsed()));
    Ok(outcome)
}

/// Prints a time as people say it: `12.3 s`, `2 min 05 s`.
fn human(time: Duration) -> String {
    // Rounded first, so that 59.97 s becomes a minute and not "60.0 s".
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    if tenths < 60.0 {
        return format!("{tenths:.1} s");
    }
    let seconds = time.as_secs_f64().round() as u64;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// Looks for what a fresh machine may lack, and names all of it at once.
fn check_machine(workspace: &Workspace) -> Result<String> {
    let mut missing = Vec::new();
    let mut need = |there: bool, what: &str| {
        if !there {
            missing.push(format!("- {what}"));
        }
    };
    need(
        runs(workspace.cargo(&["fmt", "--version"])),
        "rustfmt: `rustup component add rustfmt`",
    );
    need(
        runs(workspace.cargo(&["clippy", "--version"])),
        "clippy: `rustup component add clippy`",
    );
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    need(
        runs(program(&compiler, "--version")),
        "a C compiler, for the bundled SQLite: `apt-get install gcc libc6-dev`, `xcode-select --install`, or set CC",
    );
    need(
        encryption::has_libcrypto()
            || runs(program("perl", "--version")) && runs(program("make", "--version")),
        "OpenSSL's headers, for encrypted files: `apt-get install libssl-dev`, or perl and make to build it",
    );
    need(
        runs(program("node", "--version")),
        "Node.js 20 or later, whose numbers the tests compare with: `apt-get install nodejs`",
    );
    need(
        runs(program("npm", "--version")),
        "npm, for the servers and clients of others: it comes with Node.js, or `apt-get install npm`",
    );
    need(
        xtask_backends::has_python(),
        "Python 3.11 or later with venv, for the servers of others: `apt-get install python3-venv`, or set PYTHON",
    );
    need(
        runs(program("curl", "--version")),
        "curl, which the pages of the documentation use: `apt-get install curl`",
    );
    if !missing.is_empty() {
        bail!("this machine lacks:\n{}", missing.join("\n"));
    }
    Ok(String::new())
}

fn program(name: &str, arg: &str) -> Command {
    let mut command = Command::new(name);
    command.arg(arg);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine(_: &Workspace) -> Result<String> {
        Ok(String::new())
    }

    fn broken(_: &Workspace) -> Result<String> {
        bail!("it broke")
    }

    fn outcome_of(runs: [fn(&Workspace) -> Result<String>; 3], selection: &Selection) -> Outcome {
        let names = ["first", "second", "third"];
        let steps = names
            .iter()
            .zip(runs)
            .map(|(name, run)| Step::own(name, "cargo xtask", run))
            .collect();
        run_all(&Workspace::find(), steps, selection).unwrap()
    }

    #[test]
    fn a_failed_step_is_never_reported_as_zero_failed() {
        let outcome = outcome_of([fine, broken, broken], &Selection::default());
        assert_eq!(outcome.closing_line(), "0 passed, 1 failed");
    }

    #[test]
    fn keep_going_runs_what_follows_a_failure() {
        let outcome = outcome_of(
            [fine, broken, broken],
            &Selection {
                keep_going: true,
                ..Selection::default()
            },
        );
        assert_eq!(outcome.closing_line(), "0 passed, 2 failed");
    }

    #[test]
    fn a_selection_leaves_steps_out_and_refuses_unknown_names() {
        let skip = Selection {
            skip: vec!["second".to_owned(), "third".to_owned()],
            ..Selection::default()
        };
        assert_eq!(outcome_of([fine, broken, broken], &skip).steps_failed, 0);
        let only = Selection {
            only: vec!["first".to_owned()],
            ..Selection::default()
        };
        assert_eq!(outcome_of([fine, broken, broken], &only).steps_failed, 0);
        let unknown = Selection {
            only: vec!["fourth".to_owned()],
            ..Selection::default()
        };
        assert!(run_all(&Workspace::find(), vec![format()], &unknown).is_err());
    }

    #[test]
    fn the_printed_command_runs_the_step_alone() {
        let step = Step::cargo("docs", &["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            step.alone(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(human(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(human(Duration::from_millis(59_970)), "1 min 00 s");
        assert_eq!(human(Duration::from_secs(125)), "2 min 05 s");
    }
}
