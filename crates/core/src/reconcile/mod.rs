//! Reconcile: pure and total. What was found, and what will be done about it.
//!
//! [`classify`] compares the three images of a record, [`plan`] applies the collection's policy, [`resolve`]
//! carries out the answer of a person or a function, [`undo`] brings a losing side back. Nothing here knows
//! the time, the store or the network: the same sides and the same policy give the same plan, wherever and
//! whenever they meet. `docs/POLICIES.md` tells the rules to the people who choose them.
mod check;
mod classify;
mod deletes;
mod diff;
mod equality;
mod field;
mod limits;
mod merge;
mod resolve;
mod server_fields;
mod stamps;
mod text;
mod three_way;
mod whole;

use crate::model::{
    Equality, Fallback, Image, Loser, Policy, Question, RemoteStamps, Resolution, Rule, Stamp,
    Stamps,
};
use classify::Found;
pub(crate) use equality::same;
use std::fmt;
use tisync_json::Path;

/// The three images of a record, and when each side was written.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The common ancestor.
    pub base: &'a Image,
    /// What the app sees: base ⊕ pending.
    pub ours: &'a Image,
    /// The server's image.
    pub theirs: &'a Image,
    /// When the pending chain was written.
    pub our_stamps: &'a Stamps,
    /// The server record's stamp; for Gone, of the delete.
    pub their_stamp: Option<Stamp>,
    /// The server record's stamps by field.
    pub their_stamps: Option<&'a Stamps>,
    /// Where remote stamps come from, and their precision.
    pub stamps: &'a RemoteStamps,
    /// Fields that only the server writes.
    pub server_fields: &'a [Path],
    /// In what their image may differ and say the same: such differences are no change of theirs.
    pub equality: Equality,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// Neither side changed.
    Same,
    /// Only we changed.
    OursOnly,
    /// Only they changed, or nothing changed but server fields.
    TheirsOnly,
    /// Both changed to the same.
    Identical,
    /// Both changed, in different fields only; a change of theirs in server fields alone counts as one.
    Disjoint,
    /// Both changed at least one field, differently.
    BothChanged,
    /// Both created the record, differently.
    BothCreated,
    /// We edited, they deleted.
    EditedDeleted,
    /// We deleted, they edited.
    DeletedEdited,
    /// Both deleted.
    BothDeleted,
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Situation::Same => "nothing changed",
            Situation::OursOnly => "only ours changed",
            Situation::TheirsOnly => "only theirs changed",
            Situation::Identical => "both changed to the same",
            Situation::Disjoint => "both changed different fields",
            Situation::BothChanged => "both changed",
            Situation::BothCreated => "both created",
            Situation::EditedDeleted => "we edited, they deleted",
            Situation::DeletedEdited => "we deleted, they edited",
            Situation::BothDeleted => "both deleted",
        })
    }
}

/// What will be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// This stands.
    Settled(Decision),
    /// Nothing stands yet: a person decides (no questions), or these functions do.
    Open(Vec<Question>),
}

/// What stands, and who lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The image that stands. When it is the same as theirs, nothing needs to be sent.
    pub outcome: Image,
    /// Whether it is sent whole, where partial update exists.
    pub whole: bool,
    /// The side that lost something: such a decision is journalled.
    pub loser: Loser,
    /// What decided, for the journal: `merge`, `merge (/title latest: theirs)`, `edit-wins`, …
    pub by: String,
}

/// Finds out what happened. Server fields do not count as changes of ours.
pub fn classify(sides: &Sides<'_>) -> Situation {
    Found::of(sides).situation
}

/// Decides by the policy.
///
/// Where at most one side changed, or both to the same, every policy gives the same plan and nobody loses.
pub fn plan(sides: &Sides<'_>, policy: &Policy) -> Plan {
    planned(&Found::of(sides), policy)
}

