//! What a service is told from outside.
use crate::limits;
use std::collections::BTreeMap;
use std::sync::Arc;
use tisync_protocol::{Limits, Mutation};

/// The moment of a request: the service has no clock of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerNow {
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// Randomness fit for secrets: it names epochs, and the ACS face draws sessions from it.
    pub entropy: [u8; 32],
}

/// How a service behaves.
#[derive(Clone)]
pub struct ServiceConfig {
    /// Whose data it is; each tenant has its own records, counter and epoch.
    pub tenant: String,
    /// The bearer token that requests must carry; none lets everybody in.
    pub token: Option<String>,
    /// Who may come in, where one token for everybody is not enough; then `tenant` and `token` are not looked at.
    pub authorise: Option<Arc<dyn Authorise>>,
    /// What requests may hold.
    pub limits: Limits,
    /// How long receipts are kept.
    pub receipts_kept_ms: u64,
    /// How long deletions are kept.
    pub tombstones_kept_ms: u64,
    /// The oldest schema of each collection that may still be written; any, for those that are not named.
    pub schemas_min: BTreeMap<String, u32>,
    /// Rules of the application.
    pub validate: Option<Arc<dyn Validate>>,
    /// Serves apps that were written for Appcelerator Cloud Services, beside the native protocol, on the data of
    /// `tenant`.
    #[cfg(feature = "acs")]
    pub acs: Option<crate::faces::acs::Settings>,
}

impl ServiceConfig {
    /// The oldest schema of a collection that may still be written.
    pub(crate) fn schema_min(&self, collection: &str) -> u32 {
        self.schemas_min.get(collection).copied().unwrap_or(0)
    }
}

impl Default for ServiceConfig {
    fn default() -> Self {
        ServiceConfig {
            tenant: "main".into(),
            token: None,
            authorise: None,
            limits: Limits {
                push_mutations_max: limits::PUSH_MUTATIONS_MAX,
                push_bytes_max: limits::PUSH_BYTES_MAX,
                pull_items_max: limits::PULL_ITEMS_MAX,
                pull_bytes_max: limits::PULL_BYTES_MAX,
                fetch_max: limits::FETCH_MAX,
                document_bytes_max: tisync_json::limits::DOCUMENT_BYTES_MAX as u64,
            },
            receipts_kept_ms: limits::RECEIPTS_KEPT_MS,
            tombstones_kept_ms: limits::TOMBSTONES_KEPT_MS,
            schemas_min: BTreeMap::new(),
            validate: None,
            #[cfg(feature = "acs")]
            acs: None,
        }
    }
}

impl std::fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of logs.
        f.debug_struct("ServiceConfig")
            .field("tenant", &self.tenant)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Says who comes in, asked once for each request.
///
/// ```
/// use tisync_server::{Grant, ServerNow, ServiceConfig};
/// let config = ServiceConfig {
///     authorise: Some(std::sync::Arc::new(|token: Option<&str>, _: &ServerNow| match token {
///         Some("anna's") => Ok(Grant::to("anna")),
///         Some("guest's") => Ok(Grant { read_only: true, ..Grant::to("anna") }),
///         _ => Err("a token of this server is needed".to_owned()),
///     })),
///     ..ServiceConfig::default()
/// };
/// # assert!(config.authorise.is_some());
/// ```
pub trait Authorise: Send + Sync {
    /// Says what the bearer of a token may do, or what is missing. The answer must not hold the token.
    fn check(&self, token: Option<&str>, now: &ServerNow) -> Result<Grant, String>;
}

impl<F: Fn(Option<&str>, &ServerNow) -> Result<Grant, String> + Send + Sync> Authorise for F {
    fn check(&self, token: Option<&str>, now: &ServerNow) -> Result<Grant, String> {
        self(token, now)
    }
}

/// What the bearer of a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose data it is; a tenant that is not there yet is made.
    pub tenant: String,
    /// Whether every mutation is out of scope.
    pub read_only: bool,
    /// Milliseconds since 1970 until which the token is good, where that is known: a stream of hints ends then.
    pub until_ms: Option<u64>,
}

impl Grant {
    /// Everything that a tenant may do, for ever.
    pub fn to(tenant: &str) -> Self {
        Grant {
            tenant: tenant.to_owned(),
            read_only: false,
            until_ms: None,
        }
    }
}

/// Rules of the application, asked once for each mutation that has no receipt.
///
/// ```
/// use tisync_protocol::Mutation;
/// use tisync_server::{Refusal, ServiceConfig};
/// let config = ServiceConfig {
///     validate: Some(std::sync::Arc::new(|mutation: &Mutation| match mutation.collection.as_str() {
///         "prices" => Err(Refusal::rejected("read-only", "prices are set by head office")),
///         _ => Ok(()),
///     })),
///     ..ServiceConfig::default()
/// };
/// # assert!(config.validate.is_some());
/// ```
pub trait Validate: Send + Sync {
    /// Lets a mutation through or says why not.
    fn check(&self, mutation: &Mutation) -> Result<(), Refusal>;
}

impl<F: Fn(&Mutation) -> Result<(), Refusal> + Send + Sync> Validate for F {
    fn check(&self, mutation: &Mutation) -> Result<(), Refusal> {
        self(mutation)
    }
}

/// Why a mutation is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Never.
    Rejected {
        /// A word for programs.
        code: String,
        /// A sentence for people.
        reason: String,
    },
    /// Not now.
    Deferred {
        /// How long to wait.
        after_ms: u64,
    },
    /// Not this client's to write.
    OutOfScope,
}

impl Refusal {
    /// A mutation that will never be taken.
    pub fn rejected(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Refusal::Rejected {
            code: code.into(),
            reason: reason.into(),
        }
    }
}
