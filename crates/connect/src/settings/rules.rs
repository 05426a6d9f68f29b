//! Rules by the names that configurations give them.
use crate::connectors::SetupError;
use serde::de::DeserializeOwned;
use tisync_core::model::{ColumnKind, DeleteRule, Fallback, FieldRule, Rule};
use tisync_json::Quoted;

/// The rule of a name.
///
/// ```
/// use tisync_connect::settings::rule;
/// assert_eq!(rule("merge")?, tisync_core::model::Rule::Merge);
/// assert!(rule("coin").unwrap_err().to_string().contains("expected client-wins"));
/// # Ok::<(), tisync_connect::connectors::SetupError>(())
/// ```
pub fn rule(name: &str) -> Result<Rule, SetupError> {
    if let Some(function) = name.strip_prefix("function:") {
        return Ok(Rule::Function(function.to_owned()));
    }
    parse(
        name,
        "client-wins, server-wins, latest-timestamp-wins, merge, manual or function:NAME",
    )
}

/// The rule of a field, by its name.
pub fn field_rule(name: &str) -> Result<FieldRule, SetupError> {
    if let Some(function) = name.strip_prefix("function:") {
        return Ok(FieldRule::Function(function.to_owned()));
    }
    parse(
        name,
        "client, server, latest, counter, set, max, min, text, manual or function:NAME",
    )
}

/// The fallback of a name.
pub fn fallback(name: &str) -> Result<Fallback, SetupError> {
    parse(name, "client, server, latest or manual")
}

/// The rule for a delete against an edit, by its name.
pub fn delete_rule(name: &str) -> Result<DeleteRule, SetupError> {
    parse(
        name,
        "edit-wins, delete-wins, client-wins, server-wins, latest-timestamp-wins or manual",
    )
}

/// The kind of a column, by its name.
pub fn column_kind(name: &str) -> Result<ColumnKind, SetupError> {
    parse(name, "a column of the kind text, integer, real or boolean")
}

/// Reads a unit variant by its serialised name.
fn parse<T: DeserializeOwned>(name: &str, expected: &str) -> Result<T, SetupError> {
    tisync_json::read(&tisync_json::Value::from(name).to_string())
        .map_err(|_| SetupError::new(format!("expected {expected}, but {} came", Quoted(name))))
}
