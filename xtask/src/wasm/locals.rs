//! Gives a module's locals other numbers, in which gzip finds more of what is alike.
//!
//! What was made of one text for many types differs in the numbers of its locals. Here each function gets those that its
//! neighbours have where they do the same: the longest passages that can agree come first. What is numbered are not the
//! locals but their [webs](super::webs), so that a local can be one here and another there. Functions keep their order.

use super::text::{Code, PIECE, Text, read};
use super::webs::{LOCALS_MAX, Start, Use};
use anyhow::{Result, anyhow};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::fmt::Display;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, Function, Module};
use wasmparser::{CodeSectionReader, Parser, ValType, Validator, WasmFeatures};

/// Bytes that an agreement has to gain.
const GAIN: usize = 4;
/// Locals that a function may have more than before, to agree: the engine sets each to zero.
const SPARE: usize = 10;

/// Gives the same module with other numbers of its locals.
pub(super) fn by_likeness(module: &[u8]) -> Result<Vec<u8>> {
    // Only that version's ways through a function are known.
    Validator::new_with_features(WasmFeatures::WASM1)
        .validate_all(module)
        .map_err(unreadable)?;
    let (codes, mut text) = read(module)?;
    for code in &codes {
        Numbering::new(code).run(&mut text);
    }
    let functions = (codes.iter())
        .map(|code| code.written(&text))
        .collect::<Result<_>>()?;
    let mut written = Module::new();
    Renumbered(functions)
        .parse_core_module(&mut written, Parser::new(0), module)
        .map_err(unreadable)?;
    Ok(written.finish())
}

fn unreadable(error: impl Display) -> anyhow::Error {
    anyhow!("the locals of the module cannot be numbered: {error}")
}

/// The numbers of one function.
struct Numbering<'a> {
    code: &'a Code<'a>,
    /// Numbers that are wanted are below this.
    limit: usize,
    /// The type of each number, where that is known.
    types: Vec<Option<ValType>>,
    /// The number of each web.
    numbers: Vec<Option<u32>>,
    /// The numbers that each web may not have, as bits.
    taken: Vec<u128>,
    /// The operators that are in a passage that agrees.
    agreed: Vec<bool>,
}

/// What is alike from one place on, and can agree.
#[derive(Clone, Copy, Default)]
struct Passage {
    operators: usize,
    bytes: usize,
    /// Bytes that agreed with nothing yet.
    gain: usize,
}

impl<'a> Numbering<'a> {
    fn new(code: &'a Code<'a>) -> Self {
        let mut types = vec![None; LOCALS_MAX];
        for (known, of) in types.iter_mut().zip(&code.types[..code.params]) {
            *known = Some(*of);
        }
        Self {
            code,
            limit: (code.types.len() + SPARE).min(LOCALS_MAX),
            types,
            numbers: vec![None; code.webs.webs.len()],
            taken: vec![0; code.webs.webs.len()],
            agreed: vec![false; code.at.len()],
        }
    }

    fn run(mut self, text: &mut Text) {
        let is_numbered = self.code.types.len() <= LOCALS_MAX && {
            self.give_what_is_given();
            self.agree(text);
            self.number_what_is_left(text).is_some()
        };
        if !is_numbered {
            for (at, used) in self.code.at.clone().zip(&self.code.uses) {
                text.locals[at] = used.map(Use::local);
            }
        }
    }

    fn give_what_is_given(&mut self) {
        for (web, one) in self.code.webs.webs.iter().enumerate() {
            match one.start {
                Start::Given => self.give(web, one.local),
                // Parameters are not zero.
                Start::Zero => self.taken[web] |= (1 << self.code.params) - 1,
                Start::None => {}
            }
        }
    }

    fn of(&self, web: usize) -> ValType {
        self.code.types[self.code.webs.webs[web].local as usize]
    }

    fn may_have(&self, web: usize, number: u32) -> bool {
        (number as usize) < LOCALS_MAX
            && self.taken[web] >> number & 1 == 0
            && self.types[number as usize].is_none_or(|of| of == self.of(web))
    }

