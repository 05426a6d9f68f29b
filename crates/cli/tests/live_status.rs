//! `tisync status --watch` on a terminal and into a pipe.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]
mod common;

use common::{Device, World};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What is waited for must come within this; on a machine that does nothing else it takes milliseconds.
const IN_TIME: Duration = Duration::from_secs(60);

/// Asks a process to end, as Ctrl-C does.
fn interrupt(child: &Child) {
    let mut kill = Command::new("kill");
    let kill = kill.args(["-INT", &child.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// Kills a process that goes on for too long: whoever waits for what it shows then sees that it has ended.
fn watchdog(child: &Child) -> mpsc::Sender<()> {
    let (watched, over) = mpsc::channel::<()>();
    let pid = child.id().to_string();
    std::thread::spawn(move || {
        if over.recv_timeout(IN_TIME) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    watched
}

/// A new terminal: its screen, and what a program prints to.
fn terminal() -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true);
    (
        File::from(screen),
        options.open(name.to_str().unwrap()).unwrap(),
    )
}

/// Reads on until the screen has shown something.
#[track_caller]
fn until(screen: &mut File, shown: &mut String, wanted: &str) {
    let mut bytes = [0; 4_096];
    while !shown.contains(wanted) {
        let read = screen.read(&mut bytes).unwrap();
        assert!(read > 0, "the program ended: {shown:?}");
        shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

fn status(device: &Device, arguments: &[&str]) -> Command {
    let mut command = device.command(&["status", "--watch"]);
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn a_terminal_is_drawn_on_in_place_and_given_back() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let (mut screen, program) = terminal();
    let mut command = status(&device, &[]);
    command.env("TERM", "xterm").stdout(program);
    let mut child = command.spawn().unwrap();
    let _watched = watchdog(&child);
    drop(command);
    let mut shown = String::new();
    until(&mut screen, &mut shown, "nothing waits");
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    until(&mut screen, &mut shown, "1 pending");
    until(
        &mut screen,
        &mut shown,
        "tisync sync, or tisync sync --watch",
    );
    device.run(&["sync"]).exits(0);
    until(&mut screen, &mut shown, "everything is synced");
    interrupt(&child);
    until(&mut screen, &mut shown, "\u{1b}[?1049l");
    assert!(child.wait().unwrap().success());
    assert!(shown.starts_with("\u{1b}[?1049h"), "{shown:?}");
    assert!(shown.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{shown:?}");
    assert!(!shown.contains("\u{1b}[2J"), "a cleared screen flickers");
}

#[test]
fn a_pipe_gets_a_line_or_an_object_whenever_something_has_changed() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    let (mut followed, mut watched) = (Vec::new(), Vec::new());
    for arguments in [&[][..], &["--json"]] {
        let mut command = status(&device, arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        watched.push(watchdog(&child));
        followed.push((child, lines.map(Result::unwrap)));
    }
    let (json_child, mut objects) = followed.pop().unwrap();
    let (text_child, mut lines) = followed.pop().unwrap();
    let mut object = || -> serde_json::Value {
        let line = objects.next().expect("another object");
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(object()["outbox"]["pending"], 0);
    assert!(lines.next().unwrap().contains("nothing waits"));
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    assert_eq!(object()["outbox"]["pending"], 1);
    assert!(lines.next().unwrap().contains("1 pending"));
    device.run(&["sync"]).exits(0);
    while object()["synced"] != true {}
    let last = lines.find(|line| line.ends_with("everything is synced"));
    let last = last.unwrap();
    assert!(!last.contains('\u{1b}'), "{last:?}");
    for mut child in [text_child, json_child] {
        interrupt(&child);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn those_who_look_see_how_much_the_process_that_syncs_has_done() {
    let world = World::new();
    let device = world.device("a", &["notes:merge"]);
    device.run(&["put", "notes", "n1", "{}"]).exits(0);
    let mut syncs = device.command(&["sync", "--watch"]);
    let mut syncs = syncs.stdout(Stdio::null()).spawn().unwrap();
    let mut command = status(&device, &["--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let _watched = watchdog(&child);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holder = lines.map(Result::unwrap).find_map(|line| {
        let seen: serde_json::Value = serde_json::from_str(&line).unwrap();
        let holder = &seen["lease"]["elsewhere"];
        (holder["traffic"]["pushed"] == 1).then(|| holder.clone())
    });
    assert_eq!(holder.unwrap()["pid"], syncs.id());
    let shown = device.run(&["status"]).exits(0).out;
    assert!(shown.contains("traffic    pulled 0, pushed 1, "), "{shown}");
    for child in [&mut child, &mut syncs] {
        interrupt(child);
        assert!(child.wait().unwrap().success());
    }
}
