//! Another process: this test's own program, in another role.
use super::common::World;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use tisync::Replica;
use tisync_core::store::{Durability, Store};
use tisync_store::{Options, SqliteStore};

const ROLE: &str = "TISYNC_TEST_ROLE";
const FILE: &str = "TISYNC_TEST_FILE";
const SERVER: &str = "TISYNC_TEST_SERVER";
/// Begins each line of a child; the test harness prints lines of its own.
const SAYS: &str = "child: ";

/// What another process does.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Syncs until it is told to end; says `leased` when it holds the lease.
    Syncs,
    /// Writes `THREADS` × `WRITES` notes, and says the id of each once the call has returned.
    Writes,
    /// Writes a note with the time for each line that it is told, and says so.
    Obeys,
    /// Is in the middle of a commit, and says so; ends it when it is told.
    Commits,
}

pub const THREADS: usize = 4;
pub const WRITES: usize = 25;

/// A running process, killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Gone with it.
    _watched: mpsc::Sender<()>,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a process on the replica `a` of the world.
    pub fn start(world: &World, role: Role) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child::runs", "--exact", "--nocapture"])
            .env(ROLE, format!("{role:?}"))
            .env(FILE, world.folder.path().join("a.db"))
            .env(SERVER, world.server.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Process {
            _watched: watchdog(child.id()),
            input: child.stdin.take(),
            lines: stdout.lines(),
            child,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says; a process that says nothing more ends the test.
    #[track_caller]
    pub fn says(&mut self) -> String {
        let line = self.all().next();
        line.expect("the process to say something")
    }

    /// The lines that it says until its end.
    pub fn all(&mut self) -> impl Iterator<Item = String> + '_ {
        let lines = self.lines.by_ref().map_while(Result::ok);
        lines.filter_map(|line| {
            // The harness ends no line before the test's first.
            let (_, said) = line.split_once(SAYS)?;
            Some(said.to_owned())
        })
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Tells it to end, and waits until it has.
    pub fn end(mut self) {
        drop(self.input.take());
        self.all().for_each(drop);
        assert!(self.child.wait().unwrap().success());
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let mut kill = Command::new("kill");
        let kill = kill.args([&format!("-{name}"), &pid]);
        assert!(kill.status().unwrap().success());
        if name == "STOP" {
            self.wait_until_stopped();
        }
    }

    /// A signal arrives when the system gets to it.
    fn wait_until_stopped(&self) {
        let pid = self.pid().to_string();
        loop {
            let mut ps = Command::new("ps");
            let ps = ps.args(["-o", "stat=", "-p", &pid]);
            if ps.output().unwrap().stdout.starts_with(b"T") {
                return;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process that goes on for too long: whoever waits for what it says then sees that it has ended.
fn watchdog(pid: u32) -> mpsc::Sender<()> {
    let (watched, over) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if over.recv_timeout(super::IN_TIME) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status();
        }
    });
    watched
}

/// The other processes' program; the harness of this one passes it by.
#[test]
fn runs() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let file = PathBuf::from(std::env::var_os(FILE).unwrap());
    let told = std::io::stdin().lines().map(Result::unwrap);
    match role.as_str() {
        "Syncs" => syncs(&open(file), told),
        "Writes" => writes(&open(file)),
        "Obeys" => obeys(&open(file), told),
        "Commits" => commits(&file, told),
        other => panic!("no role {other}"),
    }
}

fn say(line: &str) {
    println!("{SAYS}{line}");
}

fn open(file: PathBuf) -> Replica {
    let server = std::env::var(SERVER).unwrap();
    let replica = Replica::open(file).server(&server);
    replica.collection("notes", "merge").open().unwrap()
}

fn syncs(replica: &Replica, told: impl Iterator<Item = String>) {
    replica.start().unwrap();
    replica.blocking_sync().unwrap();
    say("leased");
    told.for_each(drop);
}

fn writes(replica: &Replica) {
    let (acknowledged, ids) = mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let acknowledged = acknowledged.clone();
            scope.spawn(move || {
                let notes = replica.collection("notes").unwrap();
                for number in 0..WRITES {
                    let id = format!("{}-{thread}-{number}", std::process::id());
                    notes.put(&id, format!(r#"{{"by": "{id}"}}"#)).unwrap();
                    acknowledged.send(id).unwrap();
                }
            });
        }
        drop(acknowledged);
        ids.iter().for_each(|id| say(&id));
    });
}

fn obeys(replica: &Replica, told: impl Iterator<Item = String>) {
    let notes = replica.collection("notes").unwrap();
    say("ready");
    for id in told {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let at = since_1970.unwrap().as_micros();
        notes.put(&id, format!(r#"{{"at": {at}}}"#)).unwrap();
        say(&id);
    }
}

fn commits(file: &std::path::Path, mut told: impl Iterator<Item = String>) {
    let mut store = SqliteStore::open(file, &Options::default()).unwrap();
    let transaction = store.begin(Durability::Full).unwrap();
    say("in the middle");
    told.next();
    drop(transaction);
    say("done");
}
