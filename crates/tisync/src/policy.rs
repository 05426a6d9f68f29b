//! Policies as calls and configuration files write them.
use crate::Error;
use tisync_connect::settings;
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
    Ok(settings::rule(name)?)
}

/// The fallback of a name.
pub fn fallback(name: &str) -> Result<Fallback, Error> {
    Ok(settings::fallback(name)?)
}
