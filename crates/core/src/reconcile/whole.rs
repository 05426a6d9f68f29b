//! Rules that choose a whole image.
use super::{Decision, Plan, Side, classify::Found, name, stamps};
use crate::model::{Question, Rule};

/// Chooses by the rule, however little the two images differ.
pub(super) fn plan(found: &Found<'_>, rule: &Rule) -> Plan {
    let side = match rule {
        Rule::ClientWins => Side::Ours,
        Rule::ServerWins => Side::Theirs,
        Rule::LatestTimestampWins => stamps::record(found.sides).unwrap_or(Side::Theirs),
        Rule::Function(function) => {
            return Plan::Open(vec![Question {
                function: function.clone(),
                field: None,
            }]);
        }
        Rule::Merge | Rule::Manual => return Plan::Open(Vec::new()),
    };
    Plan::Settled(choose(found, side, name(rule)))
}

/// One side's image stands; the other side lost.
pub(super) fn choose(found: &Found<'_>, side: Side, by: String) -> Decision {
    Decision {
        outcome: match side {
            Side::Ours => found.our_image(),
            Side::Theirs => found.their_image(),
        },
        whole: true,
        loser: side.loser(),
        by,
    }
}
