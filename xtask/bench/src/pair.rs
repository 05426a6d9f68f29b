//! Both programs, run in turn.
use crate::env::{Env, Program};
use anyhow::Result;

/// What both programs measured, a value a run.
#[derive(Debug)]
pub(crate) struct Pair<T> {
    pub(crate) ours: Vec<T>,
    pub(crate) limit: Vec<T>,
}

impl<T> Pair<T> {
    /// Runs both in turn, each first every other time, so that what one leaves behind for the other evens out.
    pub(crate) fn run(
        env: &Env,
        name: &str,
        mut ours: impl FnMut() -> Result<T>,
        mut limit: impl FnMut() -> Result<T>,
    ) -> Result<Self> {
        let mut pair = Pair {
            ours: Vec::new(),
            limit: Vec::new(),
        };
        for run in 0..env.runs {
            eprintln!("{name}, run {} of {}", run + 1, env.runs);
            let mut turns = [Program::Limit, Program::Ours];
            if run % 2 == 1 {
                turns.reverse();
            }
            for program in turns.into_iter().filter(|program| env.wants(*program)) {
                match program {
                    Program::Ours => pair.ours.push(ours()?),
                    Program::Limit => pair.limit.push(limit()?),
                }
            }
        }
        Ok(pair)
    }

    /// A part of each value.
    pub(crate) fn map<U>(&self, part: impl Fn(&T) -> U) -> Pair<U> {
        Pair {
            ours: self.ours.iter().map(&part).collect(),
            limit: self.limit.iter().map(&part).collect(),
        }
    }
}
