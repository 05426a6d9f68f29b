//! Policies: the rules that settle a conflict.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Path;
use tisync_json::tree::BTreeMap;

/// The rule of a collection for records that changed on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The rule.
    pub rule: Rule,
    /// Delete against edit; `None` means the rule's own default.
    #[serde(default)]
    pub deletes: Option<DeleteRule>,
    /// Rules of single fields, for `merge`.
    #[serde(default)]
    pub fields: BTreeMap<Path, FieldRule>,
    /// Decides what `merge` leaves open (a field changed on both sides without a rule of its own), and what
    /// a function does not answer. Mandatory for functions.
    #[serde(default)]
    pub fallback: Option<Fallback>,
}

impl Policy {
    /// A policy with the rule's defaults.
    pub fn of(rule: Rule) -> Self {
        Policy {
            rule,
            deletes: None,
            fields: BTreeMap::new(),
            fallback: None,
        }
    }
}

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Our whole image stands.
    ClientWins,
    /// The server's whole image stands.
    ServerWins,
    /// The whole image with the later stamp stands; a tie goes to the server.
    LatestTimestampWins,
    /// Three-way, by field.
    Merge,
    /// A person decides.
    Manual,
    /// A function of the app decides; the name is the one it was registered under.
    Function(String),
}

/// How a field that changed on both sides is settled under `merge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldRule {
    /// Ours.
    Client,
    /// Theirs.
    Server,
    /// The later stamp; a tie goes to the server.
    Latest,
    /// A number: both differences from the base are added.
    Counter,
    /// An array as a set: both sides' additions and removals.
    Set,
    /// The greater.
    Max,
    /// The lesser.
    Min,
    /// A text: three-way by lines, then words; overlapping edits go to the fallback.
    Text,
    /// A person decides.
    Manual,
    /// A function of the app decides.
    Function(String),
}

/// What decides when nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Ours.
    Client,
    /// Theirs.
    Server,
    /// The later stamp; a tie goes to the server.
    Latest,
    /// A person decides.
    Manual,
}

/// Delete against edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteRule {
    /// The edit stands.
    EditWins,
    /// The delete stands.
    DeleteWins,
    /// Ours stands.
    ClientWins,
    /// Theirs stands.
    ServerWins,
    /// The later stamp stands.
    LatestTimestampWins,
    /// A person decides.
    Manual,
}
