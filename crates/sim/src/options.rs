//! The command line.
use crate::scenario::Fault;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub task: Task,
    /// Threads.
    pub jobs: usize,
    /// A bug to plant.
    pub bug: Option<String>,
    /// Whether the store in memory is compared with SQLite, read by read.
    pub both: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Run many seeds.
    Seeds {
        /// The first.
        from: u64,
        /// How many.
        count: u64,
    },
    /// Write what other hosts can replay.
    Tape {
        /// The first seed.
        from: u64,
        /// How many.
        count: u64,
        /// The file that it is written to.
        file: String,
    },
    /// Run one seed.
    Seed {
        /// Which.
        seed: u64,
        /// Whether every step is printed.
        verbose: bool,
        /// Whether a failing scenario is shortened.
        minimise: bool,
        /// The actions that stay; `None` for all.
        keep: Option<Vec<usize>>,
        /// Faults that are switched off.
        without: Vec<Fault>,
        /// The file that the scenario is written to, shortened when it fails.
        save: Option<String>,
    },
    /// Run a scenario that was kept, or all of them.
    Kept {
        /// The file; `None` for all of `crates/sim/kept`.
        file: Option<String>,
        /// Whether every step is printed.
        verbose: bool,
    },
    /// Run the bank of planted bugs.
    Bugs,
    /// List the planted bugs.
    ListBugs,
    /// Explain the command line.
    Help,
}

/// The words of `--help`.
pub const HELP: &str = "\
Runs Ti.Sync's engine, native connector, wire format and server against networks, stores and clocks that fail.

  tisync-sim --seeds N [--from N] [--jobs N]     run N seeds
  tisync-sim --seed N [--verbose] [--minimise]   run one; the same seed always gives the same trace hash
             [--keep 0,3,7] [--without drop-answer,delay]   a shortened scenario of that seed
             [--save FILE]                     keep it, shortened when it fails: write down in FILE what was wrong
  tisync-sim --seeds N [--from N] --trace FILE   write what engines were given and gave, for other hosts to replay
  tisync-sim --kept [--scenario FILE] [--verbose]   run what is kept in crates/sim/kept, or one file
  tisync-sim --bugs                              plant each bug of the bank; every one must be found
  tisync-sim --list-bugs                         the bank
             [--store both]                      with --seeds: compare with SQLite, read by read
             [--bug NAME]                        with --seed or --seeds: plant this bug

Exit status: 0 when everything held, 1 when not, 2 for a command line that is not understood.";

impl Options {
    /// Reads the arguments; an error says what is wrong and what to do.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let (mut from, mut count, mut seed) = (0, None, None);
        let (mut verbose, mut minimise, mut keep, mut without) = (false, false, None, Vec::new());
        let (mut save, mut kept, mut file, mut trace) = (None, false, None, None);
        let mut options = Options {
            task: Task::Help,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            bug: None,
            both: false,
        };
        let mut task = None;
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value: see --help"))
            };
            match argument.as_str() {
                "--seeds" => count = Some(number(&value()?)?),
                "--store" => {
                    options.both = match value()?.as_str() {
                        "memory" => false,
                        "both" => true,
                        other => {
                            return Err(format!("--store takes memory or both, not {other:?}"));
                        }
                    }
                }
                "--from" => from = number(&value()?)?,
                "--jobs" => options.jobs = number(&value()?)?.max(1) as usize,
                "--seed" => seed = Some(number(&value()?)?),
                "--verbose" => verbose = true,
                "--minimise" => minimise = true,
                "--keep" => keep = Some(numbers(&value()?)?),
                "--without" => without = faults(&value()?)?,
                "--save" => save = Some(value()?),
                "--trace" => trace = Some(value()?),
                "--kept" => kept = true,
                "--scenario" => file = Some(value()?),
                "--bug" => options.bug = Some(value()?),
                "--bugs" => task = Some(Task::Bugs),
                "--list-bugs" => task = Some(Task::ListBugs),
                "--help" | "-h" => task = Some(Task::Help),
                other => return Err(format!("{other} is not understood: see --help")),
            }
        }
        if kept || file.is_some() {
            task = Some(Task::Kept { file, verbose });
        }
        if let (Some(file), Some(count)) = (trace, count) {
            task = Some(Task::Tape { from, count, file });
        }
        options.task = match (task, seed, count) {
            (Some(task), _, _) => task,
            (None, Some(seed), _) => Task::Seed {
                seed,
                verbose,
                minimise,
                keep,
                without,
                save,
            },
            (None, None, Some(count)) => Task::Seeds { from, count },
            (None, None, None) => Task::Help,
        };
        Ok(options)
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("a whole number was expected, but {text:?} came"))
}

fn numbers(text: &str) -> Result<Vec<usize>, String> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| Ok(number(part)? as usize))
        .collect()
}

fn faults(text: &str) -> Result<Vec<Fault>, String> {
    let named =
        |name: &str| Fault::named(name).ok_or_else(|| format!("there is no fault {name:?}"));
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(named)
        .collect()
}
