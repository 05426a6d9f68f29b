//! Three-way merge of a text: by lines, and where edits meet, by words.
use super::diff::{Hunk, hunks};
use std::ops::Range;

/// Merges two edits of one text; `None` where they overlap or touch, so that no order of theirs is right.
pub(super) fn merge(base: &str, ours: &str, theirs: &str) -> Option<String> {
    merge_by(lines, [base, ours, theirs], &|met| {
        merge_by(words, met, &|_| None)
    })
}

/// Merges tokens; `met` merges the regions in which both sides changed something.
fn merge_by(
    split: fn(&str) -> Vec<&str>,
    [base, ours, theirs]: [&str; 3],
    met: &dyn Fn([&str; 3]) -> Option<String>,
) -> Option<String> {
    let [base, ours, theirs] = [base, ours, theirs].map(split);
    let mut sides = [Walk::of(&base, &ours), Walk::of(&base, &theirs)];
    let mut merged = String::new();
    let mut done = 0;
    while let Some(region) = next_region(&mut sides) {
        let [of_ours, of_theirs] = sides.each_mut().map(|side| side.pass(&region));
        merged.extend(base[done..region.start].iter().copied());
        let before = base[region.clone()].concat();
        let texts = [ours[of_ours].concat(), theirs[of_theirs].concat()];
        merged.push_str(&match texts {
            [ours, theirs] if ours == theirs || theirs == before => ours,
            [ours, theirs] if ours == before => theirs,
            [ours, theirs] => met([&before, &ours, &theirs])?,
        });
        done = region.end;
    }
    merged.extend(base[done..].iter().copied());
    Some(merged)
}

/// One side's hunks, those before `next` passed.
struct Walk {
    hunks: Vec<Hunk>,
    next: usize,
    /// Where the side stands when the base stands at 0, moved by the hunks passed.
    shift: isize,
    /// The first hunk that is not in the region being gathered.
    beyond: usize,
}

impl Walk {
    fn of(base: &[&str], side: &[&str]) -> Self {
        Walk {
            hunks: hunks(base, side),
            next: 0,
            shift: 0,
            beyond: 0,
        }
    }

    /// Takes the next hunk into the region if it touches it.
    fn gather(&mut self, region: &mut Range<usize>) -> bool {
        match self.hunks.get(self.beyond) {
            Some(hunk) if hunk.base.start <= region.end => {
                region.start = region.start.min(hunk.base.start);
                region.end = region.end.max(hunk.base.end);
                self.beyond += 1;
                true
            }
            _ => false,
        }
    }

    /// The side's tokens for a region of the base.
    fn pass(&mut self, region: &Range<usize>) -> Range<usize> {
        let start = region.start.saturating_add_signed(self.shift);
        for hunk in &self.hunks[self.next..self.beyond] {
            self.shift += hunk.side.len() as isize - hunk.base.len() as isize;
        }
        self.next = self.beyond;
        start..region.end.saturating_add_signed(self.shift)
    }
}

/// The next stretch of the base in which hunks of the two sides overlap, touch, or stand alone.
fn next_region(sides: &mut [Walk; 2]) -> Option<Range<usize>> {
    let first = |side: &Walk| side.hunks.get(side.next).map(|hunk| hunk.base.clone());
    let firsts = sides.iter().filter_map(first);
    let mut region = firsts.min_by_key(|base| (base.start, base.end))?;
    let [ours, theirs] = sides;
    while ours.gather(&mut region) || theirs.gather(&mut region) {}
    Some(region)
}

/// Lines with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Words, runs of white space, and every other character alone.
fn words(text: &str) -> Vec<&str> {
    let kind = |character: char| {
        if character.is_alphanumeric() {
            1
        } else if character.is_whitespace() {
            2
        } else {
            0
        }
    };
    let mut words = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, character) in text.char_indices() {
        let kind = kind(character);
        if before.is_some_and(|before| before != kind || kind == 0) {
            words.push(&text[start..at]);
            start = at;
        }
        before = Some(kind);
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}
