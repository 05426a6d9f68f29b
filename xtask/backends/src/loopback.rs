//! Sees to it that a server listens on loopback only.
//!
//! Some servers listen on every address in spite of what they are told; on a machine in a network that is a hole.
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

/// Checks every port that a process and those below it listen on. Only where `/proc` tells.
pub(crate) fn check(process: u32) -> Result<()> {
    let mut sockets = BTreeSet::new();
    let mut processes = vec![process];
    while let Some(process) = processes.pop() {
        processes.extend(children(process));
        sockets.extend(sockets_of(process));
    }
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        if let Some(address) = elsewhere(&text, &sockets) {
            bail!("it listens on {address} (as /proc writes it), which is not loopback");
        }
    }
    Ok(())
}

/// Whether a process has started others that still run; `true` where `/proc` does not tell.
pub(crate) fn has_children(process: u32) -> bool {
    !Path::new("/proc/self/stat").exists()
        || children(process)
            .into_iter()
            // The shell's `cat` waits beside the server.
            .any(|child| name(child).as_deref() != Some("cat"))
}

fn name(process: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(text.trim().to_owned())
}

fn children(process: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|other| parent(*other) == Some(process))
        .collect()
}

/// The parent stands second behind the name, which may hold anything but ends with the last `)`. A process that has
/// ended, and that nobody has asked after, counts as gone.
fn parent(process: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    if words.next()? == "Z" {
        return None;
    }
    words.next()?.parse().ok()
}

fn sockets_of(process: u32) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/fd")) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?;
            Some(link.strip_suffix(']')?.to_owned())
        })
        .collect()
}

/// The first address of a table of `/proc/net` that one of these sockets listens on and that is not loopback.
fn elsewhere<'a>(table: &'a str, sockets: &BTreeSet<String>) -> Option<&'a str> {
    const LISTENS: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (address, state, inode) = (*words.get(1)?, *words.get(3)?, *words.get(9)?);
        let is_loopback = address.starts_with("0100007F:")
            || address.starts_with("00000000000000000000000001000000:");
        (state == LISTENS && !is_loopback && sockets.contains(inode)).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:C350 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:C351 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 00000000:C352 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0
";

    #[test]
    fn who_listens_on_every_address_is_found() {
        let of = |inodes: &[&str]| inodes.iter().map(|inode| (*inode).to_owned()).collect();
        assert_eq!(elsewhere(TABLE, &of(&["11", "13"])), None);
        assert_eq!(elsewhere(TABLE, &of(&["11", "12"])), Some("00000000:C351"));
        assert_eq!(elsewhere(TABLE, &of(&[])), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen() {
        let listener = std::net::TcpListener::bind(("0.0.0.0", 0)).unwrap();
        let error = check(std::process::id()).unwrap_err();
        assert!(error.to_string().contains("not loopback"), "{error}");
        drop(listener);
        check(std::process::id()).unwrap();
    }
}
