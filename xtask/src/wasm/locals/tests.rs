//! Modules that are numbered and carried out: each function has to read what it read before.

use super::*;
use wasm_encoder::BlockType::Empty;
use wasm_encoder::{FunctionSection, InstructionSink, TypeSection};
use wasmparser::{FunctionBody, Operator, Payload};

const I32: wasm_encoder::ValType = wasm_encoder::ValType::I32;
const I64: wasm_encoder::ValType = wasm_encoder::ValType::I64;

/// A module of functions that take an `i32`, and have three locals of `i32` and two of `i64`.
fn module(functions: &[&dyn Fn(&mut InstructionSink<'_>)]) -> Vec<u8> {
    let (mut types, mut code) = (TypeSection::new(), CodeSection::new());
    types.ty().function([I32], []);
    let mut section = FunctionSection::new();
    for write in functions {
        let mut function = Function::new([(3, I32), (2, I64)]);
        write(&mut function.instructions());
        function.instructions().end();
        section.function(0);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&section).section(&code);
    module.finish()
}

fn bodies(module: &[u8]) -> Vec<FunctionBody<'_>> {
    (Parser::new(0).parse_all(module))
        .filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        })
        .collect()
}

/// The module with other numbers, after a look at whether its functions do what they did.
fn numbered(before: &[u8]) -> Vec<u8> {
    let after = by_likeness(before).unwrap();
    Validator::new().validate_all(&after).unwrap();
    for given in [0, 1, 5] {
        let (one, other) = (reads(before, given), reads(&after, given));
        assert_eq!(one, other);
    }
    after
}

/// What each function of a module reads from its locals, one after another.
fn reads(module: &[u8], given: i64) -> Vec<Vec<i64>> {
    (bodies(module).iter())
        .map(|body| {
            let reader = body.get_operators_reader().unwrap();
            let operators: Vec<_> = reader.into_iter().map(Result::unwrap).collect();
            let mut machine = Machine::default();
            machine.locals[0] = given;
            machine.run(&operators);
            machine.read
        })
        .collect()
}

/// Carries out what the functions here are made of, and ends early where that takes long.
#[derive(Default)]
struct Machine {
    locals: [i64; 32],
    stack: Vec<i64>,
    read: Vec<i64>,
}

const READS_MAX: usize = 200;

impl Machine {
    /// Gives how many blocks further out are to be left.
    fn run(&mut self, operators: &[Operator<'_>]) -> Option<u32> {
        let mut at = 0;
        while at < operators.len() {
            let operator = &operators[at];
            at += 1;
            let is_block = matches!(
                operator,
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. }
            );
            if is_block {
                let length = length(&operators[at..]);
                let left = self.block(operator, &operators[at..at + length]);
                at += length + 1;
                match left {
                    None | Some(0) => continue,
                    Some(blocks) => return Some(blocks - 1),
                }
            }
            match operator {
                Operator::Br { relative_depth } => return Some(*relative_depth),
                Operator::BrIf { relative_depth } if self.pop() != 0 => {
                    return Some(*relative_depth);
                }
                Operator::BrTable { targets } => {
                    let target = targets.targets().nth(self.pop() as usize);
                    return Some(target.map_or(targets.default(), Result::unwrap));
                }
                Operator::BrIf { .. } => {}
                other => self.step(other),
            }
        }
        None
    }

    fn block(&mut self, operator: &Operator<'_>, body: &[Operator<'_>]) -> Option<u32> {
        match operator {
            Operator::Loop { .. } => loop {
                match self.run(body) {
                    Some(0) if self.read.len() < READS_MAX => {}
                    left => break left,
                }
            },
            Operator::If { .. } => {
                let (then, otherwise) = halves(body);
                match self.pop() {
                    0 => self.run(otherwise),
                    _ => self.run(then),
                }
            }
            _ => self.run(body),
        }
    }

    fn step(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::I32Const { value } => self.stack.push((*value).into()),
            Operator::LocalGet { local_index } => {
                let value = self.locals[*local_index as usize];
                self.read.push(value);
                self.stack.push(value);
            }
            Operator::LocalSet { local_index } => self.locals[*local_index as usize] = self.pop(),
            Operator::LocalTee { local_index } => {
                self.locals[*local_index as usize] = *self.stack.last().unwrap();
            }
            Operator::I32Add | Operator::I64Add => {
                let sum = self.pop().wrapping_add(self.pop());
                self.stack.push(sum);
            }
            Operator::Drop => drop(self.pop()),
            Operator::I64ExtendI32S | Operator::I32WrapI64 | Operator::End => {}
            other => panic!("unknown: {other:?}"),
        }
    }

    fn pop(&mut self) -> i64 {
        self.stack.pop().unwrap()
    }
}

/// Operators before the end of the block that begins here, or before its `else`.
fn before(operators: &[Operator<'_>], is_else_meant: bool) -> Option<usize> {
    let mut depth = 0;
    operators.iter().position(|operator| {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::Else if is_else_meant && depth == 0 => return true,
            Operator::End => depth -= 1,
            _ => {}
        }
        depth < 0
    })
}

