//! Each fault of a connector or a backend, and the check that finds it.
use super::bent::{Bent, How};
use super::home::{ADDRESS, Home};
use super::{names, try_out};
use std::rc::Rc;
use tisync_connect::connectors::Native;
use tisync_connect::http::Response;
use tisync_core::model::*;
use tisync_json::{Document, Patch, Path};
use tisync_server::HttpRequest;

/// A bent connector on a good backend fails this check.
pub(crate) fn connector(how: How, check: &str) {
    let inner = Native::new(ADDRESS);
    found(Rc::new(Bent { inner, how }), Home::new(|_, _| {}), check);
}

/// The native connector on a bent backend fails this check.
fn backend(bend: impl Fn(&mut HttpRequest, Option<&mut Response>) + 'static, check: &str) {
    found(Rc::new(Native::new(ADDRESS)), Home::new(bend), check);
}

fn found(connector: Rc<dyn tisync_connect::Connector>, home: Rc<Home>, check: &str) {
    let report = try_out(connector, home);
    let failed = names(&report);
    assert!(
        failed.iter().any(|name| name.contains(check)),
        "expected a check named like `{check}` to fail, but these did: {failed:#?}"
    );
}

pub(crate) fn accept_all(items: &[PushItem]) -> Pushed {
    let accepted = |item: &PushItem| {
        let verdict = Verdict::Accepted {
            id: None,
            version: Some("e.1".parse().unwrap()),
            image: None,
            stamp: None,
            schema: None,
            migrated: false,
        };
        (item.id, verdict)
    };
    items.iter().map(accepted).collect()
}

#[test]
fn a_lost_write_called_accepted() {
    let how = How {
        pushed: |answer, items| {
            if answer.is_err() {
                *answer = Ok(accept_all(items));
            }
        },
        ..How::default()
    };
    connector(how, "a create that is lost on its way");
}

#[test]
fn a_lost_answer_called_not_sent() {
    let how = How {
        told: |failure, _| failure.not_sent = true,
        ..How::default()
    };
    connector(how, "a create whose answer is lost");
}

#[test]
fn a_lost_answer_called_rejected() {
    let how = How {
        pushed: |answer, items| {
            if answer.is_err() {
                let rejected = |item: &PushItem| {
                    let reason = "no answer".to_owned();
                    (item.id, Verdict::Rejected { reason })
                };
                *answer = Ok(items.iter().map(rejected).collect());
            }
        },
        ..How::default()
    };
    connector(how, "a replace whose answer is lost");
}

#[test]
fn a_failure_called_gone() {
    let how = How {
        fetched: |answer, wanted| {
            let (Err(_), Wanted::Ids(ids)) = (&answer, wanted) else {
                return;
            };
            let gone = |(collection, id): &(CollectionName, RecordId)| {
                let remote = Remote {
                    out_of_scope: false,
                    image: Image::Gone,
                    version: None,
                    stamp: None,
                    stamps: None,
                    schema: None,
                    migrated: false,
                };
                (collection.clone(), id.clone(), Found::Image(remote))
            };
            *answer = Ok(ids.iter().map(gone).collect());
        },
        ..How::default()
    };
    connector(how, "`{}` with 200 claims nothing");
}

#[test]
fn a_failure_called_empty() {
    let how = How {
        pulled: |answer, _| {
            if answer.is_err() {
                *answer = Ok(Page {
                    items: Vec::new(),
                    checkpoint: None,
                    end: PageEnd::Complete { total: None },
                    left: None,
                    epoch: None,
                    server_time_ms: None,
                });
            }
        },
        ..How::default()
    };
    connector(how, "a page of HTML with 200");
}

#[test]
fn anything_called_reached() {
    let how = How {
        probed: |answer| *answer = Ok(()),
        ..How::default()
    };
    connector(how, "a page of HTML with 200");
}

#[test]
fn a_wait_that_is_not_kept() {
    let how = How {
        told: |failure, _| {
            if let FailureKind::Retry { after_ms } = &mut failure.kind {
                *after_ms = None;
            }
        },
        ..How::default()
    };
    connector(how, "503 with Retry-After: 7");
}

