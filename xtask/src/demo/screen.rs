//! What the demo prints: numbered steps, commands, checks and tables.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::Duration;

/// Prints for a person and counts the checks.
pub(super) struct Screen {
    color: bool,
    steps: Cell<u32>,
    held: Cell<u32>,
    failed: Cell<u32>,
}

/// The columns between the left edge and the text.
const INDENT: &str = "   ";

impl Screen {
    pub(super) fn new() -> Screen {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen {
            color: !plain && std::io::stdout().is_terminal(),
            steps: Cell::new(0),
            held: Cell::new(0),
            failed: Cell::new(0),
        }
    }

    pub(super) fn title(&self, text: &str) {
        println!("{}", self.paint("1", text));
    }

    /// Begins the next step.
    pub(super) fn step(&self, text: &str) {
        self.steps.set(self.steps.get() + 1);
        let number = self.steps.get();
        println!("\n{}", self.paint("1", &format!("{number:<2} {text}")));
    }

    /// Says something in plain words, which may be several lines.
    pub(super) fn say(&self, text: &str) {
        for line in text.lines() {
            println!("{INDENT}{line}");
        }
    }

    pub(super) fn blank(&self) {
        println!();
    }

    /// Shows a command as it would be typed on a device.
    pub(super) fn command(&self, place: &str, args: &[&str]) {
        let words: Vec<_> = args.iter().map(|arg| quoted(arg)).collect();
        let line = format!("{place}$ tisync {}", words.join(" "));
        println!("{INDENT}{}", self.paint("36", &line));
    }

    /// Prints whether something holds, and counts it.
    pub(super) fn check(&self, holds: bool, text: &str) {
        let (sign, color, count) = if holds {
            ("✓", "32", &self.held)
        } else {
            ("✗", "1;31", &self.failed)
        };
        count.set(count.get() + 1);
        println!("{INDENT}{} {text}", self.paint(color, sign));
    }

    /// Prints rows under headings; each column is as wide as its widest cell.
    pub(super) fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        let widths: Vec<usize> = headings
            .iter()
            .enumerate()
            .map(|(column, heading)| {
                let cells = rows.iter().map(|row| row[column].chars().count());
                cells.chain([heading.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            format!("{INDENT}{}", cells.collect::<Vec<_>>().join("  "))
                .trim_end()
                .to_owned()
        };
        println!("{}", self.paint("2", &line(&mut headings.iter().copied())));
        for row in rows {
            println!("{}", line(&mut row.iter().map(String::as_str)));
        }
    }

    /// Makes a heading between tables stand out.
    pub(super) fn heading(&self, text: &str) {
        println!("\n{INDENT}{}", self.paint("1", text));
    }

    pub(super) fn checks_held(&self) -> u32 {
        self.held.get()
    }

    pub(super) fn checks_failed(&self) -> u32 {
        self.failed.get()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// An argument as a shell takes it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@…".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

/// A number with its thousands apart: `16,880`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time as people say it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The start of a text that is longer than so many characters.
pub(super) fn short(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let start: String = text.chars().take(chars - 1).collect();
    format!("{}…", start.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (16_880, "16,880"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn an_argument_that_a_shell_would_split_is_quoted() {
        assert_eq!(quoted("name=Bread"), "name=Bread");
        assert_eq!(quoted("name=Rye bread"), "'name=Rye bread'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