fn length(operators: &[Operator<'_>]) -> usize {
    before(operators, false).unwrap()
}

fn halves<'a, 'b>(body: &'a [Operator<'b>]) -> (&'a [Operator<'b>], &'a [Operator<'b>]) {
    match before(body, true) {
        Some(at) => (&body[..at], &body[at + 1..]),
        None => (body, &[]),
    }
}

/// Numbers that only look like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % bound) as u32
    }
}

/// Writes what a chance makes of it, with other numbers for the locals.
fn write(code: &mut InstructionSink<'_>, chance: &mut Chance, locals: &[u32; 6], depth: u32) {
    for _ in 0..chance.below(5) {
        let mut i32s = || locals[chance.below(4) as usize];
        let (one, two, three) = (i32s(), i32s(), i32s());
        let (long, longer) = (locals[4], locals[4 + chance.below(2) as usize]);
        match chance.below(if depth < 3 { 10 } else { 6 }) {
            0 => drop(code.i32_const(-1).local_set(one)),
            1 => drop(
                code.local_get(one)
                    .local_get(two)
                    .i32_add()
                    .local_set(three),
            ),
            2 => drop(
                code.local_get(long)
                    .local_get(longer)
                    .i64_add()
                    .local_set(longer),
            ),
            3 => drop(code.local_get(one).i64_extend_i32_s().local_set(long)),
            4 => drop(code.local_get(longer).i32_wrap_i64().local_tee(one).drop()),
            5 => drop(
                code.local_get(one)
                    .i32_const(1)
                    .i32_add()
                    .local_tee(two)
                    .local_set(one),
            ),
            6 => {
                code.block(Empty).local_get(one).br_if(0);
                write(code, chance, locals, depth + 1);
                code.end();
            }
            7 => {
                code.loop_(Empty);
                write(code, chance, locals, depth + 1);
                code.local_get(one).br_if(0).end();
            }
            8 => {
                code.local_get(one).if_(Empty);
                write(code, chance, locals, depth + 1);
                if chance.below(2) == 0 {
                    code.else_();
                    write(code, chance, locals, depth + 1);
                }
                code.end();
            }
            _ => {
                code.block(Empty).block(Empty);
                write(code, chance, locals, depth + 1);
                code.local_get(one).br_table([0], 1).end();
                write(code, chance, locals, depth + 1);
                code.end();
            }
        }
    }
}

#[test]
fn whatever_a_function_does_it_reads_the_same() {
    let mut changed = 0;
    for seed in 0..100 {
        // Each text comes three times, with numbers of its own.
        let mut chance = Chance(seed);
        let locals: Vec<[u32; 6]> = (0..6)
            .map(|_| {
                [4, 4, 4, 4, 2, 2].map(|bound| chance.below(bound) + if bound == 2 { 4 } else { 0 })
            })
            .collect();
        let functions: Vec<_> = (0..6)
            .map(|place| {
                let locals = &locals[place as usize];
                move |code: &mut InstructionSink<'_>| {
                    write(code, &mut Chance(seed * 2 + place % 2), locals, 0);
                    write(code, &mut Chance(seed + place), locals, 0);
                }
            })
            .collect();
        let functions: Vec<_> = (functions.iter())
            .map(|function| function as &dyn Fn(&mut InstructionSink<'_>))
            .collect();
        let before = module(&functions);
        changed += usize::from(numbered(&before) != before);
    }
    assert!(changed > 75, "{changed} of 100 modules have other numbers");
}

/// Counts a number down to zero in a loop and adds what it passes, in locals of these numbers.
fn sum(code: &mut InstructionSink<'_>, count: u32, sum: u32) {
    code.local_get(0).local_set(count);
    code.block(Empty).loop_(Empty);
    code.local_get(count).br_table([1], 0).end();
    code.local_get(sum)
        .local_get(count)
        .i32_add()
        .local_set(sum)
        .end();
    code.local_get(sum).drop();
}

#[test]
fn like_functions_become_the_same() {
    let after = numbered(&module(&[&|code| sum(code, 1, 2), &|code| sum(code, 3, 1)]));
    let bodies = bodies(&after);
    assert_eq!(bodies[0].as_bytes(), bodies[1].as_bytes());
    assert_eq!(by_likeness(&after).unwrap(), after);
}

#[test]
fn a_local_that_was_two_things_becomes_two_where_that_is_alike() {
    let twice = |code: &mut InstructionSink<'_>, one: u32, other: u32| {
        code.local_get(0).i32_const(11).i32_add().local_tee(one);
        code.local_get(one).i32_add().local_set(one);
        code.local_get(one).i32_const(22).i32_add();
        code.local_tee(other).local_get(other).i32_add().drop();
    };
    let before = module(&[&|code| twice(code, 2, 3), &|code| twice(code, 1, 1)]);
    let after = numbered(&before);
    let bodies = bodies(&after);
    assert_eq!(bodies[0].as_bytes(), bodies[1].as_bytes());
}

#[test]
fn what_is_no_module_is_refused() {
    assert!(by_likeness(b"#!/bin/sh").is_err());
}