#[test]
fn refused_credentials_called_offline() {
    let how = How {
        told: |failure, _| {
            if failure.kind == FailureKind::Credentials {
                failure.kind = FailureKind::Offline;
            }
        },
        ..How::default()
    };
    connector(how, "401 means");
}

#[test]
fn a_secret_in_a_message() {
    let how = How {
        told: |failure, session| failure.message = format!("{:?}", session.token()),
        ..How::default()
    };
    connector(how, "without the credentials");
}

#[test]
fn a_copy_for_a_stranger() {
    let how = How {
        copy_to: Some("http://stranger.test/collect"),
        ..How::default()
    };
    // The stranger's address is no path of the server's: the request never gets an answer.
    let inner = Native::new(ADDRESS);
    let home = Home::new(|_, _| {});
    found(Rc::new(Bent { inner, how }), home, "another origin");
}

#[test]
fn a_row_dropped_at_the_edge_of_a_page() {
    let how = How {
        pulled: |answer, _| {
            if let Ok(page) = answer
                && page.end == PageEnd::More
            {
                page.items.pop();
            }
        },
        ..How::default()
    };
    connector(how, "survive the edge of pages of 3");
}

#[test]
fn tombstones_dropped() {
    let how = How {
        pulled: |answer, _| {
            if let Ok(page) = answer {
                page.items
                    .retain(|item| !matches!(item, Item::Tombstone { .. }));
            }
        },
        ..How::default()
    };
    connector(how, "a deleted record shows as declared");
}

#[test]
fn a_checkpoint_that_does_not_move() {
    let how = How {
        asks: |request| request.checkpoint = None,
        ..How::default()
    };
    connector(how, "survive the edge of pages of 1");
}

#[test]
fn a_checkpoint_that_runs_ahead() {
    let how = How {
        pulled: |answer, _| {
            // As if nothing could come between the last page and the next one.
            if let Ok(page) = answer
                && page.items.len() == 2
            {
                page.items.truncate(1);
            }
        },
        ..How::default()
    };
    connector(how, "every later change is seen");
}

#[test]
fn a_conflict_called_accepted() {
    let how = How {
        pushed: |answer, items| {
            if let Ok(pushed) = answer
                && pushed
                    .verdicts
                    .iter()
                    .any(|(_, verdict)| matches!(verdict, Verdict::Conflict { .. }))
            {
                *pushed = accept_all(items);
            }
        },
        ..How::default()
    };
    connector(how, "a write on an old version is a conflict");
}

#[test]
fn a_precondition_that_is_not_sent() {
    let how = How {
        sends: |batch| {
            for item in batch {
                item.precondition = Precondition::None;
            }
        },
        ..How::default()
    };
    connector(how, "of two writers on one version exactly one");
}

#[test]
fn a_version_of_something_else() {
    let how = How {
        pushed: |answer, _| {
            for (_, verdict) in answer.iter_mut().flat_map(|pushed| &mut pushed.verdicts) {
                if let Verdict::Accepted { version, .. } = verdict {
                    *version = Some("other.1".parse().unwrap());
                }
            }
        },
        ..How::default()
    };
    connector(how, "a record can be made, read and deleted");
}

#[test]
fn verdicts_in_another_order() {
    let how = How {
        pushed: |answer, _| {
            if let Ok(pushed) = answer {
                let mut verdicts: Vec<_> = pushed
                    .verdicts
                    .iter()
                    .map(|(_, verdict)| verdict.clone())
                    .collect();
                verdicts.reverse();
                for ((_, slot), verdict) in pushed.verdicts.iter_mut().zip(verdicts) {
                    *slot = verdict;
                }
            }
        },
        ..How::default()
    };
    connector(how, "a batch has a verdict for each write");
}

#[test]
fn a_group_sent_one_by_one() {
    let how = How {
        sends: |batch| {
            for item in batch {
                item.group = None;
            }
        },
        ..How::default()
    };
    connector(how, "a group is applied whole");
}

#[test]
fn a_patch_sent_as_the_whole() {
    let how = How {
        sends: |batch| {
            for item in batch {
                if let Change::Patch(Patch { set, .. }) = &item.change {
                    let patch = Patch {
                        set: set.clone(),
                        ..Patch::default()
                    };
                    if let Some(document) = Change::Patch(patch).apply(None) {
                        item.change = Change::Replace(document.clone());
                        item.document = Some(document);
                    }
                }
            }
        },
        ..How::default()
    };
    connector(how, "a patch leaves the other fields alone");
}

