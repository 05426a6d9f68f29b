//! `tisync outbox`
use crate::args::OutboxCommand;
use crate::exit::{Code, Failure};
use crate::input;
use crate::output::Out;
use crate::table::Table;
use crate::text::ago;
use serde_json::json;
use tisync::model::{Change, EntryState, MutationId};
use tisync::{OutboxEntry, Replica};

/// Entries that are looked through for the beginning of a key.
const ENTRIES_MAX: usize = 100_000;

/// Runs a subcommand.
pub(crate) fn run(replica: &Replica, command: &OutboxCommand, out: &Out) -> Result<Code, Failure> {
    match command {
        OutboxCommand::List { waiting, limit } => list(replica, *waiting, *limit, out),
        OutboxCommand::Retry { entry } => {
            let id = find(replica, entry)?;
            replica.outbox().retry(id)?;
            done("will be sent again", id, out)
        }
        OutboxCommand::Edit { entry, document } => {
            let id = find(replica, entry)?;
            replica.outbox().edit(id, input::document(document)?)?;
            done("was replaced and will be sent", id, out)
        }
        OutboxCommand::Discard { entry } => {
            let id = find(replica, entry)?;
            replica.outbox().discard(id)?;
            done("was given up; the journal keeps it", id, out)
        }
    }
}

fn list(replica: &Replica, waiting: bool, limit: usize, out: &Out) -> Result<Code, Failure> {
    let mut entries = if waiting {
        replica.outbox().waiting()?
    } else {
        replica.outbox().list(None, limit)?
    };
    entries.truncate(limit);
    if entries.is_empty() {
        out.line("nothing waits");
    } else {
        let mut table = Table::new(["entry", "collection", "id", "change", "state", "since"]);
        for OutboxEntry { record, entry } in &entries {
            table.row([
                &entry.id.to_string()[..12],
                entry.collection.as_str(),
                record.as_str(),
                change(&entry.change),
                &state(&entry.state),
                &ago(entry.created_ms),
            ]);
        }
        table.print(out);
    }
    for entry in &entries {
        out.object(entry)?;
    }
    Ok(Code::Ok)
}

fn done(what: &str, id: MutationId, out: &Out) -> Result<Code, Failure> {
    out.line(format!("the entry {id} {what}"));
    out.object(&json!({"entry": id}))?;
    Ok(Code::Ok)
}

/// Finds the entry whose key begins so.
fn find(replica: &Replica, start: &str) -> Result<MutationId, Failure> {
    if let Ok(id) = start.parse::<MutationId>() {
        return Ok(id);
    }
    let start = start.to_ascii_lowercase();
    let entries = replica.outbox().list(None, ENTRIES_MAX)?;
    let mut found = entries
        .iter()
        .map(|entry| entry.entry.id)
        .filter(|id| !start.is_empty() && id.to_string().starts_with(&start));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(Failure::failed(format!(
            "expected the key of an entry, but none begins with {start:?}; see `tisync outbox list`"
        ))),
        (Some(_), Some(_)) => Err(Failure::failed(format!(
            "expected the key of one entry, but several begin with {start:?}; give more of it"
        ))),
    }
}

/// A change in one word.
pub(crate) fn change(change: &Change) -> &'static str {
    match change {
        Change::Create(_) => "create",
        Change::Patch(_) => "patch",
        Change::Replace(_) => "replace",
        Change::Delete => "delete",
    }
}

/// Where an entry stands, in a few words.
pub(crate) fn state(state: &EntryState) -> String {
    match state {
        EntryState::Pending => "pending".to_owned(),
        EntryState::InFlight { .. } => "in flight".to_owned(),
        EntryState::Unknown { tries, .. } => format!("unknown ({tries} look-ups)"),
        EntryState::Held(blocker) => {
            let name = serde_json::to_value(blocker).unwrap_or_default();
            format!("held: {}", name.as_str().unwrap_or("?").replace('_', " "))
        }
        EntryState::Parked { reason, .. } => format!("parked: {reason}"),
    }
}