/// Carries out the answer of a person or a function to an open conflict.
///
/// It always decides: [`Resolution::Failed`] goes to the policy's fallback, and where that is `manual`, to
/// the default one (see [`after_failure`], which keeps the conflict open then). `by` says `function NAME`
/// where the policy asks a function, else `manual`.
pub fn resolve(sides: &Sides<'_>, policy: &Policy, resolution: &Resolution) -> Decision {
    resolve::resolve(&Found::of(sides), policy, resolution)
}

/// Decides after a function failed to answer: by the fallback, or not at all where a person is to decide.
pub fn after_failure(sides: &Sides<'_>, policy: &Policy) -> Plan {
    let found = Found::of(sides);
    match planned(&found, policy) {
        Plan::Open(asked) if asked.is_empty() || policy.fallback == Some(Fallback::Manual) => {
            Plan::Open(Vec::new())
        }
        Plan::Open(_) => Plan::Settled(resolve::by_fallback(&found, policy)),
        settled => settled,
    }
}

/// Brings a losing side back: base is the decision's outcome, `now` what is visible, `loser` the losing
/// image; where both changed the loser wins.
pub fn undo(outcome: &Image, now: &Image, loser: &Image) -> Image {
    resolve::undo(outcome, now, loser)
}

/// Checks that a policy can be carried out with this backend: field rules only with `merge`, a fallback for
/// functions, stamps where `latest` needs them.
///
/// # Errors
/// What was expected, what came, and what to do.
pub fn check(policy: &Policy, stamps: &RemoteStamps) -> Result<(), String> {
    check::check(policy, stamps)
}

/// The side that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

impl Side {
    fn loser(self) -> Loser {
        match self {
            Side::Ours => Loser::Theirs,
            Side::Theirs => Loser::Ours,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Side::Ours => "ours",
            Side::Theirs => "theirs",
        }
    }
}

fn planned(found: &Found<'_>, policy: &Policy) -> Plan {
    let unopposed = |outcome| {
        Plan::Settled(Decision {
            outcome,
            whole: false,
            loser: Loser::None,
            by: name(&policy.rule),
        })
    };
    match found.situation {
        Situation::Same | Situation::TheirsOnly | Situation::Identical | Situation::BothDeleted => {
            unopposed(found.sides.theirs.clone())
        }
        Situation::OursOnly => unopposed(found.our_image()),
        Situation::Disjoint if !found.they_changed => unopposed(found.our_image()),
        Situation::EditedDeleted | Situation::DeletedEdited => deletes::plan(found, policy),
        Situation::Disjoint | Situation::BothChanged | Situation::BothCreated => match &policy.rule
        {
            Rule::Merge => merge::plan(found, policy),
            rule => whole::plan(found, rule),
        },
    }
}

/// A rule as it is written in a configuration and in the journal.
fn name(rule: &Rule) -> String {
    match rule {
        Rule::ClientWins => "client-wins".to_owned(),
        Rule::ServerWins => "server-wins".to_owned(),
        Rule::LatestTimestampWins => "latest-timestamp-wins".to_owned(),
        Rule::Merge => "merge".to_owned(),
        Rule::Manual => "manual".to_owned(),
        Rule::Function(function) => format!("function {function}"),
    }
}

/// Both losses together.
fn both(a: Loser, b: Loser) -> Loser {
    match (a, b) {
        (Loser::None, other) | (other, Loser::None) => other,
        (a, b) if a == b => a,
        _ => Loser::Both,
    }
}

/// Decides what no rule decides, without a person: the later stamp where the backend has stamps, else the
/// server, since what everybody already sees is the lesser surprise.
fn fallback(policy: &Policy, stamps: &RemoteStamps) -> Fallback {
    match policy.fallback {
        Some(Fallback::Manual) | None if *stamps == RemoteStamps::None => Fallback::Server,
        Some(Fallback::Manual) | None => Fallback::Latest,
        Some(fallback) => fallback,
    }
}
