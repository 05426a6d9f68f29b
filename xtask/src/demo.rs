//! The main job of Ti.Sync, told as a story: two devices and a server settle offline edits of real data, and nothing is lost.
//!
//! The demo uses the product from outside only, through the binary `tisync`, as a person at a shell would.

use crate::demo::scenario::{Fields, Side};
use anyhow::{Context, Result};
use device::Device;
use ledger::Ledger;
use screen::Screen;
use server::Server;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod device;
mod gate;
mod hash64;
mod ledger;
mod offline;
mod online;
mod proof;
mod scenario;
mod screen;
mod server;
mod start;
mod tables;

/// What the demo is given.
pub(crate) struct Setup {
    /// The binary.
    pub(crate) tisync: PathBuf,
    /// The airports as comma-separated values.
    pub(crate) airports: PathBuf,
    /// Whether server and files stay.
    pub(crate) keep: bool,
    /// Whether the binary was built without optimisation.
    pub(crate) debug: bool,
}

/// Where the story takes place, and what has happened so far.
struct Demo {
    screen: Screen,
    tisync: PathBuf,
    root: PathBuf,
    server: Server,
    a: Device,
    b: Device,
    ledger: Ledger,
    /// All records before the devices part, by collection and id.
    base: BTreeMap<(String, String), Fields>,
    times: Times,
}

/// How long things took.
#[derive(Default)]
struct Times {
    up: Duration,
    down: Duration,
}

impl Demo {
    fn device(&self, side: Side) -> &Device {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }
}

/// Plays the demo; gives back whether every check held.
pub(crate) fn run(setup: &Setup) -> Result<bool> {
    let begun = Instant::now();
    let folder = tempfile::Builder::new()
        .prefix("tisync-demo-")
        .tempdir()
        .context("cannot make a folder for the demo")?;
    let root = folder.path().to_owned();
    let played = play(setup, &root);
    let held = matches!(&played, Ok(demo) if demo.screen.checks_failed() == 0);
    if !held || setup.keep {
        // Kept from here on, whatever happens.
        let _ = folder.keep();
    }
    match played {
        Ok(mut demo) => {
            summary(setup, &demo, begun.elapsed());
            if setup.keep {
                demo.server.keep();
                keep(&demo);
            } else if !held {
                println!("Everything is kept in {}", root.display());
            }
        }
        Err(error) => {
            println!(
                "\nThe demo cannot go on. Everything is kept in {}",
                root.display()
            );
            return Err(error);
        }
    }
    Ok(held)
}

fn play(setup: &Setup, root: &Path) -> Result<Demo> {
    let screen = Screen::new();
    screen.blank();
    screen.title("Ti.Sync demo: two devices, one server, real data, five ways to settle who wins");
    let fate = if setup.keep {
        "which stays"
    } else {
        "which is removed at the end (--keep keeps it)"
    };
    println!("Everything happens in {}, {fate}.", root.display());
    if setup.debug {
        println!(
            "This is a build without optimisation, for a quick start; --release shows what it can do."
        );
    }
    let mut demo = start::server(setup, screen, root)?;
    demo.import(&setup.airports)?;
    demo.first_sync()?;
    demo.edit_offline()?;
    demo.log_landings()?;
    demo.first_comes_back()?;
    demo.kill_the_second()?;
    demo.second_resumes()?;
    demo.a_person_decides()?;
    demo.show_outcomes()?;
    demo.undo()?;
    demo.prove()?;
    Ok(demo)
}

fn summary(setup: &Setup, demo: &Demo, took: Duration) {
    let screen = &demo.screen;
    let (held, failed) = (screen.checks_held(), screen.checks_failed());
    println!();
    if failed == 0 {
        screen.title(&format!("All {held} checks held."));
        println!(
            "{} acknowledged writes, none missing, none of the killed device twice; all devices and the server are equal.",
            screen::thousands(demo.ledger.len())
        );
    } else {
        screen.title(&format!("{failed} of {} checks failed.", held + failed));
        println!("Look for ✗ above.");
    }
    println!(
        "First sync up {}, down {}; the whole demo {}{}.",
        screen::seconds(demo.times.up),
        screen::seconds(demo.times.down),
        screen::seconds(took),
        if setup.debug {
            ", without optimisation"
        } else {
            ""
        }
    );
}

/// Says how to go on with what stays.
fn keep(demo: &Demo) {
    let pid = demo.server.pid();
    let binaries = demo.tisync.parent().unwrap_or(Path::new(".")).display();
    println!(
        "\nThe server runs on at {} until you stop it (kill {pid}). Try:\n",
        demo.server.url()
    );
    println!("   export PATH=\"{binaries}:$PATH\"");
    println!("   cd {}", demo.root.display());
    for line in [
        "tisync -C device-a status",
        "tisync -C device-a query merge state=CA 'latitude>=40' --columns name,city",
        "tisync -C device-a query --sql \"SELECT document ->> 'state' AS state, count(*) FROM merge GROUP BY state\"",
        "tisync -C device-b journal",
        "tisync -C device-b why client LAS",
        "tisync -C device-a patch merge ORD visits:=20       # a counter: 18 + 2",
        "tisync -C device-b patch merge ORD visits:=21       # at the same time: 18 + 3",
        "tisync -C device-a sync; tisync -C device-b sync; tisync -C device-b get merge ORD     # 23",
    ] {
        println!("   {line}");
    }
    println!(
        "\nAnd when you have seen enough: kill {pid}; rm -r {}",
        demo.root.display()
    );
}
