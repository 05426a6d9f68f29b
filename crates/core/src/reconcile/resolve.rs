//! Answers to open conflicts, and undo.
use super::three_way::{lost, three_way};
use super::{
    Decision, Plan, classify::Found, deletes, fallback, merge, planned, server_fields, whole,
};
use crate::model::{Image, Loser, Policy, Resolution, Rule};
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Document, Object, Patch, Path, Value};

pub(super) fn resolve(found: &Found<'_>, policy: &Policy, resolution: &Resolution) -> Decision {
    let outcome = match resolution {
        Resolution::Ours => found.our_image(),
        Resolution::Theirs => found.their_image(),
        Resolution::Delete => Image::Gone,
        Resolution::Document(document) => given(found, document),
        Resolution::Fields(values) => return fields(found, policy, values),
        Resolution::Failed(_) => return by_fallback(found, policy),
    };
    answered(found, policy, outcome)
}

/// Decides without asking anybody.
pub(super) fn by_fallback(found: &Found<'_>, policy: &Policy) -> Decision {
    if let Plan::Settled(decision) = planned(found, policy) {
        return decision;
    }
    let fallback = fallback(policy, found.sides.stamps);
    let by = format!("fallback {}", merge::fallback_name(fallback));
    match (&found.ours, &found.theirs) {
        (Some(_), Some(_)) if policy.rule == Rule::Merge => {
            merge::decide(found, policy, &BTreeMap::new())
        }
        (Some(_), Some(_)) => whole::choose(found, merge::fallback_side(found, fallback), by),
        _ => deletes::choose(found, deletes::fallback_side(found, fallback), by),
    }
}

pub(super) fn undo(outcome: &Image, now: &Image, loser: &Image) -> Image {
    if loser.same(outcome) {
        return now.clone();
    }
    let (Some(now_document), Some(loser_document)) = (now.document(), loser.document()) else {
        return match loser {
            Image::Present(_) => loser.clone(),
            Image::Absent | Image::Gone => Image::Gone,
        };
    };
    let base = outcome.document().map(Document::object).unwrap_or_default();
    let (ours, theirs) = (now_document.object(), loser_document.object());
    let merged = three_way(&base, &ours, &theirs, &mut |clash| clash.theirs.cloned());
    if merged == ours {
        return now.clone();
    }
    // Larger than a document may be: the losing image stands as it was.
    Document::checked_from_object(&merged).map_or_else(|_| loser.clone(), Image::Present)
}

/// These values, and the rest merges. Values mean that the record stands, also where one side deleted it.
fn fields(found: &Found<'_>, policy: &Policy, values: &BTreeMap<Path, Value>) -> Decision {
    let mut values = values.clone();
    values.retain(|path, _| !server_fields::covers(found.sides.server_fields, path));
    let standing = match (&found.ours, &found.theirs) {
        (Some(_), Some(_)) => return merge::decide(found, policy, &values),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return answered(found, policy, Image::Gone),
    };
    let mut fields = standing.clone();
    set(&mut fields, values, found.sides.server_fields);
    match found.image(&fields) {
        Some(outcome) => answered(found, policy, outcome),
        None => by_fallback(found, policy),
    }
}

/// Sets each value, the outer paths first, without the server fields that a value holds.
pub(super) fn set(fields: &mut Object, values: BTreeMap<Path, Value>, server_fields: &[Path]) {
    let patch = Patch {
        set: values,
        unset: BTreeSet::new(),
    };
    patch.apply(fields);
    server_fields::strip(fields, server_fields);
}

fn given(found: &Found<'_>, document: &Document) -> Image {
    let mut fields = document.object();
    server_fields::strip(&mut fields, found.sides.server_fields);
    // Too large only together with their server fields: what was decided counts.
    found
        .image(&fields)
        .unwrap_or_else(|| Image::Present(document.clone()))
}

/// An image that somebody chose: each side whose changes are not all in it lost.
fn answered(found: &Found<'_>, policy: &Policy, outcome: Image) -> Decision {
    let fields = found.fields_of(&outcome);
    let loss = |side: &Option<Object>| lost(found.base.as_ref(), side.as_ref(), fields.as_ref());
    let loser = match (loss(&found.ours), loss(&found.theirs)) {
        (false, false) => Loser::None,
        (true, false) => Loser::Ours,
        (false, true) => Loser::Theirs,
        (true, true) => Loser::Both,
    };
    Decision {
        whole: outcome.is_present(),
        outcome,
        loser,
        by: decider(found, policy),
    }
}

/// Who was asked: the functions by name, or a person.
fn decider(found: &Found<'_>, policy: &Policy) -> String {
    let asked = match planned(found, policy) {
        Plan::Open(asked) => asked,
        Plan::Settled(_) => Vec::new(),
    };
    let names: BTreeSet<String> = asked
        .into_iter()
        .map(|question| question.function)
        .collect();
    if names.is_empty() {
        return "manual".to_owned();
    }
    let names: Vec<String> = names.into_iter().collect();
    format!("function {}", names.join(", "))
}
