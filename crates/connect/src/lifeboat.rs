//! Lifeboats: pending writes outside of a replica, as lines of JSON that a person can read.
//!
//! The first line says whose they are, the last one how many; each of the others is one record's pending writes.
//! Every line carries a hash of itself, so that damage is found. Hosts keep the lines, in a file for example.
use crate::{Error, ErrorKind};
use serde::Serialize;
use serde_json::value::RawValue;
use tisync_core::model::{
    Account, Chain, CollectionName, ConnectorName, GroupId, Input, Lifeboat, Output, Return,
};
use tisync_json::Deserialize;
use tisync_json::hash64;
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The only version of the format so far.
const VERSION: u32 = 1;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one.
    Lifeboat(Head),
    /// One record's pending writes.
    Chain(Box<Chain>),
    /// The last one.
    End(End),
}

/// Whose writes they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    version: u32,
    /// As far as it is known.
    pub account: Option<Account>,
    /// The addresses of their backends.
    pub endpoints: BTreeMap<ConnectorName, String>,
    /// The numbers of the app's schemas.
    schemas: BTreeMap<CollectionName, u32>,
    /// Wall time at which it was written.
    written_ms: u64,
}

impl Head {
    /// The first line of what is written now.
    pub fn new(
        account: Option<Account>,
        endpoints: BTreeMap<ConnectorName, String>,
        schemas: BTreeMap<CollectionName, u32>,
        written_ms: u64,
    ) -> Self {
        Head {
            version: VERSION,
            account,
            endpoints,
            schemas,
            written_ms,
        }
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct End {
    /// Records with pending writes.
    pub records: u64,
    /// Their writes.
    pub writes: u64,
}

impl End {
    /// Counts a record's pending writes.
    pub fn count(&mut self, chain: &Chain) {
        self.records += 1;
        self.writes += chain.entries.len() as u64;
    }
}

/// A line with its hash.
#[derive(Deserialize)]
struct Sealed<'a> {
    hash: &'a str,
    #[serde(borrow)]
    line: &'a RawValue,
}

impl Line {
    /// The line with its hash and its end.
    pub fn print(&self) -> String {
        let json = tisync_json::write(self);
        let hash = hash64(json.as_bytes());
        format!("{{\"hash\":\"{hash:016x}\",\"line\":{json}}}\n")
    }

    /// Reads a line; `None` if it is damaged.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let sealed: Sealed<'_> = tisync_json::read(text).ok()?;
        let hash = u64::from_str_radix(sealed.hash, 16).ok()?;
        let line = sealed.line.get();
        (hash == hash64(line.as_bytes()))
            .then(|| tisync_json::read(line).ok())
            .flatten()
    }
}

/// What became of the writes of a lifeboat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Returned {
    /// Writes that are in the outbox again.
    pub back: u64,
    /// Writes among them that are parked: the damaged file has lost what they stand on, and their records are not
    /// here. See whether they still fit, then retry or discard them.
    pub parked: u64,
    /// Writes that came back before.
    pub already: u64,
    /// Writes that wait in the lifeboat: their records have newer writes here, or were not pulled yet. Sync, and read
    /// it again.
    pub waiting: u64,
    /// Lines that are damaged, and were left out.
    pub damaged_lines: Vec<u64>,
    /// Whether the end is missing.
    pub is_cut: bool,
}

impl Returned {
    /// Whether all that the lifeboat ever held is in the outbox again, or was.
    pub fn is_complete(&self) -> bool {
        self.waiting == 0 && self.damaged_lines.is_empty() && !self.is_cut
    }

    fn add(&mut self, outputs: Vec<Output>) {
        let back = outputs.into_iter().filter_map(|output| match output {
            Output::BroughtBack(back) => Some(back),
            _ => None,
        });
        for one in back.flatten() {
            let writes = one.entries as u64;
            match one.outcome {
                Return::Pending => self.back += writes,
                Return::Parked => {
                    self.back += writes;
                    self.parked += writes;
                }
                Return::Already => self.already += writes,
                Return::Waits => self.waiting += writes,
            }
        }
    }
}

/// What a first look at every line has found; a second one gives them to the engine in parts.
#[derive(Debug)]
pub struct Survey {
    head: Head,
    end: Option<End>,
    damaged: Vec<u64>,
    /// The lines between which a group lies.
    groups: BTreeMap<GroupId, (u64, u64)>,
}

