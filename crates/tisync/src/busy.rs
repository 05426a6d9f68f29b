//! Waiting for another process that writes, and who that is.
use crate::{Error, ErrorKind, host, limits};
use std::path::Path;
use std::time::{Duration, Instant};

/// Tries again while another process writes, for as long as a caller can be asked to wait.
pub(crate) fn patiently<T>(
    path: &Path,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Busy => {}
            result => return result,
        }
        if started.elapsed() > Duration::from_millis(limits::BUSY_MS_MAX) {
            return Err(for_too_long(path, started.elapsed(), Writer::of(path)));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn for_too_long(path: &Path, waited: Duration, writer: Option<Writer>) -> Error {
    let (who, what_to_do) = match writer {
        Some(Writer { pid, .. }) if pid == std::process::id() => (
            "another handle of this process".to_owned(),
            "let it finish its write".to_owned(),
        ),
        Some(Writer { pid, stopped: true }) => (
            format!("process {pid}, which is stopped,"),
            format!("let it go on (kill -CONT {pid}), or end it (kill -9 {pid})"),
        ),
        Some(Writer { pid, .. }) => (
            format!("process {pid}"),
            format!("let it finish, or end it (kill {pid}) if it hangs"),
        ),
        None => (
            "another process".to_owned(),
            "let it finish, or end it if it hangs".to_owned(),
        ),
    };
    Error::new(
        ErrorKind::Busy,
        format!(
            "expected to write to {}, but {who} has been writing to it for at least {} s: {what_to_do}, and try again; \
             reads go on, and nothing was changed",
            path.display(),
            waited.as_secs()
        ),
    )
}

/// The process that holds the file's write lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Writer {
    pid: u32,
    /// It was stopped by a signal.
    stopped: bool,
}

impl Writer {
    /// Asks the system, where it tells. Asking by a lock of our own would end those that SQLite has in this process.
    #[cfg(target_os = "linux")]
    fn of(path: &Path) -> Option<Writer> {
        use std::os::unix::fs::MetadataExt;
        let mut index = path.as_os_str().to_owned();
        index.push("-shm");
        let inode = std::fs::metadata(index).ok()?.ino();
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        let pid = locks.lines().find_map(|line| writes(line, inode))?;
        Some(Writer {
            pid,
            stopped: host::is_stopped(pid),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: &Path) -> Option<Writer> {
        None
    }
}

/// The process of a line of `/proc/locks` that tells of the write lock of an index, such as
/// `7: POSIX  ADVISORY  WRITE 4711 fe:00:131090 120 120`.
#[cfg(target_os = "linux")]
fn writes(line: &str, inode: u64) -> Option<u32> {
    /// The byte of a WAL index that its writer locks.
    const WRITE_LOCK: u64 = 120;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "POSIX", _, "WRITE", pid, file, first, last] = words[..] else {
        return None;
    };
    let holds = first.parse::<u64>().ok()? <= WRITE_LOCK
        && last
            .parse::<u64>()
            .map_or(last == "EOF", |last| last >= WRITE_LOCK);
    let same = file.rsplit(':').next()?.parse::<u64>().ok()? == inode;
    (holds && same).then_some(pid.parse().ok()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_whoever_locks_its_byte_of_the_index() {
        let writer = "7: POSIX  ADVISORY  WRITE 4711 fe:00:131090 120 120";
        assert_eq!(writes(writer, 131_090), Some(4711));
        assert_eq!(writes(writer, 131_091), None);
        for other in [
            "8: POSIX  ADVISORY  READ 4711 fe:00:131090 123 123",
            "9: POSIX  ADVISORY  WRITE 4711 fe:00:131090 121 121",
            "9: -> POSIX  ADVISORY  WRITE 4712 fe:00:131090 120 120",
            "10: FLOCK  ADVISORY  WRITE 4711 fe:00:131090 0 EOF",
            "",
        ] {
            assert_eq!(writes(other, 131_090), None, "{other}");
        }
    }
}
