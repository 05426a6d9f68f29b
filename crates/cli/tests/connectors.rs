//! Connectors in the configuration file.
#![allow(clippy::unwrap_used)]
mod common;

use common::World;

/// The first block of a language in a page of documentation.
fn example(page: &str, language: &str) -> String {
    let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let begin = format!("```{language}\n");
    let (_, rest) = text.split_once(&begin).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documented_configuration_serves_two_collections_from_two_backends() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let config = device.folder.join("two.toml");
    std::fs::write(&config, example("CONNECTORS.md", "toml")).unwrap();
    let config = config.to_str().unwrap();
    let out = device.run(&["--config", config, "status"]).exits(0).out;
    assert!(out.contains("main"), "{out}");
    assert!(out.contains("local"), "{out}");
    assert_eq!(
        out.matches("no change missed; deletes followed").count(),
        2,
        "{out}"
    );
}

#[test]
fn a_kind_or_an_option_that_is_unknown_says_what_is_known() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let config = device.folder.join("bad.toml");
    let fails = |connector: &str| {
        let text = format!(
            "replica = \"bad.db\"\n[connectors.main]\nurl = \"http://127.0.0.1:1\"\n{connector}\n[collections.notes]\npolicy = \"merge\"\n"
        );
        std::fs::write(&config, text).unwrap();
        device
            .run(&["--config", config.to_str().unwrap(), "status"])
            .exits(1)
            .err
    };
    let error = fails("kind = \"telepathy\"");
    assert!(
        error.contains("connector main: expected one of the kinds native"),
        "{error}"
    );
    assert!(error.contains("`telepathy` came"), "{error}");
    let error = fails("[connectors.main.options]\npath = \"/x\"");
    assert!(
        error.contains("the options cannot be used: unknown field `path`"),
        "{error}"
    );
}

#[test]
fn a_connector_of_another_kind_is_set_up_from_the_command_line() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let init = |more: &[&str]| {
        let mut arguments = vec!["--config", "other.toml", "init", "--replica", "other.db"];
        arguments.extend([
            "--server",
            "http://127.0.0.1:1",
            "--collection",
            "notes:merge",
        ]);
        arguments.extend(more);
        device.run(&arguments)
    };
    let error = init(&["--kind", "rest", "--option", "paging=page"])
        .exits(1)
        .err;
    assert!(
        error.contains("connector main: the options cannot be used"),
        "{error}"
    );
    let options = [
        "--option",
        "trailing_slash:=true",
        "--option",
        "probe=notes",
    ];
    init(&[&["--kind", "rest"], &options[..]].concat()).exits(0);
    let text = std::fs::read_to_string(device.folder.join("other.toml")).unwrap();
    assert!(text.contains("kind = \"rest\""), "{text}");
    assert!(
        text.contains("[connectors.main.options]\nprobe = \"notes\"\ntrailing_slash = true"),
        "{text}"
    );
    let out = device
        .run(&["--config", "other.toml", "status"])
        .exits(0)
        .out;
    assert!(out.contains("changes found at each full pass"), "{out}");
}
