//! The functions of a module as one text of operators, in which what is alike but for the numbers of locals is found.

use super::webs::{Use, Webs};
use anyhow::{Result, anyhow};
use std::collections::HashMap;
use std::ops::Range;
use wasm_encoder::Function;
use wasmparser::{FunctionBody, Operator, Parser, Payload, ValType};

/// Bytes of code in which gzip finds a passage.
const WINDOW: usize = 32 << 10;
/// Operators by which passages are found.
pub(super) const PIECE: usize = 3;
/// Of a piece that is more often near, the nearest are looked at.
const PLACES_MAX: usize = 1000;
/// The operators of all functions, one after another.
#[derive(Default)]
pub(super) struct Text {
    /// What each is, but for the number of a local: equal ones have equal numbers here.
    pub(super) kinds: Vec<u32>,
    /// Bytes before each.
    starts: Vec<usize>,
    /// The local that each uses, as far as that was decided.
    pub(super) locals: Vec<Option<u32>>,
    /// Where a piece is, in order.
    places: HashMap<[u32; PIECE], Vec<usize>>,
}

/// A function.
pub(super) struct Code<'a> {
    pub(super) params: usize,
    /// The types of its locals by their old numbers, parameters first.
    pub(super) types: Vec<ValType>,
    /// Where its operators are in the text.
    pub(super) at: Range<usize>,
    /// The bytes of its operators.
    pub(super) bytes: Vec<&'a [u8]>,
    pub(super) uses: Vec<Option<Use>>,
    pub(super) webs: Webs,
}

pub(super) fn read(module: &[u8]) -> Result<(Vec<Code<'_>>, Text)> {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    let (mut codes, mut text) = (Vec::new(), Text::default());
    let mut kinds = HashMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for one in section.into_iter_err_on_gc_types() {
                    types.push(one?.params().to_vec());
                }
            }
            Payload::FunctionSection(section) => {
                functions = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
            }
            Payload::CodeSectionEntry(body) => {
                let params = types[functions[codes.len()] as usize].clone();
                codes.push(Code::read(&body, params, &mut text, &mut kinds)?);
            }
            _ => {}
        }
    }
    for (at, piece) in text.kinds.windows(PIECE).enumerate() {
        let piece = <[u32; PIECE]>::try_from(piece)?;
        text.places.entry(piece).or_default().push(at);
    }
    Ok((codes, text))
}

impl<'a> Code<'a> {
    fn read(
        body: &FunctionBody<'a>,
        mut types: Vec<ValType>,
        text: &mut Text,
        kinds: &mut HashMap<(&'a [u8], Option<ValType>), u32>,
    ) -> Result<Self> {
        let params = types.len();
        for run in body.get_locals_reader()? {
            let (count, of) = run?;
            types.extend(std::iter::repeat_n(of, count as usize));
        }
        let mut operators: Vec<Operator<'_>> = Vec::new();
        let mut bytes: Vec<&'a [u8]> = Vec::new();
        let mut reader = body.get_operators_reader()?;
        let start = body.range().start;
        while !reader.eof() {
            let from = reader.original_position() - start;
            operators.push(reader.read()?);
            let to = reader.original_position() - start;
            bytes.push(&body.as_bytes()[usize::try_from(from)?..usize::try_from(to)?]);
        }
        let uses: Vec<Option<Use>> = operators.iter().map(Use::of).collect();
        let first = text.kinds.len();
        for (used, bytes) in uses.iter().zip(&bytes) {
            let local = used.map(|used| types[used.local() as usize]);
            let kind = match local {
                Some(_) => (&bytes[..1], local),
                None => (*bytes, None),
            };
            let number = kinds.len() as u32;
            text.kinds.push(*kinds.entry(kind).or_insert(number));
            let before = text.starts.last().copied().unwrap_or(0);
            text.starts.push(before + bytes.len());
            text.locals.push(None);
        }
        Ok(Self {
            params,
            at: first..text.kinds.len(),
            webs: Webs::of(&operators, params, types.len()),
            types,
            bytes,
            uses,
        })
    }

    /// The function with the numbers that were decided.
    pub(super) fn written(&self, text: &Text) -> Result<Function> {
        let locals = &text.locals[self.at.clone()];
        let mut types: Vec<Option<ValType>> = self.types[..self.params]
            .iter()
            .copied()
            .map(Some)
            .collect();
        for (local, used) in locals.iter().zip(&self.uses) {
            if let (Some(local), Some(used)) = (local, used) {
                let (local, of) = (*local as usize, self.types[used.local() as usize]);
                types.resize(types.len().max(local + 1), None);
                types[local] = Some(of);
            }
        }
        // One that nothing uses has the type of the one before it: it needs no byte then.
        let mut of = ValType::I32;
        let types = types.into_iter().map(|one| {
            of = one.unwrap_or(of);
            wasm_encoder::ValType::try_from(of)
        });
        let types = types.skip(self.params).collect::<Result<Vec<_>, _>>();
        let mut function = Function::new_with_locals_types(
            types.map_err(|_| anyhow!("a type of a local is unknown"))?,
        );
        for ((local, used), bytes) in locals.iter().zip(&self.uses).zip(&self.bytes) {
            let local = local.unwrap_or(0);
            match used {
                Some(Use::Get(_)) => drop(function.instructions().local_get(local)),
                Some(Use::Set(_)) => drop(function.instructions().local_set(local)),
                Some(Use::Tee(_)) => drop(function.instructions().local_tee(local)),
                None => drop(function.raw(bytes.iter().copied())),
            }
        }
        Ok(function)
    }
}

impl Text {
    /// Where the same piece was before a place, within the window; the nearest first.
    pub(super) fn near(&self, at: usize) -> impl Iterator<Item = usize> {
        let piece = self.kinds.get(at..at + PIECE);
        let piece = piece.and_then(|piece| <[u32; PIECE]>::try_from(piece).ok());
        let places = piece.and_then(|piece| self.places.get(&piece));
        let places = places.map_or(&[][..], Vec::as_slice);
        let before = &places[..places.partition_point(|place| *place < at)];
        (before.iter().rev().copied())
            .take_while(move |place| self.starts[at] - self.starts[*place] <= WINDOW)
            .take(PLACES_MAX)
    }
}
