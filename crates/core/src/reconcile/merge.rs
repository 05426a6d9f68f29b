//! The rule `merge`: three-way, by field.
use super::field::{Settled, settle};
use super::limits::FIELDS_NAMED_MAX;
use super::{
    Decision, Plan, Side, both, classify::Found, fallback, resolve, stamps, three_way, whole,
};
use crate::model::{Fallback, FieldRule, Image, Loser, Policy, Question, Rule};
use tisync_json::tree::BTreeMap;
use tisync_json::{Object, Path, Value};

/// Merges, or opens a conflict where a field asks for it. A person is asked before any function.
pub(super) fn plan(found: &Found<'_>, policy: &Policy) -> Plan {
    let merged = Merged::of(found, policy, &BTreeMap::new(), false);
    if merged.person {
        return Plan::Open(Vec::new());
    }
    if !merged.asked.is_empty() {
        return Plan::Open(merged.asked);
    }
    match found.image(&merged.fields) {
        Some(outcome) => Plan::Settled(merged.decision(outcome)),
        None if policy.fallback == Some(Fallback::Manual) => Plan::Open(Vec::new()),
        None => Plan::Settled(too_large(found, policy)),
    }
}

/// Merges with these answers and decides everything else, asking nobody.
pub(super) fn decide(
    found: &Found<'_>,
    policy: &Policy,
    answers: &BTreeMap<Path, Value>,
) -> Decision {
    let merged = Merged::of(found, policy, answers, true);
    match found.image(&merged.fields) {
        Some(outcome) => merged.decision(outcome),
        None => too_large(found, policy),
    }
}

/// The side that a fallback chooses for a whole record that both edited.
pub(super) fn fallback_side(found: &Found<'_>, fallback: Fallback) -> Side {
    match fallback {
        Fallback::Client => Side::Ours,
        Fallback::Server | Fallback::Manual => Side::Theirs,
        Fallback::Latest => stamps::record(found.sides).unwrap_or(Side::Theirs),
    }
}

/// A fallback as it is written in a configuration.
pub(super) fn fallback_name(fallback: Fallback) -> &'static str {
    match fallback {
        Fallback::Client => "client",
        Fallback::Server => "server",
        Fallback::Latest => "latest",
        Fallback::Manual => "manual",
    }
}

/// What came out of the walk.
struct Merged {
    fields: Object,
    loser: Loser,
    /// How each doubly changed field was settled.
    settled: Vec<String>,
    /// Functions to ask.
    asked: Vec<Question>,
    /// Whether a person has to decide.
    person: bool,
}

impl Merged {
    fn of(
        found: &Found<'_>,
        policy: &Policy,
        answers: &BTreeMap<Path, Value>,
        asks_nobody: bool,
    ) -> Self {
        let empty = Object::new();
        let [base, ours, theirs] =
            [&found.base, &found.ours, &found.theirs].map(|side| side.as_ref().unwrap_or(&empty));
        let mut merged = Merged {
            fields: Object::new(),
            loser: Loser::None,
            settled: Vec::new(),
            asked: Vec::new(),
            person: false,
        };
        merged.fields = three_way::three_way(base, ours, theirs, &mut |clash| {
            if answers.keys().any(|path| path.is_prefix_of(&clash.path)) {
                return None; // Set below.
            }
            let settled = match settle(found.sides, clash, rule(policy, &clash.path)) {
                Settled::Undecided => fall_back(found, policy, clash, asks_nobody),
                Settled::Person | Settled::Ask(_) if asks_nobody => {
                    fall_back(found, policy, clash, true)
                }
                settled => settled,
            };
            merged.take(&clash.path, settled)
        });
        if !answers.is_empty() {
            let server_fields = found.sides.server_fields;
            resolve::set(&mut merged.fields, answers.clone(), server_fields);
        }
        for path in answers.keys() {
            let lost = |side| three_way::lost_at(path, [base, side, &merged.fields]);
            let (ours, theirs) = (lost(ours), lost(theirs));
            for loser in [ours.then_some(Loser::Ours), theirs.then_some(Loser::Theirs)] {
                merged.loser = both(merged.loser, loser.unwrap_or(Loser::None));
            }
            let answered = format!("{path} {}", who(policy, path));
            merged.settled.push(answered);
        }
        merged
    }

    fn take(&mut self, path: &Path, settled: Settled) -> Option<Value> {
        match settled {
            Settled::As { value, loser, how } => {
                self.loser = both(self.loser, loser);
                self.settled.push(format!("{path} {how}"));
                return value;
            }
            Settled::Ask(function) => self.asked.push(Question {
                function,
                field: Some(path.clone()),
            }),
            Settled::Person | Settled::Undecided => self.person = true,
        }
        None
    }

    fn decision(self, outcome: Image) -> Decision {
        Decision {
            outcome,
            whole: false,
            loser: self.loser,
            by: describe(&self.settled),
        }
    }
}

/// The most specific rule: that of the field itself, or of the nearest object around it.
fn rule<'a>(policy: &'a Policy, path: &Path) -> Option<&'a FieldRule> {
    let around = policy.fields.iter().filter(|(at, _)| at.is_prefix_of(path));
    around
        .max_by_key(|(at, _)| at.keys().len())
        .map(|(_, rule)| rule)
}

fn fall_back(
    found: &Found<'_>,
    policy: &Policy,
    clash: &three_way::Clash<'_>,
    asks_nobody: bool,
) -> Settled {
    if policy.fallback == Some(Fallback::Manual) && !asks_nobody {
        return Settled::Person;
    }
    let fallback = fallback(policy, found.sides.stamps);
    let side = match fallback {
        Fallback::Client => Side::Ours,
        Fallback::Server | Fallback::Manual => Side::Theirs,
        Fallback::Latest => stamps::field(found.sides, &clash.path).unwrap_or(Side::Theirs),
    };
    let how = format!("fallback {}", fallback_name(fallback));
    Settled::side(clash, side, &how)
}

/// Who gave the value of a field.
fn who(policy: &Policy, path: &Path) -> String {
    match (rule(policy, path), &policy.rule) {
        (Some(FieldRule::Function(function)), _) | (None, Rule::Function(function)) => {
            format!("function {function}")
        }
        _ => "manual".to_owned(),
    }
}

/// The two sides together are larger than a document may be: one of them stands whole.
fn too_large(found: &Found<'_>, policy: &Policy) -> Decision {
    let fallback = fallback(policy, found.sides.stamps);
    let by = format!("merge (too large: fallback {})", fallback_name(fallback));
    whole::choose(found, fallback_side(found, fallback), by)
}

fn describe(settled: &[String]) -> String {
    if settled.is_empty() {
        return "merge".to_owned();
    }
    let named = settled.len().min(FIELDS_NAMED_MAX);
    let more = match settled.len() - named {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("merge ({}{more})", settled[..named].join("; "))
}
