//! The kinds of input, as the checkers tell them apart.
use tisync_core::model::{Input, MigrateOf};

/// What kind of input a step was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Configure,
    LeaseTaken,
    Write,
    Undo,
    Edit,
    Resolve,
    Discard,
    Local,
    GiveUp,
    Sync,
}

impl Kind {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Configure(_) => Kind::Configure,
            Input::Migrated(answer) => match answer.of {
                MigrateOf::Records { .. } => Kind::Configure,
                MigrateOf::Undo(_) => Kind::Undo,
                MigrateOf::Retry(_) => Kind::Local,
            },
            Input::LeaseTaken => Kind::LeaseTaken,
            Input::Write { .. } => Kind::Write,
            Input::Undo(_) => Kind::Undo,
            Input::Edit(..) => Kind::Edit,
            Input::Resolve { .. } => Kind::Resolve,
            Input::Discard(_) => Kind::Discard,
            Input::GiveUp { .. } | Input::GiveUpSaved(_) => Kind::GiveUp,
            Input::Retry(_)
            | Input::ConfirmShrink { .. }
            | Input::Resync(_)
            | Input::Verify { .. } => Kind::Local,
            _ => Kind::Sync,
        }
    }
}
