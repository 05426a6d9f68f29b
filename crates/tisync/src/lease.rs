//! The lease: an OS lock on a side file, held for life, so that one process syncs a file.
use crate::files::beside;
use crate::traffic::Totals;
use crate::{Error, ErrorKind, host, limits};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Who syncs the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Nobody.
    Free,
    /// This replica handle.
    Held,
    /// Another process, or another handle of this one.
    Elsewhere(Option<Holder>),
}

/// What the holder of the lease says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process number.
    pub pid: u32,
    /// Wall time since when.
    pub since_ms: u64,
    /// What went over the wire since it opened the replica; a second old while much is going on.
    #[serde(default)]
    pub traffic: Totals,
}

impl Holder {
    /// Whether it was stopped by a signal, so that nothing is sent until it goes on or ends; known on Linux only.
    pub fn is_stopped(&self) -> bool {
        host::is_stopped(self.pid)
    }
}

impl LeaseState {
    /// The same without what changes all the time.
    pub(crate) fn who(&self) -> LeaseState {
        match self {
            LeaseState::Elsewhere(Some(holder)) => LeaseState::Elsewhere(Some(Holder {
                traffic: Totals::default(),
                ..holder.clone()
            })),
            other => other.clone(),
        }
    }
}

/// The lock; it ends with the value, or with the process, however that ends.
///
/// There are two files. Whoever locks the first has the lease; only those who want it ever touch it. The second
/// is for those who look: it says who the holder is, and is locked too. It is made and locked under another name,
/// and takes the place of the last holder's at once, so that a look finds it whole and locked, and its own short
/// lock is never in the way of one who takes the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    witness: File,
    _file: File,
    replica: PathBuf,
    holder: Holder,
    told: Instant,
}

impl Lease {
    /// Takes the lease, or says who has it.
    pub(crate) fn take(
        replica: &Path,
        traffic: Totals,
    ) -> Result<Result<Lease, Option<Holder>>, Error> {
        let path = beside(replica, ".lease");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| storage(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Ok(Err(match Lease::look(replica) {
                    LeaseState::Elsewhere(holder) => holder,
                    // It is being taken, or given up, just now.
                    LeaseState::Free | LeaseState::Held => None,
                }));
            }
            Err(TryLockError::Error(error)) => return Err(storage(&path, &error)),
        }
        let holder = Holder {
            pid: std::process::id(),
            since_ms: host::wall_ms(),
            traffic,
        };
        let witness = testify(replica, &holder).map_err(|error| storage(&path, &error))?;
        Ok(Ok(Lease {
            witness,
            _file: file,
            replica: replica.to_owned(),
            holder,
            told: host::moment(),
        }))
    }

    /// When those who look should be told what went over the wire; `None` while they know.
    pub(crate) fn tells_at(&self, traffic: &Totals) -> Option<Instant> {
        let wait = Duration::from_millis(limits::TRAFFIC_TOLD_MS);
        (self.holder.traffic != *traffic).then_some(self.told + wait)
    }

    /// Tells those who look what went over the wire, if it is time.
    pub(crate) fn tell(&mut self, traffic: &Totals) {
        let now = host::moment();
        if self.tells_at(traffic).is_none_or(|at| now < at) {
            return;
        }
        self.told = now;
        self.holder.traffic = *traffic;
        match testify(&self.replica, &self.holder) {
            Ok(witness) => self.witness = witness,
            Err(error) => tracing::debug!(%error, "the lease's file could not be written"),
        }
    }

    /// Looks who has the lease, without disturbing anyone who takes it.
    pub(crate) fn look(replica: &Path) -> LeaseState {
        let Ok(mut witness) = File::open(beside(replica, WITNESS)) else {
            return LeaseState::Free;
        };
        match witness.try_lock_shared() {
            Err(TryLockError::WouldBlock) => LeaseState::Elsewhere(read(&mut witness)),
            Ok(()) | Err(TryLockError::Error(_)) => LeaseState::Free,
        }
    }
}

