//! What happened, as a hash or as lines.
use serde_json::json;
use std::io::{self, Write};
use tisync_core::model::{Input, Output};

/// Takes down what happens, in one of three ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    keeping: Keeping,
    hash: Fnv,
    steps: u64,
}

/// How much of a trace is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Nothing: the fastest.
    #[default]
    Nothing,
    /// A hash of it all.
    Hash,
    /// The hash, and lines on standard output.
    Lines,
    /// What another host can replay, and nothing else.
    Tape,
}

impl Trace {
    /// An empty trace.
    pub(crate) fn new(keeping: Keeping) -> Self {
        Trace {
            keeping,
            ..Trace::default()
        }
    }

    /// The hash of everything so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.0
    }

    /// Steps of engines so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        matches!(self.keeping, Keeping::Hash | Keeping::Lines)
    }

    pub(crate) fn input(&mut self, at_ms: u64, replica: usize, process: usize, input: &Input) {
        self.steps += 1;
        if self.is_on() {
            self.line(
                at_ms,
                &format!("{replica}.{process} <"),
                &json!(input).to_string(),
            );
        }
    }

    pub(crate) fn outputs(
        &mut self,
        at_ms: u64,
        replica: usize,
        process: usize,
        outputs: &[Output],
    ) {
        if self.is_on() {
            for output in outputs {
                self.line(
                    at_ms,
                    &format!("{replica}.{process} >"),
                    &json!(output).to_string(),
                );
            }
        }
    }

    pub(crate) fn note(&mut self, at_ms: u64, what: impl FnOnce() -> String) {
        if self.is_on() {
            self.line(at_ms, "   *", &what());
        }
    }

    fn line(&mut self, at_ms: u64, who: &str, what: &str) {
        // Writing to the hash cannot fail.
        let _ = writeln!(self.hash, "{at_ms} {who} {what}");
        if self.keeping == Keeping::Lines {
            let mut out = io::stdout().lock();
            // A closed pipe ends the output, not the run.
            let _ = writeln!(out, "{:>6} {at_ms:>12} {who} {what}", self.steps);
        }
    }
}

/// FNV-1a with 64 bits.
#[derive(Clone, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
