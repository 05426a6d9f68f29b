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
/// use tisync::{Credentials, Token};
/// let fixed = Credentials::token("s3cret");
/// let asked = Credentials::from_fn(|ask| {
///     // `ask.refused` is true when the last token got a 401: time to refresh it.
///     if ask.refused { Ok("a fresh token".into()) } else { Ok("the stored token".into()) }
/// });
/// // Whoever gives out tokens often knows whose they are. A file that belongs to somebody else stays untouched.
/// let named = Credentials::from_fn(|_| Ok(Token::new("s3cret").of_account("anna")));
/// # let _ = (fixed, asked, named);
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

/// A secret, with whose it is; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) secret: String,
    pub(crate) account: Option<String>,
}

impl Token {
    /// A bearer token of nobody in particular.
    pub fn new(secret: impl Into<String>) -> Self {
        Token {
            secret: secret.into(),
            account: None,
        }
    }

    /// Says whose it is: the replica's file is that account's from its first use on, and no other's.
    pub fn of_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }
}

impl From<String> for Token {
    fn from(secret: String) -> Self {
        Token::new(secret)
    }
}

impl From<&str> for Token {
    fn from(secret: &str) -> Self {
        Token::new(secret)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(hidden, of {:?})", self.account)
    }
}

/// A provider's answer: the token, or for a person why there is none.
pub type CredentialsAnswer = Result<Token, String>;

type Answer = Pin<Box<dyn Future<Output = CredentialsAnswer> + Send>>;
type Provider = dyn Fn(CredentialsAsk) -> Answer + Send + Sync;

impl Credentials {
    /// One token that never changes.
    pub fn token(token: impl Into<Token>) -> Self {
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
