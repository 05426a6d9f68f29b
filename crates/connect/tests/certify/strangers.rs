//! Connectors that believe strangers, and the check that finds it.
use super::bent::How;
use super::broken::{accept_all, connector};
use tisync_core::model::*;

#[test]
fn a_delete_that_any_page_confirms() {
    let how = How {
        pushed: |answer, items| {
            let is_other =
                matches!(answer, Err(failure) if failure.kind == FailureKind::NotThisProtocol);
            if is_other && items.iter().all(|item| item.change == Change::Delete) {
                *answer = Ok(accept_all(items));
            }
        },
        ..How::default()
    };
    connector(how, "a page of HTML with 200 is not the backend");
}
