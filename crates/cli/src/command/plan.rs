//! `tisync plan`
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::table::Table;
use tisync::Replica;

/// Shows what a sync would do.
pub(crate) fn run(replica: &Replica, limit: usize, out: &Out) -> Result<Code, Failure> {
    let planned = replica.plan(limit)?;
    if planned.is_empty() {
        out.line("nothing to send; a sync would pull what changed on the server");
    } else {
        let mut table = Table::new(["collection", "id", "action", "note"]);
        for step in &planned {
            table.row([
                step.collection.as_str(),
                step.id.as_str(),
                &step.action,
                step.note.as_deref().unwrap_or(""),
            ]);
        }
        table.print(out);
    }
    for step in &planned {
        out.object(step)?;
    }
    Ok(Code::Ok)
}
