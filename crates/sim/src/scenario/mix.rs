//! What the backend of a scenario can do, where it is not the native service: drawn so that every two abilities meet.
use super::{Action, Fault, Scenario, ServerAction, Verb};
use crate::dice::Dice;
use serde::{Deserialize, Serialize};
use std::fmt;
use tisync_core::model::{
    Answers, Capability, Deletes, Equality, FeedKind, Idempotency, Ids, Paging, RemoteStamps,
    Versions,
};

/// Seeds in a thousand whose backend knows nothing of sync: the native service must keep the majority, and the
/// strength of its checks.
const PLAIN_PER_MILLE: u32 = 300;
/// Of those, in a thousand, the ones whose backend makes the ids.
const SERVER_IDS_PER_MILLE: u32 = 400;
/// How far a pull by timestamp reads back: more than a write takes from its time to its commit.
const OVERLAP_MS: u64 = 5_000;
/// How long a backend remembers keys: shorter than some outages.
const REMEMBERS_MS: u64 = 3_600_000;

/// What a backend that knows nothing of sync can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix {
    /// What it declares.
    pub capability: Capability,
    /// Whether its records have versions.
    pub versions: bool,
    /// Whether it takes no writes for half a minute now and then, and looks for no marks, while it lists all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moody: bool,
    /// Whether records go out of a device's scope, and its feed says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scopes: bool,
    /// Whether records refer to others, where the server makes their ids; and if so, whether it takes null there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<bool>,
}

impl Mix {
    /// Draws one.
    fn draw(dice: &mut Dice) -> Self {
        let feed = match dice.below(8) {
            0 | 1 => FeedKind::Commits,
            2 | 3 => FeedKind::Timestamps {
                precision_ms: *dice.pick(&[1, 1_000]),
                overlap_ms: OVERLAP_MS,
            },
            4 => FeedKind::Listing(Paging::Single),
            5 => FeedKind::Listing(Paging::Cursor),
            6 => FeedKind::Listing(Paging::Keyset),
            _ => FeedKind::Listing(Paging::Offset),
        };
        let listing = matches!(feed, FeedKind::Listing(_));
        let deletes = match listing {
            true => *dice.pick(&[Deletes::Soft, Deletes::Absent]),
            false => *dice.pick(&[Deletes::Feed, Deletes::Soft, Deletes::Absent]),
        };
        let versions = dice.chance(700);
        let normalises = dice.chance(500);
        Mix {
            versions,
            moody: false,
            scopes: false,
            references: None,
            capability: Capability {
                feed,
                deletes,
                conditional: versions && dice.chance(500),
                idempotency: *dice.pick(&[
                    Idempotency::Replays {
                        remembers_ms: REMEMBERS_MS,
                    },
                    Idempotency::Refuses {
                        remembers_ms: REMEMBERS_MS,
                    },
                    Idempotency::Mark,
                    Idempotency::ClientIds,
                    Idempotency::None,
                ]),
                ids: Ids::Client,
                versions: match versions && dice.chance(300) {
                    true => Versions::Ordered,
                    false => Versions::Equality,
                },
                stale_reads: dice.chance(250),
                answers: match versions {
                    true => *dice.pick(&[Answers::Image, Answers::Version, Answers::Nothing]),
                    false => *dice.pick(&[Answers::Image, Answers::Nothing]),
                },
                stamps: *dice.pick(&[
                    RemoteStamps::Record,
                    RemoteStamps::Arrival {
                        precision_ms: 1_000,
                    },
                ]),
                batch_items_max: *dice.pick(&[1, 4, 2_000]),
                atomic: dice.chance(300),
                partial_update: dice.chance(500),
                fetch: dice.chance(700),
                hints: false,
                digests: false,
                server_fields: Vec::new(),
                equality: match normalises {
                    true => Equality {
                        instants: true,
                        absent_is_null: true,
                        unordered: true,
                    },
                    false => Equality::default(),
                },
            },
        }
    }

    /// Lets the server make the ids of new records: by a chance of its own, so that it changes nothing else.
    fn draw_ids(&mut self, dice: &mut Dice) {
        if !dice.chance(SERVER_IDS_PER_MILLE) {
            return;
        }
        self.references = dice.chance(700).then(|| dice.chance(650));
        self.moody = dice.chance(400);
        self.capability.ids = Ids::Server;
        self.capability.atomic = false;
        let other = *dice.pick(&[
            Idempotency::Replays {
                remembers_ms: REMEMBERS_MS,
            },
            Idempotency::Mark,
            Idempotency::Mark,
            Idempotency::None,
        ]);
        if matches!(
            self.capability.idempotency,
            Idempotency::Refuses { .. } | Idempotency::ClientIds
        ) {
            self.capability.idempotency = other;
        }
    }

    /// Whether the server makes the ids of new records.
    pub(crate) fn makes_ids(&self) -> bool {
        self.capability.ids == Ids::Server
    }

