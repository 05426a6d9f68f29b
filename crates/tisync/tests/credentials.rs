//! Credentials: asked for, asked again, and never written down.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tisync::{Credentials, Replica};

const SECRET: &str = "s3cret-that-nobody-may-read";

fn device(world: &World, credentials: Credentials) -> Replica {
    world
        .device("a")
        .credentials(credentials)
        .collection("notes", "merge")
        .open()
        .unwrap()
}

#[test]
fn a_wrong_token_is_a_credentials_error_and_the_writes_wait() {
    let world = World::with_token(Some(SECRET));
    let a = device(&world, Credentials::token("wrong"));
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    assert!(a.blocking_sync().unwrap_err().is_credentials());
    // The second try does not even reach the server.
    assert!(a.blocking_sync().unwrap_err().is_credentials());
    assert_eq!(a.health().unwrap().outbox.total(), 1);
    drop(a);

    let a = device(&world, Credentials::token(SECRET));
    assert!(a.blocking_sync().unwrap().is_synced());
}

#[test]
fn the_provider_is_asked_again_when_its_token_is_refused() {
    let world = World::with_token(Some(SECRET));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let provider = Credentials::from_async(move |ask| {
        noted.lock().unwrap().push(ask.refused);
        async move { Ok(if ask.refused { SECRET } else { "expired" }.into()) }
    });
    let a = device(&world, provider);
    a.collection("notes").unwrap().put("n1", "{}").unwrap();
    let report = a.blocking_sync().unwrap();
    assert!(report.is_synced(), "{report:?}");
    assert_eq!(*asked.lock().unwrap(), [false, true]);
}

#[test]
fn the_app_may_say_that_there_are_new_credentials() {
    let world = World::with_token(Some(SECRET));
    let token = Arc::new(Mutex::new("old".to_owned()));
    let current = token.clone();
    let a = device(
        &world,
        Credentials::from_fn(move |_| Ok(current.lock().unwrap().as_str().into())),
    );
    assert!(a.blocking_sync().unwrap_err().is_credentials());
    *token.lock().unwrap() = SECRET.to_owned();
    a.credentials_changed("main").unwrap();
    assert!(a.blocking_sync().unwrap().is_synced());
}

#[test]
fn a_provider_that_fails_says_why() {
    let world = World::with_token(Some(SECRET));
    let a = device(
        &world,
        Credentials::from_fn(|_| Err("the keychain is locked".to_owned())),
    );
    let error = a.blocking_sync().unwrap_err();
    assert!(error.is_credentials());
    assert!(
        error.to_string().contains("the keychain is locked"),
        "{error}"
    );
}

#[test]
fn the_secret_reaches_no_file() {
    let world = World::with_token(Some(SECRET));
    let a = device(&world, Credentials::token(SECRET));
    let notes = a.collection("notes").unwrap();
    notes.put("n1", r#"{"body": "pr1vate"}"#).unwrap();
    a.blocking_sync().unwrap();
    let printed = format!("{a:?} {:?} {:?}", a.health(), a.config());
    assert!(!printed.contains(SECRET));
    for file in ["a.db", "a.db-wal", "a.db.lease", "a.db.holder"] {
        assert!(!contains(&world.folder.path().join(file), SECRET), "{file}");
    }
    assert!(contains(&world.folder.path().join("a.db-wal"), "pr1vate"));
}

fn contains(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
