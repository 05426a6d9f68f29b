//! The bank of planted bugs: each is a mistake that a maintainer could make, and the checkers must find every one.
use tisync_connect::planted::{self as connect, Bug as ConnectBug};
use tisync_core::planted::{self as core, Bug as CoreBug};
use tisync_server::planted::{self as server, Bug as ServerBug};

/// Seeds within which a bug must be found.
pub const SEEDS_MAX: u64 = 2_000;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// In the engine.
    Core(CoreBug),
    /// In the native connector.
    Connect(ConnectBug),
    /// In the server.
    Server(ServerBug),
}

impl Bug {
    /// All of them, each with what it does wrong.
    pub fn all() -> Vec<(Bug, &'static str)> {
        let core = CoreBug::ALL
            .iter()
            .map(|(bug, what)| (Bug::Core(*bug), *what));
        let connect = ConnectBug::ALL
            .iter()
            .map(|(bug, what)| (Bug::Connect(*bug), *what));
        let server = ServerBug::ALL
            .iter()
            .map(|(bug, what)| (Bug::Server(*bug), *what));
        core.chain(connect)
            .chain(server)
            .map(|(bug, what)| (bug, what.trim()))
            .collect()
    }

    /// The bug of a name.
    pub fn named(name: &str) -> Option<Bug> {
        Bug::all()
            .into_iter()
            .map(|(bug, _)| bug)
            .find(|bug| bug.name() == name)
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Bug::Core(bug) => format!("{bug:?}"),
            Bug::Connect(bug) => format!("{bug:?}"),
            Bug::Server(bug) => format!("{bug:?}"),
        }
    }
}

/// Chooses the bug of this thread.
pub fn plant(bug: Option<Bug>) {
    core::plant(match bug {
        Some(Bug::Core(bug)) => Some(bug),
        _ => None,
    });
    connect::plant(match bug {
        Some(Bug::Connect(bug)) => Some(bug),
        _ => None,
    });
    server::plant(match bug {
        Some(Bug::Server(bug)) => Some(bug),
        _ => None,
    });
}
