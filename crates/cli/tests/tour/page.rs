//! A page of the documentation whose commands are run as they are written.
//!
//! Blocks marked `console` are run: a line `$ command`, then the lines that it must print, in this order, others
//! may come between. `…` stands for anything, and so many spaces for one. Blocks inside an HTML comment are run
//! too, unseen by the reader. `tisync serve … &`, perhaps with `NAME=VALUE` before it, begins a new world: a fresh folder, a server on a free port
//! and no other process. Any other command that ends with `&` goes on beside the rest until its world ends, or
//! `kill %N` ends it; the first is the server.
use crate::common::{BINARY, Server};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The address that pages write; a test's server has a free port.
const ADDRESS: &str = "http://127.0.0.1:7400";
/// Seconds until a command beside the rest must have printed its lines.
const BESIDE_S: u64 = 60;

/// A command and the lines that it must print.
#[derive(Debug)]
struct Step<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

/// Runs all commands of a page; returns how many there were.
pub(crate) fn run(text: &str) -> usize {
    let steps = steps(text);
    let mut world: Option<World> = None;
    for step in &steps {
        if let Some(started) = server(step.command) {
            world = Some(World::new(&started));
            continue;
        }
        let world = world.as_mut().expect("a page begins with a server");
        if let Some(number) = step.command.strip_prefix("kill %") {
            world.end(number.parse().unwrap());
        } else if let Some(command) = step.command.strip_suffix(" &") {
            world.begin(command, &step.lines);
        } else {
            let printed = world.run(step.command);
            check(step.command, &step.lines, printed.lines());
        }
    }
    steps.len()
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

/// The options of a command that starts a server, and the environment before it.
fn server(command: &str) -> Option<Started<'_>> {
    let words = command.strip_suffix('&')?.split_whitespace();
    let environment: Vec<_> = words
        .clone()
        .map_while(|word| word.split_once('='))
        .collect();
    let mut words = words.skip(environment.len());
    let is_server = words.next() == Some("tisync") && words.next() == Some("serve");
    is_server.then(|| Started {
        environment,
        options: words.collect(),
    })
}

/// How a page starts a server.
struct Started<'a> {
    environment: Vec<(&'a str, &'a str)>,
    options: Vec<&'a str>,
}

/// A folder, its server, and what runs beside.
struct World {
    folder: TempDir,
    server: Option<Server>,
    url: String,
    beside: Vec<Option<Child>>,
}

impl World {
    fn new(started: &Started<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(folder.path(), &started.options, &started.environment);
        World {
            folder,
            url: server.url.clone(),
            server: Some(server),
            beside: Vec::new(),
        }
    }

    /// The command in a shell that finds the binary.
    fn shell(&self, command: &str) -> Command {
        let binaries = Path::new(BINARY).parent().unwrap();
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell
            .args([
                "-c",
                &format!("exec 2>&1; {}", command.replace(ADDRESS, &self.url)),
            ])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("REPO", REPOSITORY);
        shell
    }

    /// Runs a command; a failure ends the test.
    fn run(&self, command: &str) -> String {
        let output = self.shell(command).output().unwrap();
        let printed = self.as_written(&String::from_utf8(output.stdout).unwrap());
        assert!(output.status.success(), "{command}\n{printed}");
        printed
    }

    /// Starts a command that goes on beside the rest, once it has printed its lines.
    fn begin(&mut self, command: &str, lines: &[&str]) {
        let mut child = self
            .shell(&format!("exec {command}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        self.beside.push(Some(child));
        let (sender, printed) = mpsc::channel();
        // It reads on, so that the command never stands before a full pipe.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut seen = Vec::new();
        for wanted in lines {
            loop {
                let Ok(line) = printed.recv_timeout(Duration::from_secs(BESIDE_S)) else {
                    panic!("{command}\nexpected {wanted:?} in\n{}", seen.join("\n"));
                };
                let line = self.as_written(&line);
                let found = matches(wanted, &line);
                seen.push(line);
                if found {
                    break;
                }
            }
        }
    }

    /// Ends the server, or a command that runs beside.
    fn end(&mut self, number: usize) {
        if number == 1 {
            drop(self.server.take());
        } else if let Some(mut child) = self.beside[number - 2].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn as_written(&self, printed: &str) -> String {
        printed.replace(&self.url, ADDRESS)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in self.beside.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn check<'a>(command: &str, wanted: &[&str], printed: impl Iterator<Item = &'a str> + Clone) {
    let mut rest = printed.clone();
    for line in wanted {
        let found = rest.any(|printed| matches(line, printed));
        let all = || printed.clone().collect::<Vec<_>>().join("\n");
        assert!(found, "{command}\nexpected {line:?} in\n{}", all());
    }
}

/// Whether a line is as the page says.
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