#[test]
fn a_whole_write_sent_as_a_patch() {
    let how = How {
        sends: |batch| {
            for item in batch {
                if let Change::Replace(document) = &item.change {
                    let fields = document.object().into_iter();
                    item.change = Change::Patch(Patch {
                        set: fields.map(|(key, value)| (Path::key(key), value)).collect(),
                        unset: [].into(),
                    });
                }
            }
        },
        ..How::default()
    };
    connector(how, "leaves out is gone");
}

#[test]
fn numbers_read_as_doubles() {
    let how = How {
        pulled: |answer, _| {
            for item in answer.iter_mut().flat_map(|page| &mut page.items) {
                if let Item::Upsert { document, .. } = item {
                    *document = through_doubles(document);
                }
            }
        },
        fetched: |answer, _| {
            for (_, _, found) in answer.iter_mut().flat_map(|fetched| &mut fetched.found) {
                if let Found::Image(Remote {
                    image: Image::Present(document),
                    ..
                }) = found
                {
                    *document = through_doubles(document);
                }
            }
        },
        ..How::default()
    };
    connector(how, "as the answer told: whole numbers beyond 2^53");
}

fn through_doubles(document: &Document) -> Document {
    let text = document
        .text()
        .replace("9007199254740993", "9007199254740992");
    Document::parse(&text).unwrap()
}

#[test]
fn ids_in_lower_case() {
    let how = How {
        sends: |batch| {
            for item in batch {
                item.record = RecordId::new(item.record.as_str().to_lowercase()).unwrap();
            }
        },
        ..How::default()
    };
    connector(how, "ids that differ in case");
}

#[test]
fn marks_that_are_declared_and_not_there() {
    let how = How {
        capability: |capability| capability.idempotency = Idempotency::Mark,
        ..How::default()
    };
    connector(how, "marks can be looked up as declared");
}

#[test]
fn ids_of_the_server_that_are_declared_and_not_there() {
    let how = How {
        capability: |capability| capability.ids = Ids::Server,
        ..How::default()
    };
    connector(how, "ids are made by who is declared");
}

#[test]
fn digests_that_are_there_and_not_declared() {
    let how = How {
        capability: |capability| capability.digests = false,
        ..How::default()
    };
    connector(how, "digests are given as declared");
}

#[test]
fn reads_that_are_there_and_not_declared() {
    let how = How {
        capability: |capability| capability.fetch = false,
        ..How::default()
    };
    connector(how, "records are read by id as declared");
}

#[test]
fn tombstones_that_are_there_and_not_declared() {
    let how = How {
        capability: |capability| capability.deletes = Deletes::Absent,
        ..How::default()
    };
    connector(how, "a deleted record shows as declared");
}

#[test]
fn a_backend_that_changes_texts() {
    let bend = |request: &mut HttpRequest, answer: Option<&mut Response>| {
        if answer.is_none()
            && request.path.starts_with("/v1/push")
            && let Ok(text) = std::str::from_utf8(&request.body)
        {
            request.body = text.replace("👩", "?").into_bytes();
        }
    };
    backend(bend, "as the answer told: emoji");
}

#[test]
fn a_backend_that_forgets_a_write() {
    let bend = |request: &mut HttpRequest, answer: Option<&mut Response>| {
        if answer.is_none()
            && request.path.starts_with("/v1/push")
            && let Ok(text) = std::str::from_utf8(&request.body)
        {
            // Every batch is answered as a whole, and one of its texts is kept from the store.
            request.body = text
                .replace(r#""title":"two "#, r#""title":"one "#)
                .into_bytes();
        }
    };
    backend(bend, "is seen by the next read");
}

#[test]
fn a_backend_that_tells_its_errors_as_success() {
    let bend = |_: &mut HttpRequest, answer: Option<&mut Response>| {
        if let Some(answer) = answer
            && answer.status == 401
        {
            answer.status = 200;
        }
    };
    backend(bend, "credentials that nobody gave out");
}
