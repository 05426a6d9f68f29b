//! Differences of two sequences of tokens.
use super::limits::TEXT_EDITS_MAX;
use std::ops::Range;

/// Tokens of the base that a side replaced by tokens of its own; one of the two may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) base: Range<usize>,
    pub(super) side: Range<usize>,
}

/// Finds a shortest edit (Myers, 1986), in order, with at least one equal token between two hunks.
///
/// Beyond the limit the whole differing middle is one hunk: coarser, never wrong.
pub(super) fn hunks(base: &[&str], side: &[&str]) -> Vec<Hunk> {
    let pairs = base.iter().zip(side);
    let head = pairs.take_while(|(a, b)| a == b).count();
    let pairs = base[head..].iter().rev().zip(side[head..].iter().rev());
    let tail = pairs.take_while(|(a, b)| a == b).count();
    let (base, side) = (
        &base[head..base.len() - tail],
        &side[head..side.len() - tail],
    );
    if base.is_empty() && side.is_empty() {
        return Vec::new();
    }
    let mut hunks = shortest(base, side).unwrap_or_else(|| {
        vec![Hunk {
            base: 0..base.len(),
            side: 0..side.len(),
        }]
    });
    for hunk in &mut hunks {
        hunk.base = hunk.base.start + head..hunk.base.end + head;
        hunk.side = hunk.side.start + head..hunk.side.end + head;
    }
    hunks
}

/// How far into the base each diagonal reached with one number of edits; diagonal `k = base − side` stands
/// at `k + edits`.
type Reached = Vec<isize>;

fn shortest(base: &[&str], side: &[&str]) -> Option<Vec<Hunk>> {
    let (base_end, side_end) = (base.len() as isize, side.len() as isize);
    let mut trace: Vec<Reached> = Vec::new();
    for edits in 0..=TEXT_EDITS_MAX as isize {
        let mut reached = vec![0; 2 * edits as usize + 1];
        for k in (-edits..=edits).step_by(2) {
            let mut x = trace.last().map_or(0, |before| enter(before, k, edits).1);
            while x < base_end && x - k < side_end && base[x as usize] == side[(x - k) as usize] {
                x += 1;
            }
            reached[(k + edits) as usize] = x;
            if k == base_end - side_end && x >= base_end {
                return Some(back(&trace, base_end, side_end));
            }
        }
        trace.push(reached);
    }
    None
}

/// The diagonal that the best way comes from, and where on `k` it arrives.
fn enter(before: &Reached, k: isize, edits: isize) -> (isize, isize) {
    let at = |k: isize| {
        usize::try_from(k + edits - 1)
            .ok()
            .and_then(|at| before.get(at))
    };
    match (at(k - 1), at(k + 1)) {
        (Some(deleted), Some(inserted)) if deleted < inserted => (k + 1, *inserted),
        (Some(deleted), _) => (k - 1, deleted + 1),
        (None, inserted) => (k + 1, inserted.copied().unwrap_or(0)),
    }
}

fn back(trace: &[Reached], mut x: isize, mut y: isize) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    for (index, before) in trace.iter().enumerate().rev() {
        let k = x - y;
        let (from, arrived) = enter(before, k, index as isize + 1);
        // One token deleted, or one inserted, and then equal ones up to (x, y).
        let (deleted, inserted) = if from < k { (1, 0) } else { (0, 1) };
        let (base_end, side_end) = (arrived as usize, (arrived - k) as usize);
        match hunks.last_mut() {
            Some(next) if next.base.start == base_end => {
                next.base.start -= deleted;
                next.side.start -= inserted;
            }
            _ => hunks.push(Hunk {
                base: base_end - deleted..base_end,
                side: side_end - inserted..side_end,
            }),
        }
        (x, y) = (arrived - deleted as isize, arrived - k - inserted as isize);
    }
    hunks.reverse();
    hunks
}
