//! Encrypted replicas: all of a replica's connections have the key, and no other key moves or changes a file.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;
use std::path::PathBuf;
use tisync::{ErrorKind, Key, ReplicaBuilder};

fn key() -> Key {
    Key::raw([7; 32])
}

fn plain(world: &World, name: &str) -> ReplicaBuilder {
    world.device(name).collection("notes", "merge")
}

fn keyed(world: &World, name: &str) -> ReplicaBuilder {
    plain(world, name).encryption_key(|| Ok(key()))
}

fn file(world: &World, name: &str) -> PathBuf {
    world.folder.path().join(name)
}

#[test]
fn what_the_provider_says_is_what_the_caller_is_told() {
    let world = World::new();
    let refuses = || {
        Err(tisync::Error::new(
            ErrorKind::Credentials,
            "the key store is locked",
        ))
    };
    let error = plain(&world, "a")
        .encryption_key(refuses)
        .open()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    let missing = plain(&world, "a").encryption_key_file(file(&world, "no.key"));
    let error = missing.open().unwrap_err();
    assert!(
        error.is_encryption_key() && error.to_string().contains("no.key"),
        "{error}"
    );
    assert!(!file(&world, "a.db").exists());
}

#[cfg(not(feature = "encryption"))]
#[test]
fn without_the_feature_a_key_is_refused_and_makes_no_file() {
    let world = World::new();
    let archive = file(&world, "archive");
    plain(&world, "b")
        .open()
        .unwrap()
        .export(&archive, |_| {})
        .unwrap();
    let refused = [
        keyed(&world, "a").open().map(drop),
        keyed(&world, "a").set_aside().map(drop),
        keyed(&world, "a").examine(&mut |_| {}).map(drop),
        keyed(&world, "a").import(&archive, |_| {}).map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{error}");
        assert!(
            error.to_string().contains("feature `encryption`"),
            "{error}"
        );
    }
    assert!(!file(&world, "a.db").exists() && !file(&world, "a.db.importing").exists());
}

#[cfg(feature = "encryption")]
mod built_in {
    use super::*;
    use common::text;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tisync::Replica;
    use tisync::model::Change;

