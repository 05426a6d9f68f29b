//! What the migrate function cannot bring forward stays as it was, and nothing of two schemas gets mixed.
use crate::common::*;
use crate::*;
use tisync_core::ErrorKind;

#[test]
fn what_cannot_come_forward_is_kept_with_the_reason() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![
        upsert("clean", "e.1", r#"{"title":"a","stuck":true}"#),
        upsert("dirty", "e.2", r#"{"title":"b"}"#),
        upsert("good", "e.3", r#"{"title":"c"}"#),
    ]);
    device.step(Input::Stop);
    device.put("dirty", r#"{"title":"b","stuck":true}"#);
    device.put("good", r#"{"title":"d"}"#);
    upgrade(&mut device, 2);
    assert_eq!(
        device.get("clean").unwrap(),
        r#"{"stuck":true,"title":"a"}"#
    );
    assert_eq!(
        device.get("dirty").unwrap(),
        r#"{"stuck":true,"title":"b"}"#
    );
    let [parked, _] = device.outbox().try_into().unwrap();
    assert!(
        matches!(&parked.state, EntryState::Parked { reason, unmigrated: true, .. } if reason == "not migrated: it is stuck")
    );
    assert_eq!(device.health().quarantined, 1);
    // The good one goes on; nothing of an older schema is sent as if it were a newer one.
    let sent = device.accept(4);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].record.as_str(), "good");
    // A newer document of the server waits, and is lost neither.
    device.pull(vec![
        upsert("clean", "e.5", r#"{"name":"healed"}"#),
        upsert("dirty", "e.6", r#"{"name":"b","n":1}"#),
    ]);
    assert_eq!(device.get("clean").unwrap(), r#"{"name":"healed"}"#);
    assert_eq!(
        device.get("dirty").unwrap(),
        r#"{"stuck":true,"title":"b"}"#
    );
    // Sent again as it is, it is refused with the reason.
    let error = step(&mut device, Input::Retry(parked.id)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("it is stuck"), "{error}");
    // An app whose function can do it brings it forward when it starts, and what waited is merged.
    let unstuck = |from, to, document: &Document| {
        let mut object = document.object();
        object.remove("stuck");
        forward(from, to, &Document::from_object(&object))
    };
    device.engine = Engine::new();
    let config = device.config.clone();
    let mut outputs = device.step(Input::Configure(Box::new(config)));
    while let Some(migrate) = asked(&outputs) {
        outputs = device.step(Input::Migrated(Box::new(migrate.ask(unstuck))));
    }
    assert_eq!(device.get("dirty").unwrap(), r#"{"n":1,"name":"b"}"#);
    assert_eq!(device.health().quarantined, 0);
    assert!(device.outbox().is_empty(), "{:?}", device.outbox());
}

#[test]
fn a_parked_write_can_be_given_up_or_written_anew() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"title":"a","stuck":true}"#);
    device.put("b", r#"{"title":"b","stuck":true}"#);
    upgrade(&mut device, 2);
    let [a, b] = device.outbox().try_into().unwrap();
    device.step(Input::Discard(a.id));
    assert_eq!(device.journal()[0].schema, 1);
    device.step(Input::Edit(b.id, document(r#"{"name":"b"}"#)));
    let sent = device.accept(2);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].change, Change::Create(document(r#"{"name":"b"}"#)));
    assert_eq!(sent[0].schema, 2);
}

#[test]
fn an_undo_that_the_function_cannot_do_says_why() {
    let (mut device, row) = decided(r#"{"title":"ours","stuck":true}"#);
    let error = step(&mut device, Input::Undo(row)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("it is stuck"), "{error}");
    assert_eq!(device.get("a").unwrap(), r#"{"name":"theirs"}"#);
    assert_eq!(device.journal().len(), 1);
}

/// A record that the app of schema 2 could not migrate, as the server has it.
fn stuck() -> Device {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","stuck":true}"#)]);
    upgrade(&mut device, 2);
    device
}

#[test]
fn a_record_that_could_not_come_forward_takes_whole_documents_only() {
    let mut device = stuck();
    let mut patch = tisync_json::Patch::default();
    patch
        .set
        .insert(tisync_json::Path::key("n"), Value::from(1));
    let write = Write {
        collection: name("notes"),
        id: Some(name("a")),
        kind: WriteKind::Patch(patch),
    };
    let input = Input::Write {
        writes: vec![write],
        group: false,
    };
    let error = step(&mut device, input).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("from schema 1 to 2"), "{error}");
    assert!(device.outbox().is_empty());
    // A whole document is of the schema of the app that wrote it.
    device.put("a", r#"{"name":"whole"}"#);
    let sent = device.accept(2);
    assert_eq!(whole(&sent[0].change), r#"{"name":"whole"}"#);
    assert_eq!(device.record("a").unwrap().schema, 2);
    device.put("a", r#"{"name":"whole","n":1}"#);
    assert_eq!(set(&device.accept(3)[0].change), ["/n"]);
}

#[test]
fn a_parked_change_is_written_anew_as_a_whole() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","stuck":true}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"title":"ours","stuck":true}"#);
    upgrade(&mut device, 2);
    let parked = device.outbox().remove(0);
    device.step(Input::Edit(parked.id, document(r#"{"name":"ours"}"#)));
    assert_eq!(whole(&device.accept(2)[0].change), r#"{"name":"ours"}"#);
}

#[test]
fn what_waited_for_a_parked_write_shows_when_that_is_given_up() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.step(Input::Stop);
    device.put("a", r#"{"title":"ours","stuck":true}"#);
    upgrade(&mut device, 2);
    device.pull(vec![upsert("a", "e.2", r#"{"name":"theirs"}"#)]);
    assert_eq!(device.get("a").unwrap(), r#"{"stuck":true,"title":"ours"}"#);
    let parked = device.outbox().remove(0);
    device.step(Input::Discard(parked.id));
    assert_eq!(device.get("a").unwrap(), r#"{"name":"theirs"}"#);
    assert_eq!(device.record("a").unwrap().state, RecordState::Clean);
}

#[test]
fn nobody_decides_between_documents_of_two_schemas() {
    let mut device = at(1, Rule::Manual);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", r#"{"title":"ours","stuck":true}"#);
    verdicts(&mut device, |_| conflict("e.2", r#"{"title":"theirs"}"#));
    assert_eq!(device.conflicts().len(), 1);
    upgrade(&mut device, 2);
    device.pull(vec![upsert("a", "e.3", r#"{"name":"newer"}"#)]);
    let resolve = Input::Resolve {
        collection: name("notes"),
        id: name("a"),
        resolution: Resolution::Ours,
    };
    let error = step(&mut device, resolve).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    // Once all of it can be read, the conflict is open again, with what the server has now.
    let parked = device.outbox().remove(0);
    device.step(Input::Edit(parked.id, document(r#"{"name":"ours"}"#)));
    verdicts(&mut device, |_| conflict("e.3", r#"{"name":"newer"}"#));
    let parked = device.outbox().remove(0);
    step(&mut device, Input::Retry(parked.id)).unwrap();
    let open = device.conflicts().remove(0);
    let theirs = open.remote.image.document().unwrap();
    assert_eq!(theirs.canonical(), r#"{"name":"newer"}"#);
}

#[test]
fn a_record_made_anew_has_the_schema_of_its_new_document() {
    let mut device = at(1, Rule::ClientWins);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", r#"{"title":"ours"}"#);
    verdicts(&mut device, |_| {
        let mut newer = remote("e.2", Some(r#"{"name":"theirs"}"#));
        newer.schema = Some(2);
        Verdict::Conflict {
            remote: Some(newer),
        }
    });
    device.accept(3);
    device.delete("a");
    device.accept(4);
    // The journal keeps the row, with the number of the newer app that wrote the record before.
    assert_eq!(device.record("a").unwrap().schema, 2);
    device.step(Input::Stop);
    device.put("a", r#"{"title":"anew"}"#);
    upgrade(&mut device, 2);
    assert_eq!(device.get("a").unwrap(), r#"{"name":"anew"}"#);
}

#[test]
fn a_record_made_anew_behind_a_deletion_comes_forward() {
    let mut device = at(1, Rule::ServerWins);
    let mut newer = upsert("a", "e.1", r#"{"name":"theirs"}"#);
    if let Item::Upsert { schema, .. } = &mut newer {
        *schema = Some(2);
    }
    device.pull(vec![newer]);
    device.delete("a");
    device.pushed();
    device.put("a", r#"{"title":"anew"}"#);
    upgrade(&mut device, 2);
    assert_eq!(device.get("a").unwrap(), r#"{"name":"anew"}"#);
}

#[test]
fn an_answer_that_came_forward_tells_that_the_server_has_an_older_document() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a","stuck":true}"#)]);
    device.put("a", r#"{"title":"ours"}"#);
    lost(&mut device);
    upgrade(&mut device, 2);
    // The base could not come forward; what the server has now could.
    verdicts(&mut device, |_| Verdict::Accepted {
        id: None,
        version: Some(name("e.2")),
        image: Some(Image::Present(document(r#"{"name":"ours"}"#))),
        stamp: None,
        schema: Some(2),
        migrated: true,
    });
    device.put("a", r#"{"name":"ours","n":1}"#);
    let sent = device.accept(3);
    assert_eq!(whole(&sent[0].change), r#"{"n":1,"name":"ours"}"#);
}
