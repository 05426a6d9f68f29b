//! The way between a replica and a backend, as requests found it.
use serde::Serialize;
use tisync_json::Deserialize;

/// How far requests get. What the host believes of its network is only a hint: a request, or a probe, decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkState {
    /// How far.
    pub reach: Reach,
    /// Wall time since when.
    pub since_ms: u64,
    /// What was expected and what came instead, where the backend is not reached.
    pub why: Option<String>,
}

/// How far requests get.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Nothing was tried yet.
    #[default]
    Unknown,
    /// The backend answers.
    Online,
    /// No request gets out, and the host says that there is no network.
    Offline,
    /// Something else answers in the backend's place: the sign-in page of a network, or a wrong address.
    CaptivePortal,
    /// There is a network, but the backend does not answer.
    Unreachable,
}

impl Reach {
    /// Whether the last probe failed.
    pub fn is_cut_off(self) -> bool {
        matches!(
            self,
            Reach::Offline | Reach::CaptivePortal | Reach::Unreachable
        )
    }
}