/// The error of a sync that another process does.
pub(crate) fn elsewhere(holder: Option<&Holder>) -> Error {
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| {
            let age_s = host::wall_ms().saturating_sub(holder.since_ms) / 1_000;
            format!("process {} (for {age_s} s)", holder.pid)
        },
    );
    let rest = match holder.filter(|holder| holder.is_stopped()) {
        Some(Holder { pid, .. }) => format!(
            "is to sync it, but was stopped; reads and writes go on here, and that process sends them when it goes on \
             (kill -CONT {pid}), or another one when it ends"
        ),
        None => {
            "syncs it already; reads and writes go on here, and that process sends them".to_owned()
        }
    };
    Error::new(
        ErrorKind::LeaseElsewhere,
        format!("expected to sync this replica, but the lease is elsewhere: {who} {rest}"),
    )
}

/// What the file for those who look adds to the replica's name.
const WITNESS: &str = ".holder";

/// Says who has the lease, in a file that is locked before anyone can see it. Only the holder is here.
fn testify(replica: &Path, holder: &Holder) -> io::Result<File> {
    let made = beside(replica, ".holder-new");
    match std::fs::remove_file(&made) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut witness = File::create_new(&made)?;
    witness.write_all(serde_json::to_string(holder)?.as_bytes())?;
    witness.lock()?;
    std::fs::rename(&made, beside(replica, WITNESS))?;
    Ok(witness)
}

fn read(witness: &mut File) -> Option<Holder> {
    let mut text = String::new();
    witness.take(1_000).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn storage(path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to lock {}, but {error}; make the folder writable",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn take(replica: &Path) -> Result<Result<Lease, Option<Holder>>, Error> {
        Lease::take(replica, Totals::default())
    }

    #[test]
    fn those_who_look_are_told_what_the_holder_does() {
        let folder = tempfile::tempdir().unwrap();
        let replica = folder.path().join("a.db");
        let mut lease = take(&replica).unwrap().unwrap();
        let mut traffic = Totals::default();
        assert_eq!(lease.tells_at(&traffic), None);
        traffic.pushed = 7;
        let seen = |traffic: Totals| {
            let state = Lease::look(&replica);
            matches!(&state, LeaseState::Elsewhere(Some(holder)) if holder.traffic == traffic)
        };
        // Not sooner than a second after the last time, which is as far off as it takes on a busy machine.
        let far = Duration::from_secs(600);
        lease.told += far;
        lease.tell(&traffic);
        assert!(seen(Totals::default()));
        lease.told -= far + Duration::from_millis(limits::TRAFFIC_TOLD_MS);
        lease.tell(&traffic);
        assert!(seen(traffic));
        assert_eq!(lease.tells_at(&traffic), None);
    }

    #[test]
    fn a_look_is_never_in_the_way_of_one_who_takes() {
        let folder = tempfile::tempdir().unwrap();
        let replica = folder.path().join("a.db");
        let (done, looks) = (AtomicBool::new(false), 3);
        std::thread::scope(|scope| {
            for _ in 0..looks {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        if let LeaseState::Elsewhere(holder) = Lease::look(&replica) {
                            assert_eq!(holder.unwrap().pid, std::process::id());
                        }
                    }
                });
            }
            let taken = (0..2_000).map(|_| take(&replica).unwrap().map(drop));
            let refused = taken.filter(Result::is_err).count();
            done.store(true, Ordering::Relaxed);
            assert_eq!(refused, 0);
        });
        assert_eq!(Lease::look(&replica), LeaseState::Free);
    }

    #[test]
    fn a_lease_that_is_held_shows_in_every_look() {
        let folder = tempfile::tempdir().unwrap();
        let replica = folder.path().join("a.db");
        let lease = take(&replica).unwrap().unwrap();
        let seen = Lease::look(&replica);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        assert_eq!(Lease::look(&replica), seen);
                        let LeaseState::Elsewhere(holder) = &seen else {
                            panic!("{seen:?}");
                        };
                        assert_eq!(&take(&replica).unwrap().unwrap_err(), holder);
                    }
                });
            }
        });
        drop(lease);
        assert_eq!(Lease::look(&replica), LeaseState::Free);
        assert!(take(&replica).unwrap().is_ok());
    }

    #[test]
    fn what_a_crash_left_behind_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let replica = folder.path().join("a.db");
        for name in [".lease", WITNESS, ".holder-new"] {
            std::fs::write(beside(&replica, name), r#"{"pid":1,"sin"#).unwrap();
        }
        assert_eq!(Lease::look(&replica), LeaseState::Free);
        let lease = take(&replica).unwrap().unwrap();
        assert!(matches!(
            Lease::look(&replica),
            LeaseState::Elsewhere(Some(_))
        ));
        drop(lease);
    }
}
