//! Checks a policy before it is used.
use crate::model::{DeleteRule, Fallback, FieldRule, Policy, RemoteStamps, Rule};

pub(super) fn check(policy: &Policy, stamps: &RemoteStamps) -> Result<(), String> {
    field_rules(policy)?;
    functions(policy)?;
    if *stamps == RemoteStamps::None {
        no_latest(policy)?;
    }
    Ok(())
}

fn field_rules(policy: &Policy) -> Result<(), String> {
    match policy.fields.first_key_value() {
        Some((path, _)) if policy.rule != Rule::Merge => Err(format!(
            "expected rules of single fields only under the rule merge, came one for {path} under {}: \
             choose merge, or drop the field rules",
            super::name(&policy.rule)
        )),
        _ => Ok(()),
    }
}

fn functions(policy: &Policy) -> Result<(), String> {
    let of_record = match &policy.rule {
        Rule::Function(function) => Some(("the record".to_owned(), function)),
        _ => None,
    };
    let of_fields = policy.fields.iter().filter_map(|(path, rule)| match rule {
        FieldRule::Function(function) => Some((path.to_string(), function)),
        _ => None,
    });
    for (place, function) in of_record.into_iter().chain(of_fields) {
        if function.is_empty() {
            return Err(format!(
                "expected the name of a function for {place}, came an empty one: \
                 give the name that it is registered under"
            ));
        }
        if policy.fallback.is_none() {
            return Err(format!(
                "expected a fallback beside the function {function} for {place}, came none: add client, \
                 server, latest or manual, which decides when the function does not answer"
            ));
        }
    }
    Ok(())
}

fn no_latest(policy: &Policy) -> Result<(), String> {
    let of_field = policy
        .fields
        .iter()
        .find(|(_, rule)| **rule == FieldRule::Latest);
    let place = if policy.rule == Rule::LatestTimestampWins {
        "the rule".to_owned()
    } else if policy.deletes == Some(DeleteRule::LatestTimestampWins) {
        "the delete rule".to_owned()
    } else if let Some((path, _)) = of_field {
        format!("the field {path}")
    } else if policy.fallback == Some(Fallback::Latest) {
        "the fallback".to_owned()
    } else {
        return Ok(());
    };
    Err(format!(
        "expected a backend with timestamps, since {place} goes by the latest, came one without: \
         choose another rule, or tell the connector which field holds the time"
    ))
}
