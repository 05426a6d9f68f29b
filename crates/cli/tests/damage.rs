//! Storage trouble, with real files and the real binary: what is said, what stays as it was, and how it goes on.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A device with five records that the server has too, of which it has changed two and deleted one, and with a new
/// one that was never sent.
fn device(world: &World) -> Device {
    let device = world.device("phone", &["notes:merge"]);
    for number in 1..=5 {
        let id = format!("n{number}");
        let document = format!(r#"{{"title": "note {number}", "stars": {number}}}"#);
        device.run(&["put", "notes", &id, &document]).exits(0);
    }
    device.run(&["sync"]).exits(0);
    device
}

fn edit(device: &Device) {
    for (id, title) in [("n1", "title=one"), ("n2", "title=two")] {
        device.run(&["patch", "notes", id, title]).exits(0);
    }
    device.run(&["delete", "notes", "n3"]).exits(0);
    let document = r#"{"title": "six"}"#;
    device.run(&["put", "notes", "n6", document]).exits(0);
}

fn file(device: &Device) -> PathBuf {
    device.folder.join("tisync.db")
}

/// Changes bytes of a file.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// What another device of the account sees.
fn at_the_server(world: &World) -> Vec<String> {
    let number = fs::read_dir(world.folder.path()).unwrap().count();
    let other = world.device(&format!("laptop-{number}"), &["notes:merge"]);
    other.run(&["sync"]).exits(0);
    (1..=6)
        .map(|number| {
            let id = format!("n{number}");
            match other.run(&["get", "notes", &id]) {
                ran if ran.code == 0 => ran.json()["title"].as_str().unwrap().to_owned(),
                _ => "-".to_owned(),
            }
        })
        .collect()
}

/// Says what is wrong, leaves everything as it was, and goes on with a lifeboat.
#[track_caller]
fn is_mended(world: &World, device: &Device, expected: &str) {
    let before = fs::read(file(device)).unwrap();
    let ran = device.run(&["get", "notes", "n1"]).exits(1);
    for word in [
        expected,
        "nothing of it was changed",
        "tisync doctor --mend",
    ] {
        assert!(ran.err.contains(word), "{word}: {ran:?}");
    }
    assert_eq!(fs::read(file(device)).unwrap(), before);
    let ran = device.run(&["doctor"]).exits(3);
    assert!(ran.out.contains("4 pending writes can be read"), "{ran:?}");
    assert_eq!(fs::read(file(device)).unwrap(), before);

    let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
    let aside = &ran.json()["aside"];
    assert_eq!(aside["writes"], 4, "{ran:?}");
    assert_eq!(aside["unreadable"], 0, "{ran:?}");
    assert_eq!(
        fs::read(device.folder.join("tisync.db.damaged-1")).unwrap(),
        before
    );
    device.run(&["sync"]).exits(0);
    // Nothing was read as a deletion.
    let titles = ["note 1", "note 2", "note 3", "note 4", "note 5", "-"];
    assert_eq!(at_the_server(world), titles);
    let boat = aside["lifeboat"].as_str().unwrap();
    let ran = device.run(&["import", "--lifeboat", boat]).exits(0);
    assert!(ran.out.contains("brought back 4 writes"), "{ran:?}");
    let ran = device.run(&["import", "--lifeboat", boat]).exits(0);
    assert!(ran.out.contains("brought back 0 writes"), "{ran:?}");
    assert!(ran.out.contains("4 writes came back before"), "{ran:?}");
    let ran = device.run(&["sync", "--json"]).exits(0);
    assert_eq!(ran.json()["pushed"], 4);
    let titles = ["one", "two", "-", "note 4", "note 5", "six"];
    assert_eq!(at_the_server(world), titles);
    let ran = device.run(&["doctor"]).exits(0);
    assert!(ran.out.contains("nothing is wrong"), "{ran:?}");
}

#[test]
fn a_corrupt_header() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    change(&file(&device), |bytes| bytes[..100].fill(0x55));
    is_mended(
        &world,
        &device,
        "it is damaged (SQLite: file is not a database)",
    );
}

