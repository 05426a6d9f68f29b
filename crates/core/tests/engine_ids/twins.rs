//! A page shows what a lost create has made as somebody else's, until the create is found.
use super::common::*;
use super::{accept, device, lose_the_answer, next_exchange, sent, shown};
use tisync_core::model::*;

/// A device whose create was lost and asked for in vain, and whose page shows the record that it made.
fn with_a_twin() -> (Device, MutationId) {
    let mut device = device(Idempotency::Mark, true);
    device.pull(vec![]);
    device.put("mine", r#"{"a":1}"#);
    let items = lose_the_answer(&mut device);
    let mut looks = 0;
    loop {
        let Order { request, task, .. } = next_exchange(&mut device, 61_000);
        if matches!(task, Task::Pull(_)) {
            device.answer_pull(request, vec![upsert("s1", "e.1", r#"{"a":1}"#)]);
            break;
        }
        assert!(matches!(task, Task::Fetch(Wanted::Marks(_))));
        looks += 1;
        device.answer(request, Reply::Fetched(Ok(Fetched::default())));
    }
    assert_eq!(looks, 3);
    assert_eq!(shown(&mut device).len(), 2);
    (device, items[0].id)
}

fn find_the_mark(device: &mut Device, id: MutationId, record: &str, remote: Remote) {
    let request = loop {
        let Order { request, task, .. } = next_exchange(device, 61_000);
        match task {
            Task::Fetch(Wanted::Marks(_)) => break request,
            Task::Pull(_) => device.answer_pull(request, vec![]),
            _ => {
                let offline = failure(FailureKind::Offline, true);
                device.answer(request, Reply::Pushed(Err(offline)))
            }
        };
    };
    let marked = Marked::Record {
        id: name(record),
        remote,
    };
    let fetched = Fetched {
        marked: vec![(id, marked)],
        ..Fetched::default()
    };
    device.answer(request, Reply::Fetched(Ok(fetched)));
}

#[test]
fn a_twin_is_adopted_when_its_create_is_found() {
    let (mut device, id) = with_a_twin();
    find_the_mark(&mut device, id, "s1", remote("e.1", Some(r#"{"a":1}"#)));
    assert_eq!(
        shown(&mut device),
        [("s1".to_owned(), r#"{"a":1}"#.to_owned())]
    );
    assert_eq!(device.get("mine").unwrap(), r#"{"a":1}"#);
    assert_eq!(device.outbox(), []);
}

#[test]
fn what_was_written_to_both_twins_is_kept() {
    let (mut device, id) = with_a_twin();
    device.put("s1", r#"{"a":1,"of":"twin"}"#);
    device.put("mine", r#"{"a":1,"by":"me"}"#);
    find_the_mark(&mut device, id, "s1", remote("e.1", Some(r#"{"a":1}"#)));
    let both = r#"{"a":1,"by":"me","of":"twin"}"#;
    assert_eq!(shown(&mut device), [("s1".to_owned(), both.to_owned())]);
    accept(&mut device, &[]);
    while !device.outbox().is_empty() {
        accept(&mut device, &[]);
    }
    assert_eq!(device.get("mine").unwrap(), both);
}

#[test]
fn what_was_written_to_a_twin_alone_is_kept() {
    let (mut device, id) = with_a_twin();
    device.put("s1", r#"{"a":2}"#);
    find_the_mark(&mut device, id, "s1", remote("e.1", Some(r#"{"a":1}"#)));
    let items = accept(&mut device, &[]);
    assert_eq!(sent(&items), [("s1", r#"{"a":2}"#.to_owned())]);
    assert_eq!(
        shown(&mut device),
        [("s1".to_owned(), r#"{"a":2}"#.to_owned())]
    );
}

#[test]
fn whoever_deletes_one_of_two_twins_keeps_the_other() {
    for deleted in ["s1", "mine"] {
        let (mut device, id) = with_a_twin();
        let kept = if deleted == "s1" { "mine" } else { "s1" };
        device.delete(deleted);
        device.put(kept, r#"{"a":7}"#);
        find_the_mark(&mut device, id, "s1", remote("e.1", Some(r#"{"a":1}"#)));
        assert_eq!(
            shown(&mut device),
            [("s1".to_owned(), r#"{"a":7}"#.to_owned())]
        );
        let journal = device.journal();
        assert_eq!(journal[0].situation, TWINS);
        while !device.outbox().is_empty() {
            accept(&mut device, &[]);
        }
        assert_eq!(device.get("mine").unwrap(), r#"{"a":7}"#);
    }
}
