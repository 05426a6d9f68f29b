//! Puts a module's functions in another order, in which gzip finds more of what is alike.
//!
//! What repeats is found only within 32 KB, and functions that were made of one text for many types lie far apart. Each
//! function is therefore followed by that of which the most was seen within those last bytes. Like alone is compared, as
//! gzip does: *pieces* of some bytes. What counts as alike is a [`Taste`], and a change of the code makes now one the best
//! and now another: so several are tried. Those that are called most come first, whatever they are like: their numbers
//! take one byte.

use anyhow::{Result, anyhow};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt::Display;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Instruction, Module};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, Payload, TypeRef,
};

/// How many come first that are called most.
const CALLED_MOST: usize = 40;

/// What counts as alike.
#[derive(Clone, Copy)]
pub(super) struct Taste {
    /// Bytes of code in which a piece is still found: about gzip's window, which the next function takes part of.
    window: usize,
    /// Bytes of a piece.
    piece: usize,
    /// A piece that is in more functions tells nothing: it is in the window anyway.
    functions_max: usize,
    /// Added to what a function's pieces weigh, so that one without any comes last.
    smallest: f64,
}

/// Those to try: none of them is the best for each module.
pub(super) const TASTES: [Taste; 8] = [
    taste(32_000, 6, 1000, 500.0),
    taste(30_000, 6, 1000, 500.0),
    taste(28_000, 6, 300, 5000.0),
    taste(26_000, 6, 300, 5000.0),
    taste(30_000, 5, 120, 500.0),
    taste(28_000, 5, 120, 500.0),
    taste(28_000, 5, 120, 5000.0),
    taste(32_000, 5, 1000, 5000.0),
];

const fn taste(window: usize, piece: usize, functions_max: usize, smallest: f64) -> Taste {
    Taste {
        window,
        piece,
        functions_max,
        smallest,
    }
}

/// Gives the same module in another order.
pub(super) fn by_likeness(module: &[u8], taste: Taste) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    let mut calls = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    if let Operator::Call { function_index } = operator? {
                        *calls.entry(function_index as usize).or_insert(0) += 1;
                    }
                }
                bodies.push(body.as_bytes());
            }
            _ => {}
        }
    }
    let most = most_called(&calls, imported);
    let likely = Likeness::of(&bodies, taste).order(taste);
    let others = likely
        .into_iter()
        .filter(|function| !most.contains(function));
    let order: Vec<usize> = most.iter().copied().chain(others).collect();
    let mut places: Vec<u32> = (0..u32::try_from(imported + bodies.len())?).collect();
    for (place, &function) in order.iter().enumerate() {
        places[imported + function] = u32::try_from(imported + place)?;
    }
    let mut written = Module::new();
    (Reordered { order, places })
        .parse_core_module(&mut written, Parser::new(0), module)
        .map_err(unreadable)?;
    Ok(written.finish())
}

/// The functions that are called most often, imported ones not counted.
fn most_called(calls: &BTreeMap<usize, usize>, imported: usize) -> Vec<usize> {
    let mut most: Vec<(Reverse<usize>, usize)> = (calls.iter())
        .filter_map(|(function, times)| Some((Reverse(*times), function.checked_sub(imported)?)))
        .collect();
    most.sort_unstable();
    most.truncate(CALLED_MOST);
    most.into_iter().map(|(_, function)| function).collect()
}

fn unreadable(error: impl Display) -> anyhow::Error {
    anyhow!("the module cannot be put in order: {error}")
}

/// The pieces of all functions, and how much of each function the window holds.
struct Likeness {
    /// The bytes of each function.
    sizes: Vec<usize>,
    /// The pieces of each function, by number; only such as others have too.
    pieces: Vec<Vec<usize>>,
    /// The functions that have a piece.
    owners: Vec<Vec<usize>>,
    /// What a piece counts: one that few functions have says more.
    weights: Vec<i64>,
    /// How often a piece is in the window.
    seen: Vec<u32>,
    /// What the pieces of each function that are in the window weigh.
    scores: Vec<i64>,
}