#[test]
fn a_page_of_the_list_of_tables_is_overwritten() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    change(&file(&device), |bytes| bytes[100..4_096].fill(0));
    is_mended(&world, &device, "it is damaged (SQLite: ");
}

#[test]
fn records_that_differ_from_the_server_are_found_and_fetched() {
    let world = World::new();
    let device = device(&world);
    let ran = device.run(&["doctor", "--server"]).exits(0);
    assert!(ran.out.contains("every record agrees"), "{ran:?}");
    // A document is not sealed: the server has it too.
    change(&file(&device), |bytes| {
        let text = b"\"note 2\"";
        for at in 0..bytes.len() - text.len() {
            if bytes[at..].starts_with(text) {
                bytes[at + 1] = b'd';
            }
        }
    });
    let ran = device.run(&["get", "notes", "n2"]).exits(0);
    assert!(ran.out.contains("dote 2"), "{ran:?}");
    let ran = device.run(&["doctor", "--server"]).exits(0);
    assert!(
        ran.out
            .contains("1 record differed from the server: fetched again"),
        "{ran:?}"
    );
    let ran = device.run(&["get", "notes", "n2"]).exits(0);
    assert!(ran.out.contains("note 2"), "{ran:?}");
}

#[test]
fn a_file_that_was_emptied() {
    let world = World::new();
    let device = device(&world);
    change(&file(&device), Vec::clear);
    let ran = device.run(&["get", "notes", "n1"]).exits(1);
    assert!(
        ran.err
            .contains("it is empty, although it was in use before"),
        "{ran:?}"
    );
    let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
    let json = ran.json();
    assert_eq!(
        (&json["aside"]["writes"], &json["aside"]["lifeboat"]),
        (&0.into(), &serde_json::Value::Null)
    );
    device.run(&["sync"]).exits(0);
    assert_eq!(at_the_server(&world)[..3], ["note 1", "note 2", "note 3"]);
}

#[test]
fn the_end_of_the_file_is_missing() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    // The outbox was made first and lies in front.
    change(&file(&device), |bytes| bytes.truncate(26 * 4_096));
    let before = fs::read(file(&device)).unwrap();
    let ran = device.run(&["query", "notes"]).exits(1);
    assert!(ran.err.contains("tisync doctor"), "{ran:?}");
    assert_eq!(fs::read(file(&device)).unwrap(), before);
    let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
    let boat = ran.json()["aside"]["lifeboat"].as_str().unwrap().to_owned();
    device.run(&["sync"]).exits(0);
    device.run(&["import", "--lifeboat", &boat]).exits(0);
    device.run(&["sync"]).exits(0);
    let titles = ["one", "two", "-", "note 4", "note 5", "six"];
    assert_eq!(at_the_server(&world), titles);
}

