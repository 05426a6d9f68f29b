//! The policies of a scenario's collections.
use crate::dice::Dice;
use tisync_core::model::{DeleteRule, Fallback, FieldRule, Policy, Rule};
use tisync_json::Path;

/// Draws a policy that a configuration may hold.
pub(super) fn draw(dice: &mut Dice) -> Policy {
    let rule = match dice.below(10) {
        0 => Rule::ClientWins,
        1 => Rule::ServerWins,
        2 | 3 => Rule::LatestTimestampWins,
        4 => Rule::Manual,
        5 => Rule::Function("whole".into()),
        _ => Rule::Merge,
    };
    let mut policy = Policy::of(rule.clone());
    if dice.chance(400) {
        policy.deletes = Some(*dice.pick(&[
            DeleteRule::EditWins,
            DeleteRule::DeleteWins,
            DeleteRule::ClientWins,
            DeleteRule::ServerWins,
            DeleteRule::LatestTimestampWins,
            DeleteRule::Manual,
        ]));
    }
    if matches!(rule, Rule::Function(_)) || (rule == Rule::Merge && dice.chance(800)) {
        policy.fallback = Some(*dice.pick(&[
            Fallback::Client,
            Fallback::Server,
            Fallback::Latest,
            Fallback::Manual,
        ]));
    }
    if rule == Rule::Merge {
        fields(dice, &mut policy);
    }
    policy
}

fn fields(dice: &mut Dice, policy: &mut Policy) {
    let whole = [
        FieldRule::Client,
        FieldRule::Server,
        FieldRule::Latest,
        FieldRule::Manual,
        FieldRule::Function("field".into()),
    ];
    for (field, special) in [
        ("a", None),
        ("b", None),
        ("n", Some(FieldRule::Counter)),
        ("s", Some(FieldRule::Set)),
        ("t", Some(FieldRule::Text)),
        (
            "m",
            Some(if dice.chance(500) {
                FieldRule::Max
            } else {
                FieldRule::Min
            }),
        ),
    ] {
        let rule = match special {
            Some(rule) if dice.chance(700) => rule,
            _ if dice.chance(500) => dice.pick(&whole).clone(),
            _ => continue,
        };
        if matches!(rule, FieldRule::Function(_)) && policy.fallback.is_none() {
            policy.fallback = Some(Fallback::Latest);
        }
        policy.fields.insert(Path::key(field), rule);
    }
}
