//! Reconcile: pure and total. What was found, and what will be done about it.
use crate::model::{
    FieldRule, Image, Loser, Policy, Question, RemoteStamps, Resolution, Stamp, Stamps,
};
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
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// Neither side changed.
    Same,
    /// Only we changed.
    OursOnly,
    /// Only they changed.
    TheirsOnly,
    /// Both changed to the same.
    Identical,
    /// Both changed, in different fields only.
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
    /// What decided, for the journal: `merge`, `merge: /title latest`, …
    pub by: String,
}

/// Finds out what happened. Server fields do not count as changes.
pub fn classify(sides: &Sides<'_>) -> Situation {
    let _ = sides;
    todo!()
}

/// Decides by the policy.
pub fn plan(sides: &Sides<'_>, policy: &Policy) -> Plan {
    let _ = (sides, policy);
    todo!()
}

/// Carries out the answer of a person or a function to an open conflict.
pub fn resolve(sides: &Sides<'_>, policy: &Policy, resolution: &Resolution) -> Decision {
    let _ = (sides, policy, resolution);
    todo!()
}

/// Brings a losing side back: base is the decision's outcome, `now` what is visible, `loser` the losing
/// image; where both changed the loser wins.
pub fn undo(outcome: &Image, now: &Image, loser: &Image) -> Image {
    let _ = (outcome, now, loser);
    todo!()
}

/// Checks that a policy can be carried out with this backend: field rules only with `merge`, a fallback for
/// functions, stamps where `latest` needs them.
pub fn check(policy: &Policy, stamps: &RemoteStamps) -> Result<(), String> {
    let _ = (policy, stamps, FieldRule::Latest);
    todo!()
}

/// Decides what a function did not answer: by the fallback.
pub fn after_failure(sides: &Sides<'_>, policy: &Policy) -> Plan {
    let _ = (sides, policy);
    todo!()
}
