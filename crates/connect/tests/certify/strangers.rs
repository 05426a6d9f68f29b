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
    connector(how, "an answer of JSON-RPC with 200 claims nothing");
}

#[test]
fn a_session_that_is_over_taken_for_a_record_that_is_gone() {
    let how = How {
        pushed: |answer, items| {
            if matches!(answer, Err(failure) if failure.kind == FailureKind::Credentials) {
                let gone = |item: &PushItem| {
                    let remote = Some(Image::Gone.into());
                    (item.id, Verdict::Conflict { remote })
                };
                *answer = Ok(items.iter().map(gone).collect());
            }
        },
        ..How::default()
    };
    connector(how, "a session that is over is told as such");
}

#[test]
fn a_short_page_taken_for_the_end() {
    let how = How {
        pulled: |answer, request| {
            if let Ok(page) = answer
                && page.items.len() < request.items_max
            {
                page.end = PageEnd::Complete { total: None };
            }
        },
        ..How::default()
    };
    connector(how, "pages of fewer rows than asked for are no end");
}

#[test]
fn patches_sent_as_what_the_record_was_with_them() {
    let how = How {
        capability: |capability| capability.conditional = false,
        sends: |batch| {
            for item in batch {
                if let (Change::Patch(_), Some(document)) = (&item.change, &item.document) {
                    item.change = Change::Replace(document.clone());
                }
            }
        },
        ..How::default()
    };
    connector(how, "of two patches of different fields");
}

#[test]
fn an_answer_that_is_too_large_taken_for_a_write_that_was_not_sent() {
    let how = How {
        told: |failure, _| failure.not_sent |= failure.kind == FailureKind::TooLarge,
        ..How::default()
    };
    connector(how, "a replace whose answer is larger than what is read");
}
