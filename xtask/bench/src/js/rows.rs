//! The rows of the table.
use super::Program;
use super::child::{self, Times, Workload};
use crate::Run;
use crate::env::Env;
use crate::spent::Spent;
use crate::table::{Line, Peer, median};
use anyhow::{Context, Result};

/// The ratio to what one would write by hand that is aimed at.
const AIM: f64 = 1.5;

/// Each row by the name that `--row` takes.
pub(crate) const ROWS: [(&str, Run); 6] = [
    ("JS W1", pull),
    ("JS W2", save),
    ("JS W3", push),
    ("JS W4", changes),
    ("JS W5", conflicts),
    ("JS W6", read),
];

/// All but one, which has no such thing.
fn without(one: Program) -> Vec<Program> {
    (Program::ALL.into_iter())
        .filter(|program| *program != one)
        .collect()
}

fn pull(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.large;
    let workload = filled("pull", count);
    let runs = Runs::of(env, &Program::ALL, workload)?;
    let note =
        "the core's work in WebAssembly, and each value that goes to SQLite through JavaScript";
    Ok(vec![runs.line(
        &format!("JS W1 pull {count}"),
        "pull",
        note,
    )?])
}

fn save(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let full = Runs::of(env, &without(Program::Pouch), empty("save_full", count))?;
    let normal = Runs::of(
        env,
        &without(Program::Watermelon),
        empty("save_normal", count),
    )?;
    Ok(vec![
        normal.line("JS W2 NORMAL", "save", "WatermelonDB has FULL only")?,
        full.line(
            "JS W2 FULL",
            "save",
            "the disk: each save waits for it once, WatermelonDB's four times; PouchDB's never do",
        )?,
    ])
}

fn push(env: &Env) -> Result<Vec<Line>> {
    let workload = empty("push", env.sizes.small);
    let runs = Runs::of(env, &Program::ALL, workload)?;
    let note = "ours and the limit to a server on SQLite, the others to memory; PowerSync until its queue is empty";
    Ok(vec![runs.line("JS W3 push", "push", note)?])
}

fn changes(env: &Env) -> Result<Vec<Line>> {
    let workload = Workload {
        changes: env.sizes.changes,
        ..filled("changes", env.sizes.large)
    };
    let runs = Runs::of(env, &Program::ALL, workload)?;
    Ok(vec![
        runs.line("JS W4 changes", "changes", "one page, one commit")?,
        runs.line(
            "JS W4 no change",
            "idle",
            "PowerSync holds a stream instead",
        )?,
    ])
}

fn conflicts(env: &Env) -> Result<Vec<Line>> {
    let count = env.sizes.small;
    let workload = Workload {
        changes: count,
        ..filled("conflicts", count)
    };
    let runs = Runs::of(env, &without(Program::PowerSync), workload)?;
    let note = "ours journals the side that lost; PowerSync leaves conflicts to the server";
    Ok(vec![runs.line("JS W5 conflicts", "conflicts", note)?])
}

fn read(env: &Env) -> Result<Vec<Line>> {
    let (small, large) = (env.sizes.small, env.sizes.large);
    let all = Runs::of(env, &Program::ALL, filled("all", small))?;
    let runs = Runs::of(env, &Program::ALL, filled("read", large))?;
    let note = "each just opened, so that no cache of objects answers";
    let get = runs.map("get", |spent| spent.each(small as usize));
    Ok(vec![
        all.line(&format!("JS W6 all {small}"), "all", note)?,
        get.line("JS W6 point get", "get", note)?,
        runs.line("JS W6 filter", "filter", note)?,
    ])
}

/// A server that has everything.
fn filled(name: &'static str, count: u64) -> Workload {
    Workload {
        on_server: count,
        ..empty(name, count)
    }
}

/// A server that has nothing.
fn empty(name: &'static str, count: u64) -> Workload {
    Workload {
        name,
        count,
        on_server: 0,
        changes: 0,
    }
}

/// What each program took, run by run.
struct Runs(Vec<(Program, Vec<Times>)>);

impl Runs {
    /// Runs all in turn, each first every other time, so that what one leaves behind for the next evens out.
    fn of(env: &Env, programs: &[Program], workload: Workload) -> Result<Self> {
        let mut runs: Vec<_> = (programs.iter())
            .filter(|program| program.is_wanted(env))
            .map(|program| (*program, Vec::new()))
            .collect();
        for run in 0..env.runs {
            eprintln!("JS {}, run {} of {}", workload.name, run + 1, env.runs);
            for (program, times) in &mut runs {
                times.push(child::run(env, *program, workload)?);
            }
            runs.reverse();
        }
        Ok(Runs(runs))
    }

    /// The same with one part changed.
    fn map(&self, part: &str, change: impl Fn(Spent) -> Spent) -> Self {
        let one = |times: &Times| {
            (times.iter())
                .filter(|(name, _)| *name == part)
                .map(|(name, spent)| (name.clone(), change(*spent)))
                .collect()
        };
        let all =
            |(program, times): &(Program, Vec<Times>)| (*program, times.iter().map(one).collect());
        Runs(self.0.iter().map(all).collect())
    }

    /// The line of one part; a program that has no such part is left out.
    fn line(&self, row: &str, part: &str, note: &str) -> Result<Line> {
        let n = self.0.first().context("no program ran")?.1.len();
        let peers = (Program::ALL.iter())
            .filter_map(|program| {
                Some(Peer {
                    name: program.peer()?,
                    spent: self.median(*program, part)?,
                })
            })
            .collect();
        let ours = self.median(Program::Ours, part);
        let limit = self.median(Program::Limit, part);
        Ok(Line::beside(row, n, (ours, limit), peers)
            .aim(AIM)
            .note(note))
    }

    /// The medians of a program's runs, if it ran and has that part.
    fn median(&self, program: Program, part: &str) -> Option<Spent> {
        let (_, runs) = self.0.iter().find(|(found, _)| *found == program)?;
        let found: Vec<_> = runs.iter().filter_map(|times| times.get(part)).collect();
        let of =
            |which: fn(&Spent) -> f64| median(found.iter().map(|spent| which(spent)).collect());
        (!found.is_empty()).then(|| Spent {
            wall_s: of(|spent| spent.wall_s),
            cpu_s: of(|spent| spent.cpu_s),
        })
    }
}
