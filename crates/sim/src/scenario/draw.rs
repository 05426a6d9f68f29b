//! Draws a scenario: which faults are on and how often, how many replicas, what they do (swarm testing: each
//! seed leaves out most of what could go wrong, so that what is left goes wrong often).
use super::{
    Action, CrashWhen, Deed, DeedKind, Drift, Extra, Fault, Rates, Scenario, ServerAction,
    Settings, Step, Verb, policies,
};
use crate::dice::Dice;

/// Names the chance of drift, apart from that of everything else.
const DRIFT: u64 = 9;

/// The scenario of a seed.
pub fn draw(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed);
    let sparse = dice.chance(300);
    let mut settings = settings(&mut dice, sparse);
    settings.drifts = Dice::of(seed, &[DRIFT, 0]).chance(300);
    hints(seed, &mut settings);
    answers(seed, &mut settings);
    let weights = Weights::draw(&mut dice);
    let count = 10 + dice.below(60) as usize;
    let mut at_ms = 0;
    let mut steps: Vec<Step> = Vec::with_capacity(count);
    for number in 0..count {
        at_ms += pause(&mut dice, sparse);
        let action = action(&mut dice, &settings, &weights, sparse);
        steps.push(Step {
            number,
            at_ms,
            action,
        });
    }
    drift(seed, &mut steps, &settings);
    let mut scenario = Scenario {
        seed,
        settings,
        steps,
    };
    super::upgrade::add(&mut scenario);
    super::mix::set(&mut scenario);
    scenario
}

/// Adds drift, and comparisons with the server, by a chance of its own.
fn drift(seed: u64, steps: &mut Vec<Step>, settings: &Settings) {
    if !settings.drifts {
        return;
    }
    let mut dice = Dice::of(seed, &[DRIFT, 1]);
    let (count, ends_ms) = (steps.len(), steps.last().map_or(0, |step| step.at_ms));
    // What is lost here and on the server is lost.
    let restores = steps
        .iter()
        .any(|step| step.action == Action::Server(ServerAction::Restore));
    let mut number = count;
    let mut add = |at_ms, action| {
        steps.push(Step {
            number,
            at_ms,
            action,
        });
        number += 1;
    };
    for _ in 0..dice.between(2, 8) {
        let (replica, process) = (
            dice.below(u64::from(settings.replicas)) as u8,
            dice.below(2) as u8,
        );
        let (at_ms, pick) = (dice.between(0, ends_ms), dice.below(1_000) as u32);
        let verb = |verb| Action::Verb {
            replica,
            process,
            verb,
            pick,
        };
        if restores || dice.chance(500) {
            add(at_ms, verb(*dice.pick(&[Verb::Verify, Verb::Resync])));
            continue;
        }
        // A torn document would be written upon as if the server had it.
        let drift = *dice.pick(&[Drift::Lost, Drift::Older, Drift::Older, Drift::Extra]);
        let drifts = Action::Drift {
            replica,
            drift,
            pick,
        };
        add(at_ms, drifts);
        add(at_ms + dice.below(3_000), verb(Verb::Verify));
    }
    steps.sort_by_key(|step| step.at_ms);
}

fn settings(dice: &mut Dice, sparse: bool) -> Settings {
    let replicas = *dice.pick(&[1, 2, 2, 2, 2, 3, 3, 3, 4, 5]);
    let policies = (0..*dice.pick(&[1, 1, 1, 2, 3]))
        .map(|_| policies::draw(dice))
        .collect();
    let mut rates = Rates::default();
    if !dice.chance(80) {
        let often = *dice.pick(&[10, 50, 150, 300]);
        let of_requests = Fault::ALL.len() - Fault::OF_HINTS.len() - Fault::OF_ANSWERS.len();
        for fault in Fault::ALL.into_iter().take(of_requests) {
            if dice.chance(350) {
                rates.set(fault, 1 + dice.below(often) as u32);
            }
        }
    }
    let clocks = (0..replicas).map(|_| match dice.below(4) {
        0 => (0, 0),
        1 => (dice.between(0, 4_000) as i64 - 2_000, 0),
        2 => (dice.between(0, 7_200_000) as i64 - 3_600_000, 0),
        _ => (
            dice.between(0, 400_000_000) as i64 - 200_000_000,
            dice.between(0, 20_000) as i64 - 10_000,
        ),
    });
    let clocks = clocks.collect();
    Settings {
        replicas,
        policies,
        feeds_apart: dice.chance(200),
        pool: *dice.pick(&[1, 2, 2, 3, 6]),
        rates,
        slice_items: dice.chance(250).then(|| dice.between(1, 3) as usize),
        page_items: *dice.pick(&[1, 2, 3, 10, 1_000]),
        // The largest group must fit.
        push_items: *dice.pick(&[4, 4, 2_000, 2_000]),
        poll_ms: if sparse {
            6 * 3_600_000
        } else {
            *dice.pick(&[2_000, 10_000, 30_000])
        },
        listens: false,
        tombstones_ms: *dice.pick(&[1_000, 60_000, 90 * 86_400_000, 90 * 86_400_000]),
        clocks,
        drifts: false,
        backend: None,
        upgrades: false,
        function_ms: *dice.pick(&[(0, 0), (1, 3_000), (4_000, 9_000)]),
    }
}

/// Whether there are hints, and what happens to them: from a stream of their own, so that they change nothing else.
fn hints(seed: u64, settings: &mut Settings) {
    let mut dice = Dice::of(seed, &[0x68]);
    settings.listens = dice.chance(500);
    if !settings.listens || dice.chance(250) {
        return;
    }
    let often = *dice.pick(&[50, 300, 900]);
    for fault in Fault::OF_HINTS {
        if dice.chance(500) {
            settings.rates.set(fault, 1 + dice.below(often) as u32);
        }
    }
}

