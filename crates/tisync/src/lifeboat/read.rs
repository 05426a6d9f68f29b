//! Brings the writes of a lifeboat file back: looks at every line first, then gives them to the engine in parts.
use super::{End, Head, Line, VERSION, failed};
use crate::{Error, ErrorKind, Replica, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tisync_core::model::{Chain, GroupId, Input, Lifeboat, Output, Return};
use tisync_json::hash64;

/// What became of the writes of a lifeboat file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Returned {
    /// Writes that are in the outbox again.
    pub back: u64,
    /// Writes among them that are parked: the damaged file has lost what they stand on, and their records are not
    /// here. See whether they still fit, then retry or discard them.
    pub parked: u64,
    /// Writes that came back before.
    pub already: u64,
    /// Writes that wait in the file: their records have newer writes here, or were not pulled yet. Sync, and read
    /// the file again.
    pub waiting: u64,
    /// Lines of the file that are damaged, and were left out.
    pub damaged_lines: Vec<u64>,
    /// Whether the end of the file is missing.
    pub is_cut: bool,
}

impl Returned {
    /// Whether all that the file ever held is in the outbox again, or was.
    pub fn is_complete(&self) -> bool {
        self.waiting == 0 && self.damaged_lines.is_empty() && !self.is_cut
    }
}

/// A line with its hash.
#[derive(Deserialize)]
struct Sealed<'a> {
    hash: &'a str,
    #[serde(borrow)]
    line: &'a RawValue,
}

/// Brings the writes of a file back.
pub(crate) fn read(replica: &Replica, path: &Path) -> Result<Returned, Error> {
    let survey = Survey::of(path)?;
    let mut returned = Returned {
        damaged_lines: survey.damaged.clone(),
        is_cut: survey.end.is_none(),
        ..Returned::default()
    };
    let mut part = Vec::new();
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next()? {
        if let Some(Line::Chain(chain)) = line {
            part.push(*chain);
        }
        if part.len() >= limits::LIST_ROWS && survey.may_part_after(number) {
            bring_back(
                replica,
                &survey.head,
                std::mem::take(&mut part),
                &mut returned,
            )?;
        }
    }
    bring_back(replica, &survey.head, part, &mut returned)?;
    Ok(returned)
}

fn bring_back(
    replica: &Replica,
    head: &Head,
    chains: Vec<Chain>,
    returned: &mut Returned,
) -> Result<(), Error> {
    let boat = Lifeboat {
        account: head.account.clone(),
        endpoints: head.endpoints.clone(),
        chains,
    };
    let outputs = replica
        .shared()
        .local
        .step(Input::BringBack(Box::new(boat)))?;
    let back = outputs.into_iter().filter_map(|output| match output {
        Output::BroughtBack(back) => Some(back),
        _ => None,
    });
    for one in back.flatten() {
        let writes = one.entries as u64;
        match one.outcome {
            Return::Pending => returned.back += writes,
            Return::Parked => {
                returned.back += writes;
                returned.parked += writes;
            }
            Return::Already => returned.already += writes,
            Return::Waits => returned.waiting += writes,
        }
    }
    Ok(())
}

/// What a first look at every line has found.
struct Survey {
    head: Head,
    damaged: Vec<u64>,
    end: Option<End>,
    /// The lines between which a group lies.
    groups: BTreeMap<GroupId, (u64, u64)>,
}

impl Survey {
    fn of(path: &Path) -> Result<Self, Error> {
        let mut lines = Lines::open(path)?;
        let head = match lines.next()? {
            Some((_, Some(Line::Lifeboat(head)))) => head,
            Some(_) => {
                return Err(Error::invalid(format!(
                    "expected the first line of {} to say whose writes these are, but it is damaged, or of another kind \
                     of file: nothing was read",
                    path.display()
                )));
            }
            None => {
                return Err(Error::invalid(format!(
                    "expected a lifeboat file, but {} is empty",
                    path.display()
                )));
            }
        };
        if head.version > VERSION {
            return Err(Error::new(
                ErrorKind::Newer,
                format!(
                    "expected a lifeboat file of version {VERSION}, but {} is of version {}; update this app",
                    path.display(),
                    head.version
                ),
            ));
        }
        let mut survey = Survey {
            head,
            damaged: Vec::new(),
            end: None,
            groups: BTreeMap::new(),
        };
        while let Some((number, line)) = lines.next()? {
            match line {
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
}

/// The lines of a file, from 1 on; a damaged one is none.
struct Lines<'a> {
    path: &'a Path,
    reader: BufReader<File>,
    number: u64,
    bytes: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        Ok(Lines {
            path,
            reader: BufReader::new(file),
            number: 0,
            bytes: Vec::new(),
        })
    }

    fn next(&mut self) -> Result<Option<(u64, Option<Line>)>, Error> {
        self.bytes.clear();
        let read = self.reader.read_until(b'\n', &mut self.bytes);
        if read.map_err(|error| failed(self.path, &error))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some((self.number, parse(&self.bytes))))
    }
}

fn parse(bytes: &[u8]) -> Option<Line> {
    let sealed: Sealed<'_> = serde_json::from_slice(bytes).ok()?;
    let hash = u64::from_str_radix(sealed.hash, 16).ok()?;
    let line = sealed.line.get();
    (hash == hash64(line.as_bytes()))
        .then(|| serde_json::from_str(line).ok())
        .flatten()
}