    fn beside(path: &Path, end: &str) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    }

    /// A replica with five notes of the server, of which three are edited and one is deleted, and a new one.
    fn edited(builder: ReplicaBuilder) -> Replica {
        let replica = builder.open().unwrap();
        let notes = replica.collection("notes").unwrap();
        for number in 0..5 {
            notes
                .put(format!("n{number}"), r#"{"title": "milk and bread"}"#)
                .unwrap();
        }
        assert!(replica.blocking_sync().unwrap().is_synced());
        for number in 0..3 {
            let title = format!(r#"{{"title": "butter {number}"}}"#);
            notes.put(format!("n{number}"), &*title).unwrap();
        }
        notes.delete("n3").unwrap();
        notes.put("n5", r#"{"title": "cheese"}"#).unwrap();
        replica
    }

    /// The files of a replica as a killed process leaves them: with its log.
    fn killed(world: &World, name: &str) -> (Vec<u8>, Vec<u8>) {
        let replica = edited(keyed(world, name));
        let path = file(world, &format!("{name}.db"));
        let files = (
            std::fs::read(&path).unwrap(),
            std::fs::read(beside(&path, "-wal")).unwrap(),
        );
        drop(replica);
        files
    }

    fn put_back(path: &Path, (file, log): &(Vec<u8>, Vec<u8>)) {
        for end in ["-wal", "-shm", ".lease", ".holder"] {
            let _ = std::fs::remove_file(beside(path, end));
        }
        std::fs::write(path, file).unwrap();
        if !log.is_empty() {
            std::fs::write(beside(path, "-wal"), log).unwrap();
        }
    }

    fn files(path: &Path) -> (Vec<u8>, Vec<u8>) {
        let log = std::fs::read(beside(path, "-wal")).unwrap_or_default();
        (std::fs::read(path).unwrap(), log)
    }

    #[test]
    fn every_connection_has_the_key_and_it_is_asked_for_once() {
        let world = World::new();
        let asked = Arc::new(AtomicUsize::new(0));
        let builder = || {
            let asked = asked.clone();
            plain(&world, "a").encryption_key(move || {
                asked.fetch_add(1, Ordering::Relaxed);
                Key::passphrase("four words of chance").map_err(Into::into)
            })
        };
        let one = edited(builder());
        let other = builder().open().unwrap();
        // Reads in several threads take a connection each.
        std::thread::scope(|scope| {
            for replica in [&one, &other, &one, &other] {
                scope.spawn(|| assert_eq!(text(replica, "n5"), r#"{"title":"cheese"}"#));
            }
        });
        let notes = other.collection("notes").unwrap();
        assert_eq!(notes.query().count().unwrap(), 5);
        let rows = other.sql("SELECT id FROM notes", &[]).unwrap();
        assert_eq!(rows.rows.len(), 5);
        notes.put("n6", "{}").unwrap();
        assert_eq!(text(&one, "n6"), "{}");
        assert!(one.blocking_sync().unwrap().is_synced());
        one.export(file(&world, "archive"), |_| {}).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        let checkup = builder().examine(&mut |_| {}).unwrap();
        assert!(checkup.faults.is_empty(), "{checkup:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn without_its_key_a_healthy_file_is_neither_mended_nor_moved() {
        let world = World::new();
        let whole = killed(&world, "a");
        let path = file(&world, "a.db");
        let shut = (whole.0.clone(), Vec::new());
        for state in [&whole, &shut] {
            put_back(&path, state);
            for builder in [
                plain(&world, "a"),
                plain(&world, "a").encryption_key(|| Ok(Key::raw([8; 32]))),
            ] {
                let refused = [
                    builder.clone().open().map(drop),
                    builder.examine(&mut |_| {}).map(drop),
                    builder.set_aside().map(drop),
                    builder.clone().open_or_set_aside().map(drop),
                ];
                for refused in refused {
                    let error = refused.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{error}");
                    assert!(error.to_string().contains("a.db"), "{error}");
                }
                assert!(files(&path) == *state);
            }
        }
        put_back(&path, &whole);
        let replica = keyed(&world, "a").open().unwrap();
        assert_eq!(replica.outbox().list(None, 100).unwrap().len(), 5);
    }

    #[test]
    fn an_emptied_file_whose_log_is_encrypted_waits_for_its_key() {
        let world = World::new();
        let (_, log) = killed(&world, "a");
        let path = file(&world, "a.db");
        let emptied = (Vec::new(), log);
        put_back(&path, &emptied);
        let refused = [
            plain(&world, "a").examine(&mut |_| {}).map(drop),
            plain(&world, "a").set_aside().map(drop),
            plain(&world, "a").open_or_set_aside().map(drop),
        ];
        for refused in refused {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{error}");
        }
        assert!(files(&path) == emptied);
        // All of its pages are in the log.
        let aside = keyed(&world, "a").set_aside().unwrap();
        assert_eq!(aside.writes, 5);
    }

    #[test]
    fn a_key_for_a_plain_file_changes_nothing() {
        let world = World::new();
        drop(edited(plain(&world, "a")));
        let path = file(&world, "a.db");
        let before = files(&path);
        let refused = [
            keyed(&world, "a").open().map(drop),
            keyed(&world, "a").set_aside().map(drop),
            keyed(&world, "a").examine(&mut |_| {}).map(drop),
        ];
        for refused in refused {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{error}");
            assert!(error.to_string().contains("not encrypted"), "{error}");
        }
        assert!(files(&path) == before);
        plain(&world, "a").open().unwrap();
    }

    /// Opens a damaged file as an app does that cannot ask anyone, and tells how many of five writes are left. What is
    /// lost is said to be, and nothing has become a delete.
    fn left_of_five(world: &World, context: &str) -> usize {
        let (replica, aside) = match keyed(world, "a").open_or_set_aside() {
            Ok(opened) => opened,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{context}: {error}");
                return 0;
            }
        };
        let outbox = match replica.outbox().list(None, 100) {
            Ok(outbox) => outbox,
            Err(error) => {
                // Found later than at the opening: so it is mended then.
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{context}: {error}");
                assert!(aside.is_none(), "{context}");
                drop(replica);
                let checkup = keyed(world, "a").examine(&mut |_| {}).unwrap();
                assert!(!checkup.faults.is_empty(), "{context}");
                let aside = keyed(world, "a").set_aside().unwrap();
                assert_eq!(aside.writes, checkup.writes, "{context}");
                assert!(
                    aside.writes + aside.unreadable == 5 || aside.may_miss_some,
                    "{context}: {aside:?}"
                );
                return aside.writes as usize;
            }
        };
        let deletes = outbox
            .iter()
            .filter(|entry| entry.entry.change == Change::Delete);
        assert!(deletes.count() <= 1, "{context}: {outbox:?}");
        if let Some((aside, returned)) = aside {
            assert!(
                aside.writes + aside.unreadable == 5 || aside.may_miss_some,
                "{context}: {aside:?}"
            );
            assert_eq!(aside.writes, returned.back + returned.waiting, "{context}");
            return aside.writes as usize;
        }
        outbox.len()
    }

    #[test]
    fn damage_to_any_page_loses_what_it_hits_and_says_so() {
        const PAGE: usize = 4_096;
        let world = World::new();
        let (_, log) = killed(&world, "a");
        let path = file(&world, "a.db");
        // The last connection has taken the log in.
        let whole = std::fs::read(&path).unwrap();
        let salt = std::fs::read(beside(&path, "-salt")).unwrap();
        assert!(!log.is_empty() && whole.len() > 20 * PAGE);
        let mut all = 0;
        for page in 0..whole.len() / PAGE {
            let mut bytes = whole.clone();
            bytes[page * PAGE + 777] ^= 0x10;
            put_back(&path, &(bytes, Vec::new()));
            let left = left_of_five(&world, &format!("page {page}"));
            all += usize::from(left == 5);
        }
        // Few pages hold any of the outbox.
        assert!(all > whole.len() / PAGE - 8, "{all}");
        // A header that is lost is the first page, salt and all: there is a copy of the salt beside the file.
        let mut bytes = whole.clone();
        bytes[..100].fill(0x55);
        let headless = (bytes, Vec::new());
        put_back(&path, &headless);
        std::fs::write(beside(&path, "-salt"), salt).unwrap();
        assert_eq!(left_of_five(&world, "header"), 5);
        // Without it nobody can tell damage from a wrong key.
        std::fs::remove_file(beside(&path, "-salt")).unwrap();
        put_back(&path, &headless);
        assert_eq!(left_of_five(&world, "header"), 0);
        assert!(files(&path) == headless, "it stays where it is");
    }

    #[test]
    fn a_log_that_is_damaged_in_the_middle_is_refused_before_sqlite_drops_the_rest() {
        const FRAME: usize = 24 + 4_096;
        let world = World::new();
        let (file_bytes, log) = killed(&world, "a");
        let path = file(&world, "a.db");
        let mut refused = 0;
        for frame in 0..(log.len() - 32) / FRAME {
            let mut log = log.clone();
            log[32 + frame * FRAME + 24 + 2_000] ^= 0x10;
            let state = (file_bytes.clone(), log);
            put_back(&path, &state);
            let wrong = plain(&world, "a").encryption_key(|| Ok(Key::raw([8; 32])));
            let error = wrong.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{frame}: {error}");
            assert!(files(&path) == state, "{frame}");
            match keyed(&world, "a").open() {
                Ok(replica) => {
                    // Nothing of the outbox was behind that place.
                    let outbox = replica.outbox().list(None, 100).unwrap();
                    assert_eq!(outbox.len(), 5, "{frame}");
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{frame}: {error}");
                    assert!(files(&path) == state, "{frame}");
                    left_of_five(&world, &format!("frame {frame}"));
                }
            }
        }
        assert!(refused > 5, "{refused}");
    }

    #[test]
    fn an_archive_takes_a_replica_to_a_key_and_away_from_it() {
        let world = World::new();
        let archive = file(&world, "archive");
        let shown = |path: &Path, text: &str| {
            let bytes = std::fs::read(path).unwrap();
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        edited(plain(&world, "a")).export(&archive, |_| {}).unwrap();
        let copy = keyed(&world, "copy").import(&archive, |_| {}).unwrap();
        assert_eq!(text(&copy, "n5"), r#"{"title":"cheese"}"#);
        let second = file(&world, "archive-2");
        copy.export(&second, |_| {}).unwrap();
        drop(copy);
        assert!(shown(&file(&world, "a.db"), "cheese"));
        assert!(!shown(&file(&world, "copy.db"), "cheese"));
        assert!(shown(&second, "cheese"), "an archive is not encrypted");
        let other = plain(&world, "other").encryption_key(|| Ok(Key::raw([8; 32])));
        let other = other.import(&second, |_| {}).unwrap();
        assert_eq!(other.outbox().list(None, 100).unwrap().len(), 5);
        assert!(other.blocking_sync().unwrap().is_synced());
    }

    #[test]
    fn an_unfinished_import_of_another_key_stays() {
        let world = World::new();
        let archive = file(&world, "archive");
        let replica = plain(&world, "a").open().unwrap();
        replica
            .bulk(|writes| (0..12_000).try_for_each(|n| writes.put("notes", format!("n{n}"), "{}")))
            .unwrap();
        replica.export(&archive, |_| {}).unwrap();
        let broken = catch_unwind(AssertUnwindSafe(|| {
            keyed(&world, "copy").import(&archive, |_| panic!("the app ends here"))
        }));
        assert!(broken.is_err());
        let unfinished = file(&world, "copy.db.importing");
        let before = files(&unfinished);
        let wrong = plain(&world, "copy").encryption_key(|| Ok(Key::raw([8; 32])));
        for builder in [plain(&world, "copy"), wrong] {
            let error = builder.import(&archive, |_| {}).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EncryptionKey, "{error}");
            assert!(files(&unfinished) == before);
        }
        let mut pages = 0;
        let copy = keyed(&world, "copy")
            .import(&archive, |_| pages += 1)
            .unwrap();
        let lines = std::fs::read_to_string(&archive).unwrap().lines().count();
        assert_eq!(pages, lines.div_ceil(5_000) - 1, "it went on");
        assert_eq!(
            copy.collection("notes").unwrap().query().count().unwrap(),
            12_000
        );
    }
}
