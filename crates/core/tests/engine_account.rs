//! Whose file it is, and the end of a session.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::ErrorKind;
use tisync_core::model::*;

fn owned(account: Option<&str>, endpoint: &str, moved_from: Option<&str>) -> Config {
    let mut config = config(Policy::of(Rule::Manual));
    config.account = account.map(name);
    let connector = config.connectors.values_mut().next().unwrap();
    connector.endpoint = Some(endpoint.to_owned());
    connector.moved_from = moved_from.map(str::to_owned);
    config
}

/// Opens the device's file with another configuration.
fn reopen(device: &mut Device, config: Config) -> Result<(), tisync_core::Error> {
    device.engine = tisync_core::Engine::new();
    device
        .try_step(Input::Configure(Box::new(config)))
        .map(drop)
}

#[test]
fn a_file_belongs_to_one_account() {
    let mut device = Device::with(owned(Some("anna"), "http://a", None));
    let error = reopen(&mut device, owned(Some("ben"), "http://a", None)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongAccount);
    for word in [
        "belongs to the account anna",
        "ben came",
        "open another file",
    ] {
        assert!(error.message.contains(word), "{error}");
    }
    reopen(&mut device, owned(None, "http://a", None)).unwrap();
    reopen(&mut device, owned(Some("anna"), "http://a", None)).unwrap();
}

#[test]
fn a_file_that_agrees_with_the_configuration_is_only_read() {
    let anna = owned(Some("anna"), "http://a", None);
    let mut device = Device::with(anna.clone());
    let now = device.now();
    let mut unchanged = |config: &Config| {
        let mut engine = tisync_core::Engine::new();
        let result = engine.configure_unchanged(&mut device.store, now, config);
        (result, engine.health(&mut device.store, now).is_ok())
    };
    assert!(matches!(unchanged(&anna), (Ok(true), true)));
    // What is not as the file has it takes a step, and until then nothing is configured.
    let mut more = anna.clone();
    let notes = more.collections.values_mut().next().unwrap();
    notes.schema.number += 1;
    let moved = owned(Some("anna"), "http://b", Some("http://a"));
    for other in [&more, &moved] {
        assert!(matches!(unchanged(other), (Ok(false), false)));
    }
    let (result, configured) = unchanged(&owned(Some("ben"), "http://a", None));
    assert_eq!(result.unwrap_err().kind, ErrorKind::WrongAccount);
    assert!(!configured);
}

#[test]
fn a_file_belongs_to_its_backends_unless_they_have_moved() {
    let mut device = Device::with(owned(None, "http://a", None));
    let error = reopen(&mut device, owned(None, "http://b", None)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongAccount);
    for word in [
        "belongs to http://a",
        "http://b was configured",
        "moved_from",
    ] {
        assert!(error.message.contains(word), "{error}");
    }
    reopen(&mut device, owned(None, "http://b", Some("http://c"))).unwrap_err();
    reopen(&mut device, owned(None, "http://b", Some("http://a"))).unwrap();
    // It may stay in the configuration.
    reopen(&mut device, owned(None, "http://b", Some("http://a"))).unwrap();
    reopen(&mut device, owned(None, "http://a", None)).unwrap_err();
}

#[test]
fn the_credentials_may_say_whose_it_is() {
    let mut device = Device::with(owned(None, "http://a", None));
    device.step(Input::Own(name("anna")));
    device.step(Input::Own(name("anna")));
    let error = device.try_step(Input::Own(name("ben"))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongAccount);
    let now = device.now();
    let ownership = device.engine.ownership(&mut device.store, now).unwrap();
    assert_eq!(ownership.account, Some(name("anna")));
    assert_eq!(ownership.endpoints[&name("main")], "http://a");
    assert_eq!(ownership.logged_out_ms, None);
    reopen(&mut device, owned(Some("ben"), "http://a", None)).unwrap_err();
}

