//! The README's tour, run as it is written.
#![allow(clippy::unwrap_used)]
mod common;

use common::{BINARY, Server};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const README: &str = include_str!("../../../README.md");
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The address that the tour writes; the test's server has a free port.
const ADDRESS: &str = "http://127.0.0.1:7400";

/// A command of the tour and the lines that it must print.
#[derive(Debug)]
struct Step<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

#[test]
fn the_tour_does_what_it_says() {
    let folder = TempDir::new().unwrap();
    let mut server: Option<Server> = None;
    let steps = steps(README);
    assert!(steps.len() > 20, "the tour is gone: {steps:?}");
    for step in steps {
        if step.command == "tisync serve &" {
            server = Some(Server::start(folder.path(), &[], &[]));
            continue;
        }
        let url = &server.as_ref().expect("the tour begins with a server").url;
        let printed = run(&step.command.replace(ADDRESS, url), folder.path());
        let mut rest = printed.lines();
        for line in &step.lines {
            let found = rest.any(|printed| matches(line, &printed.replace(url, ADDRESS)));
            assert!(found, "{}\nexpected {line:?} in\n{printed}", step.command);
        }
    }
}

/// The commands in the blocks marked `console`.
fn steps(text: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step {
                command,
                lines: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut().filter(|_| inside) {
            step.lines.push(line);
        }
    }
    steps
}

/// Runs a command in a shell that finds the binary; a failure ends the test.
fn run(command: &str, folder: &Path) -> String {
    let binaries = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("REPO", REPOSITORY)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command}\n{printed}");
    printed
}

/// Whether a line is as the tour says; `…` stands for anything, and so many spaces for one.
fn matches(wanted: &str, printed: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, printed) = (words(wanted), words(printed));
    let mut parts: Vec<&str> = wanted.split('…').map(str::trim).collect();
    let Some(mut rest) = printed.strip_prefix(parts.remove(0)) else {
        return false;
    };
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_line_is_compared_loosely_only_where_it_says_so() {
    assert!(matches("row  when …", "row  when   id"));
    assert!(matches("1 … x … y", "1 a x b y"));
    assert!(matches("…", "anything"));
    assert!(!matches("1 … x", "1 a x b"));
    assert!(!matches("pushed 1", "pushed 12"));
    assert!(!matches("pushed 1", "it pushed 1"));
}