/// Whether answers say less than the truth: from a stream of their own, too.
fn answers(seed: u64, settings: &mut Settings) {
    let mut dice = Dice::of(seed, &[0x61]);
    for fault in Fault::OF_ANSWERS {
        if dice.chance(250) {
            settings.rates.set(fault, 1 + dice.below(500) as u32);
        }
    }
}

fn pause(dice: &mut Dice, sparse: bool) -> u64 {
    match dice.below(if sparse { 6 } else { 4 }) {
        0 => 0,
        1 => dice.between(1, 60),
        2 => dice.between(1, 1_000),
        3 => dice.between(1, 8_000),
        4 => dice.between(1, 600_000),
        _ => dice.between(1, 40 * 3_600_000),
    }
}

/// How often each kind of action is drawn.
struct Weights {
    write: u64,
    verb: u64,
    network: u64,
    process: u64,
    clock: u64,
    server: u64,
    /// Out of a thousand writes.
    groups: u32,
    extras: u32,
    deletes: u32,
}

impl Weights {
    fn draw(dice: &mut Dice) -> Self {
        let mut maybe = |per_mille, weight| if dice.chance(per_mille) { weight } else { 0 };
        Weights {
            write: 40,
            verb: maybe(700, 10),
            network: maybe(500, 6),
            process: maybe(500, 8),
            clock: maybe(250, 3),
            server: maybe(500, 5),
            groups: maybe(400, 250) as u32,
            extras: maybe(300, 120) as u32,
            deletes: maybe(800, 200) as u32,
        }
    }
}

fn action(dice: &mut Dice, settings: &Settings, weights: &Weights, sparse: bool) -> Action {
    let replica = dice.below(u64::from(settings.replicas)) as u8;
    let process = dice.below(2) as u8;
    let away_ms = |dice: &mut Dice| match dice.below(4) {
        0 => 0,
        1 => dice.between(1, 500),
        2 => dice.between(1, 90_000),
        _ => dice.between(1, if sparse { 100 * 3_600_000 } else { 10_000 }),
    };
    let parts = [
        weights.write,
        weights.verb,
        weights.network,
        weights.process,
        weights.clock,
        weights.server,
    ];
    let mut draw = dice.below(parts.iter().sum());
    let mut kind = 0;
    while draw >= parts[kind] {
        draw -= parts[kind];
        kind += 1;
    }
    match kind {
        0 => write(dice, settings, weights, replica, process),
        1 => {
            let verbs = [
                Verb::Resolve,
                Verb::Resolve,
                Verb::Undo,
                Verb::Undo,
                Verb::Retry,
                Verb::Edit,
                Verb::Discard,
                Verb::SyncNow,
                Verb::SyncNow,
                Verb::Hint,
                Verb::Resync,
                Verb::Stop,
                Verb::Start,
            ];
            let verb = *dice.pick(&verbs);
            Action::Verb {
                replica,
                process,
                verb,
                pick: dice.below(1_000) as u32,
            }
        }
        2 => match dice.below(3) {
            0 => Action::Signal {
                replica,
                online: dice.chance(500),
            },
            _ => Action::Partition {
                replica,
                for_ms: away_ms(dice),
            },
        },
        3 => match dice.below(8) {
            0 => Action::PowerCut {
                replica,
                lose: dice.below(4) as u8,
                for_ms: away_ms(dice),
            },
            1 => Action::Second { replica },
            2 => Action::Take { replica },
            _ => {
                let when = *dice.pick(&[
                    CrashWhen::Now,
                    CrashWhen::BeforeCommit,
                    CrashWhen::AfterCommit,
                ]);
                Action::Crash {
                    replica,
                    when,
                    for_ms: away_ms(dice),
                }
            }
        },
        4 => {
            let far = *dice.pick(&[2_000, 60_000, 3_600_000, 90_000_000]);
            Action::ClockJump {
                replica,
                by_ms: dice.between(0, 2 * far) as i64 - far as i64,
            }
        }
        _ => Action::Server(match dice.below(8) {
            0 => ServerAction::Restart {
                for_ms: away_ms(dice).min(120_000),
            },
            1 | 2 => ServerAction::Backup,
            3 => ServerAction::Restore,
            4 | 5 => ServerAction::Prune,
            6 => ServerAction::Expire,
            _ => ServerAction::Defer {
                for_ms: dice.between(1, 60_000),
            },
        }),
    }
}

fn write(
    dice: &mut Dice,
    settings: &Settings,
    weights: &Weights,
    replica: u8,
    process: u8,
) -> Action {
    let group = dice.chance(weights.groups);
    let count = if group {
        dice.between(1, 4)
    } else {
        1 + u64::from(dice.chance(150))
    };
    let deeds = (0..count).map(|_| deed(dice, settings, weights)).collect();
    Action::Write {
        replica,
        process,
        deeds,
        group,
    }
}

fn deed(dice: &mut Dice, settings: &Settings, weights: &Weights) -> Deed {
    let kind = if dice.chance(weights.deletes) {
        DeedKind::Delete
    } else {
        *dice.pick(&[
            DeedKind::Insert,
            DeedKind::Put,
            DeedKind::Put,
            DeedKind::Update,
            DeedKind::Patch,
            DeedKind::Patch,
            DeedKind::Patch,
        ])
    };
    let extra = match dice.chance(weights.extras) {
        true => *dice.pick(&[Extra::Forbidden, Extra::Later, Extra::Scope]),
        false => Extra::None,
    };
    Deed {
        collection: dice.below(settings.policies.len() as u64) as u8,
        record: dice.below(1_000) as u32,
        kind,
        fields: (dice.next() & dice.next()) as u8 | 1 << dice.below(7),
        extra,
    }
}
