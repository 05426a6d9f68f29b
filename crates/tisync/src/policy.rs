//! Policies as calls and configuration files write them.
use crate::{Error, ErrorKind};
use tisync_core::model::{Fallback, Policy, Rule};

/// Anything that names a policy: a [`Policy`], a [`Rule`], or its name, for example `"merge"`.
pub trait IntoPolicy {
    /// Checks the name.
    fn into_policy(self) -> Result<Policy, Error>;
}

impl IntoPolicy for Policy {
    fn into_policy(self) -> Result<Policy, Error> {
        Ok(self)
    }
}

impl IntoPolicy for Rule {
    fn into_policy(self) -> Result<Policy, Error> {
        Ok(Policy::of(self))
    }
}

impl IntoPolicy for &str {
    fn into_policy(self) -> Result<Policy, Error> {
        Ok(Policy::of(rule(self)?))
    }
}

/// The rule of a name.
pub fn rule(name: &str) -> Result<Rule, Error> {
    if let Some(function) = name.strip_prefix("function:") {
        return Ok(Rule::Function(function.to_owned()));
    }
    parse(
        name,
        "client-wins, server-wins, latest-timestamp-wins, merge, manual or function:NAME",
    )
}

/// The fallback of a name.
pub fn fallback(name: &str) -> Result<Fallback, Error> {
    parse(name, "client, server, latest or manual")
}

/// Reads a unit variant by its serialised name.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    name: &str,
    expected: &str,
) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|_| {
        Error::new(
            ErrorKind::BadConfig,
            format!("expected {expected}, but {name:?} came"),
        )
    })
}