impl Likeness {
    fn of(bodies: &[&[u8]], taste: Taste) -> Self {
        let mut all: Vec<(&[u8], usize)> = (bodies.iter().enumerate())
            .flat_map(|(function, body)| {
                body.windows(taste.piece)
                    .map(move |piece| (piece, function))
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        let mut likeness = Self {
            sizes: bodies.iter().map(|body| body.len()).collect(),
            pieces: vec![Vec::new(); bodies.len()],
            owners: Vec::new(),
            weights: Vec::new(),
            seen: Vec::new(),
            scores: vec![0; bodies.len()],
        };
        for alike in all.chunk_by(|one, next| one.0 == next.0) {
            if (2..=taste.functions_max).contains(&alike.len()) {
                let owners: Vec<usize> = alike.iter().map(|(_, function)| *function).collect();
                for &function in &owners {
                    likeness.pieces[function].push(likeness.owners.len());
                }
                likeness
                    .weights
                    .push((1000.0 / (owners.len() as f64).sqrt()) as i64);
                likeness.owners.push(owners);
                likeness.seen.push(0);
            }
        }
        likeness
    }

    /// The functions by their old numbers, in the new order.
    fn order(mut self, taste: Taste) -> Vec<usize> {
        let whole: Vec<f64> = (self.pieces.iter())
            .map(|pieces| {
                taste.smallest + pieces.iter().map(|&piece| self.weights[piece]).sum::<i64>() as f64
            })
            .collect();
        let mut left: Vec<usize> = (0..self.sizes.len()).collect();
        let mut order = Vec::with_capacity(left.len());
        let (mut window, mut bytes) = (VecDeque::new(), 0);
        while let Some(at) = self.next(&left, &whole) {
            let function = left.remove(at);
            order.push(function);
            self.enter(function);
            window.push_back(function);
            bytes += self.sizes[function];
            while bytes > taste.window && window.len() > 1 {
                let Some(oldest) = window.pop_front() else {
                    break;
                };
                bytes -= self.sizes[oldest];
                self.leave(oldest);
            }
        }
        order
    }

    /// Where that function stands of whose pieces the window holds the largest share; of equal ones the first.
    fn next(&self, left: &[usize], whole: &[f64]) -> Option<usize> {
        let share = |at: usize| self.scores[left[at]] as f64 / whole[left[at]];
        (0..left.len()).reduce(|best, at| if share(at) > share(best) { at } else { best })
    }

    fn enter(&mut self, function: usize) {
        for &piece in &self.pieces[function] {
            self.seen[piece] += 1;
            if self.seen[piece] == 1 {
                for &owner in &self.owners[piece] {
                    self.scores[owner] += self.weights[piece];
                }
            }
        }
    }

    fn leave(&mut self, function: usize) {
        for &piece in &self.pieces[function] {
            self.seen[piece] -= 1;
            if self.seen[piece] == 0 {
                for &owner in &self.owners[piece] {
                    self.scores[owner] -= self.weights[piece];
                }
            }
        }
    }
}

/// Writes a module with its functions in an order.
struct Reordered {
    /// The functions of the module by their old numbers, imported ones not counted.
    order: Vec<usize>,
    /// The new number of each function, imported ones first.
    places: Vec<u32>,
}

impl Reencode for Reordered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(self.places[function as usize])
    }

