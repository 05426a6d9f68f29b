//! A server that was restored from a backup.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::model::*;

/// The server was restored to e.10 and goes on as f.
const RESTORED: [(&str, u64); 2] = [("e", 0), ("f", 10)];

/// Lets the feed tell of the restore, and walks it: this is what it shows.
fn restore(device: &mut Device, items: Vec<Item>) {
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(vec![], "f", &RESTORED))));
    let request = device.pulled();
    device.answer(request, Reply::Pulled(Ok(page(items, "f", &RESTORED))));
    for _ in 0..4 {
        device.step(Input::Wake);
    }
}

fn conflict(version: &str, text: &str) -> Verdict {
    Verdict::Conflict {
        remote: Some(remote(version, Some(text))),
    }
}

#[test]
fn a_write_whose_answer_was_lost_takes_the_lost_base_along() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12,"u":0}"#)]);
    device.put("a", r#"{"t":12,"u":1}"#);
    let (request, _) = device.pushed();
    let lost = failure(FailureKind::Offline, false);
    device.answer(request, Reply::Pushed(Err(lost)));
    restore(&mut device, vec![upsert("a", "e.7", r#"{"t":7,"u":0}"#)]);
    let (request, items) = device.pushed();
    let verdict = conflict("e.7", r#"{"t":7,"u":0}"#);
    device.answer(request, Reply::Pushed(Ok(vec![(items[0].id, verdict)])));
    assert_eq!(device.get("a").unwrap(), r#"{"t":12,"u":1}"#);
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Version(name("e.7")));
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":12,"u":1}"#
    );
}

#[test]
fn a_conflict_that_shows_an_older_image_than_ours_waits_for_the_feed() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12,"u":0}"#)]);
    device.advance(1_000);
    device.put("a", r#"{"t":12,"u":1}"#);
    // The server was restored, and nobody has told us yet.
    let (request, items) = device.pushed();
    let verdict = conflict("e.7", r#"{"t":7,"u":0}"#);
    device.answer(request, Reply::Pushed(Ok(vec![(items[0].id, verdict)])));
    assert_eq!(device.get("a").unwrap(), r#"{"t":12,"u":1}"#);
    restore(&mut device, vec![upsert("a", "e.7", r#"{"t":7,"u":0}"#)]);
    let (_, items) = device.pushed();
    assert_eq!(
        items[0].document.as_ref().unwrap().canonical(),
        r#"{"t":12,"u":1}"#
    );
}

#[test]
fn an_acceptance_of_a_lost_history_that_comes_late_is_sent_again() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![]);
    device.put("a", r#"{"t":1}"#);
    let (request, items) = device.pushed();
    device.advance(60_000);
    device.step(Input::Wake);
    restore(&mut device, vec![]);
    let verdict = accepted("e.11");
    device.answer(request, Reply::Pushed(Ok(vec![(items[0].id, verdict)])));
    assert_eq!(device.outbox().len(), 1);
    device.advance(1_000);
    let sent = device.accept(1);
    assert_eq!(sent[0].record.as_str(), "a");
    assert_eq!(sent[0].id, items[0].id);
}

#[test]
fn a_lost_write_is_offered_again_over_a_deletion_too() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    restore(&mut device, vec![tombstone("a", "e.9")]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":12}"#);
    let (_, items) = device.pushed();
    assert_eq!(items[0].precondition, Precondition::Absent);
}

#[test]
fn what_somebody_wrote_since_the_restore_is_journalled_when_ours_goes_over_it() {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![upsert("a", "e.12", r#"{"t":12}"#)]);
    restore(&mut device, vec![upsert("a", "f.11", r#"{"t":11}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"t":12}"#);
    let row = &device.journal()[0];
    assert_eq!(row.loser, Loser::Theirs);
    assert_eq!(row.theirs, Image::Present(document(r#"{"t":11}"#)));
}

#[test]
fn a_lost_delete_of_a_remembered_record_is_offered_again() {
    let mut device = Device::new(Rule::ServerWins);
    device.pull(vec![upsert("a", "e.5", r#"{"t":5}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"t":6}"#);
    device.step(Input::Start { listen: false });
    // A journalled decision keeps the row as a tombstone.
    device.pull(vec![upsert("a", "e.8", r#"{"t":8}"#)]);
    device.delete("a");
    device.accept(12);
    restore(&mut device, vec![upsert("a", "e.8", r#"{"t":8}"#)]);
    assert_eq!(device.get("a"), None);
    let (_, items) = device.pushed();
    assert_eq!(items[0].change, Change::Delete);
}
