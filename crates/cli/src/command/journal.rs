//! `tisync journal`
use crate::args::JournalCommand;
use crate::command::conflicts::side_by_side;
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::table::Table;
use crate::text::time;
use serde_json::json;
use tisync::Replica;
use tisync::model::{JournalId, JournalRow, JournalState, Loser};

/// Lists decisions, newest first.
pub(crate) fn list(
    replica: &Replica,
    of: Option<&[String]>,
    limit: usize,
    out: &Out,
) -> Result<Code, Failure> {
    let rows = match of {
        Some([collection, id]) => replica.journal().of(collection, id, limit)?,
        _ => replica.journal().list(None, limit)?,
    };
    if rows.is_empty() {
        out.line("nothing was decided");
    } else {
        rows_table(&rows).print(out);
    }
    for row in &rows {
        out.object(row)?;
    }
    Ok(Code::Ok)
}

/// Runs a subcommand.
pub(crate) fn run(replica: &Replica, command: &JournalCommand, out: &Out) -> Result<Code, Failure> {
    match command {
        JournalCommand::Undo { row } => undo(replica, *row, out),
        JournalCommand::Show { row } => {
            let row = replica.journal().get(JournalId(*row))?;
            rows_table(std::slice::from_ref(&row)).print(out);
            let images = [
                ("base", &row.base),
                ("ours", &row.ours),
                ("theirs", &row.theirs),
                ("outcome", &row.outcome),
            ];
            side_by_side(&images, out);
            out.object(&row)?;
            Ok(Code::Ok)
        }
    }
}

/// Brings back the side that lost a decision.
pub(crate) fn undo(replica: &Replica, row: i64, out: &Out) -> Result<Code, Failure> {
    replica.journal().undo(JournalId(row))?;
    out.line(format!(
        "the decision {row} is undone; `tisync sync` sends it"
    ));
    out.object(&json!({"journal": row}))?;
    Ok(Code::Ok)
}

/// Decisions as a table.
pub(crate) fn rows_table(rows: &[JournalRow]) -> Table {
    let mut table = Table::new([
        "row",
        "when",
        "collection",
        "id",
        "found",
        "decided by",
        "lost",
        "state",
    ]);
    for row in rows {
        table.row([
            row.id.0.to_string(),
            time(row.at_ms),
            row.collection.to_string(),
            row.record.to_string(),
            row.situation.clone(),
            row.policy.clone(),
            loser(row.loser).to_owned(),
            state(row.state).to_owned(),
        ]);
    }
    table
}

fn loser(loser: Loser) -> &'static str {
    match loser {
        Loser::None => "nothing",
        Loser::Ours => "ours",
        Loser::Theirs => "theirs",
        Loser::Both => "some of both",
    }
}

fn state(state: JournalState) -> &'static str {
    match state {
        JournalState::Decided => "on the way",
        JournalState::Settled => "settled",
        JournalState::Void => "replaced",
    }
}
