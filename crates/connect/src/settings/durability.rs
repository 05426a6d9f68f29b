//! What a write survives.
use tisync_core::model::Input;
use tisync_core::store::Durability;
use tisync_json::Deserialize;

/// What a local write survives once the call has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteDurability {
    /// The process and a power cut: each write waits for the disk. The promise that Ti.Sync makes by default.
    #[default]
    PowerCut,
    /// The process only: a power cut may take the last writes, always the latest ones and never a part of one.
    /// For apps that save often what they could bear to lose. What is handed to a backend is durable first, as
    /// ever, and so is what comes back from a lifeboat.
    Process,
}

impl WriteDurability {
    /// What the store makes no commit of this input durable beyond.
    pub fn of(self, input: &Input) -> Durability {
        match (self, input) {
            // The lifeboat may be deleted next.
            (WriteDurability::PowerCut, _) | (_, Input::BringBack(_)) => Durability::Full,
            (WriteDurability::Process, _) => Durability::Normal,
        }
    }
}