    /// Whether the server writes what it takes in its own words, and adds a field of its own.
    pub fn normalises(&self) -> bool {
        self.capability.equality != Equality::default()
    }

    /// Whether the server tells one write from another that it has taken already.
    pub(crate) fn remembers(&self) -> bool {
        matches!(
            self.capability.idempotency,
            Idempotency::Replays { .. } | Idempotency::Refuses { .. }
        )
    }

    /// Whether a replica can tell its own past from a change: where records can be looked up, or versions tell.
    pub(crate) fn keeps_our_writes(&self) -> bool {
        let Capability {
            stale_reads,
            versions,
            conditional,
            fetch,
            answers,
            ..
        } = self.capability;
        let tells = versions == Versions::Ordered && answers != Answers::Nothing;
        fetch || conditional && (!stale_reads || tells)
    }

    /// What it can do, ability by ability, for the pairs that a run must cover.
    pub fn abilities(&self) -> Vec<(&'static str, String)> {
        let Capability {
            feed,
            deletes,
            conditional,
            idempotency,
            ids,
            versions,
            stale_reads,
            answers,
            stamps,
            batch_items_max,
            atomic,
            partial_update,
            fetch,
            ..
        } = &self.capability;
        let name = |what: &dyn fmt::Debug| {
            let text = format!("{what:?}");
            text.split([' ', '{']).next().unwrap_or_default().to_owned()
        };
        let versions = match self.versions {
            true => name(versions),
            false => "None".to_owned(),
        };
        vec![
            ("feed", name(feed)),
            ("deletes", name(deletes)),
            ("conditional", name(conditional)),
            ("idempotency", name(idempotency)),
            ("ids", name(ids)),
            ("versions", versions),
            ("stale reads", name(stale_reads)),
            ("answers", name(answers)),
            ("stamps", name(stamps)),
            ("batch", name(batch_items_max)),
            ("atomic", name(atomic)),
            ("partial update", name(partial_update)),
            ("fetch", name(fetch)),
            ("normalises", name(&self.normalises())),
        ]
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abilities = self.abilities();
        let all: Vec<String> = abilities
            .iter()
            .map(|(ability, value)| format!("{ability} {value}"))
            .collect();
        write!(f, "{}", all.join(", "))
    }
}

/// The backend of a seed, where it is not the native service.
pub fn mix(seed: u64) -> Option<Mix> {
    let mut dice = Dice::of(seed, &[0x6d]);
    if !dice.chance(PLAIN_PER_MILLE) {
        return None;
    }
    let mut mix = Mix::draw(&mut dice);
    mix.draw_ids(&mut Dice::of(seed, &[0x6d, 1]));
    let tells = mix.capability.feed == FeedKind::Commits
        && mix.capability.deletes != Deletes::Absent
        && !mix.makes_ids();
    mix.scopes = tells && Dice::of(seed, &[0x6d, 2]).chance(500);
    Some(mix)
}

/// Gives a scenario the backend of its seed, and takes out what that backend knows nothing of.
pub(super) fn set(scenario: &mut Scenario) {
    let Some(mix) = mix(scenario.seed) else {
        return;
    };
    let settings = &mut scenario.settings;
    settings.feeds_apart = true;
    settings.listens = false;
    settings.drifts = false;
    settings.upgrades = false;
    let shows_deletes = mix.capability.deletes != Deletes::Absent
        || matches!(mix.capability.feed, FeedKind::Listing(_));
    if !shows_deletes {
        // Deletes are found by walks that are hours apart.
        settings.poll_ms = settings.poll_ms.max(10 * 60_000);
    }
    if matches!(mix.capability.feed, FeedKind::Listing(_)) && settings.page_items < 3 {
        // Else most of the time is spent on walks, and never is everything at rest at once.
        settings.poll_ms = settings.poll_ms.max(30_000);
    }
    if mix.capability.feed == FeedKind::Listing(Paging::Offset) {
        // Each page repeats a row of the one before it.
        settings.page_items = settings.page_items.max(2);
    }
    for fault in Fault::OF_ANSWERS {
        settings.rates.set(fault, 0);
    }
    if !mix.remembers() {
        // A request that a network repeats by itself takes effect twice, and nobody hears of it.
        settings.rates.set(Fault::Duplicate, 0);
    }
    for step in &mut scenario.steps {
        if let Action::Write { deeds, group, .. } = &mut step.action {
            *group &= mix.capability.atomic && deeds.len() <= mix.capability.batch_items_max;
        }
    }
    scenario.steps.retain(|step| {
        !matches!(
            step.action,
            Action::Upgrade { .. }
                | Action::Drift { .. }
                | Action::Verb {
                    verb: Verb::Verify,
                    ..
                }
                | Action::Server(
                    ServerAction::Backup
                        | ServerAction::Restore
                        | ServerAction::Prune
                        | ServerAction::Demand { .. }
                )
        )
    });
    scenario.settings.backend = Some(mix);
}
