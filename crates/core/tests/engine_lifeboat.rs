//! Pending writes that come back from a lifeboat file: each once, on what it stood on.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use tisync_core::ErrorKind;
use tisync_core::model::*;
use tisync_json::tree::BTreeMap;

/// What a device would write into a file.
fn chains(device: &mut Device) -> Vec<Chain> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let now = device.now();
        let page = device.engine.chains(&mut device.store, now, after, 2);
        let (chains, next) = page.unwrap();
        all.extend(chains);
        match next {
            Some(_) => after = next,
            None => return all,
        }
    }
}

fn boat(chains: &[Chain]) -> Input {
    Input::BringBack(Box::new(Lifeboat {
        account: None,
        endpoints: BTreeMap::new(),
        chains: chains.to_vec(),
    }))
}

fn outcomes(outputs: &[Output]) -> Vec<Return> {
    let back = outputs.iter().find_map(|output| match output {
        Output::BroughtBack(back) => Some(back),
        _ => None,
    });
    back.unwrap().iter().map(|one| one.outcome).collect()
}

/// A device that knows `a` and `b`, changes one, deletes the other, and makes `c`.
fn writer() -> Device {
    let mut device = Device::new(Rule::Merge);
    device.pull(vec![
        upsert("a", "e.1", r#"{"t":0,"u":0}"#),
        upsert("b", "e.2", r#"{"t":0}"#),
    ]);
    device.step(Input::Stop);
    device.write("a", WriteKind::Patch(patch(r#"{"set":{"/t":1}}"#)));
    device.delete("b");
    device.put("c", r#"{"t":2}"#);
    device
}

fn patch(text: &str) -> tisync_json::Patch {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_was_pending_is_pending_in_an_empty_replica_under_the_same_keys() {
    let mut old = writer();
    let chains = chains(&mut old);
    let mut new = Device::new(Rule::Merge);
    let outputs = new.step(boat(&chains));
    assert_eq!(outcomes(&outputs), [Return::Pending; 3]);
    let keys = |device: &mut Device| -> Vec<MutationId> {
        device.outbox().iter().map(|entry| entry.id).collect()
    };
    assert_eq!(keys(&mut new), keys(&mut old));
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1,"u":0}"#));
    assert_eq!((new.get("b"), new.get("c").is_some()), (None, true));
    // They go with the versions that they stood on.
    let (_, items) = new.pushed();
    let preconditions: Vec<_> = items.iter().map(|item| item.precondition.clone()).collect();
    assert_eq!(
        preconditions,
        [
            Precondition::Version(name("e.1")),
            Precondition::Version(name("e.2")),
            Precondition::Absent
        ]
    );
}

#[test]
fn a_second_time_brings_nothing_back_also_after_they_were_settled() {
    let chains = chains(&mut writer());
    let mut new = Device::new(Rule::Merge);
    new.step(boat(&chains));
    assert_eq!(outcomes(&new.step(boat(&chains))), [Return::Already; 3]);
    assert_eq!(new.outbox().len(), 3);
    new.accept(3);
    assert_eq!(new.outbox().len(), 0);
    let outputs = new.step(boat(&chains));
    assert_eq!(outcomes(&outputs), [Return::Already; 3]);
    assert_eq!(new.outbox().len(), 0);
}

#[test]
fn who_gives_them_up_again_may_bring_them_back_again() {
    let chains = chains(&mut writer());
    let mut new = Device::new(Rule::Merge);
    new.step(boat(&chains));
    new.step(Input::GiveUp { entries: 100 });
    assert_eq!(new.outbox().len(), 0);
    assert_eq!(outcomes(&new.step(boat(&chains))), [Return::Pending; 3]);
}

#[test]
fn what_the_server_wrote_meanwhile_is_merged_from_the_old_base() {
    let chains = chains(&mut writer());
    let mut new = Device::new(Rule::Merge);
    new.pull(vec![
        upsert("a", "e.7", r#"{"t":0,"u":9}"#),
        upsert("b", "e.2", r#"{"t":0}"#),
    ]);
    new.step(boat(&chains));
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1,"u":9}"#));
    assert_eq!(new.get("b"), None);
    let (_, items) = new.pushed();
    assert_eq!(items[0].precondition, Precondition::Version(name("e.7")));
    // And also when it arrives later.
    let mut new = Device::new(Rule::Merge);
    new.step(boat(&chains));
    new.pull(vec![upsert("a", "e.7", r#"{"t":0,"u":9}"#)]);
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1,"u":9}"#));
}

#[test]
fn what_was_sent_goes_again_as_it_was() {
    let mut old = writer();
    old.step(Input::Start { listen: false });
    let (_, sent) = old.pushed();
    let chains = chains(&mut old);
    let mut new = Device::new(Rule::Merge);
    new.pull(vec![upsert("a", "e.7", r#"{"t":0,"u":9}"#)]);
    new.step(boat(&chains));
    assert!(
        new.outbox()
            .iter()
            .all(|entry| matches!(entry.state, EntryState::Unknown { .. }))
    );
    let (_, again) = new.pushed();
    assert_eq!(again, sent);
}

#[test]
fn what_has_lost_its_freeze_goes_under_another_key() {
    let mut old = writer();
    old.step(Input::Start { listen: false });
    old.pushed();
    let mut chains = chains(&mut old);
    for entry in chains.iter_mut().flat_map(|chain| &mut chain.entries) {
        entry.frozen = None;
    }
    let mut new = Device::new(Rule::Merge);
    new.step(boat(&chains));
    let outbox = new.outbox();
    for (entry, chain) in outbox.iter().zip(&chains) {
        assert_eq!(entry.state, EntryState::Pending);
        assert_eq!(entry.replaces, Some(chain.entries[0].id));
        assert_ne!(entry.id, chain.entries[0].id);
    }
    assert_eq!(outcomes(&new.step(boat(&chains))), [Return::Already; 3]);
}

#[test]
fn what_is_here_stands_in_for_a_base_that_was_lost() {
    let mut chains = chains(&mut writer());
    for chain in &mut chains {
        chain.base = None;
    }
    let mut new = Device::new(Rule::Merge);
    new.pull(vec![
        upsert("a", "e.7", r#"{"t":5,"u":9}"#),
        upsert("b", "e.8", r#"{"t":0}"#),
    ]);
    assert_eq!(outcomes(&new.step(boat(&chains))), [Return::Pending; 3]);
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1,"u":9}"#));
    assert_eq!((new.get("b"), new.get("c").is_some()), (None, true));
    assert_eq!(new.outbox().len(), 3);
}

#[test]
fn with_neither_base_nor_record_somebody_looks_at_it() {
    let mut chains = chains(&mut writer());
    for chain in &mut chains {
        chain.base = None;
    }
    let mut new = Device::new(Rule::Merge);
    let outputs = new.step(boat(&chains));
    // A create stands on nothing; a delete must have seen what it deletes.
    let expected = [Return::Parked, Return::Waits, Return::Pending];
    assert_eq!(outcomes(&outputs), expected);
    let (_, items) = new.pushed();
    assert_eq!(items.len(), 1);
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1}"#));
    let request = new.pulled();
    new.answer_pull(request, vec![upsert("b", "e.8", r#"{"t":0}"#)]);
    assert_eq!(new.get("b").as_deref(), Some(r#"{"t":0}"#));
    let expected = [Return::Already, Return::Pending, Return::Already];
    assert_eq!(outcomes(&new.step(boat(&chains))), expected);
    assert_eq!(new.get("b"), None);
}

#[test]
fn a_record_with_newer_writes_waits_until_they_are_settled() {
    let chains = chains(&mut writer());
    let mut new = Device::new(Rule::Merge);
    new.pull(vec![upsert("a", "e.1", r#"{"t":0,"u":0}"#)]);
    new.put("a", r#"{"t":0,"u":7}"#);
    let outputs = new.step(boat(&chains));
    let expected = [Return::Waits, Return::Pending, Return::Pending];
    assert_eq!(outcomes(&outputs), expected);
    new.accept(3);
    let outputs = new.step(boat(&chains));
    let expected = [Return::Pending, Return::Already, Return::Already];
    assert_eq!(outcomes(&outputs), expected);
    assert_eq!(new.get("a").as_deref(), Some(r#"{"t":1,"u":7}"#));
}

#[test]
fn writes_of_another_account_or_backend_or_a_newer_app_are_refused() {
    let chains = chains(&mut writer());
    let mut config = config(Policy::of(Rule::Merge));
    config.account = Some(name("anna"));
    let connector = config.connectors.values_mut().next().unwrap();
    connector.endpoint = Some("http://a".to_owned());
    let mut new = Device::with(config);
    let mut refused = |account: &str, endpoint: &str, chains: &[Chain]| {
        let input = Input::BringBack(Box::new(Lifeboat {
            account: Some(name(account)),
            endpoints: BTreeMap::from([(name("main"), endpoint.to_owned())]),
            chains: chains.to_vec(),
        }));
        new.try_step(input).map_err(|error| error.kind).err()
    };
    let wrong = Some(ErrorKind::WrongAccount);
    assert_eq!(refused("ben", "http://a", &chains), wrong);
    assert_eq!(refused("anna", "http://b", &chains), wrong);
    let mut newer = chains.clone();
    newer[0].entries[0].schema = 9;
    let invalid = Some(ErrorKind::Invalid);
    assert_eq!(refused("anna", "http://a", &newer), invalid);
    assert_eq!(refused("anna", "http://a", &chains), None);
}

#[test]
fn writes_of_an_older_schema_wait_for_the_next_start_of_the_app() {
    let chains = chains(&mut writer());
    let mut config = config(Policy::of(Rule::Merge));
    for collection in config.collections.values_mut() {
        collection.schema.number += 1;
    }
    let mut new = Device::with(config);
    let outputs = new.step(boat(&chains));
    assert_eq!(outcomes(&outputs)[0], Return::Parked);
    let of = |device: &mut Device, id: &str| {
        let rid = device.record(id).unwrap().rid;
        let outbox = device.outbox();
        let entry = outbox.iter().find(|entry| entry.rid == rid);
        entry.unwrap().state.clone()
    };
    assert!(
        matches!(
            of(&mut new, "a"),
            EntryState::Parked {
                unmigrated: true,
                ..
            }
        ),
        "nothing of it is sent as it is"
    );
    // The next start asks the migrate function about it.
    let now = new.now();
    let configure = Input::Configure(Box::new(new.config.clone()));
    new.engine = tisync_core::Engine::new();
    let outputs = new.engine.step(&mut new.store, now, configure).unwrap();
    let asked = outputs.into_iter().find_map(|output| match output {
        Output::Migrate(migrate) => Some(*migrate),
        _ => None,
    });
    let asked = asked.unwrap();
    let answers = asked.documents.into_iter().map(|outdated| {
        let text = outdated.document.text().replace("\"t\"", "\"title\"");
        (outdated, Ok(document(&text)))
    });
    let answer = MigrateAnswer {
        collection: asked.collection,
        to: asked.to,
        of: asked.of,
        answers: answers.collect(),
    };
    new.step(Input::Migrated(Box::new(answer)));
    assert_eq!(new.get("a").as_deref(), Some(r#"{"title":1,"u":0}"#));
    assert_eq!(of(&mut new, "a"), EntryState::Pending);
}

/// The places that stay when saved chains are given up.
fn leave(device: &mut Device, saved: &[Chain]) -> Vec<usize> {
    let outputs = device.step(Input::GiveUpSaved(saved.to_vec()));
    let stay = outputs.into_iter().find_map(|output| match output {
        Output::Stay(places) => Some(places),
        _ => None,
    });
    stay.unwrap()
}

#[test]
fn nothing_is_given_up_that_is_not_as_it_was_saved() {
    let mut device = writer();
    let saved = chains(&mut device);
    assert_eq!(saved.len(), 3);
    // One joins the write that was saved, one comes behind it, and one is new.
    device.put("c", r#"{"t":3}"#);
    device.put("b", r#"{"t":4}"#);
    device.put("d", r#"{"t":5}"#);
    assert_eq!(leave(&mut device, &saved), [1, 2]);
    let shown: Vec<_> = ["a", "b", "c", "d"].map(|id| device.get(id)).into();
    let doc = |text: &str| Some(text.to_owned());
    assert_eq!(
        shown,
        [
            doc(r#"{"t":0,"u":0}"#),
            doc(r#"{"t":4}"#),
            doc(r#"{"t":3}"#),
            doc(r#"{"t":5}"#)
        ]
    );
    assert_eq!(device.journal().len(), 1);
    // What is gone already stays gone, and a second file has the rest.
    let saved = chains(&mut device);
    assert_eq!(leave(&mut device, &saved), [] as [usize; 0]);
    assert_eq!(device.outbox().len(), 0);
    assert_eq!(leave(&mut device, &saved), [0, 1, 2]);
}

#[test]
fn what_is_in_flight_is_given_up_if_it_was_saved() {
    let mut device = writer();
    device.step(Input::Start { listen: false });
    device.pushed();
    let saved = chains(&mut device);
    assert_eq!(leave(&mut device, &saved), [] as [usize; 0]);
    assert_eq!(device.outbox().len(), 0);
}

#[test]
fn a_group_goes_as_a_whole_or_stays() {
    let mut device = writer();
    let put = |id: &str, text: &str| Write {
        collection: name("notes"),
        id: Some(name(id)),
        kind: WriteKind::Put(document(text)),
    };
    let group = |device: &mut Device, writes: Vec<Write>| {
        let group = true;
        device.step(Input::Write { writes, group });
    };
    group(&mut device, vec![put("x", "{}"), put("y", "{}")]);
    group(&mut device, vec![put("y", r#"{"t":1}"#), put("z", "{}")]);
    let saved = chains(&mut device);
    assert_eq!(saved.len(), 6);
    // z changes, so y stays because of their group, and x because of its group with y.
    device.put("z", r#"{"t":2}"#);
    assert_eq!(leave(&mut device, &saved), [3, 4, 5]);
    assert_eq!(device.get("x").as_deref(), Some("{}"));
    // A member that was never saved holds the others back too.
    let saved = chains(&mut device);
    group(&mut device, vec![put("w", "{}"), put("x", r#"{"t":3}"#)]);
    assert_eq!(leave(&mut device, &saved), [0, 1, 2]);
}
