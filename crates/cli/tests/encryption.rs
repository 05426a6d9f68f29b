//! Encrypted replicas from the command line: where the key comes from, and what happens without it.
#![allow(clippy::unwrap_used)]
mod common;
#[cfg(feature = "encryption")]
#[path = "tour/page.rs"]
mod page;
use common::*;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

fn files(device: &Device) -> Vec<(String, Vec<u8>)> {
    let ends = ["", "-wal"];
    let names = ends.map(|end| format!("tisync.db{end}"));
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), std::fs::read(device.folder.join(name)).ok()?)))
        .collect()
}

#[test]
fn a_key_that_is_empty_or_missing_is_an_error_before_anything_is_made() {
    let world = World::new();
    let device = Device::bare(world.folder.path().join("phone"));
    let init = [
        "init",
        "--collection",
        "notes:merge",
        "--key-file",
        "phone.key",
    ];
    let ran = device.run(&init).exits(1);
    assert!(
        ran.err.contains("expected a key in phone.key, but"),
        "{ran:?}"
    );
    device.file("phone.key", " \n");
    let ran = device.run(&init).exits(1);
    assert!(ran.err.contains("it is empty"), "{ran:?}");
    assert!(files(&device).is_empty());
    device
        .run(&["init", "--collection", "notes:merge"])
        .exits(0);
    let mut command = device.command(&["get", "notes", "n1"]);
    let ran = Ran::of(command.env("TISYNC_KEY", "").output().unwrap()).exits(1);
    assert!(ran.err.contains("TISYNC_KEY, but it is empty"), "{ran:?}");
}

#[cfg(not(feature = "encryption"))]
#[test]
fn without_the_feature_a_key_is_refused_and_nothing_is_made() {
    let world = World::new();
    let device = Device::bare(world.folder.path().join("phone"));
    device.file("phone.key", KEY);
    let init = [
        "init",
        "--collection",
        "notes:merge",
        "--key-file",
        "phone.key",
    ];
    let ran = device.run(&init).exits(1);
    assert!(ran.err.contains("built without encryption"), "{ran:?}");
    assert!(ran.err.contains("feature `encryption`"), "{ran:?}");
    assert!(files(&device).is_empty() && !device.folder.join("tisync.toml").exists());
    device
        .run(&["init", "--collection", "notes:merge"])
        .exits(0);
    let before = files(&device);
    for arguments in [
        &["get", "notes", "n1"] as &[&str],
        &["doctor"],
        &["doctor", "--mend"],
    ] {
        let mut command = device.command(arguments);
        let ran = Ran::of(command.env("TISYNC_KEY", KEY).output().unwrap()).exits(1);
        assert!(ran.err.contains("built without encryption"), "{ran:?}");
    }
    assert_eq!(files(&device), before);
}

#[cfg(feature = "encryption")]
mod built_in {
    use super::*;
    use std::process::Stdio;