/// A device with a write in every state.
fn busy() -> Device {
    let mut device = Device::with(owned(None, "http://a", None));
    device.pull(vec![
        upsert("conflict", "e.1", r#"{"t":0}"#),
        upsert("sent", "e.2", r#"{"t":0}"#),
        upsert("parked", "e.3", r#"{"t":0}"#),
    ]);
    device.put("parked", r#"{"t":"mine"}"#);
    let (request, items) = device.pushed();
    let rejected = Verdict::Rejected {
        reason: "no".to_owned(),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, rejected)].into())),
    );
    device.step(Input::Stop);
    device.put("conflict", r#"{"t":"mine"}"#);
    device.step(Input::Start { listen: false });
    let (request, items) = device.pushed();
    let conflict = Verdict::Conflict {
        remote: Some(remote("e.4", Some(r#"{"t":"theirs"}"#))),
    };
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, conflict)].into())),
    );
    device.put("sent", r#"{"t":"mine"}"#);
    device.pushed();
    device.put("sent", r#"{"t":"mine again"}"#);
    device.put("new", r#"{"t":"mine"}"#);
    device
}

#[test]
fn what_is_given_up_goes_to_the_journal_and_the_server_s_side_shows() {
    let mut device = busy();
    assert_eq!((device.outbox().len(), device.conflicts().len()), (5, 1));
    let mut slices = 0;
    while !device.outbox().is_empty() {
        device.step(Input::GiveUp { entries: 2 });
        slices += 1;
    }
    assert!(slices > 1, "in slices");
    assert_eq!(device.conflicts().len(), 0);
    let shown = |device: &mut Device, id| device.get(id);
    assert_eq!(
        shown(&mut device, "conflict").as_deref(),
        Some(r#"{"t":"theirs"}"#)
    );
    assert_eq!(shown(&mut device, "sent").as_deref(), Some(r#"{"t":0}"#));
    assert_eq!(shown(&mut device, "parked").as_deref(), Some(r#"{"t":0}"#));
    assert_eq!(shown(&mut device, "new"), None);
    assert_eq!(device.record("sent").unwrap().state, RecordState::Clean);
    let mut lost: Vec<(String, String)> = device
        .journal()
        .into_iter()
        .map(|row| {
            assert_eq!(
                (row.loser, row.policy.as_str()),
                (Loser::Ours, "discarded at logout")
            );
            let ours = row.ours.document().unwrap().canonical();
            (row.record.to_string(), ours)
        })
        .collect();
    lost.sort();
    let mine = |id: &str| (id.to_owned(), r#"{"t":"mine"}"#.to_owned());
    let again = ("sent".to_owned(), r#"{"t":"mine again"}"#.to_owned());
    assert_eq!(
        lost,
        [
            mine("conflict"),
            mine("new"),
            mine("parked"),
            again,
            mine("sent")
        ]
    );
    // One call brings each back.
    let row = device
        .journal()
        .into_iter()
        .find(|row| row.record == name("new"));
    device.step(Input::Undo(row.unwrap().id));
    assert_eq!(device.get("new").as_deref(), Some(r#"{"t":"mine"}"#));
}

#[test]
fn a_verdict_that_comes_after_it_was_given_up_changes_nothing() {
    let mut device = Device::with(owned(None, "http://a", None));
    device.put("a", "{}");
    let (request, items) = device.pushed();
    device.step(Input::GiveUp { entries: 100 });
    device.answer(
        request,
        Reply::Pushed(Ok(vec![(items[0].id, accepted("e.1"))].into())),
    );
    assert_eq!((device.get("a"), device.outbox().len()), (None, 0));
    // The feed tells that the server has it.
    device.pull(vec![upsert("a", "e.1", "{}")]);
    assert_eq!(device.get("a").as_deref(), Some("{}"));
}

#[test]
fn who_is_logged_out_exchanges_nothing_and_loses_nothing() {
    let mut device = Device::with(owned(None, "http://a", None));
    device.pull(vec![]);
    device.step(Input::LogOut);
    device.put("a", "{}");
    device.outputs.clear();
    for _ in 0..2 {
        device.advance(3_600_000);
        device.step(Input::SyncNow);
        device.step(Input::Start { listen: true });
        assert_eq!(device.order(), None);
        let health = device.health();
        assert!(health.logged_out_ms.is_some());
        assert_eq!(health.connectors[0].blocker, Some(Blocker::Credentials));
        assert_eq!(health.blockers[0].blocker, Blocker::Credentials);
        // A new process does not log in by itself.
        device.start();
    }
    device.step(Input::LogIn);
    device.accept(1);
    assert!(device.outbox().is_empty());
    assert_eq!(device.health().logged_out_ms, None);
}
