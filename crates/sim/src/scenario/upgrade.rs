//! Updates of the app in the middle of a run, added to one seed in four: from a stream of chance of its own, so
//! that the other seeds stay as they are.
use super::{Action, Extra, Scenario, ServerAction, Step};
use crate::app;
use crate::dice::Dice;

/// Adds updates to a scenario.
pub(super) fn add(scenario: &mut Scenario) {
    if scenario.seed % 4 != 1 || scenario.steps.is_empty() {
        return;
    }
    let mut dice = Dice::of(scenario.seed, &[0x7570]);
    scenario.settings.upgrades = true;
    if dice.chance(500) {
        stick(scenario, &mut dice);
    }
    for replica in 0..scenario.settings.replicas {
        for _ in 1..app::NEWEST {
            if dice.chance(600) {
                let for_ms = dice.between(0, 20_000);
                insert(scenario, &mut dice, Action::Upgrade { replica, for_ms });
            }
        }
    }
    if dice.chance(250) {
        let schema = *dice.pick(&[2, 3]);
        let demand = Action::Server(ServerAction::Demand { schema });
        insert(scenario, &mut dice, demand);
    }
}

/// Lets some writes make documents that are hard to bring forward.
fn stick(scenario: &mut Scenario, dice: &mut Dice) {
    for step in &mut scenario.steps {
        let Action::Write { deeds, .. } = &mut step.action else {
            continue;
        };
        for deed in deeds {
            if deed.extra == Extra::None && dice.chance(80) {
                deed.extra = Extra::Stuck;
            }
        }
    }
}

/// Puts an action behind one that is there already.
fn insert(scenario: &mut Scenario, dice: &mut Dice, action: Action) {
    let place = dice.below(scenario.steps.len() as u64) as usize;
    let step = Step {
        number: scenario.steps.len(),
        at_ms: scenario.steps[place].at_ms,
        action,
    };
    scenario.steps.insert(place + 1, step);
}
