//! How the face behaves.
use super::limits;

/// What the ACS face is told from outside.
///
/// ```
/// use tisync_server::{ServiceConfig, faces::acs::Settings};
/// let config = ServiceConfig { acs: Some(Settings::new("APPKEY")), ..ServiceConfig::default() };
/// # assert!(config.acs.is_some());
/// ```
#[derive(Clone)]
pub struct Settings {
    /// The app key, which the app carries: it tells apps apart and keeps nobody out.
    pub key: String,
    /// The key and secret of apps that sign their requests instead (OAuth 1.0a, two-legged).
    pub oauth: Option<OAuth>,
    /// How long a session lives after its last use.
    pub session_ms: u64,
    /// What a password costs to try.
    pub password: PasswordCost,
}

/// A consumer's key and secret.
#[derive(Clone)]
pub struct OAuth {
    /// The key, which travels.
    pub key: String,
    /// The secret, which does not.
    pub secret: String,
}

/// What one password costs to hash, and so to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// A user that is an administrator from the start.
#[derive(Clone)]
pub struct Admin {
    /// The login name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Settings {
    /// The defaults for an app key.
    pub fn new(key: impl Into<String>) -> Self {
        Settings {
            key: key.into(),
            oauth: None,
            session_ms: limits::SESSION_MS,
            password: PasswordCost::default(),
        }
    }
}

impl Default for PasswordCost {
    /// Argon2id with 19 MiB and two passes, which OWASP recommends.
    fn default() -> Self {
        PasswordCost {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

// Keys and secrets stay out of logs.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("session_ms", &self.session_ms)
            .field("password", &self.password)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
