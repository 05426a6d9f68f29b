//! Encrypted files: what is on the disk, which keys open it, and what a wrong one leaves as it was.
#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::{Path, PathBuf};
use tisync_core::store::StoreErrorKind;
use tisync_store::{Key, Options, SqliteStore};

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("app.db")
}

fn key() -> Key {
    Key::raw([7; 32])
}

fn refused(path: &Path, key: Option<&Key>) -> String {
    let error = SqliteStore::open_with_key(path, key, &Options::default()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::EncryptionKey, "{error}");
    error.to_string()
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_key_is_refused_where_encryption_was_not_built_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let message = refused(&path, Some(&key()));
    assert!(message.contains("built without encryption"), "{message}");
    assert!(!path.exists());
    drop(SqliteStore::open(&path, &Options::default()).unwrap());
    let before = fs::read(&path).unwrap();
    refused(&path, Some(&key()));
    assert!(tisync_store::Salvage::read_with_key(&path, Some(&key())).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    // A file of noise, as an encrypted one is.
    let mut state = 1_u64;
    let noise = (0..8 * 4_096).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(7);
        (state >> 40) as u8
    });
    fs::write(&path, noise.collect::<Vec<u8>>()).unwrap();
    let message = refused(&path, None);
    assert!(message.contains("built without encryption"), "{message}");
}

#[cfg(feature = "encryption")]
mod built_in {
    use super::*;
    use tisync_core::conformance::{commit, declare, ids, insert, notes, record, see};
    use tisync_core::store::{Durability, Store, Tx};
    use tisync_store::{Reader, RusqliteDriver, SqlDriver};

    fn open(path: &Path, key: &Key) -> SqliteStore<RusqliteDriver> {
        SqliteStore::open_with_key(path, Some(key), &Options::default()).unwrap()
    }

    /// The file and its log.
    fn bytes(path: &Path) -> (Vec<u8>, Vec<u8>) {
        let log = path.with_file_name("app.db-wal");
        (fs::read(path).unwrap(), fs::read(log).unwrap_or_default())
    }

    fn holds(bytes: &[u8], text: &str) -> bool {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    }

