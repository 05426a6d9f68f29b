//! The journal: each decision, with the losing side.
use super::{CollectionName, Image, JournalId, MutationId, RecordId, Rid};
use serde::Serialize;
use tisync_json::Deserialize;

/// The durable record of one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRow {
    /// Its key.
    pub id: JournalId,
    /// Wall time of the decision.
    pub at_ms: u64,
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: Rid,
    /// The record's id then.
    pub record: RecordId,
    /// What was found, for example `both changed`.
    pub situation: String,
    /// What decided, for example `merge` or `discarded by the user`.
    pub policy: String,
    /// The common ancestor.
    pub base: Image,
    /// Our side.
    pub ours: Image,
    /// The server's side.
    pub theirs: Image,
    /// What stands.
    pub outcome: Image,
    /// The side that lost something.
    pub loser: Loser,
    /// The mutation that carries the outcome to the server; `None` when the server has it already.
    pub mutation: Option<MutationId>,
    /// The mutations whose writes were decided upon.
    pub decided: Vec<MutationId>,
    /// Whether the outcome reached the server.
    pub state: JournalState,
    /// The row whose decision this one undid.
    pub undoes: Option<JournalId>,
    /// The number of the schema that its images have.
    #[serde(default)]
    pub schema: u32,
}

/// The situation of a row that reports a possible duplicate: a mutation was sent again although the backend cannot
/// tell whether it took effect before. Nothing was decided, and nothing lost.
pub const POSSIBLE_DUPLICATE: &str = "possible duplicate";

/// The situation of a row that makes one of two records: what a page showed turned out to be what a create of ours had
/// made, and both were written to. Theirs is what was visible of the one that the page showed.
pub const TWINS: &str = "one record, seen as two";

/// The side that lost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loser {
    /// Nothing was lost: both sides' changes are in the outcome.
    None,
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
    /// Each side lost some fields.
    Both,
}

/// Whether the outcome reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalState {
    /// Its mutation is on the way.
    Decided,
    /// The server has the outcome.
    Settled,
    /// A later decision replaced it before it reached the server.
    Void,
}

/// What becomes of the open rows whose outcome a mutation carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalChange {
    /// They reach this state.
    State(JournalState),
    /// Another mutation carries their outcome now.
    Carrier(MutationId),
}

impl JournalChange {
    /// Changes a row.
    pub fn apply(self, row: &mut JournalRow) {
        match self {
            JournalChange::State(state) => row.state = state,
            JournalChange::Carrier(mutation) => row.mutation = Some(mutation),
        }
    }
}