/// Edits while another process has the file open, which is then killed: so the log stays.
fn edit_and_leave_the_log(device: &Device) -> PathBuf {
    let mut watcher = device
        .command(&["query", "notes", "--watch"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    // Who can no longer print would end, and tidy up.
    let mut out = std::io::BufReader::new(watcher.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    edit(device);
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    device.folder.join("tisync.db-wal")
}

#[test]
fn a_byte_of_the_log_is_flipped() {
    let world = World::new();
    let device = device(&world);
    let log = edit_and_leave_the_log(&device);
    // In the first frame: SQLite would drop all that comes after it, without a word.
    change(&log, |bytes| bytes[32 + 24 + 2_000] ^= 0x10);
    let log_before = fs::read(&log).unwrap();
    is_mended(
        &world,
        &device,
        "4 pending writes behind that place would be lost",
    );
    let aside = device.folder.join("tisync.db.damaged-1-wal");
    assert_eq!(fs::read(aside).unwrap(), log_before);
}

#[test]
fn a_log_that_was_cut_off_is_no_damage() {
    let world = World::new();
    let device = device(&world);
    let log = edit_and_leave_the_log(&device);
    // As after a power cut in the middle of a commit: the last one never was.
    change(&log, |bytes| bytes.truncate(bytes.len() - 100));
    let waiting = device.run(&["outbox", "list", "--json"]).exits(0).lines();
    assert_eq!(waiting.len(), 3);
    let ran = device.run(&["doctor"]).exits(0);
    assert!(ran.out.contains("3 writes are pending"), "{ran:?}");
    device.run(&["sync"]).exits(0);
    let titles = ["one", "two", "-", "note 4", "note 5", "-"];
    assert_eq!(at_the_server(&world), titles);
}

#[test]
fn pages_are_flipped_while_it_still_opens() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    // The index of the outbox, which not every command reads.
    change(&file(&device), |bytes| {
        bytes[4 * 4_096..5 * 4_096].fill(0xaa)
    });
    let ran = device.run(&["doctor"]).exits(3);
    assert!(ran.out.contains("4 pending writes can be read"), "{ran:?}");
    let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
    comes_back(
        &world,
        &device,
        &ran,
        ["one", "two", "-", "note 4", "note 5", "six"],
    );
}

#[track_caller]
fn comes_back(world: &World, device: &Device, mended: &Ran, titles: [&str; 6]) {
    let aside = mended.json()["aside"].clone();
    device.run(&["sync"]).exits(0);
    let boat = aside["lifeboat"].as_str().unwrap();
    device.run(&["import", "--lifeboat", boat]).exits(0);
    device.run(&["sync"]).exits(0);
    assert_eq!(at_the_server(world), titles);
}

#[test]
fn an_entry_with_a_flipped_byte_is_reported_and_the_others_are_saved() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    change(&file(&device), |bytes| {
        let text = b"\"/title\":\"one\"";
        let places: Vec<usize> = (0..bytes.len() - text.len())
            .filter(|at| bytes[*at..].starts_with(text))
            .collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at + 10] = b'0';
        }
    });
    let ran = device.run(&["doctor"]).exits(3);
    assert!(ran.out.contains("its seal is broken"), "{ran:?}");
    let ran = device.run(&["sync"]).exits(1);
    assert!(ran.err.contains("tisync doctor"), "{ran:?}");
    let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
    let aside = ran.json()["aside"].clone();
    let counts = (&aside["writes"], &aside["unreadable"]);
    assert_eq!(counts, (&3.into(), &1.into()));
    // What the damage made of it was never sent.
    comes_back(
        &world,
        &device,
        &ran,
        ["note 1", "two", "-", "note 4", "note 5", "six"],
    );
}

#[test]
fn what_is_newer_or_no_replica_at_all_stays_as_it_is() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    change(&file(&device), |bytes| bytes[63] = 99);
    let newer = fs::read(file(&device)).unwrap();
    for command in [
        &["get", "notes", "n1"][..],
        &["doctor"],
        &["doctor", "--mend"],
    ] {
        let ran = device.run(command).exits(1);
        for word in ["layout 99", "update the app"] {
            assert!(ran.err.contains(word), "{word}: {ran:?}");
        }
        assert_eq!(fs::read(file(&device)).unwrap(), newer);
    }
    fs::write(file(&device), "Dear diary,\nthis is no database.").unwrap();
    let ran = device.run(&["get", "notes", "n1"]).exits(1);
    assert!(ran.err.contains("file is not a database"), "{ran:?}");
    let diary = fs::read(file(&device)).unwrap();
    assert!(diary.starts_with(b"Dear diary"));
}

