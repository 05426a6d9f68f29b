//! The log of the commands at its most talkative: what happens, and nothing that is private.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, Ran, Server};
use std::fs::File;
use tempfile::TempDir;

/// Everything that is planted contains this: the token, what is written, what is looked for.
const PLANTED: &str = "pr1vate";
const TOKEN: &str = "pr1vate-token";

/// A device whose commands log everything, and all that they logged.
struct Talkative {
    device: Device,
    log: String,
}

impl Talkative {
    fn new(folder: &TempDir, server: &Server, name: &str, token: &str) -> Self {
        let device = Device::bare(folder.path().join(name));
        let mut this = Talkative {
            device,
            log: String::new(),
        };
        this.device.file("token", token);
        let url = server.url.clone();
        this.run(&[
            "init",
            "--server",
            &url,
            "--collection",
            "notes:merge",
            "--collection",
            "tasks:manual",
        ]);
        let settings = this.device.read("tisync.toml");
        let settings = settings.replace(
            "[connectors.main]\n",
            "[connectors.main]\ntoken_file = \"token\"\n",
        );
        this.device.file("tisync.toml", &settings);
        this
    }

    fn run(&mut self, arguments: &[&str]) -> Ran {
        let mut command = self.device.command(arguments);
        let output = command.env("TISYNC_LOG", "trace").output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        self.log.push_str(&log);
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: log,
        }
    }
}

#[test]
fn the_log_of_all_commands_holds_no_secret_and_no_value() {
    let folder = TempDir::new().unwrap();
    let server_log = folder.path().join("server.log");
    let server = Server::logging_to(
        File::create(&server_log).unwrap().into(),
        folder.path(),
        &["--token-env", "SERVER_TOKEN", "--document-bytes-max", "500"],
        &[("SERVER_TOKEN", TOKEN), ("TISYNC_LOG", "trace")],
    );
    let mut a = Talkative::new(&folder, &server, "a", TOKEN);
    let mut b = Talkative::new(&folder, &server, "b", TOKEN);
    for collection in ["notes", "tasks"] {
        let document = r#"{"title": "pr1vate", "pr1vate-field": 1}"#;
        a.run(&["put", collection, "x1", document]).exits(0);
    }
    a.run(&["sync"]).exits(0);
    b.run(&["sync"]).exits(0);
    for device in [&mut a, &mut b] {
        let title = format!("title=pr1vate {}", device.device.folder.display());
        device.run(&["patch", "notes", "x1", &title]).exits(0);
        device.run(&["patch", "tasks", "x1", &title]).exits(0);
        device.run(&["sync"]);
    }
    // A merge, a conflict, a refusal.
    b.run(&["status"]).exits(3);
    b.run(&["conflicts", "show", "tasks", "x1"]).exits(0);
    b.run(&["conflicts", "resolve", "tasks", "x1", "--ours"])
        .exits(0);
    b.run(&["journal", "undo", "1"]).exits(0);
    let large = format!(r#"{{"title": "pr1vate{}"}}"#, " ".repeat(600));
    b.run(&["put", "notes", "x2", &large]).exits(0);
    b.run(&["sync"]).exits(3);
    b.run(&["outbox", "list"]).exits(0);
    b.run(&["why", "notes", "x2"]).exits(0);
    b.run(&["query", "notes", "title=pr1vate"]).exits(0);
    let sql = "SELECT document FROM notes WHERE document LIKE '%pr1vate%'";
    b.run(&["query", "--sql", sql]).exits(0);
    b.run(&["export", "notes", "notes.jsonl"]).exits(0);
    b.run(&["import", "notes", "notes.jsonl"]).exits(0);
    b.run(&["logout", "--export", "boat"]).exits(0);
    // The wrong token, and no server.
    let mut wrong = Talkative::new(&folder, &server, "wrong", "pr1vate-wrong-token");
    wrong.run(&["put", "notes", "x3", "{}"]).exits(0);
    wrong.run(&["sync"]).exits(6);
    drop(server);
    a.run(&["sync"]).exits(4);

    let server_log = std::fs::read_to_string(server_log).unwrap();
    let log = [a.log, b.log, wrong.log, server_log].concat();
    for expected in [
        "tisync_server::edge: answered method=POST path=\"/",
        "step{input=\"write\"}: tisync::local: done outputs=",
        "tisync::worker::hold: the lease is taken",
        "exchange{connector=main request=",
        "tisync::log: pushed verdicts={\"accepted\": 2}",
        "verdict=\"rejected\"",
        "tisync::meter: answer method=\"POST\" url=http://127.0.0.1:",
        "tisync::log: failed kind=Credentials",
        "tisync::meter: no answer method=",
    ] {
        assert!(log.contains(expected), "expected {expected:?} in\n{log}");
    }
    let leaks: Vec<&str> = log.lines().filter(|line| line.contains(PLANTED)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    // Whatever is asked for, only our own modules speak.
    let foreign = log
        .lines()
        .find(|line| line.contains("Z ") && !line.contains(" tisync"));
    assert_eq!(foreign, None);
}

#[test]
fn a_filter_says_what_is_logged() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[], &[]);
    let device = Device::bare(folder.path().join("a"));
    let init = [
        "init",
        "--server",
        &server.url,
        "--collection",
        "notes:merge",
    ];
    device.run(&init).exits(0);
    let logged = |arguments: &[&str], variable: Option<&str>| {
        let mut command = device.command(&["sync"]);
        command.args(arguments).env_remove("TISYNC_LOG");
        if let Some(filter) = variable {
            command.env("TISYNC_LOG", filter);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(logged(&[], None), "");
    assert_eq!(logged(&["--log", "warn"], None), "");
    let info = logged(&["--log", "info"], None);
    assert!(info.contains("the lease is taken"), "{info}");
    assert_eq!(info.lines().count(), 1, "{info}");
    let requests = logged(&[], Some("tisync::meter=debug"));
    assert!(!requests.is_empty());
    for line in requests.lines() {
        assert!(line.contains("tisync::meter: answer"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    // What is said at the command goes before the environment.
    assert_eq!(logged(&["--log", "off"], Some("trace")), "");
    assert_eq!(logged(&["-v", "--log", "off"], None), "");
    assert!(logged(&["-v"], None).contains("DEBUG"));

    let ran = device.run(&["status", "--log", "loud"]).exits(2);
    assert!(ran.err.contains("\"loud\" is no level: off,"), "{ran:?}");
}