impl Survey {
    /// Looks at lines, numbered from 1; damaged ones are `None`. `name` is what errors call the lifeboat.
    ///
    /// # Errors
    /// When it is none, or one of a newer version, or when a line cannot be had.
    pub fn of(
        name: &str,
        mut lines: impl Iterator<Item = Result<Option<Line>, Error>>,
    ) -> Result<Self, Error> {
        let head = match lines.next().transpose()? {
            Some(Some(Line::Lifeboat(head))) => head,
            Some(_) => {
                return Err(Error::invalid(format!(
                    "expected the first line of {name} to say whose writes these are, but it is damaged, or of another \
                     kind of file: nothing was read"
                )));
            }
            None => {
                return Err(Error::invalid(format!(
                    "expected a lifeboat file, but {name} is empty"
                )));
            }
        };
        if head.version > VERSION {
            return Err(Error::new(
                ErrorKind::Newer,
                format!(
                    "expected a lifeboat file of version {VERSION}, but {name} is of version {}; update this app",
                    head.version
                ),
            ));
        }
        let mut survey = Survey {
            head,
            end: None,
            damaged: Vec::new(),
            groups: BTreeMap::new(),
        };
        for (line, number) in lines.zip(2..) {
            match line? {
                Some(Line::Chain(chain)) => survey.note(number, &chain),
                Some(Line::End(end)) => survey.end = Some(end),
                Some(Line::Lifeboat(_)) | None => survey.damaged.push(number),
            }
        }
        Ok(survey)
    }

    fn note(&mut self, number: u64, chain: &Chain) {
        for group in chain.entries.iter().filter_map(|entry| entry.group) {
            let (_, last) = self.groups.entry(group).or_insert((number, number));
            *last = number;
        }
    }

    /// Whether no group goes on after a line: what stays together comes back together.
    fn may_part_after(&self, number: u64) -> bool {
        !self
            .groups
            .values()
            .any(|(first, last)| *first <= number && number < *last)
    }

    /// Gives the writes of the same lines to the engine, by `step`, some `part` records at a time.
    ///
    /// # Errors
    /// When a line cannot be had, or the engine refuses them: another account's, for one. What was given before stays.
    pub fn bring_back(
        self,
        lines: impl Iterator<Item = Result<Option<Line>, Error>>,
        part: usize,
        mut step: impl FnMut(Input) -> Result<Vec<Output>, Error>,
    ) -> Result<Returned, Error> {
        let mut returned = Returned {
            damaged_lines: self.damaged.clone(),
            is_cut: self.end.is_none(),
            ..Returned::default()
        };
        self.in_parts(lines, part, |chains, _| {
            returned.add(step(Input::BringBack(Box::new(Lifeboat {
                account: self.head.account.clone(),
                endpoints: self.head.endpoints.clone(),
                chains,
            })))?);
            Ok(())
        })?;
        Ok(returned)
    }

    /// Has the engine give up the writes of the same lines, by `step`, some `part` records at a time: those that are
    /// pending as they were saved. Gives how many went, and the numbers of the lines whose writes stay.
    ///
    /// # Errors
    /// When a line cannot be had, or the engine refuses. What was given up before is in the lifeboat.
    pub fn give_up(
        self,
        lines: impl Iterator<Item = Result<Option<Line>, Error>>,
        part: usize,
        mut step: impl FnMut(Input) -> Result<Vec<Output>, Error>,
    ) -> Result<(u64, BTreeSet<u64>), Error> {
        let (mut writes, mut stay) = (0, BTreeSet::new());
        self.in_parts(lines, part, |chains, numbers| {
            let sizes: Vec<u64> = chains.iter().map(|one| one.entries.len() as u64).collect();
            writes += sizes.iter().sum::<u64>();
            for output in step(Input::GiveUpSaved(chains))? {
                let Output::Stay(places) = output else {
                    continue;
                };
                writes -= places.iter().map(|place| sizes[*place]).sum::<u64>();
                stay.extend(places.iter().map(|place| numbers[*place]));
            }
            Ok(())
        })?;
        Ok((writes, stay))
    }

    /// Hands over the chains of lines, with the numbers of these, some `part` at a time, and no group in two parts.
    fn in_parts(
        &self,
        lines: impl Iterator<Item = Result<Option<Line>, Error>>,
        part: usize,
        mut give: impl FnMut(Vec<Chain>, &[u64]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut chains, mut numbers) = (Vec::new(), Vec::new());
        for (line, number) in lines.zip(1..) {
            if let Some(Line::Chain(chain)) = line? {
                chains.push(*chain);
                numbers.push(number);
            }
            if chains.len() >= part && self.may_part_after(number) {
                give(std::mem::take(&mut chains), &numbers)?;
                numbers.clear();
            }
        }
        give(chains, &numbers)
    }
}