    /// Whole numbers of eight bytes all say that they are aligned to four, as those that were copied in parts do: it is a
    /// hint, and what is aligned to eight is aligned to four.
    fn instruction<'a>(
        &mut self,
        operator: Operator<'a>,
    ) -> Result<Instruction<'a>, reencode::Error> {
        let mut instruction = reencode::utils::instruction(self, operator)?;
        if let Instruction::I64Load(to) | Instruction::I64Store(to) = &mut instruction {
            to.align = to.align.min(2);
        }
        Ok(instruction)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for &function in &self.order {
            functions.function(types[function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        let bodies = section
            .into_iter()
            .collect::<Result<Vec<FunctionBody<'_>>, _>>()?;
        for function in self.order.clone() {
            self.parse_function_body(code, bodies[function].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        EntityType, ExportKind, ExportSection, Function, ImportSection, MemArg, MemArgTarget,
        MemorySection, MemoryType, TypeSection,
    };

    /// A module of functions that each repeat their number; the last calls that with the number `called` in the list.
    fn module(numbers: &[i32], called: u32) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("tisync", "host", EntityType::Function(0));
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        let mut exports = ExportSection::new();
        for (place, number) in (0..).zip(numbers) {
            let mut function = Function::new([]);
            for _ in 0..9 {
                function.instructions().i32_const(*number).drop();
            }
            function.instructions().end();
            functions.function(0);
            code.function(&function);
            exports.export(&format!("f{place}"), ExportKind::Func, place + 1);
        }
        let mut last = Function::new([]);
        last.instructions().call(0).call(called + 1).end();
        functions.function(0);
        code.function(&last);
        let place = u32::try_from(numbers.len()).unwrap();
        exports.export("last", ExportKind::Func, place + 1);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions);
        module.section(&exports).section(&code);
        module.finish()
    }

    /// What a module exports in the order of its functions, each with its number; and the name of what the last calls.
    fn read(module: &[u8]) -> (Vec<(String, i32)>, String) {
        let (mut names, mut numbers) = (vec![String::new(); 9], Vec::new());
        let mut called = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.unwrap();
                        names[export.index as usize - 1] = export.name.to_owned();
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let mut number = 0;
                    for operator in body.get_operators_reader().unwrap() {
                        match operator.unwrap() {
                            Operator::I32Const { value } => number = value,
                            Operator::Call { function_index } => called = function_index as usize,
                            _ => {}
                        }
                    }
                    numbers.push(number);
                }
                _ => {}
            }
        }
        (
            names.iter().cloned().zip(numbers).collect(),
            names[called - 1].clone(),
        )
    }

    #[test]
    fn like_functions_come_together_and_stay_what_they_were() {
        let (one, two) = (111_111_111, 222_222_222);
        let before = module(&[one, two, one - 1, two - 1, one, two], 0);
        let after = by_likeness(&before, TASTES[0]).unwrap();
        let (functions, called) = read(&after);
        let expected = [
            ("f0", one),
            ("f4", one),
            ("f1", two),
            ("f5", two),
            ("f3", two - 1),
            ("f2", one - 1),
            ("last", 0),
        ];
        let expected = expected.map(|(name, number)| (name.to_owned(), number));
        assert_eq!(functions, expected);
        assert_eq!(called, read(&before).1);
        assert_eq!(by_likeness(&after, TASTES[0]).unwrap(), after);
    }

    #[test]
    fn what_is_called_most_comes_first() {
        let before = module(&[1, 2, 3], 2);
        let (functions, called) = read(&by_likeness(&before, TASTES[0]).unwrap());
        assert_eq!(functions[0], ("f2".to_owned(), 3));
        assert_eq!(called, "f2");
    }

    #[test]
    fn numbers_of_eight_bytes_say_the_same_alignment() {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut function = Function::new([]);
        for align in 0..=3 {
            let to = MemArg {
                offset: 8,
                align,
                target: MemArgTarget::Memory(0),
                ordering: None,
            };
            function.instructions().i32_const(0).i64_load(to).drop();
        }
        function.instructions().end();
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions);
        module.section(&memories).section(&code);
        let after = by_likeness(&module.finish(), TASTES[0]).unwrap();
        let mut aligned = Vec::new();
        for payload in Parser::new(0).parse_all(&after) {
            if let Payload::CodeSectionEntry(body) = payload.unwrap() {
                for operator in body.get_operators_reader().unwrap() {
                    if let Operator::I64Load { memarg } = operator.unwrap() {
                        aligned.push((memarg.align, memarg.offset));
                    }
                }
            }
        }
        assert_eq!(aligned, [(0, 8), (1, 8), (2, 8), (2, 8)]);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(by_likeness(b"#!/bin/sh", TASTES[0]).is_err());
    }
}
