//! A child process whose output is kept, with a live line on a terminal.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

/// What a finished child left.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// Both streams, line by line, in the order of arrival.
    pub(crate) lines: Vec<String>,
}

/// Runs the command to its end. `label` stands before the latest line of output on a terminal.
pub(crate) fn run(mut command: Command, label: &str) -> Result<Finished> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let (sender, receiver) = mpsc::channel();
    let readers = [
        child
            .stdout
            .take()
            .map(|stream| read_lines(stream, sender.clone())),
        child.stderr.take().map(|stream| read_lines(stream, sender)),
    ];
    let mut live = LiveLine::new(label);
    let mut lines = Vec::new();
    // Ends when both readers have dropped their sender: at the end of both streams.
    for line in receiver {
        live.show(&line);
        lines.push(line);
    }
    live.clear();
    for reader in readers.into_iter().flatten() {
        // A reader only reads and sends; if it panicked its lines are missing, and the status still tells the truth.
        let _ = reader.join();
    }
    let status = child.wait().context("cannot wait for a child process")?;
    Ok(Finished { status, lines })
}

fn read_lines(
    stream: impl Read + Send + 'static,
    sender: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|count| count > 0)
        {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if sender.send(line).is_err() {
                return;
            }
        }
    })
}

/// The line that shows what a long step is doing; nothing where no terminal is.
struct LiveLine<'a> {
    label: &'a str,
    terminal: bool,
}

impl<'a> LiveLine<'a> {
    /// More than this could wrap, and a wrapped line cannot be taken back.
    const WIDTH_MAX: usize = 76;

    fn new(label: &'a str) -> Self {
        Self {
            label,
            terminal: std::io::stdout().is_terminal(),
        }
    }

    fn show(&mut self, line: &str) {
        if self.terminal && !line.trim().is_empty() {
            let text: String = format!("{} {}", self.label, line.trim())
                .chars()
                .filter(|c| !c.is_control())
                .take(Self::WIDTH_MAX)
                .collect();
            print!("\r\x1b[2K{text}");
            // A line that cannot be shown is no reason to stop.
            let _ = std::io::stdout().flush();
        }
    }

    fn clear(&mut self) {
        if self.terminal {
            print!("\r\x1b[2K{}", self.label);
            let _ = std::io::stdout().flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_both_streams_and_the_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let finished = run(command, "label").unwrap();
        assert_eq!(finished.status.code(), Some(3));
        let mut lines = finished.lines;
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
    }
}