#[test]
fn a_damaged_or_cut_lifeboat_gives_back_what_is_whole_and_elsewhere_nothing() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    let export = ["logout", "--export", "phone.lifeboat"];
    device.run(&export).exits(0);
    device.run(&["login"]).exits(0);
    let import = ["import", "--lifeboat", "phone.lifeboat"];
    let boat = device.folder.join("phone.lifeboat");
    let whole = fs::read_to_string(&boat).unwrap();
    assert_eq!(whole.lines().count(), 6, "{whole}");
    // A head that is damaged could hide whose it is.
    let damaged = whole.replacen("written_ms", "written_mS", 1);
    fs::write(&boat, damaged).unwrap();
    let ran = device.run(&import).exits(1);
    assert!(ran.err.contains("nothing was read"), "{ran:?}");
    let damaged = whole.replacen(":\"one\"", ":\"own\"", 1);
    let cut: Vec<&str> = damaged.lines().take(4).collect();
    fs::write(&boat, cut.join("\n")).unwrap();
    let ran = device.run(&import).exits(3);
    for word in [
        "brought back 2 writes",
        "line 2 of the file",
        "the end of the file is missing",
    ] {
        assert!(ran.out.contains(word), "{word}: {ran:?}");
    }
    fs::write(&boat, &whole).unwrap();
    let ran = device.run(&import).exits(0);
    for word in ["brought back 2 writes", "2 writes came back before"] {
        assert!(ran.out.contains(word), "{word}: {ran:?}");
    }
    device.run(&["sync"]).exits(0);
    let titles = ["one", "two", "-", "note 4", "note 5", "six"];
    assert_eq!(at_the_server(&world), titles);
    // Another server's replica refuses it.
    let elsewhere = World::new();
    let stranger = elsewhere.device("phone", &["notes:merge"]);
    fs::write(stranger.folder.join("phone.lifeboat"), &whole).unwrap();
    let ran = stranger.run(&import).exits(1);
    assert!(ran.err.contains("into a replica of it"), "{ran:?}");
}

#[test]
fn no_folder_and_one_that_nobody_may_write_to() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::bare(folder.path().join("phone"));
    let refused = |replica: &str, words: &[&str]| {
        let text = format!("replica = {replica:?}\n[collections.notes]\npolicy = \"merge\"\n");
        fs::write(device.folder.join("tisync.toml"), text).unwrap();
        let ran = device.run(&["put", "notes", "n1", "{}"]).exits(1);
        for word in words {
            assert!(ran.err.contains(word), "{word}: {ran:?}");
        }
    };
    refused("none/notes.db", &["make the folder", "none first"]);
    refused(".", &["name a file, not a folder"]);
    // Nobody makes files there, not even root.
    if cfg!(target_os = "linux") {
        let words = ["for reading and writing", "nothing was changed", "writable"];
        refused("/proc/notes.db", &words);
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_may_not_grow() {
    let world = World::new();
    let device = device(&world);
    edit(&device);
    // Where the system lets a file grow no further, a write fails as on a full disk.
    let blocks = fs::metadata(file(&device)).unwrap().len() / 512;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let limited = |arguments: &[&str]| {
        let output = std::process::Command::new("sh")
            .args(["-c", &script, BINARY, "-C"])
            .arg(&device.folder)
            .args(arguments)
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), err)
    };
    let big = format!(r#"{{"title": "{}"}}"#, "x".repeat(600_000));
    fs::write(device.folder.join("big.json"), big).unwrap();
    let put = ["put", "notes", "big", "@big.json"];
    let (code, err) = limited(&put);
    assert_eq!(code, Some(1), "{err}");
    for word in ["nothing was changed", "disk is full"] {
        assert!(err.contains(word), "{word}: {err}");
    }
    device.run(&["get", "notes", "big"]).exits(1);
    // Reads go on, and so does everything as soon as there is room.
    let (code, err) = limited(&["get", "notes", "n1"]);
    assert_eq!(code, Some(0), "{err}");
    device.run(&put).exits(0);
    let ran = device.run(&["sync", "--json"]).exits(0);
    assert_eq!(ran.json()["pushed"], 5);
    device.run(&["doctor"]).exits(0);
}
