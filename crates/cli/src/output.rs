//! What a command prints: lines for people, or JSON for programs.
use crate::exit::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Where output goes, and how it looks.
#[derive(Debug)]
pub(crate) struct Out {
    json: bool,
    color: bool,
    stdout: RefCell<io::Stdout>,
}

/// How a piece of text stands out on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Good,
    Bad,
    Warn,
    Dim,
}

impl Out {
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Out {
            json,
            color: !json && !plain && io::stdout().is_terminal(),
            stdout: RefCell::new(io::stdout()),
        }
    }

    /// Whether programs read the output.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line for people; programs do not see it.
    pub(crate) fn line(&self, text: impl Display) {
        if !self.json {
            self.print(&text.to_string());
        }
    }

    /// Prints one JSON object on a line for programs; people do not see it.
    pub(crate) fn object(&self, value: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            self.print(&serde_json::to_string(value)?);
        }
        Ok(())
    }

    /// Prints a line for both.
    pub(crate) fn print(&self, text: &str) {
        let mut stdout = self.stdout.borrow_mut();
        if let Err(error) = writeln!(stdout, "{text}") {
            // The reader has seen enough, as in `tisync query … | head`.
            let broken = error.kind() == io::ErrorKind::BrokenPipe;
            std::process::exit(if broken { 0 } else { 1 });
        }
    }

    /// Makes a piece of text stand out on a terminal.
    pub(crate) fn look(&self, look: Look, text: impl Display) -> String {
        if !self.color {
            return text.to_string();
        }
        let code = match look {
            Look::Good => 32,
            Look::Bad => 31,
            Look::Warn => 33,
            Look::Dim => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Clears the screen of a terminal, for output that is drawn again.
    pub(crate) fn clear(&self) {
        if self.color {
            self.print("\u{1b}[2J\u{1b}[H");
        }
    }

    /// Whether people watch a terminal that can be drawn on.
    pub(crate) fn is_screen(&self) -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        !self.json && !dumb && io::stdout().is_terminal()
    }

    /// Says beside the output what went wrong with a part.
    pub(crate) fn warn(&self, text: impl Display) {
        eprintln!("{text}");
    }

    /// Says why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            let object = serde_json::json!({"error": failure.message, "exit": failure.code as u8});
            eprintln!("{object}");
        } else {
            eprintln!("error: {}", failure.message);
        }
    }

    /// A bar that fills up; only a terminal shows it.
    pub(crate) fn bar(&self, total: u64) -> ProgressBar {
        let bar = if self.is_bar_wanted() {
            ProgressBar::new(total)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta}") {
            bar.set_style(style);
        }
        bar
    }

    /// A sign of life; only a terminal shows it.
    pub(crate) fn spinner(&self) -> ProgressBar {
        if self.is_bar_wanted() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        }
    }

    fn is_bar_wanted(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}
