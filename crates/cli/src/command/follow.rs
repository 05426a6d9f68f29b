//! Output that is shown again after each change, until the command is interrupted.
use crate::exit::{Code, Failure};
use crate::output::Out;
use tisync::Watch;

/// Shows the answer of a live query whenever it has changed: drawn anew on a terminal, else one after the other.
pub(crate) fn follow<T>(
    mut watch: Watch<T>,
    out: &Out,
    mut show: impl FnMut(&T) -> Result<(), Failure>,
) -> Result<Code, Failure> {
    while let Some(answer) = watch.blocking_next() {
        let answer = answer?;
        out.clear();
        show(&answer)?;
    }
    Ok(Code::Ok)
}
