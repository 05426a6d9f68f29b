//! What can go wrong, and the problem document for it.
use tisync_protocol::Problem;

/// Why a request was refused as a whole.
#[derive(Debug)]
pub enum ServiceError {
    /// The request is not one: what was expected and what came.
    BadRequest(String),
    /// Too much at once.
    TooLarge {
        /// The limit that was passed.
        limit: u64,
        /// What was too large and what to do.
        detail: String,
    },
    /// The checkpoint is of another history, or older than the deletions that are remembered.
    ExpiredCheckpoint {
        /// The server's epochs, see [`crate::store::Meta::epochs`].
        epochs: Vec<(String, u64)>,
        /// Deletions up to this version are forgotten.
        horizon: u64,
    },
    /// Everything that was pushed is of a schema that is not taken any more; nothing has changed.
    UpgradeRequired {
        /// The collection of the first mutation.
        collection: String,
        /// Its schema.
        schema: u32,
        /// The oldest one that is taken.
        schema_min: u32,
    },
    /// The tenant was never set up; see [`crate::service::ensure`].
    NoTenant,
    /// The store failed; nothing has changed.
    Store(StoreError),
}

impl ServiceError {
    /// The problem document, and the seconds after which to come back.
    pub fn problem(&self) -> (Problem, Option<u32>) {
        let problem = Problem::new;
        match self {
            ServiceError::BadRequest(detail) => (
                problem(
                    Problem::BAD_REQUEST,
                    "The request is not understood",
                    422,
                    detail.clone(),
                ),
                None,
            ),
            ServiceError::TooLarge { limit, detail } => {
                let large = problem(Problem::TOO_LARGE, "Too much at once", 413, detail.clone());
                (
                    Problem {
                        limit: Some(*limit),
                        ..large
                    },
                    None,
                )
            }
            ServiceError::ExpiredCheckpoint { epochs, horizon } => {
                let detail = "The checkpoint is of another epoch, or older than the deletions that the server remembers. \
                              Pull again without a checkpoint and compare in place.";
                let expired = Problem {
                    epochs: epochs.clone(),
                    horizon: Some(horizon.to_string()),
                    ..problem(
                        Problem::EXPIRED_CHECKPOINT,
                        "The checkpoint has expired",
                        410,
                        detail.into(),
                    )
                };
                (expired, None)
            }
            ServiceError::UpgradeRequired {
                collection,
                schema,
                schema_min,
            } => {
                let detail = format!(
                    "This server takes writes of {collection} from schema {schema_min} on; {schema} came. Nothing has changed. \
                     Update the app; reading goes on."
                );
                (
                    problem(
                        Problem::UPGRADE_REQUIRED,
                        "The app is too old to write",
                        426,
                        detail,
                    ),
                    None,
                )
            }
            ServiceError::NoTenant => (
                problem(
                    Problem::BUSY,
                    "Not ready",
                    503,
                    "The tenant is not set up yet. Come back.".into(),
                ),
                Some(1),
            ),
            ServiceError::Store(error) => match error.kind {
                StoreErrorKind::Busy => (
                    problem(
                        Problem::BUSY,
                        "The store is busy",
                        503,
                        "Nothing has changed. Send it again.".into(),
                    ),
                    Some(1),
                ),
                StoreErrorKind::Full => {
                    let detail =
                        "Nothing has changed. Free space on the server, then send it again.";
                    (
                        problem(
                            Problem::STORAGE_FULL,
                            "The server's storage is full",
                            507,
                            detail.into(),
                        ),
                        Some(60),
                    )
                }
                // What the store says may name files and tables: it is for the server's log.
                StoreErrorKind::Failed => {
                    let detail = "Nothing has changed. The server's log has the cause.";
                    (
                        problem(Problem::INTERNAL, "The store failed", 500, detail.into()),
                        None,
                    )
                }
            },
        }
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServiceError::Store(error) => write!(f, "{error}"),
            other => f.write_str(&other.problem().0.detail),
        }
    }
}
impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServiceError::Store(error) => Some(error),
            _ => None,
        }
    }
}
impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        ServiceError::Store(error)
    }
}

/// A store failed; its transaction is rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What to do about it.
    pub kind: StoreErrorKind,
    /// What the store says.
    pub message: String,
}

/// What to do about a store's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Another process holds it: try again.
    Busy,
    /// No space is left: free some, then try again.
    Full,
    /// Anything else: look at the message.
    Failed,
}

impl StoreError {
    /// A failure that only its message explains.
    pub fn failed(message: impl Into<String>) -> Self {
        StoreError {
            kind: StoreErrorKind::Failed,
            message: message.into(),
        }
    }
}
impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server's store failed: {}", self.message)
    }
}
impl std::error::Error for StoreError {}
