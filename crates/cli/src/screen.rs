//! A terminal's screen that is drawn again in place.
use console::{Term, measure_text_width, truncate_str};
use std::io::{self, Write};

const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// Where a line goes on that does not fit: below its text, after the name of the row.
const INDENT: usize = 11;

/// The terminal's second screen, without a cursor. What was there before comes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Screen {
    term: Term,
}

impl Screen {
    /// Begins with an empty screen.
    pub(crate) fn open() -> io::Result<Self> {
        let mut term = Term::buffered_stdout();
        term.write_all(ENTER.as_bytes())?;
        term.flush()?;
        Ok(Screen { term })
    }

    /// Shows the lines, and nothing else.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (rows, columns) = self.term.size();
        let text = frame(lines, usize::from(rows), usize::from(columns));
        self.term.write_all(text.as_bytes())?;
        self.term.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = self.term.write_all(LEAVE.as_bytes());
        let _ = self.term.flush();
    }
}

/// What draws the lines over those that are there: nothing is cleared before it is written again, so that nothing
/// flickers, and nothing wraps or scrolls.
fn frame(lines: &[String], rows: usize, columns: usize) -> String {
    let mut text = "\u{1b}[H".to_owned();
    let wrapped = lines.iter().flat_map(|line| wrap(line, columns));
    for (number, line) in wrapped.take(rows).enumerate() {
        if number > 0 {
            text.push_str("\r\n");
        }
        text.push_str(&truncate_str(&line, columns, "…"));
        text.push_str("\u{1b}[K");
    }
    text.push_str("\u{1b}[J");
    text
}

/// A line in as many as it takes, broken between words. A look goes on from one to the next.
fn wrap(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = String::new();
    for (number, word) in line.split(' ').enumerate() {
        let width = measure_text_width(&last) + 1 + measure_text_width(word);
        if width > columns && !last.trim().is_empty() {
            lines.push(std::mem::replace(&mut last, " ".repeat(INDENT)));
        } else if number > 0 {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines.push(last);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_and_overwrites_what_was_there() {
        let lines = ["one", "averylongword", "two", "beyond"].map(str::to_owned);
        assert_eq!(
            frame(&lines, 3, 10),
            "\u{1b}[Hone\u{1b}[K\r\naverylong…\u{1b}[K\r\ntwo\u{1b}[K\u{1b}[J"
        );
        assert_eq!(frame(&[], 3, 10), "\u{1b}[H\u{1b}[J");
    }

    #[test]
    fn what_does_not_fit_goes_on_below_in_the_same_looks() {
        let line = "outbox     \u{1b}[33mone two three\u{1b}[0m";
        assert_eq!(wrap(line, 40), [line]);
        assert_eq!(
            wrap(line, 18),
            ["outbox     \u{1b}[33mone two", "           three\u{1b}[0m"]
        );
    }
}
