//! The backends that a run of CI draws: every two abilities meet.
use std::collections::{BTreeMap, BTreeSet};
use tisync_sim::scenario::mix;

/// Seeds of a run in CI.
const SEEDS: u64 = 20_000;

/// Pairs that no backend has: what the one means leaves nothing of the other.
fn is_impossible(a: &(&str, String), b: &(&str, String)) -> bool {
    let pair = |first: (&str, &str), second: (&str, &str)| {
        let is = |of: &(&str, String), want: (&str, &str)| of.0 == want.0 && of.1 == want.1;
        is(a, first) && is(b, second) || is(b, first) && is(a, second)
    };
    let listing = |of: &(&str, String)| of.0 == "feed" && of.1.starts_with("Listing");
    let told = |of: &(&str, String)| of.0 == "deletes" && of.1 == "Feed";
    listing(a) && told(b)
        || listing(b) && told(a)
        || pair(("versions", "None"), ("conditional", "true"))
        || pair(("versions", "None"), ("answers", "Version"))
        || pair(("ids", "Server"), ("atomic", "true"))
        || pair(("ids", "Server"), ("idempotency", "ClientIds"))
        || pair(("ids", "Server"), ("idempotency", "Refuses"))
}

#[test]
fn every_two_abilities_meet() {
    let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut met = BTreeSet::new();
    let mut plain = 0;
    for seed in 0..SEEDS {
        let Some(mix) = mix(seed) else { continue };
        plain += 1;
        let abilities = mix.abilities();
        for (ability, value) in &abilities {
            values.entry(ability).or_default().insert(value.clone());
        }
        for a in &abilities {
            met.extend(abilities.iter().map(|b| (a.clone(), b.clone())));
        }
    }
    assert!(plain * 2 < SEEDS, "the native service keeps the majority");
    let all: Vec<(&str, String)> = values
        .iter()
        .flat_map(|(ability, values)| values.iter().map(|value| (*ability, value.clone())))
        .collect();
    assert!(
        all.len() > 35,
        "only {} values of abilities were drawn",
        all.len()
    );
    for a in &all {
        for b in all.iter().filter(|b| b.0 != a.0) {
            let has_met = met.contains(&(a.clone(), b.clone()));
            assert!(
                has_met != is_impossible(a, b),
                "{a:?} with {b:?}: met {has_met}"
            );
        }
    }
}
