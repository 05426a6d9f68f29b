//! `cargo xtask test`: everything that CI runs, on a fresh machine too.

use crate::encryption;
use crate::step::{self, Selection, Step};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::ExitCode;

/// Everything CI runs: check, docs, all tests, the demo, connectors on real servers, 20,000 simulator seeds, planted bugs, wasm, the C library, the npm package, apps of Alloy (under 45 minutes on two cores, most of it the first time).
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn run(workspace: &Workspace, args: Args) -> Result<ExitCode> {
    let outcome = step::run_all(workspace, steps(workspace), &args.selection)?;
    // CI reads this line, so it is the last and has exactly this form.
    println!("{}", outcome.closing_line());
    Ok(outcome.exit_code())
}

/// Lists the steps: the quick ones first, and neighbours share what cargo has built
/// (clippy and docs need metadata only, tests a debug build, the simulator its own profile).
fn steps(workspace: &Workspace) -> Vec<Step> {
    let mut steps = vec![step::machine(), step::format(), step::tidy()];
    if workspace.has_cargo_deny() {
        // Advisories need the network; the rest is held by tidy where cargo-deny is missing.
        steps.push(Step::cargo(
            "deny",
            &["deny", "check", "bans", "licenses", "sources"],
        ));
    }
    steps.extend([
        step::clippy(),
        // `--lib`, since the library `tisync` and the binary `tisync` would be written to one page.
        Step::cargo("docs", &["doc", "--workspace", "--no-deps", "--lib"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        // Connectors are tried with the real servers.
        step::backends(),
        // Unit, conformance, process (kill -9) and documentation tests.
        Step::cargo("tests", &["test", "--workspace", "--no-fail-fast"]).counting_tests(),
    ]);
    steps.extend(encrypted());
    steps.extend([
        step::demo(),
        step::acs(),
        step::certify(),
        step::sim(&["--seeds", "20000"]),
        step::sim(&["--seeds", "500", "--store", "both"]).named("stores compared"),
        step::sim(&["--bugs"]).named("planted bugs"),
        step::c(),
        step::wasm(),
        step::js(),
        step::alloy(),
    ]);
    steps
}

/// The tests that touch files once more, with SQLCipher in the place of SQLite.
const ENCRYPTED: &[&str] = &[
    "encryption",
    "conformance",
    "crash",
    "files",
    "salvage",
    "archive",
    "processes",
    "damage",
    "kill",
];

fn encrypted() -> [Step; 3] {
    let all = encryption::arguments(&["tisync-store", "tisync", "tisync-cli"]);
    // A program has no examples.
    let library = encryption::arguments(&["tisync"]);
    let named = ENCRYPTED.iter().flat_map(|name| ["--test", name]);
    let named: Vec<&str> = ["--no-fail-fast", "--lib"]
        .into_iter()
        .chain(named)
        .collect();
    let lints = ["--all-targets", "--", "-D", "warnings"];
    let step = |name, command, features: &[String], rest: &[&str]| {
        let features: Vec<&str> = features.iter().map(String::as_str).collect();
        Step::cargo(name, &[&[command], features.as_slice(), rest].concat())
    };
    [
        step("clippy, encrypted", "clippy", &all, &lints),
        step("tests, encrypted", "test", &all, &named).counting_tests(),
        step("examples, encrypted", "test", &library, &["--doc"]).counting_tests(),
    ]
}
