//! The simulator's command line: see `tisync-sim --help`.
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tisync_sim::bank::{self, Bug};
use tisync_sim::both::Both;
use tisync_sim::fleet::run_all;
use tisync_sim::minimise::minimise;
use tisync_sim::options::{HELP, Options, Task};
use tisync_sim::report::{Progress, command, summary};
use tisync_sim::run::{Outcome, run};
use tisync_sim::scenario::{Fault, Kept, Scenario, draw};
use tisync_sim::{Keeping, Violation, disk};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let set_up = match chosen_bug(&options) {
        Ok(bug) => SetUp {
            bug,
            both: options.both,
        },
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    // A panic is a finding: it is reported with its seed, not by a trace of the stack.
    std::panic::set_hook(Box::new(|_| {}));
    let held = match options.task.clone() {
        Task::Seeds { from, count } => seeds(&options, set_up, from, count),
        Task::Tape { from, count, file } => tapes(from, count, &file),
        Task::Seed {
            seed,
            verbose,
            minimise,
            keep,
            without,
            save,
        } => {
            let scenario = part_of(draw(seed), keep, &without);
            let violation = one(set_up, &scenario, verbose);
            let scenario = match violation {
                Some(_) if minimise || save.is_some() => shorten(set_up, &scenario),
                _ => scenario,
            };
            if let Some(file) = save {
                save_as(scenario, violation.as_ref(), &file);
            }
            violation.is_none()
        }
        Task::Kept { file, verbose } => kept(set_up, file, verbose),
        Task::Bugs => bugs(&options),
        Task::ListBugs => {
            for (bug, what) in Bug::all() {
                println!("{:24} {what}", bug.name());
            }
            true
        }
        Task::Help => {
            println!("{HELP}");
            true
        }
    };
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a scenario runs on.
#[derive(Clone, Copy)]
struct SetUp {
    bug: Option<Bug>,
    both: bool,
}

fn chosen_bug(options: &Options) -> Result<Option<Bug>, String> {
    match &options.bug {
        None => Ok(None),
        Some(name) => match Bug::named(name) {
            Some(bug) => Ok(Some(bug)),
            None => Err(format!("there is no bug {name:?}: see --list-bugs")),
        },
    }
}

fn run_on(set_up: SetUp, scenario: &Scenario, keeping: Keeping) -> Outcome {
    bank::plant(set_up.bug);
    let outcome = match set_up.both {
        true => run::<Both>(scenario, keeping),
        false => run::<disk::Memory>(scenario, keeping),
    };
    bank::plant(None);
    outcome
}

/// Runs a seed; one in a hundred twice, to see that its trace is the same.
fn run_seed(set_up: SetUp, seed: u64) -> Outcome {
    let scenario = draw(seed);
    if !seed.is_multiple_of(100) {
        return run_on(set_up, &scenario, Keeping::Nothing);
    }
    let first = run_on(set_up, &scenario, Keeping::Hash);
    let second = run_on(set_up, &scenario, Keeping::Hash);
    match first.trace_hash == second.trace_hash {
        true => first,
        false => first.not_deterministic(second.trace_hash),
    }
}

fn seeds(options: &Options, set_up: SetUp, from: u64, count: u64) -> bool {
    let progress = Progress::new(count);
    let harvest = run_all(
        from,
        count,
        options.jobs,
        false,
        |seed| run_seed(set_up, seed),
        |done, failed| progress.tell(done, failed),
    );
    progress.end();
    println!("{}", summary(&harvest, progress.elapsed()));
    for (seed, violation) in &harvest.failures {
        println!("seed {seed}: {violation}");
    }
    if let Some((seed, _)) = harvest.failures.first() {
        println!(
            "{} of {count} seeds failed. The first, shortened:",
            harvest.failed
        );
        shorten(set_up, &draw(*seed));
        return false;
    }
    println!("all {count} seeds held");
    true
}

/// Writes the traces of seeds to a file, in order.
fn tapes(from: u64, count: u64, file: &str) -> bool {
    let write = || -> std::io::Result<bool> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
        let mut held = true;
        for seed in from..from + count {
            let outcome = run::<disk::Memory>(&draw(seed), Keeping::Tape);
            if let Some(violation) = outcome.violation {
                println!("seed {seed}: {violation}");
                held = false;
            }
            out.write_all(outcome.tape.as_bytes())?;
        }
        out.flush()?;
        Ok(held)
    };
    match write() {
        Ok(held) => held,
        Err(error) => {
            eprintln!("expected to write {file}, but {error}");
            false
        }
    }
}

