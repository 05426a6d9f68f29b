//! Each kept scenario found a bug once; it must hold.
use tisync_sim::scenario::Kept;
use tisync_sim::{Keeping, both, run};

#[test]
fn what_found_a_bug_once_holds_on_both_stores() -> Result<(), String> {
    let all = Kept::all()?;
    assert!(!all.is_empty(), "the kept scenarios are missing");
    for (name, kept) in all {
        let outcome = run::run::<both::Both>(&kept.scenario, Keeping::Nothing);
        if let Some(violation) = outcome.violation {
            return Err(format!("{name} ({}): {violation}", kept.why));
        }
    }
    Ok(())
}
