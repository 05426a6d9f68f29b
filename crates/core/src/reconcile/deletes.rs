//! Delete against edit.
use super::{Decision, Plan, Side, Situation, classify::Found, stamps, whole};
use crate::model::{DeleteRule, Fallback, Policy, Question, Rule};

/// Decides by the policy's delete rule, or by the default of its rule.
pub(super) fn plan(found: &Found<'_>, policy: &Policy) -> Plan {
    let rule = match (&policy.deletes, &policy.rule) {
        (Some(rule), _) => *rule,
        (None, Rule::ClientWins) => DeleteRule::ClientWins,
        (None, Rule::ServerWins) => DeleteRule::ServerWins,
        (None, Rule::LatestTimestampWins) => DeleteRule::LatestTimestampWins,
        (None, Rule::Merge) => DeleteRule::EditWins,
        (None, Rule::Manual) => DeleteRule::Manual,
        (None, Rule::Function(function)) => {
            return Plan::Open(vec![Question {
                function: function.clone(),
                field: None,
            }]);
        }
    };
    let (side, by) = match rule {
        DeleteRule::EditWins => (editor(found), "edit-wins"),
        DeleteRule::DeleteWins => (deleter(found), "delete-wins"),
        DeleteRule::ClientWins => (Side::Ours, "client-wins"),
        DeleteRule::ServerWins => (Side::Theirs, "server-wins"),
        DeleteRule::LatestTimestampWins => (latest(found), "latest-timestamp-wins"),
        DeleteRule::Manual => return Plan::Open(Vec::new()),
    };
    Plan::Settled(choose(found, side, by.to_owned()))
}

/// The side that wrote later; without a stamp of theirs the edit stands, since it can be deleted again and
/// a delete cannot be edited.
fn latest(found: &Found<'_>) -> Side {
    stamps::record(found.sides).unwrap_or_else(|| editor(found))
}

/// The side that a fallback chooses.
pub(super) fn fallback_side(found: &Found<'_>, fallback: Fallback) -> Side {
    match fallback {
        Fallback::Client => Side::Ours,
        Fallback::Server | Fallback::Manual => Side::Theirs,
        Fallback::Latest => latest(found),
    }
}

/// One side stands; the other side lost. Our edit is sent whole: there is nothing left to patch.
pub(super) fn choose(found: &Found<'_>, side: Side, by: String) -> Decision {
    let decision = whole::choose(found, side, by);
    Decision {
        whole: side == Side::Ours && decision.outcome.is_present(),
        ..decision
    }
}

fn editor(found: &Found<'_>) -> Side {
    match found.situation {
        Situation::EditedDeleted => Side::Ours,
        _ => Side::Theirs,
    }
}

fn deleter(found: &Found<'_>) -> Side {
    match editor(found) {
        Side::Ours => Side::Theirs,
        Side::Theirs => Side::Ours,
    }
}
