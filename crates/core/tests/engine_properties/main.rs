//! One device, a small server, and chance: what must hold after every step, and at the end.
#![allow(clippy::unwrap_used, unreachable_pub)]
mod acts;
#[path = "../common/mod.rs"]
mod common;
mod dice;
mod server;
mod story;

use common::*;
use dice::Dice;
use server::Server;
use std::collections::{BTreeMap, BTreeSet};
use story::*;
use tisync_core::model::*;
use tisync_core::store::{Durability, Keys, Load, Store, StoreErrorKind, Tx};
use tisync_json::Document;

const IDS: [&str; 3] = ["a", "b", "c"];
const FIELDS: [&str; 3] = ["t", "u", "v"];
/// Stories told with each rule: some ten seconds.
const SEEDS: u64 = 6;

#[test]
fn whatever_happens_the_state_is_sound_and_nothing_is_lost() {
    let rules = [
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::LatestTimestampWins,
        Rule::Merge,
        Rule::Manual,
    ];
    for seed in 0..SEEDS {
        for rule in &rules {
            let mut story = Story::new(rule.clone(), seed);
            for order in std::mem::take(&mut story.device.outputs) {
                story.take(Ok(vec![order]));
            }
            for _ in 0..150 {
                story.act();
            }
            story.end();
        }
    }
}
