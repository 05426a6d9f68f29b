//! Fields of a document's text, found without building the others.
//!
//! The text was checked before, so that only strings and brackets are looked at.

use crate::Path;
use crate::text::{Literal, literal, plain_end};

/// The texts of the values at `paths` in the object `text`, in one pass.
pub(crate) fn texts<'a>(text: &'a str, paths: &[Path]) -> Vec<Option<&'a str>> {
    let mut finder = Finder {
        text,
        paths,
        found: vec![None; paths.len()],
        missing: paths.len(),
    };
    let all: Vec<usize> = (0..paths.len()).collect();
    finder.object(0, 0, &all);
    finder.found
}

struct Finder<'a, 'p> {
    text: &'a str,
    paths: &'p [Path],
    found: Vec<Option<&'a str>>,
    missing: usize,
}

impl<'a> Finder<'a, '_> {
    /// Looks through the object at `at`, whose place is the first `depth` keys of the `wanted` paths.
    /// Leaves early, with no meaning in what it answers, once nothing is missing.
    fn object(&mut self, at: usize, depth: usize, wanted: &[usize]) -> usize {
        let mut at = self.space(at + 1);
        while self.byte(at) == Some(b'"') && self.missing > 0 {
            let Some((key, end)) = self.string(at) else {
                break;
            };
            // Past the colon.
            at = self.space(self.space(end) + 1);
            at = self.value(at, depth, key, wanted);
            at = self.space(at);
            if self.byte(at) == Some(b',') {
                at = self.space(at + 1);
            }
        }
        at + 1
    }

    /// Takes or passes the value of `key`, and answers the place after it.
    fn value(&mut self, at: usize, depth: usize, key: Literal<'a>, wanted: &[usize]) -> usize {
        let is_object = self.byte(at) == Some(b'{');
        let mut inside = Vec::new();
        let mut end = None;
        for &index in wanted {
            let keys = self.paths[index].keys();
            if !key.is(&keys[depth]) {
                continue;
            }
            if keys.len() == depth + 1 {
                let end = *end.get_or_insert_with(|| self.skip(at));
                self.found[index] = Some(&self.text[at..end]);
                self.missing -= 1;
            } else if is_object {
                inside.push(index);
            }
        }
        match end {
            None if inside.is_empty() => self.skip(at),
            None => self.object(at, depth + 1, &inside),
            Some(end) => {
                if !inside.is_empty() {
                    self.object(at, depth + 1, &inside);
                }
                end
            }
        }
    }

    /// The place after the value at `at`.
    fn skip(&self, at: usize) -> usize {
        match self.byte(at) {
            Some(b'"') => self.skip_string(at),
            Some(b'{' | b'[') => self.skip_nested(at),
            _ => {
                let rest = self.text[at..].bytes();
                let length = rest.take_while(|byte| !matches!(byte, b',' | b'}' | b']' | 0..=b' '));
                at + length.count()
            }
        }
    }

    fn skip_nested(&self, mut at: usize) -> usize {
        let mut depth = 0;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'"' => {
                    at = self.skip_string(at);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
        at
    }

    fn skip_string(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = plain_end(bytes, at + 1);
        while self.byte(at) == Some(b'\\') {
            at = plain_end(bytes, at + 2);
        }
        at + 1
    }

    fn string(&self, at: usize) -> Option<(Literal<'a>, usize)> {
        literal(self.text, at + 1).ok()
    }

    fn space(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte(at) {
            at += 1;
        }
        at
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}
