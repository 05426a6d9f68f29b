//! `tisync export --replica` and `tisync import --replica`
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use serde_json::json;
use std::path::Path;
use tisync::{Error, Progress, Replica, ReplicaBuilder};

/// Writes the whole replica to a file.
pub(crate) fn export(replica: &Replica, file: &Path, out: &Out) -> Result<Code, Failure> {
    let archived = with_bar(out, |show| replica.export(file, show))?;
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
    let replica = with_bar(out, |show| builder.import(file, show))?;
    let path = replica.path();
    out.line(format!("made {} from {}", path.display(), file.display()));
    out.object(&json!({"replica": path, "file": file}))?;
    Ok(Code::Ok)
}

/// Shows how far the work is, until it is done.
fn with_bar<T>(
    out: &Out,
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T, Error>,
) -> Result<T, Error> {
    let bar = out.bar(0);
    let done = work(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    done
}
