//! Credentials: the app's provider is asked for them, and again when the backend refuses them.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Gives out the secret of a connector when it is asked.
///
/// Secrets stay in the memory of the sync worker: they reach neither the file nor a log.
///
/// ```
/// use tisync::Credentials;
/// let fixed = Credentials::token("s3cret");
/// let asked = Credentials::from_fn(|ask| {
///     // `ask.refused` is true when the last token got a 401: time to refresh it.
///     if ask.refused { Ok("a fresh token".into()) } else { Ok("the stored token".into()) }
/// });
/// # let _ = (fixed, asked);
/// ```
#[derive(Clone)]
pub struct Credentials {
    provider: Arc<Provider>,
}

/// What the provider is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CredentialsAsk {
    /// The connector's name.
    pub connector: String,
    /// Whether the last credentials were refused: the same again will be refused again.
    pub refused: bool,
}

/// A provider's answer: the token, or for a person why there is none.
pub type CredentialsAnswer = Result<String, String>;

type Answer = Pin<Box<dyn Future<Output = CredentialsAnswer> + Send>>;
type Provider = dyn Fn(CredentialsAsk) -> Answer + Send + Sync;

impl Credentials {
    /// One token that never changes.
    pub fn token(token: impl Into<String>) -> Self {
        let token = token.into();
        Credentials::from_fn(move |_| Ok(token.clone()))
    }

    /// Asks a function each time that credentials are needed.
    pub fn from_fn(
        provider: impl Fn(CredentialsAsk) -> CredentialsAnswer + Send + Sync + 'static,
    ) -> Self {
        Credentials {
            provider: Arc::new(move |ask| Box::pin(std::future::ready(provider(ask)))),
        }
    }

    /// Asks an async function each time that credentials are needed.
    pub fn from_async<F>(provider: impl Fn(CredentialsAsk) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = CredentialsAnswer> + Send + 'static,
    {
        Credentials {
            provider: Arc::new(move |ask| Box::pin(provider(ask))),
        }
    }

    pub(crate) fn ask(&self, connector: &str, refused: bool) -> Answer {
        (self.provider)(CredentialsAsk {
            connector: connector.to_owned(),
            refused,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}
