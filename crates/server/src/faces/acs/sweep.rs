//! Batch deletes: as many transactions as it takes, so that others get their turn between them.
use super::calls::Users;
use super::envelope::Answer;
use super::fault::Fault;
use super::limits::{BATCH_DELETE_MAX, BATCH_DELETE_SLICE};
use super::query::{Filter, Source, Walked, walk};
use super::rights::rights;
use super::user::User;
use super::work::{Done, Put, Work};
use crate::store::ServerTx;
use std::ops::ControlFlow;
use tisync_protocol::{Change, Precondition};

/// What is being deleted.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    what: What,
    /// The records from here on were seen to.
    before: Option<String>,
    /// How many more may go.
    left: u64,
}

#[derive(Clone, Debug)]
enum What {
    /// The objects of a class that pass `where`.
    Objects(String),
    /// All objects of a class.
    Class(String),
    /// The users that pass `where`, but for the one who asks.
    Users,
}

impl Sweep {
    fn new(what: What, left: u64) -> Self {
        Sweep {
            what,
            before: None,
            left,
        }
    }
}

impl<T: ServerTx> Work<'_, T> {
    pub(super) fn batch_delete_objects(&mut self, class: &str) -> Result<Done, Fault> {
        self.caller.require_admin(403)?;
        self.sweep(Sweep::new(
            What::Objects(class.to_owned()),
            BATCH_DELETE_MAX,
        ))
    }

    pub(super) fn batch_delete_users(&mut self) -> Result<Done, Fault> {
        self.caller.require_admin(403)?;
        self.sweep(Sweep::new(What::Users, BATCH_DELETE_MAX))
    }

    pub(super) fn drop_class(&mut self, class: &str) -> Result<Done, Fault> {
        self.caller.require_admin(400)?;
        self.sweep(Sweep::new(What::Class(class.to_owned()), u64::MAX))
    }

    /// Deletes one slice.
    pub(super) fn sweep(&mut self, mut sweep: Sweep) -> Result<Done, Fault> {
        let filter = match sweep.what {
            What::Class(_) => Filter::everything(),
            What::Objects(_) | What::Users => Filter::read(self.params())?,
        };
        let slice = sweep.left.min(BATCH_DELETE_SLICE as u64) as usize;
        let before = sweep.before.as_deref();
        let (ids, walked) = match &sweep.what {
            What::Objects(class) | What::Class(class) => {
                let with_owner = filter.mentions("user_id");
                let found = collect(&mut self.objects(class, with_owner), &filter, before, slice)?;
                self.delete_slice(class, &found.0)?;
                found
            }
            What::Users => {
                let own = self.caller.id().map(str::to_owned);
                let found = collect(&mut Users { work: self }, &filter, before, slice)?;
                for id in found.0.iter().filter(|id| own.as_ref() != Some(*id)) {
                    if let Some(user) = User::find(self.tx, id)? {
                        user.remove(self.tx, self.now)?;
                    }
                }
                found
            }
        };
        sweep.left = sweep.left.saturating_sub(ids.len() as u64);
        sweep.before = match walked {
            Walked::ToTheEnd => return Ok(Done::Answer(Answer::default())),
            Walked::Broken => ids.last().cloned(),
            Walked::Tired(id) => Some(id),
        };
        if sweep.left == 0 {
            return Ok(Done::Answer(Answer::default()));
        }
        Ok(Done::More(sweep))
    }

    fn delete_slice(&mut self, class: &str, ids: &[String]) -> Result<(), Fault> {
        let puts = ids.iter().map(|id| Put {
            class: class.to_owned(),
            id: id.clone(),
            base: Precondition::None,
            change: Change::Delete,
        });
        self.push_all(puts.collect())?;
        for id in ids {
            rights(class).remove(self.tx, self.now, id)?;
        }
        Ok(())
    }
}

fn collect<T: ServerTx>(
    source: &mut impl Source<T>,
    filter: &Filter,
    before: Option<&str>,
    slice: usize,
) -> Result<(Vec<String>, Walked), Fault> {
    let mut ids = Vec::new();
    let walked = walk(source, filter, before, &mut |id, _| {
        ids.push(id.to_owned());
        if ids.len() < slice {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok((ids, walked))
}