    /// A device that was made with the key in `phone.key`, with a note that the server has and one that waits.
    fn encrypted(world: &World) -> Device {
        let device = Device::bare(world.folder.path().join("phone"));
        device.file("phone.key", &format!("{KEY}\n"));
        let url = &world.server.url;
        let init = ["init", "--server", url, "--collection", "notes:merge"];
        device
            .run(&[&init[..], &["--key-file", "phone.key"]].concat())
            .exits(0);
        let toml = device.read("tisync.toml");
        assert!(
            toml.contains("key_file = \"phone.key\"") && !toml.contains(KEY),
            "{toml}"
        );
        device
            .run(&["put", "notes", "n1", r#"{"title": "Milk"}"#])
            .exits(0);
        device.run(&["sync"]).exits(0);
        device
            .run(&["put", "notes", "n2", r#"{"title": "Bread"}"#])
            .exits(0);
        device
    }

    /// Takes the key out of the configuration.
    fn forget(device: &Device) {
        let toml = device.read("tisync.toml");
        let lines = toml.lines().filter(|line| !line.starts_with("key_file"));
        device.file("tisync.toml", &lines.collect::<Vec<_>>().join("\n"));
    }

    fn with_key(device: &Device, key: &str, arguments: &[&str]) -> Ran {
        let mut command = device.command(arguments);
        Ran::of(command.env("TISYNC_KEY", key).output().unwrap())
    }

    #[test]
    fn the_page_does_what_it_says() {
        let commands = page::run(include_str!("../../../docs/ENCRYPTION.md"));
        assert!(commands > 15, "the page is gone: {commands}");
    }

    #[test]
    fn the_key_comes_from_the_configuration_the_arguments_or_the_environment() {
        let world = World::new();
        let device = encrypted(&world);
        for (_, bytes) in files(&device) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("Milk") && !text.contains("notes") && !text.contains("Bread"));
        }
        assert!(
            device
                .run(&["get", "notes", "n2"])
                .exits(0)
                .out
                .contains("Bread")
        );
        forget(&device);
        let before = files(&device);
        let ran = device.run(&["get", "notes", "n2"]).exits(1);
        assert!(ran.err.contains("encrypted, and no key came"), "{ran:?}");
        let ran = with_key(&device, "another", &["get", "notes", "n2"]).exits(1);
        assert!(ran.err.contains("does not open it"), "{ran:?}");
        assert_eq!(files(&device), before);
        let get = ["get", "notes", "n2", "--key-file", "phone.key"];
        device.run(&get).exits(0);
        with_key(&device, KEY, &["get", "notes", "n2"]).exits(0);
        // The nearest one counts.
        with_key(&device, "another", &get).exits(0);
        let ran = with_key(&device, KEY, &["sync", "--json"]).exits(0);
        assert_eq!(ran.json()["pushed"], 1);
    }

    #[test]
    fn the_doctor_leaves_a_healthy_file_alone_without_its_key() {
        let world = World::new();
        let device = encrypted(&world);
        device.run(&["doctor"]).exits(0);
        forget(&device);
        let before = files(&device);
        for arguments in [&["doctor"] as &[&str], &["doctor", "--mend"]] {
            let ran = device.run(arguments).exits(1);
            assert!(ran.err.contains("no key came"), "{ran:?}");
            let ran = with_key(&device, "another", arguments).exits(1);
            assert!(ran.err.contains("does not open it"), "{ran:?}");
        }
        assert_eq!(files(&device), before);
        assert!(!device.folder.join("tisync.db.damaged-1").exists());
        let ran = with_key(&device, KEY, &["doctor"]).exits(0);
        assert!(ran.out.contains("1 write is pending"), "{ran:?}");
    }

    #[test]
    fn a_damaged_file_is_mended_with_its_key() {
        let world = World::new();
        let device = encrypted(&world);
        let path = device.folder.join("tisync.db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..4_096].fill(0);
        std::fs::write(&path, bytes).unwrap();
        let ran = device.run(&["get", "notes", "n1"]).exits(1);
        assert!(ran.err.contains("tisync doctor --mend"), "{ran:?}");
        let ran = device.run(&["doctor", "--mend", "--json"]).exits(0);
        assert_eq!(ran.json()["aside"]["writes"], 1, "{ran:?}");
        device.run(&["sync"]).exits(0);
        let boat = "tisync.db.damaged-1.lifeboat";
        assert!(
            device.read(boat).contains("Bread"),
            "a lifeboat file is not encrypted"
        );
        let ran = device.run(&["import", "--lifeboat", boat]).exits(0);
        assert!(ran.out.contains("brought back 1 write"), "{ran:?}");
        device.run(&["sync"]).exits(0);
        let other = world.device("laptop", &["notes:merge"]);
        other.run(&["sync"]).exits(0);
        assert!(other.document("notes", "n1").contains("Milk"));
        assert!(other.document("notes", "n2").contains("Bread"));
        // The new file has the same key.
        forget(&device);
        device.run(&["get", "notes", "n1"]).exits(1);
    }

    #[test]
    fn a_replica_gets_a_key_by_its_archive() {
        let world = World::new();
        let device = world.device("phone", &["notes:merge"]);
        device
            .run(&["put", "notes", "n1", r#"{"title": "Milk"}"#])
            .exits(0);
        device
            .run(&["export", "--replica", "phone.archive"])
            .exits(0);
        let ran = with_key(&device, KEY, &["get", "notes", "n1"]).exits(1);
        assert!(ran.err.contains("not encrypted"), "{ran:?}");
        for name in ["tisync.db", "tisync.db.lease", "tisync.db.holder"] {
            let _ = std::fs::remove_file(device.folder.join(name));
        }
        let import = ["import", "--replica", "phone.archive"];
        with_key(&device, KEY, &import).exits(0);
        device.run(&["get", "notes", "n1"]).exits(1);
        let ran = with_key(&device, KEY, &["sync", "--json"]).exits(0);
        assert_eq!(ran.json()["pushed"], 1);
    }

    #[test]
    fn many_processes_make_and_use_one_encrypted_file() {
        let world = World::new();
        let device = Device::bare(world.folder.path().join("phone"));
        let url = &world.server.url;
        device
            .run(&["init", "--server", url, "--collection", "notes:merge"])
            .exits(0);
        std::fs::remove_file(device.folder.join("tisync.db")).unwrap();
        // A passphrase, whose key each process derives with the salt that it finds or makes.
        let children: Vec<_> = (0..6)
            .map(|number| {
                device
                    .command(&["put", "notes", &format!("n{number}"), "{}"])
                    .env("TISYNC_KEY", "four words of chance")
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in children {
            Ran::of(child.wait_with_output().unwrap()).exits(0);
        }
        let mut syncing = device
            .command(&["sync", "--watch"])
            .env("TISYNC_KEY", "four words of chance")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let ran = with_key(
            &device,
            "four words of chance",
            &["query", "notes", "--count"],
        );
        assert_eq!(ran.exits(0).out.trim(), "6");
        syncing.kill().unwrap();
        syncing.wait().unwrap();
        with_key(&device, "four words of chance", &["sync"]).exits(0);
        let ran = with_key(&device, "four words of chance", &["doctor"]).exits(0);
        assert!(ran.out.contains("0 writes are pending"), "{ran:?}");
    }
}