    #[test]
    fn neither_the_file_nor_its_log_shows_a_document_or_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let words = [
            "SQLite format",
            "notes",
            "tisync_outbox",
            "n1",
            "CREATE TABLE",
        ];
        for is_encrypted in [true, false] {
            let _ = fs::remove_file(&path);
            let key = is_encrypted.then(key);
            let mut store =
                SqliteStore::open_with_key(&path, key.as_ref(), &Options::default()).unwrap();
            commit(&mut store, vec![declare(notes(), Vec::new())]);
            commit(&mut store, vec![insert(record(1, "n1"))]);
            let (_, log) = bytes(&path);
            assert!(log.len() > 4_096);
            drop(store);
            let (file, rest) = bytes(&path);
            assert!(rest.is_empty());
            // Two letters come by chance in noise, so the shortest is looked for in text only.
            for word in words
                .into_iter()
                .filter(|word| !is_encrypted || word.len() > 3)
            {
                let shown = holds(&file, word) || holds(&log, word);
                assert_eq!(shown, !is_encrypted, "{word}");
            }
        }
    }

    #[test]
    fn the_right_key_opens_it_in_every_form() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let mut store = open(&path, &key());
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        commit(&mut store, vec![insert(record(1, "n1"))]);
        let written = Key::parse(&"07".repeat(32)).unwrap();
        assert_eq!(ids(&mut open(&path, &written)), ["n1"]);
        let mut reader = SqliteStore::open_reader_with_key(&path, Some(&written)).unwrap();
        assert_eq!(see(&mut reader, |tx| tx.count(&notes(), None)).0, 1);
        let mut reader = Reader::open_with_key(&path, Some(&written), 100).unwrap();
        let id = "n1".parse().unwrap();
        assert!(reader.get(&notes(), &id).unwrap().is_some());
        assert_eq!(
            Reader::open(&path).unwrap_err().kind,
            StoreErrorKind::EncryptionKey
        );
    }

    #[test]
    fn a_passphrase_makes_the_key_that_sqlcipher_makes_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let key = Key::passphrase("it's four words").unwrap();
        let mut store = open(&path, &key);
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        drop(store);
        let mut driver = RusqliteDriver::open(&path).unwrap();
        driver.batch("PRAGMA key = 'it''s four words'").unwrap();
        driver.batch("SELECT * FROM tisync_outbox").unwrap();
        drop(driver);
        // Another clone, and another value, derive the same.
        drop(open(&path, &key.clone()));
        drop(open(&path, &Key::passphrase("it's four words").unwrap()));
        refused(&path, Some(&Key::passphrase("it's four word").unwrap()));
    }

    #[test]
    fn a_wrong_key_and_none_leave_the_file_and_its_log_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let mut store = open(&path, &key());
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        commit(&mut store, vec![insert(record(1, "n1"))]);
        // As a process leaves it that was killed: nobody has it open, and the log is there.
        let (file, log) = bytes(&path);
        drop(store);
        for name in ["app.db", "app.db-wal", "app.db-shm"] {
            let _ = fs::remove_file(dir.path().join(name));
        }
        fs::write(&path, &file).unwrap();
        fs::write(dir.path().join("app.db-wal"), &log).unwrap();
        let wrong = Key::raw([8; 32]);
        for _ in 0..2 {
            assert!(refused(&path, Some(&wrong)).contains("does not open it"));
            assert!(refused(&path, None).contains("no key came"));
            for key in [None, Some(&wrong)] {
                let error = SqliteStore::open_reader_with_key(&path, key).unwrap_err();
                assert_eq!(error.kind, StoreErrorKind::EncryptionKey, "{error}");
            }
            assert!(bytes(&path) == (file.clone(), log.clone()));
        }
        assert_eq!(ids(&mut open(&path, &key())), ["n1"]);
    }

    #[test]
    fn a_key_for_a_plain_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let mut store = SqliteStore::open(&path, &Options::default()).unwrap();
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        let before = bytes(&path);
        assert!(refused(&path, Some(&key())).contains("is not encrypted"));
        assert!(bytes(&path) == before);
        drop(store);
        let before = bytes(&path);
        assert!(refused(&path, Some(&key())).contains("is not encrypted"));
        assert!(bytes(&path) == before);
    }

    #[test]
    fn damage_is_told_from_a_wrong_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let mut store = open(&path, &key());
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        drop(store);
        let whole = fs::read(&path).unwrap();
        let open = |key: &Key| {
            SqliteStore::open_with_key(&path, Some(key), &Options::default())
                .map(drop)
                .unwrap_err()
                .kind
        };
        for at in [16, 100, 4_000, 4_095] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert_eq!(open(&key()), StoreErrorKind::Corrupt, "{at}");
            assert_eq!(
                open(&Key::raw([8; 32])),
                StoreErrorKind::EncryptionKey,
                "{at}"
            );
        }
        // In its first bytes it has what makes the key its own, and a copy of them beside it.
        let mut bytes = whole.clone();
        bytes[3] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(open(&key()), StoreErrorKind::Corrupt);
        assert_eq!(open(&Key::raw([8; 32])), StoreErrorKind::EncryptionKey);
        let copy = dir.path().join("app.db-salt");
        fs::write(&copy, "00").unwrap();
        assert_eq!(open(&key()), StoreErrorKind::EncryptionKey);
        // It is written anew when the file is opened.
        fs::write(&path, &whole).unwrap();
        drop(SqliteStore::open_with_key(&path, Some(&key()), &Options::default()).unwrap());
        assert_eq!(fs::read_to_string(&copy).unwrap().len(), 32);
        fs::remove_file(&copy).unwrap();
        fs::write(&path, vec![0; whole.len()]).unwrap();
        assert_eq!(open(&key()), StoreErrorKind::Corrupt);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_look_at_a_file_ends_no_locks_and_keeps_one_descriptor() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir);
        let mut store = open(&path, &key());
        commit(&mut store, vec![declare(notes(), Vec::new())]);
        let number = format!(":{} ", fs::metadata(&path).unwrap().ino());
        let locks = || {
            let all = fs::read_to_string("/proc/locks").unwrap();
            all.lines().filter(|line| line.contains(&number)).count()
        };
        let descriptors = || {
            let all = fs::read_dir("/proc/self/fd").unwrap();
            let names = all.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
            names.filter(|name| *name == path).count()
        };
        assert_eq!(locks(), 1);
        refused(&path, None);
        let once = descriptors();
        for _ in 0..10 {
            refused(&path, None);
        }
        assert_eq!((locks(), descriptors()), (1, once));
    }

    #[test]
    fn a_file_that_another_is_making_has_one_salt() {
        const OPENERS: usize = 6;
        for round in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let path = file(&dir);
            let start = std::sync::Barrier::new(OPENERS);
            let key = Key::raw([round; 32]);
            std::thread::scope(|scope| {
                for _ in 0..OPENERS {
                    scope.spawn(|| {
                        start.wait();
                        loop {
                            let options = Options::default();
                            match SqliteStore::open_with_key(&path, Some(&key), &options) {
                                Ok(mut store) => {
                                    return drop(store.begin(Durability::Full).unwrap());
                                }
                                Err(error) => {
                                    assert_eq!(error.kind, StoreErrorKind::Busy, "{error}");
                                }
                            }
                        }
                    });
                }
            });
        }
    }
}
