//! `tisync why`
use crate::command::{conflicts, journal, outbox, status};
use crate::exit::{Code, Failure};
use crate::output::{Look, Out};
use crate::text::{ago, duration};
use tisync::Replica;
use tisync::model::{RecordState, Waits, Why};

/// Tells a record's history.
pub(crate) fn run(
    replica: &Replica,
    collection: &str,
    id: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let why = replica.why(collection, id)?;
    let nothing = why.record.is_none() && why.entries.is_empty() && why.journal.is_empty();
    if nothing {
        return Err(Failure::failed(format!(
            "expected the record {id} of {collection}, but this replica has never seen it"
        )));
    }
    tell(&why, out);
    out.object(&why)?;
    Ok(Code::Ok)
}

fn tell(why: &Why, out: &Out) {
    let field = |name: &str, text: String| {
        out.line(format!(
            "{} {text}",
            out.look(Look::Dim, format!("{name:<8}"))
        ));
    };
    if let Some(record) = &why.record {
        let shown = record
            .document
            .as_ref()
            .map_or("deleted", |document| document.text());
        field("visible", shown.to_owned());
        field("state", state(record.state).to_owned());
        if let Some(version) = &record.version {
            field("version", version.to_string());
        }
    }
    for alias in &why.aliases {
        field("was", alias.to_string());
    }
    if let Some(dirty) = &why.dirty {
        field("base", conflicts::image(&dirty.base));
        if let Some(remote) = &dirty.remote {
            field("remote", conflicts::image(&remote.image));
        }
    }
    for entry in &why.entries {
        field(
            "pending",
            format!(
                "{}, {}, written {} ago ({})",
                outbox::change(&entry.change),
                outbox::state(&entry.state),
                ago(entry.created_ms),
                entry.id
            ),
        );
    }
    if let Some(text) = why.waits.as_ref().and_then(waits) {
        field("waits", text);
    }
    if let Some(conflict) = &why.conflict {
        field("conflict", format!("open for {}", ago(conflict.since_ms)));
        field("theirs", conflicts::image(&conflict.remote.image));
    }
    if !why.journal.is_empty() {
        journal::rows_table(&why.journal).print(out);
    }
}

/// Why the first entry is not answered yet.
fn waits(waits: &Waits) -> Option<String> {
    let parts = [
        waits
            .blocker
            .map(|blocker| status::words(blocker).to_owned()),
        waits
            .next_ms
            .map(|ms| format!("next attempt in {}", duration(ms))),
        waits
            .last_error
            .as_ref()
            .map(|error| format!("last error: {error}")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

fn state(state: RecordState) -> &'static str {
    match state {
        RecordState::Clean => "the server has it so",
        RecordState::Dirty => "changes wait to be sent or settled",
        RecordState::Provisional => "accepted; the server's own image is still to come",
        RecordState::Unconfirmed => "imported here, never sent: adopt it first",
        RecordState::Tombstone => "deleted",
    }
}
