//! Several versions of the app write to one server: documents of older and newer schemas come in its answers.
use crate::common::*;
use crate::*;

#[test]
fn a_document_of_a_newer_app_stays_as_it_is() {
    let mut device = at(1, Rule::Merge);
    let mut newer = upsert("a", "e.1", r#"{"name":"theirs","tags":[1]}"#);
    if let Item::Upsert { schema, .. } = &mut newer {
        *schema = Some(3);
    }
    device.pull(vec![newer]);
    device.step(Input::Stop);
    device.put(
        "a",
        r#"{"name":"theirs","tags":[1],"title":"of an older app"}"#,
    );
    // The upgrade does not take it for one of its own schema.
    upgrade(&mut device, 2);
    assert_eq!(device.record("a").unwrap().schema, 3);
    let sent = device.accept(2);
    assert_eq!(set(&sent[0].change), ["/title"]);
    assert_eq!(device.record("a").unwrap().schema, 3);
    upgrade(&mut device, 3);
    assert!(device.get("a").unwrap().contains(r#""tags":[1]"#));
}

#[test]
fn what_a_server_takes_no_more_goes_again_in_the_present_schema() {
    let mut device = at(1, Rule::Merge);
    device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
    device.put("a", r#"{"title":"ours"}"#);
    let old = lost(&mut device);
    upgrade(&mut device, 2);
    for verdict in [Ok(()), Err(())] {
        let (request, items) = device.pushed();
        assert_eq!(items[0].schema, if verdict.is_ok() { 1 } else { 2 });
        let reply = match verdict {
            Ok(()) => Err(failure(FailureKind::UpgradeRequired, true)),
            Err(()) => Ok(vec![(items[0].id, accepted("e.2"))].into()),
        };
        device.answer(request, Reply::Pushed(reply));
        device.advance(10_000);
        if verdict.is_ok() {
            let renewed = device.outbox().remove(0);
            assert_eq!(renewed.replaces, Some(old[0].id));
            assert_eq!(set(&renewed.change), ["/name"]);
        }
    }
    assert!(device.outbox().is_empty());
    let health = device.health();
    assert_eq!(health.connectors[0].blocker, None);
}

#[test]
fn an_app_that_is_too_old_stops_pushing_and_goes_on_pulling() {
    for whole in [true, false] {
        let mut device = at(1, Rule::Merge);
        device.pull(vec![upsert("a", "e.1", r#"{"title":"a"}"#)]);
        let written = device.put("a", r#"{"title":"ours"}"#).unwrap();
        let (request, items) = device.pushed();
        let reply = match whole {
            true => Err(failure(FailureKind::UpgradeRequired, true)),
            false => Ok(vec![(items[0].id, Verdict::Outdated)].into()),
        };
        device.answer(request, Reply::Pushed(reply));
        assert_eq!(device.outbox()[0].state, EntryState::Pending);
        let health = device.health();
        assert_eq!(health.connectors[0].blocker, Some(Blocker::UpgradeRequired));
        assert_eq!(health.blockers[0].blocker, Blocker::UpgradeRequired);
        device.pull(vec![upsert("b", "e.2", r#"{"title":"b"}"#)]);
        assert_eq!(device.get("b").unwrap(), r#"{"title":"b"}"#);
        // The newer app sends it, under its old key: it was handed out.
        upgrade(&mut device, 2);
        let (_, items) = device.pushed();
        assert_eq!((items[0].id, items[0].schema), (written, 1));
    }
}

#[test]
fn answers_come_forward_before_the_engine_sees_them() {
    let mut device = at(2, Rule::Merge);
    let of_schema = |schema: u32, mut item: Item| {
        if let Item::Upsert { schema: known, .. } = &mut item {
            *known = Some(schema);
        }
        item
    };
    let items = vec![
        of_schema(1, upsert("a", "e.1", r#"{"title":"a"}"#)),
        of_schema(1, upsert("b", "e.2", r#"{"title":"b","stuck":1}"#)),
        of_schema(2, upsert("c", "e.3", r#"{"title":"kept"}"#)),
        upsert("d", "e.4", r#"{"title":"untold"}"#),
    ];
    let mut reply = Reply::Pulled(Ok(page(items, "e", &[("e", 0)])));
    let request = device.pulled();
    let task = Task::Fetch(Wanted::Ids(Vec::new()));
    let config = device.config.clone();
    reply.migrate(&config, &task, &mut |_, from, to, document| {
        forward(from, to, document)
    });
    device.answer(request, reply);
    assert_eq!(device.get("a").unwrap(), r#"{"name":"a"}"#);
    assert_eq!(device.get("b"), None);
    assert_eq!(device.get("c").unwrap(), r#"{"title":"kept"}"#);
    assert_eq!(device.get("d").unwrap(), r#"{"title":"untold"}"#);
    assert_eq!(device.health().quarantined, 1);

    device.put("a", r#"{"name":"ours"}"#);
    let (request, items) = device.pushed();
    for (text, expected) in [
        (r#"{"title":"x"}"#, Some(r#"{"name":"x"}"#)),
        (r#"{"title":"x","stuck":1}"#, None),
    ] {
        let mut theirs = remote("e.5", Some(text));
        theirs.schema = Some(1);
        let verdict = Verdict::Conflict {
            remote: Some(theirs),
        };
        let mut reply = Reply::Pushed(Ok(vec![(items[0].id, verdict)].into()));
        let task = Task::Push(items.clone());
        reply.migrate(&config, &task, &mut |_, from, to, document| {
            forward(from, to, document)
        });
        let Reply::Pushed(Ok(Pushed { verdicts, .. })) = &reply else {
            unreachable!()
        };
        match (&verdicts[0].1, expected) {
            (Verdict::Conflict { remote }, Some(expected)) => {
                let document = remote.as_ref().unwrap().image.document().unwrap();
                assert_eq!(document.canonical(), expected);
            }
            (Verdict::Rejected { reason }, None) => assert!(reason.contains("it is stuck")),
            other => panic!("{other:?}"),
        }
    }
    let _ = request;
}

#[test]
fn an_engine_that_is_given_older_documents_keeps_them_apart() {
    let mut device = at(2, Rule::Merge);
    let old = |id: &str, version: &str| {
        let mut item = upsert(id, version, r#"{"title":"old"}"#);
        if let Item::Upsert { schema, .. } = &mut item {
            *schema = Some(1);
        }
        item
    };
    device.pull(vec![old("a", "e.1"), upsert("b", "e.2", r#"{"name":"b"}"#)]);
    assert_eq!(device.get("a"), None);
    assert_eq!(device.health().quarantined, 1);
    device.put("b", r#"{"name":"ours"}"#);
    verdicts(&mut device, |_| {
        let mut theirs = remote("e.3", Some(r#"{"title":"old"}"#));
        theirs.schema = Some(1);
        Verdict::Conflict {
            remote: Some(theirs),
        }
    });
    assert!(matches!(
        device.outbox()[0].state,
        EntryState::Parked { .. }
    ));
    assert_eq!(device.get("b").unwrap(), r#"{"name":"ours"}"#);
}
