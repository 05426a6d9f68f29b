//! What the health says, in words.
use crate::text::{ago, count, plain};
use tisync::model::{Blocker, Health, NetworkState, Reach, Verified};

/// The health in one line.
pub(crate) fn line(health: &Health) -> String {
    if health.is_synced() {
        return "everything is synced".to_owned();
    }
    let mut parts = vec![outbox(health)];
    if health.conflicts > 0 {
        parts.push(count(health.conflicts, "conflict", "conflicts"));
    }
    for connector in &health.connectors {
        if let Some(error) = &connector.last_error {
            parts.push(format!("{}: {}", connector.connector, plain(error)));
        }
    }
    parts.join("; ")
}

/// What waits in the outbox.
pub(super) fn outbox(health: &Health) -> String {
    let counts = &health.outbox;
    if counts.total() == 0 {
        return "nothing waits".to_owned();
    }
    let states = [
        (counts.pending, "pending"),
        (counts.in_flight, "in flight"),
        (counts.unknown, "sent without an answer"),
        (counts.held, "held"),
        (counts.parked, "refused (tisync outbox list)"),
    ];
    let mut text = states
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {state}"))
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(oldest_ms) = health.oldest_pending_ms {
        text.push_str(&format!("; the oldest waits for {}", ago(oldest_ms)));
    }
    text
}

/// How far requests get, in a few words.
pub(crate) fn reach(state: &NetworkState) -> String {
    let words = match state.reach {
        Reach::Unknown => return "not tried yet".to_owned(),
        Reach::Online => "online",
        Reach::Offline => "offline",
        Reach::CaptivePortal => "something else answers (a sign-in page of the network?)",
        Reach::Unreachable => "unreachable",
    };
    let mut text = format!("{words} for {}", ago(state.since_ms));
    if let Some(why) = &state.why {
        text.push_str(&format!("; {}", plain(why)));
    }
    text
}

/// Whether what is here agrees with the server.
pub(super) fn verified_words(verified: &Verified) -> String {
    let mut parts = Vec::new();
    if verified.comparing {
        parts.push("is being compared with the server".to_owned());
    }
    if let Some(at) = verified.at_ms {
        parts.push(format!("agreed with the server {} ago", ago(at)));
    }
    if let Some(last) = &verified.last {
        let records = |number| count(number, "record", "records");
        if last.mended > 0 {
            parts.push(format!(
                "{} that differed were mended",
                records(last.mended)
            ));
        }
        if last.left > 0 {
            parts.push(format!(
                "{} differ and could not be mended",
                records(last.left)
            ));
        }
    }
    parts.join(", ")
}

/// A blocker in words.
pub(crate) fn words(blocker: Blocker) -> &'static str {
    match blocker {
        Blocker::Offline => "the backend cannot be reached",
        Blocker::Credentials => "the backend refuses the credentials",
        Blocker::Conflict => "an open conflict waits for a decision",
        Blocker::ParkedAncestor => "an earlier change of the record was refused",
        Blocker::UnmappedReference => "it refers to a record without an id on the server",
        Blocker::Group => "another member holds its group",
        Blocker::ShrinkConfirmation => "missing records wait for a confirmation",
        Blocker::Stopped => "nobody syncs now",
        Blocker::NoConnector => "the collection has no connector",
        Blocker::LeaseElsewhere => "another process syncs this replica",
        Blocker::Storage => "the local file cannot be written",
        Blocker::Epoch => "the server's history changed: a complete pass comes first",
        Blocker::UpgradeRequired => "the server asks for a newer app",
    }
}

/// What a person does about a blocker.
pub(crate) fn remedy(blocker: Blocker) -> &'static str {
    match blocker {
        Blocker::Offline => "it goes on by itself; `tisync sync` tries now",
        Blocker::Credentials => {
            "renew the token where tisync.toml says that it comes from, then `tisync sync`"
        }
        Blocker::Conflict => "tisync conflicts list",
        Blocker::ParkedAncestor | Blocker::Group => "tisync outbox list --waiting",
        Blocker::UnmappedReference => "it goes as soon as that record is on the server",
        Blocker::ShrinkConfirmation => "tisync confirm",
        Blocker::Stopped => "tisync sync, or tisync sync --watch",
        Blocker::NoConnector => "name a connector in tisync.toml",
        Blocker::LeaseElsewhere => {
            "that process sends it; if it hangs, end it: another one takes over"
        }
        Blocker::Storage => {
            "make room on the disk, or the folder writable, or end a process that hangs; nothing was dropped"
        }
        Blocker::Epoch => "it goes on by itself",
        Blocker::UpgradeRequired => "update this program",
    }
}