/// A scenario without some of its actions and faults.
fn part_of(mut scenario: Scenario, keep: Option<Vec<usize>>, without: &[Fault]) -> Scenario {
    if let Some(keep) = keep {
        scenario.steps.retain(|step| keep.contains(&step.number));
    }
    for fault in without {
        scenario.settings.rates.set(*fault, 0);
    }
    scenario
}

/// Runs a scenario, and tells what came of it.
fn one(set_up: SetUp, scenario: &Scenario, verbose: bool) -> Option<Violation> {
    let keeping = if verbose {
        print!("{scenario}");
        Keeping::Lines
    } else {
        Keeping::Hash
    };
    let outcome = run_on(set_up, scenario, keeping);
    let (seed, hash) = (scenario.seed, outcome.trace_hash);
    match &outcome.violation {
        None => println!(
            "seed {seed} ok, {} steps, trace hash {hash:016x}",
            outcome.tally.steps
        ),
        Some(violation) => println!("seed {seed} failed, trace hash {hash:016x}\n{violation}"),
    }
    outcome.violation
}

fn shorten(set_up: SetUp, scenario: &Scenario) -> Scenario {
    let shorter = minimise(scenario, |scenario| {
        run_on(set_up, scenario, Keeping::Nothing)
    });
    print!("{shorter}");
    if let Some(violation) = run_on(set_up, &shorter, Keeping::Nothing).violation {
        println!("{violation}");
    }
    let whole = draw(scenario.seed);
    println!(
        "to see it again: {}",
        command(
            &shorter,
            &whole,
            set_up.bug.map(Bug::name).as_deref(),
            set_up.both
        )
    );
    shorter
}

fn save_as(scenario: Scenario, violation: Option<&Violation>, file: &str) {
    let kept = Kept {
        checker: violation.map_or("", |found| found.checker).to_owned(),
        why: violation.map_or(String::new(), |found| found.message.clone()),
        scenario,
    };
    match kept.write(Path::new(file)) {
        Ok(()) => println!("kept in {file}: write down there what was wrong"),
        Err(error) => eprintln!("{error}"),
    }
}

/// Runs what is kept.
fn kept(set_up: SetUp, file: Option<String>, verbose: bool) -> bool {
    let all = match file {
        Some(file) => Kept::read(Path::new(&file)).map(|kept| vec![(file, kept)]),
        None => Kept::all(),
    };
    match all {
        Ok(all) => all.into_iter().fold(true, |held, (name, kept)| {
            println!("{name}: {}", kept.why);
            one(set_up, &kept.scenario, verbose).is_none() && held
        }),
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}

fn bugs(options: &Options) -> bool {
    let kept = match Kept::all() {
        Ok(kept) => kept,
        Err(error) => {
            eprintln!("{error}");
            return false;
        }
    };
    let all = Bug::all();
    let mut survivors = 0;
    println!("{:24} {:>15}  found by", "bug", "at seed");
    for (bug, what) in &all {
        let name = bug.name();
        match found(*bug, options.jobs, &kept) {
            Some((place, checker)) => println!("{name:24} {place:>15}  {checker}"),
            None => {
                println!(
                    "{name:24} {:>15}  nothing in {} seeds, nor in what is kept: {what}",
                    "-",
                    bank::SEEDS_MAX
                );
                survivors += 1;
            }
        }
    }
    println!(
        "{} of {} planted bugs were found",
        all.len() - survivors,
        all.len()
    );
    survivors == 0
}

/// The first seed that finds a planted bug, or for a rare one the scenario that once did, and the checker.
fn found(bug: Bug, jobs: usize, kept: &[(String, Kept)]) -> Option<(String, &'static str)> {
    let set_up = SetUp {
        bug: Some(bug),
        both: false,
    };
    let run = |seed| run_on(set_up, &draw(seed), Keeping::Nothing);
    let harvest = run_all(0, bank::SEEDS_MAX, jobs, true, run, |_, _| {});
    if let Some((seed, violation)) = harvest.failures.first() {
        return Some((seed.to_string(), violation.checker));
    }
    kept.iter().find_map(|(name, kept)| {
        let violation = run_on(set_up, &kept.scenario, Keeping::Nothing).violation?;
        Some((name.clone(), violation.checker))
    })
}
