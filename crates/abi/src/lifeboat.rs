//! Pending writes as the lines of a lifeboat, and back.
use crate::replica::Replica;
use serde::Serialize;
use tisync_connect::Error;
use tisync_connect::lifeboat::{End, Head, Line, Returned, Survey};
use tisync_core::model::Now;
use tisync_json::Deserialize;

/// Entries of the outbox that one part covers, and records that come back in one step.
const PART: usize = 500;

/// What errors call a lifeboat here.
const TEXT: &str = "the text";

/// Where a lifeboat goes on, and what is in it so far.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Place {
    after: i64,
    end: End,
}

/// Some lines of a lifeboat.
#[derive(Debug, Serialize)]
pub struct Part {
    /// The lines.
    pub text: String,
    /// Writes in the lifeboat so far.
    pub writes: u64,
    /// Where it goes on; `None` when this was the last part.
    pub next: Option<Place>,
}

impl Replica {
    /// Some lines of everything that is pending. The host asks on until there is no next place, and does nothing else
    /// meanwhile.
    pub(crate) fn lifeboat(&mut self, now: Now, from: Option<Place>) -> Result<Part, Error> {
        let mut text = String::new();
        let (after, mut end) = match from {
            Some(place) => (Some(place.after), place.end),
            None => {
                let of = self.engine.ownership(&mut self.store, now)?;
                let schemas = self.config.collections.iter();
                let schemas = schemas
                    .map(|(name, collection)| (name.clone(), collection.schema.number))
                    .collect();
                let head = Head::new(of.account, of.endpoints, schemas, now.wall_ms);
                text.push_str(&Line::Lifeboat(head).print());
                (None, End::default())
            }
        };
        let (chains, next) = self.engine.chains(&mut self.store, now, after, PART)?;
        for chain in chains {
            end.count(&chain);
            text.push_str(&Line::Chain(Box::new(chain)).print());
        }
        if next.is_none() {
            text.push_str(&Line::End(end).print());
        }
        Ok(Part {
            text,
            writes: end.writes,
            next: next.map(|after| Place { after, end }),
        })
    }

    /// Brings the writes of a lifeboat back, each once.
    pub(crate) fn bring_back(&mut self, now: Now, lifeboat: &[u8]) -> Result<Returned, Error> {
        Survey::of(TEXT, lines(lifeboat))?
            .bring_back(lines(lifeboat), PART, |input| self.local(now, input))
    }

    /// Gives up the writes of a lifeboat that are pending as they are in it; gives how many went.
    pub(crate) fn give_up_saved(&mut self, now: Now, lifeboat: &[u8]) -> Result<u64, Error> {
        let survey = Survey::of(TEXT, lines(lifeboat))?;
        let (writes, _) =
            survey.give_up(lines(lifeboat), PART, |input| self.told_by(now, input))?;
        Ok(writes)
    }
}

fn lines(lifeboat: &[u8]) -> impl Iterator<Item = Result<Option<Line>, Error>> {
    let lines = lifeboat.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| Ok(Line::parse(line)))
}