    fn give(&mut self, web: usize, number: u32) {
        self.numbers[web] = Some(number);
        self.types[number as usize] = Some(self.of(web));
        for &other in &self.code.webs.webs[web].apart {
            self.taken[other] |= 1 << number;
        }
    }

    /// Lets passages agree with such as are near, those first with which most agrees.
    fn agree(&mut self, text: &Text) {
        let mut passages = BinaryHeap::new();
        for here in 0..self.code.at.len() {
            for there in text.near(self.code.at.start + here) {
                let gain = self.passage(text, here, there).gain;
                if gain >= GAIN {
                    passages.push((gain, Reverse(here), there));
                }
            }
        }
        while let Some((before, here, there)) = passages.pop() {
            let passage = self.passage(text, here.0, there);
            if passage.gain == before {
                self.take(text, here.0, there, passage);
            } else if passage.gain >= GAIN {
                passages.push((passage.gain, here, there));
            }
        }
    }

    /// Numbers the other webs as they come: like the longest passage around them, in this function too. `None` if there
    /// is no number for one.
    fn number_what_is_left(&mut self, text: &mut Text) -> Option<()> {
        for here in 0..self.code.at.len() {
            let Some(web) = self.code.webs.used[here] else {
                continue;
            };
            if self.numbers[web].is_none() {
                self.agree_around(text, here);
            }
            if self.numbers[web].is_none() {
                let old = self.code.webs.webs[web].local;
                let number = std::iter::once(old)
                    .chain(0..LOCALS_MAX as u32)
                    .find(|&number| self.may_have(web, number))?;
                self.give(web, number);
            }
            text.locals[self.code.at.start + here] = self.numbers[web];
        }
        Some(())
    }

    fn agree_around(&mut self, text: &Text, at: usize) {
        let mut longest = (Passage::default(), 0, 0);
        for here in at.saturating_sub(PIECE - 1)..=at {
            for there in text.near(self.code.at.start + here) {
                let passage = self.passage(text, here, there);
                if here + passage.operators > at && passage.bytes > longest.0.bytes {
                    longest = (passage, here, there);
                }
            }
        }
        let (passage, here, there) = longest;
        self.take(text, here, there, passage);
    }

    /// What can agree from an operator of this function on with what is from another place on.
    fn passage(&self, text: &Text, here: usize, there: usize) -> Passage {
        let mut passage = Passage::default();
        let mut new: Vec<(usize, u32)> = Vec::new();
        let theirs = text.kinds[there..].iter().zip(&text.locals[there..]);
        let ours = (self.code.at.start + here..self.code.at.end).zip(here..);
        for ((at, here), (kind, number)) in ours.zip(theirs) {
            if text.kinds[at] != *kind {
                break;
            }
            if let Some(web) = self.code.webs.used[here] {
                let Some(number) = *number else { break };
                let known = (self.numbers[web])
                    .or_else(|| new.iter().find(|(one, _)| *one == web).map(|one| one.1));
                match known {
                    Some(known) if known == number => {}
                    None if self.can_join(web, number, &new) => new.push((web, number)),
                    _ => break,
                }
            }
            let bytes = self.code.bytes[here].len();
            passage.operators += 1;
            passage.bytes += bytes;
            passage.gain += if self.agreed[here] { 0 } else { bytes };
        }
        passage
    }

    fn can_join(&self, web: usize, number: u32, new: &[(usize, u32)]) -> bool {
        let apart = &self.code.webs.webs[web].apart;
        (number as usize) < self.limit
            && self.may_have(web, number)
            && (new.iter().filter(|(_, taken)| *taken == number)).all(|(other, _)| {
                self.of(*other) == self.of(web) && apart.binary_search(other).is_err()
            })
    }

    fn take(&mut self, text: &Text, here: usize, there: usize, passage: Passage) {
        for offset in 0..passage.operators {
            self.agreed[here + offset] = true;
            if let Some(web) = self.code.webs.used[here + offset]
                && self.numbers[web].is_none()
                && let Some(number) = text.locals[there + offset]
            {
                self.give(web, number);
            }
        }
    }
}

/// Writes a module with other functions in the places of its own.
struct Renumbered(Vec<Function>);

impl Reencode for Renumbered {
    type Error = Infallible;

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        _: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for function in &self.0 {
            code.function(function);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
