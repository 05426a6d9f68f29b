//! Rules of single fields.
use super::three_way::Clash;
use super::{Side, Sides, stamps, text};
use crate::model::{FieldRule, Loser};
use std::mem::discriminant;
use tisync_json::tree::BTreeSet;
use tisync_json::{Number, Value};

/// How a doubly changed field is settled.
pub(super) enum Settled {
    /// With this value; `None` is a field that is not there.
    As {
        value: Option<Value>,
        loser: Loser,
        how: String,
    },
    /// By this function.
    Ask(String),
    /// By a person.
    Person,
    /// Not by the rule: there is none, or the values are none that it can work with.
    Undecided,
}

impl Settled {
    /// One side's value stands.
    pub(super) fn side(clash: &Clash<'_>, side: Side, how: &str) -> Self {
        let value = match side {
            Side::Ours => clash.ours,
            Side::Theirs => clash.theirs,
        };
        Settled::As {
            value: value.cloned(),
            loser: side.loser(),
            how: format!("{how}: {}", side.name()),
        }
    }

    /// Both changes are in the value.
    fn merged(value: Option<Value>, how: &str) -> Self {
        value.map_or(Settled::Undecided, |value| Settled::As {
            value: Some(value),
            loser: Loser::None,
            how: how.to_owned(),
        })
    }
}

/// Settles a field by its rule.
pub(super) fn settle(sides: &Sides<'_>, clash: &Clash<'_>, rule: Option<&FieldRule>) -> Settled {
    let Some(rule) = rule else {
        return Settled::Undecided;
    };
    match rule {
        FieldRule::Client => Settled::side(clash, Side::Ours, "client"),
        FieldRule::Server => Settled::side(clash, Side::Theirs, "server"),
        FieldRule::Latest => {
            let side = stamps::field(sides, &clash.path).unwrap_or(Side::Theirs);
            Settled::side(clash, side, "latest")
        }
        FieldRule::Counter => Settled::merged(counter(clash), "counter"),
        FieldRule::Set => Settled::merged(set(clash), "set"),
        FieldRule::Text => Settled::merged(text(clash), "text"),
        FieldRule::Max => {
            greater(clash).map_or(Settled::Undecided, |side| Settled::side(clash, side, "max"))
        }
        FieldRule::Min => greater(clash).map_or(Settled::Undecided, |side| {
            let lesser = if side == Side::Ours {
                Side::Theirs
            } else {
                Side::Ours
            };
            Settled::side(clash, lesser, "min")
        }),
        FieldRule::Manual => Settled::Person,
        FieldRule::Function(function) => Settled::Ask(function.clone()),
    }
}

/// Adds both differences: ours + theirs − base. A missing base counts as 0.
fn counter(clash: &Clash<'_>) -> Option<Value> {
    let zero = Number::from(0_i64);
    let base = match clash.base {
        None | Some(Value::Null) => &zero,
        Some(Value::Number(base)) => base,
        Some(_) => return None,
    };
    let (Some(Value::Number(ours)), Some(Value::Number(theirs))) = (clash.ours, clash.theirs)
    else {
        return None;
    };
    let sum = if [base, ours, theirs].into_iter().all(Number::is_integer) {
        let sum = integer(ours)?.checked_add(integer(theirs)?)?;
        Number::from(sum.checked_sub(integer(base)?)?)
    } else {
        Number::try_from(ours.as_f64() + theirs.as_f64() - base.as_f64()).ok()?
    };
    Some(Value::Number(sum))
}

/// The exact integer, when 128 bits hold it.
fn integer(number: &Number) -> Option<i128> {
    if let Ok(integer) = number.to_string().parse() {
        return Some(integer);
    }
    // Doubles from 1e21 on print with an exponent. Within this bound the conversion is exact.
    let double = number.as_f64();
    let exact = number.to_string().contains('e') && double.abs() < 1e38;
    exact.then_some(double as i128)
}

/// Adds what either side added, removes what either side removed. In the order of the base, additions after
/// it in the order of values: the same whichever side is ours.
fn set(clash: &Clash<'_>) -> Option<Value> {
    let base = match clash.base {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(base)) => base,
        Some(_) => return None,
    };
    let (Some(Value::Array(ours)), Some(Value::Array(theirs))) = (clash.ours, clash.theirs) else {
        return None;
    };
    let [in_base, in_ours, in_theirs] =
        [base, ours, theirs].map(|items| items.iter().collect::<BTreeSet<_>>());
    let mut seen = BTreeSet::new();
    let stayed = base
        .iter()
        .filter(|item| in_ours.contains(item) && in_theirs.contains(item) && seen.insert(*item));
    let added = in_ours
        .union(&in_theirs)
        .filter(|item| !in_base.contains(*item));
    let items: Vec<Value> = stayed.chain(added.copied()).cloned().collect();
    Some(Value::Array(items))
}

/// Merges two edits of one text.
fn text(clash: &Clash<'_>) -> Option<Value> {
    let base = match clash.base {
        None | Some(Value::Null) => "",
        Some(base) => base.as_str()?,
    };
    text::merge(base, clash.ours?.as_str()?, clash.theirs?.as_str()?).map(Value::String)
}

/// The side with the greater value; values of different kinds, or none, are not compared.
fn greater(clash: &Clash<'_>) -> Option<Side> {
    let (ours, theirs) = (clash.ours?, clash.theirs?);
    if discriminant(ours) != discriminant(theirs) {
        return None;
    }
    Some(if ours > theirs {
        Side::Ours
    } else {
        Side::Theirs
    })
}
