//! What a policy means, for documents without objects inside and without field rules: written from the words
//! of `docs/POLICIES.md`, not from the planner.
use tisync_core::model::{DeleteRule, Fallback, Loser, Policy, Rule};
use tisync_json::{Object, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Ours,
    Theirs,
}

/// What stands and who lost, or the name of the function that is asked, `person` for a person.
pub(crate) type Expected = Result<(Option<Object>, Loser), &'static str>;

/// `later` is who wrote later, when that is known.
pub(crate) fn reference(
    [base, ours, theirs]: [Option<&Object>; 3],
    policy: &Policy,
    later: Option<Who>,
) -> Expected {
    // Only one side changed, or both to the same.
    if ours == base || ours == theirs {
        return Ok((theirs.cloned(), Loser::None));
    }
    if theirs == base {
        return Ok((ours.cloned(), Loser::None));
    }
    let stands = |who| match who {
        Who::Ours => Ok((ours.cloned(), Loser::Theirs)),
        Who::Theirs => Ok((theirs.cloned(), Loser::Ours)),
    };
    // One side deleted the record, the other edited it.
    let (Some(our_fields), Some(their_fields)) = (ours, theirs) else {
        let (editor, deleter) = match ours {
            Some(_) => (Who::Ours, Who::Theirs),
            None => (Who::Theirs, Who::Ours),
        };
        return match (policy.deletes, &policy.rule) {
            (Some(DeleteRule::EditWins), _) | (None, Rule::Merge) => stands(editor),
            (Some(DeleteRule::DeleteWins), _) => stands(deleter),
            (Some(DeleteRule::ClientWins), _) | (None, Rule::ClientWins) => stands(Who::Ours),
            (Some(DeleteRule::ServerWins), _) | (None, Rule::ServerWins) => stands(Who::Theirs),
            (Some(DeleteRule::LatestTimestampWins), _) | (None, Rule::LatestTimestampWins) => {
                stands(later.unwrap_or(editor))
            }
            (Some(DeleteRule::Manual), _) | (None, Rule::Manual) => Err("person"),
            (None, Rule::Function(_)) => Err("function"),
        };
    };
    // Both edited it.
    match policy.rule {
        Rule::ClientWins => return stands(Who::Ours),
        Rule::ServerWins => return stands(Who::Theirs),
        Rule::LatestTimestampWins => return stands(later.unwrap_or(Who::Theirs)),
        Rule::Manual => return Err("person"),
        Rule::Function(_) => return Err("function"),
        Rule::Merge => {}
    }
    let (mut merged, mut ours_lost, mut theirs_lost) = (Object::new(), false, false);
    for key in our_fields.keys().chain(their_fields.keys()) {
        let before = base.and_then(|base| base.get(key));
        let (ours, theirs) = (our_fields.get(key), their_fields.get(key));
        let mut stays = |value: Option<&Value>| {
            value.map(|value| merged.insert(key.clone(), value.clone()));
        };
        if ours == before || ours == theirs {
            stays(theirs);
        } else if theirs == before {
            stays(ours);
        } else {
            let stands = match policy.fallback {
                Some(Fallback::Client) => Who::Ours,
                Some(Fallback::Server) => Who::Theirs,
                Some(Fallback::Latest) | None => later.unwrap_or(Who::Theirs),
                Some(Fallback::Manual) => return Err("person"),
            };
            stays(if stands == Who::Ours { ours } else { theirs });
            theirs_lost |= stands == Who::Ours;
            ours_lost |= stands == Who::Theirs;
        }
    }
    let loser = match (ours_lost, theirs_lost) {
        (false, false) => Loser::None,
        (true, false) => Loser::Ours,
        (false, true) => Loser::Theirs,
        (true, true) => Loser::Both,
    };
    Ok((Some(merged), loser))
}
