//! `tisync export --replica` and `tisync import --replica`
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use serde_json::json;
use std::path::Path;
use tisync::{Progress, Replica, ReplicaBuilder};

/// Writes the whole replica to a file.
pub(crate) fn export(replica: &Replica, file: &Path, out: &Out) -> Result<Code, Failure> {
    let bar = out.bar(0);
    let show = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let archived = replica.export(file, show);
    bar.finish_and_clear();
    let archived = archived?;
    out.line(format!(
        "exported the replica to {}: {}, {} pending, {} of the journal",
        file.display(),
        count(archived.records, "record", "records"),
        count(archived.entries, "write", "writes"),
        count(archived.decisions, "decision", "decisions"),
    ));
    out.object(&json!({
        "file": file,
        "records": archived.records,
        "pending": archived.entries,
        "decisions": archived.decisions,
    }))?;
    Ok(Code::Ok)
}

/// Makes the replica from a file of `export`.
pub(crate) fn import(builder: ReplicaBuilder, file: &Path, out: &Out) -> Result<Code, Failure> {
    let bar = out.bar(0);
    let show = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let replica = builder.import(file, show);
    bar.finish_and_clear();
    let replica = replica?;
    let path = replica.path();
    out.line(format!("made {} from {}", path.display(), file.display()));
    out.object(&json!({"replica": path, "file": file}))?;
    Ok(Code::Ok)
}
